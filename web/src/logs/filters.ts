// What the page looks for, as it stands in the address, and the paths that come of it.
import { query } from "../api";
import { iso, millis } from "../time";
import { clip } from "../text";
import type { LogLine } from "../wire.gen";

const NAMES = ["from", "to", "service", "level", "q", "trace", "template", "at"] as const;

/** What narrows the lines; `at` is the time to look at first. */
export type Filters = Partial<Record<(typeof NAMES)[number], string>>;

export function filtersOf(parameters: URLSearchParams): Filters {
  const filters: Filters = {};
  for (const name of NAMES) {
    const value = parameters.get(name);
    if (value) filters[name] = value;
  }
  return lifted(filters);
}

const FIELD = /(^|\s)(service|level|trace|template):([^\s"]+)(?=\s|$)/g;

/** `service:checkout` among the words is no word but the service, as queries are written elsewhere; in quotes it stays a word. */
export function lifted({ q, ...filters }: Filters): Filters {
  const words = q?.replace(FIELD, (whole, _space: string, name: "service" | "level" | "trace" | "template", value: string) => {
    if (filters[name] !== undefined && filters[name] !== value) return whole;
    filters[name] = value;
    return "";
  });
  return words?.trim() ? { ...filters, q: words.trim() } : filters;
}

/** Lines fetched at once when more are asked for. */
const PAGE = 1000;
/** The most that the server gives at once. */
const PAGE_MAX = 5000;

/** The server's path of the lines; `before` for those before a time. */
export function linesPath({ from, to, service, level, q, trace, template, at }: Filters, before?: string): string {
  // Newest come first, so the time to look at may lie far down: it must be in the first page.
  const limit = before ? PAGE : at ? PAGE_MAX : undefined;
  // In one order, whoever put the filters together: the path also tells one question from another.
  return query("/v1/logs", { from, to: before ?? to, service, level, q, trace, template, limit });
}

/** A path of this page. */
export function logsPage(filters: Filters): string {
  return query("/logs", filters);
}

const AROUND_MS = 60_000;

/** Everything a minute before and after a line, of all services or of one, or of its trace. */
export function around(line: LogLine, service?: string, trace?: string): string {
  const at = millis(line.time);
  if (!Number.isFinite(at)) return logsPage({ service, trace });
  return logsPage({ from: iso(at - AROUND_MS), to: iso(at + AROUND_MS), service, trace, at: line.time });
}

export const SPANS: [string, number][] = [
  ["15 min", 15 * 60_000],
  ["1 h", 3_600_000],
  ["6 h", 6 * 3_600_000],
];

/** The start of a time that ends at `to` and is `ms` long. */
export function spanBefore(to: string, ms: number): string | undefined {
  const end = millis(to);
  return Number.isFinite(end) ? iso(end - ms) : undefined;
}

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** The field with a time that cannot be, and why; `undefined` where both can. */
export function wrongTime(from: string, to: string): { field: "from" | "to"; why: string } | undefined {
  for (const [field, time] of [["from", from], ["to", to]] as const) {
    if (time && !(RFC3339.test(time) && Number.isFinite(millis(time)))) return { field, why: `“${clip(time, 40)}” is no time like 2026-11-22T03:07:10Z` };
  }
  return from && to && millis(from) >= millis(to) ? { field: "from", why: "the start must lie before the end" } : undefined;
}

/** A time as a person writes it, made what the standard wants: a space for the T, a small z. */
export function tidied(time: string): string {
  return time.trim().replace(/^(\S{10})[ t]/, "$1T").replace(/z$/, "Z");
}
