// Times as people read them: in UTC or in the browser's zone, as they chose.
import { zone } from "./settings";

/** Milliseconds since 1970; a number is taken as it is. `NaN` for what is no time. */
export function millis(time: string | number): number {
  return typeof time === "number" ? time : Date.parse(time);
}

function parts(time: string | number): { day: string; clock: string; fraction: string } | undefined {
  const at = millis(time);
  if (!Number.isFinite(at)) return undefined;
  const shifted = zone.value === "utc" ? at : at - new Date(at).getTimezoneOffset() * 60_000;
  const text = new Date(shifted).toISOString();
  return { day: text.slice(0, 10), clock: text.slice(11, 19), fraction: text.slice(20, 23) };
}

/** `03:07:10`. */
export function clock(time: string | number): string {
  return parts(time)?.clock ?? String(time);
}

/** `03:07:10.301`. */
export function exactClock(time: string | number): string {
  const found = parts(time);
  return found ? `${found.clock}.${found.fraction}` : String(time);
}

/** `2026-11-22`. */
export function day(time: string | number): string {
  return parts(time)?.day ?? String(time);
}

/** `UTC`, or the browser's offset. */
export function zoneName(): string {
  if (zone.value === "utc") return "UTC";
  const minutes = -new Date().getTimezoneOffset();
  const pad = (value: number) => String(Math.abs(value)).padStart(2, "0");
  return `UTC${minutes < 0 ? "−" : "+"}${pad(Math.trunc(minutes / 60))}:${pad(minutes % 60)}`;
}

/** `2026-11-22 03:07:10 UTC`. */
export function moment(time: string | number): string {
  return `${day(time)} ${clock(time)} ${zoneName()}`;
}

/** From and to, the date said once where it is the same. */
export function span(from: string, to: string | null): string {
  if (!to || to === from) return moment(from);
  return day(from) === day(to) ? `${day(from)} ${clock(from)} – ${clock(to)} ${zoneName()}` : `${day(from)} ${clock(from)} – ${moment(to)}`;
}

/** `4 min ago`. */
export function ago(time: string | number, now: number = Date.now()): string {
  const seconds = Math.round((now - millis(time)) / 1000);
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 0) return "just now";
  if (seconds < 90) return `${seconds} s ago`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86_400)} days ago`;
}

/** How long, in the unit that fits: `4.2 ms`, `1.3 s`, `12 min`. */
export function long(ms: number): string {
  if (ms < 0.001) return "0 ms";
  if (ms < 1) return `${(ms * 1000).toFixed(0)} µs`;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
  if (ms < 90_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

/** A count with separators, or short where space is. */
export function figure(value: number): string {
  return value.toLocaleString("en-US", { maximumSignificantDigits: 4 });
}

/** `1 point`, `1,204 points`: a count to its last digit, for who compares two tables must find the same. */
export function counted(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en-US")} ${number === 1 ? one : many}`;
}

/** A time as the server writes it; `undefined` for what is none. */
export function iso(at: number): string | undefined {
  return Number.isFinite(at) && Math.abs(at) < 8.64e15 ? new Date(at).toISOString().replace(".000Z", "Z") : undefined;
}
