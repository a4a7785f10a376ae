// The places of the panel: how they are called, where they are, and how the keyboard gets there.
import { query } from "../api";
import type { Place } from "../route";
import { visible } from "../text";

interface Destination {
  name: string;
  path: string;
  /** Other words people may look for it with. */
  words: string;
  /** The second key after `g`. */
  letter?: string;
}

export const PLACES: readonly Destination[] = [
  { name: "Ask", path: "/ask", words: "question chat conversation" },
  { name: "Overview", path: "/", words: "home start now alerts firing", letter: "o" },
  { name: "Incidents", path: "/incidents", words: "answers past history", letter: "i" },
  { name: "Services", path: "/services", words: "map health", letter: "s" },
  { name: "Logs", path: "/logs", words: "records patterns errors", letter: "l" },
  { name: "Traces", path: "/traces", words: "spans requests slow", letter: "t" },
  { name: "Metrics", path: "/charts", words: "charts series", letter: "m" },
  { name: "Runbooks", path: "/runbooks", words: "documents knowledge coverage", letter: "r" },
];

/** First parts of paths that lie inside a place of another name. */
const INSIDE = new Map([
  ["i", "/incidents"],
  ["trace", "/traces"],
  ["service", "/services"],
]);

/** `page` for the place itself, `true` for what lies inside it. */
export function current(parts: string[], path: string): "page" | "true" | undefined {
  const [first = ""] = parts;
  if (`/${first}` === path) return parts.length > 1 ? "true" : "page";
  return INSIDE.get(first) === path ? "true" : undefined;
}

/** What the browser calls a place: the thing first, for narrow tabs. */
export function titleOf({ parts, parameters }: Place): string {
  return `${nameOf(parts, parameters)} · Groundcrew`;
}

function nameOf([first = "", second, third]: string[], parameters: URLSearchParams): string {
  if (first === "i" && second) return `Incident ${short(second)}`;
  if (first === "trace" && second) return `Trace ${short(second.slice(0, 8))}`;
  if (first === "e" && second) return `Evidence ${short(third ?? second)}`;
  const place = PLACES.find(({ path }) => path === `/${first}`);
  if (!place) return "No such page";
  const asked = parameters.get("q")?.trim();
  if (second) return `${short(second)} · ${place.name}`;
  return asked ? `${short(asked)} · ${place.name}` : place.name;
}

function short(text: string): string {
  return visible(text.length > 60 ? `${text.slice(0, 59)}…` : text);
}

interface Times {
  from?: string;
  to?: string;
}

/** Where the things that the pages name are shown. */
export const links = {
  incident: (code: string) => `/i/${encodeURIComponent(code)}`,
  service: (name: string) => `/services?focus=${encodeURIComponent(name)}`,
  logs: (service: string, times: Times = {}) => query("/logs", { service, ...times }),
  traces: (service: string, times: Times = {}) => query("/traces", { service, ...times }),
  metrics: (service: string, times: Times = {}) => query("/charts", { service, ...times }),
  ask: (question: string) => `/ask?q=${encodeURIComponent(question)}`,
  runbook: (words: string, document: string) => `/runbooks?q=${encodeURIComponent(words)}&doc=${encodeURIComponent(document)}`,
};

/** A path of the panel, with its parameters, or nothing: what the server names may lead nowhere else. */
export function innerPath(path: string): string | undefined {
  if (!/^\/(?![/\\])[^\u0000-\u0020\\]*$/.test(path)) return undefined;
  const address = new URL(path, location.origin);
  return address.origin === location.origin && !address.pathname.startsWith("//") && !address.pathname.startsWith("/v1/") ? address.pathname + address.search : undefined;
}
