// What the page looks for, as it stands in the address, and the paths that come of it.
import { query } from "../api";
import { millis } from "../time";
import type { LogLine } from "../wire.gen";

export const NAMES = ["from", "to", "service", "level", "q", "trace", "template", "at"] as const;

/** What narrows the lines; `at` is the time to look at first. */
export type Filters = Partial<Record<(typeof NAMES)[number], string>>;

export function filtersOf(parameters: URLSearchParams): Filters {
  const filters: Filters = {};
  for (const name of NAMES) {
    const value = parameters.get(name);
    if (value) filters[name] = value;
  }
  return filters;
}

/** Lines fetched at once when more are asked for. */
const PAGE = 1000;
/** The most that the server gives at once. */
const PAGE_MAX = 5000;

/** The server's path of the lines; `before` for those before a time. */
export function linesPath({ at, ...filters }: Filters, before?: string): string {
  // Newest come first, so the time to look at may lie far down: it must be in the first page.
  const limit = before ? PAGE : at ? PAGE_MAX : undefined;
  return query("/v1/logs", { ...filters, to: before ?? filters.to, limit });
}

export function patternsPath({ from, to, service }: Filters): string {
  return query("/v1/patterns", { from, to, service });
}

/** A path of this page. */
export function logsPage(filters: Filters): string {
  return query("/logs", filters);
}

const AROUND_MS = 60_000;

/** Everything a minute before and after a line, of all services or of one. */
export function around(line: LogLine, service?: string): string {
  const at = millis(line.time);
  if (!Number.isFinite(at)) return logsPage({ service });
  return logsPage({ from: new Date(at - AROUND_MS).toISOString(), to: new Date(at + AROUND_MS).toISOString(), service, at: line.time });
}

export const SPANS: [string, number][] = [
  ["15 min", 15 * 60_000],
  ["1 h", 3_600_000],
  ["6 h", 6 * 3_600_000],
];

/** The start of a time that ends at `to` and is `ms` long. */
export function spanBefore(to: string, ms: number): string | undefined {
  const end = millis(to);
  return Number.isFinite(end) ? new Date(end - ms).toISOString() : undefined;
}

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

/** What is wrong with times that a person wrote, in words; `undefined` for nothing. */
export function wrongTimes(from: string, to: string): string | undefined {
  for (const time of [from, to]) {
    if (time && (!RFC3339.test(time) || !Number.isFinite(millis(time.replace(" ", "T"))))) return `“${time.slice(0, 40)}” is no time like 2026-11-22T03:07:10Z`;
  }
  if (from && to && millis(from.replace(" ", "T")) >= millis(to.replace(" ", "T"))) return "the start must lie before the end";
  return undefined;
}
