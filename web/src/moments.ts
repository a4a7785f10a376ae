// Times that people write, and stretches of time from them.
import { zone } from "./settings";
import { clock, day, iso, millis } from "./time";

const WRITTEN = /^(\d{4})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2})(?::(\d{2}))?$/;

/** A time as the server takes it, from `2026-11-22 03:07` in the chosen zone or from a time with its zone; `undefined` for what is none. */
export function written(text: string): string | undefined {
  const trimmed = text.trim().replace(/ ?UTC$/, "Z");
  const parts = WRITTEN.exec(trimmed)?.slice(1).map((part) => Number(part ?? 0));
  if (parts) {
    const [year = 0, month = 1, date = 1, hour = 0, minute = 0, second = 0] = parts;
    if (month < 1 || month > 12 || date < 1 || date > 31 || hour > 23 || minute > 59 || second > 59) return undefined;
    return iso(zone.value === "utc" ? Date.UTC(year, month - 1, date, hour, minute, second) : new Date(year, month - 1, date, hour, minute, second).getTime());
  }
  return /^\d{4}-\d{2}-\d{2}[ T].*(Z|[+-]\d{2}:?\d{2})$/.test(trimmed) ? iso(Date.parse(trimmed)) : undefined;
}

/** A time as it stands in a field: what [`written`] reads, in the chosen zone. */
export function inField(time: string | number): string {
  return Number.isFinite(millis(time)) ? `${day(time)} ${clock(time)}` : "";
}

const SHORTEST_MS = 1000;

/** A stretch `factor` as long around the same middle. */
export function wider(from: string, to: string, factor: number): [string, string] | undefined {
  const [start, end] = [millis(from), millis(to)];
  const [middle, half] = [(start + end) / 2, Math.max(SHORTEST_MS, (end - start) * factor) / 2];
  return pair(middle - half, middle + half);
}

/** The stretch before or after, as long as this one. */
export function moved(from: string, to: string, lengths: number): [string, string] | undefined {
  const [start, end] = [millis(from), millis(to)];
  const by = (end - start) * lengths;
  return pair(start + by, end + by);
}

/** Two times in their order, whole seconds, at least one apart; `undefined` where one is none. */
export function pair(one: number, other: number): [string, string] | undefined {
  const start = Math.floor(Math.min(one, other) / 1000) * 1000;
  const end = Math.max(start + SHORTEST_MS, Math.ceil(Math.max(one, other) / 1000) * 1000);
  const [from, to] = [iso(start), iso(end)];
  return from && to ? [from, to] : undefined;
}
