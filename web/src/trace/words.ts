// A span in words, and texts cut to what a line can hold.
import { clipped } from "../text";
import { counted, long } from "../time";
import type { TraceSpan } from "../wire.gen";

/** A line shows no more of a name, however long it is. */
const NAME_MAX = 200;

/** A name as it is shown: made visible and cut. */
export function name(text: string): string {
  return clipped(text, NAME_MAX) || "(no name)";
}

/** Microseconds in the unit that fits. */
export function took(us: number): string {
  return long(us / 1000);
}

/** `+12 ms`, `−3.0 ms`. */
export function offset(us: number): string {
  return `${us < 0 ? "−" : "+"}${took(Math.abs(us))}`;
}

/** `62 %`; what is there but little is not nothing. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return "0 %";
  return share > 0 && share < 0.01 ? "< 1 %" : `${Math.round(share * 100)} %`;
}

/** What a row says to those who do not see it. */
export function spanWords(span: TraceSpan, more: { hidden: number; isMatch: boolean }): string {
  return [
    `${name(span.service)}, ${name(span.operation)}`,
    `starts at ${took(span.start_us)}, took ${took(span.us)}`,
    span.failed && "failed",
    span.critical.length > 0 && "on the critical path",
    more.hidden > 0 && `${counted(more.hidden, "span")} below hidden`,
    more.isMatch && "match",
  ].filter(Boolean).join(", ");
}
