// The time axis: which stretch of the trace is in the window, its ticks, and where things lie in it.
import { millis } from "../time";
import type { Tree } from "./layout";

/** Microseconds since the trace's start. */
export interface Stretch {
  from: number;
  to: number;
}

/** So much of the whole trace fits beside the least that the window shows. */
const ZOOM_MAX = 100_000;

/** A window that lies in the trace and is neither empty nor larger than the trace. */
export function clamped({ from, to }: Stretch, total: number): Stretch {
  if (!Number.isFinite(from) || !Number.isFinite(to)) return { from: 0, to: total };
  const least = Math.min(total, Math.max(1, total / ZOOM_MAX));
  const width = Math.min(total, Math.max(least, to - from));
  const start = Math.min(Math.max(0, (from + to - width) / 2), total - width);
  return { from: start, to: start + width };
}

/** The window between two points, whichever comes first; points beyond the trace count as its ends. */
export function between(one: number, other: number, total: number): Stretch {
  const inside = (us: number) => Math.min(total, Math.max(0, us));
  return clamped({ from: inside(Math.min(one, other)), to: inside(Math.max(one, other)) }, total);
}

/** The window `factor` times as wide; `fixed` stays where it is in sight. */
export function zoomed(window: Stretch, factor: number, fixed: number, total: number): Stretch {
  const point = Math.min(window.to, Math.max(window.from, fixed));
  const width = clamped({ from: 0, to: (window.to - window.from) * factor }, total).to;
  const from = point - ((point - window.from) / (window.to - window.from)) * width;
  return clamped({ from, to: from + width }, total);
}

/** The window moved by a share of its width. */
export function panned(window: Stretch, share: number, total: number): Stretch {
  const by = (window.to - window.from) * share;
  return clamped({ from: window.from + by, to: window.to + by }, total);
}

/** The window moved, if need be, so that something from `from` to `to` is in sight. */
export function withInSight(window: Stretch, { from, to }: Stretch, total: number): Stretch {
  if (to >= window.from && from <= window.to) return window;
  const half = (window.to - window.from) / 2;
  return clamped({ from: (from + to) / 2 - half, to: (from + to) / 2 + half }, total);
}

export interface Tick {
  us: number;
  /** Per cent of the window's width. */
  left: number;
  label: string;
}

/** Round times in the window, about `about` of them. */
export function ticks(window: Stretch, about: number): Tick[] {
  const width = window.to - window.from;
  const step = roundStep(width / about);
  const found: Tick[] = [];
  for (let count = Math.ceil(window.from / step); count * step <= window.to; count += 1) {
    const us = count * step;
    found.push({ us, left: ((us - window.from) / width) * 100, label: tickLabel(us, step, window.to) });
  }
  return found;
}

const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;

function roundStep(rough: number): number {
  const inMinutes = [0.5, 1, 2, 5, 10, 20, 30, 60].find((minutes) => minutes * MINUTE >= rough);
  if (rough > 20 * SECOND && inMinutes) return inMinutes * MINUTE;
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
}

/** In the unit that the window's end is told in, with the digits that tell two ticks apart. */
function tickLabel(us: number, step: number, end: number): string {
  const [unit, name] = end < 1000 ? [1, "µs"] : end < SECOND ? [1000, "ms"] : end < 90 * SECOND ? [SECOND, "s"] : [MINUTE, "min"];
  const digits = Math.min(6, Math.max(0, Math.ceil(-Math.log10(step / unit) - 1e-9)));
  return `${(us / unit).toFixed(digits)} ${name}`;
}

interface Bar {
  /** Per cent of the window's width. */
  left: number;
  width: number;
}

/** Where a bar lies, or on which side of the window. */
export function barOf(span: { start_us: number; us: number }, window: Stretch): Bar | "before" | "after" {
  const end = span.start_us + span.us;
  if (end < window.from) return "before";
  if (span.start_us > window.to) return "after";
  const scale = 100 / (window.to - window.from);
  const left = (Math.max(span.start_us, window.from) - window.from) * scale;
  return { left, width: (Math.min(end, window.to) - window.from) * scale - left };
}

/** Units of the drawings' width. */
export const COLUMNS = 1000;

/** The stretches as one line in a drawing of [`COLUMNS`] units; those that the eye could not tell apart are joined. */
export function linePath(stretches: [number, number][], window: Stretch): string {
  const scale = COLUMNS / (window.to - window.from);
  let path = "";
  let [from, to] = [-Infinity, -Infinity];
  const draw = () => to > -Infinity && (path += `M${round(from)} 0H${round(to)}`);
  for (const [start, end] of [...stretches].sort((one, other) => one[0] - other[0])) {
    if (end < window.from || start > window.to) continue;
    const left = (Math.max(start, window.from) - window.from) * scale;
    const right = Math.max(left + 1, (Math.min(end, window.to) - window.from) * scale);
    if (left <= to + 1) to = Math.max(to, right);
    else {
      draw();
      [from, to] = [left, right];
    }
  }
  draw();
  return path;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** The whole trace small: spans by order on `lines` lines; a path for all and one for those that failed. */
export function overview(tree: Tree, lines: number): { all: string; failed: string } {
  const all = new Int32Array(lines * (COLUMNS + 1));
  const failed = new Int32Array(lines * (COLUMNS + 1));
  const count = tree.spans.length;
  tree.spans.forEach((span, index) => {
    const line = Math.floor((index * Math.min(lines, count)) / count);
    const from = Math.min(COLUMNS - 1, Math.max(0, Math.floor((span.start_us / tree.total) * COLUMNS)));
    const to = Math.min(COLUMNS, Math.max(from + 1, Math.ceil(((span.start_us + span.us) / tree.total) * COLUMNS)));
    for (const edges of span.failed ? [all, failed] : [all]) {
      edges[line * (COLUMNS + 1) + from] = (edges[line * (COLUMNS + 1) + from] ?? 0) + 1;
      edges[line * (COLUMNS + 1) + to] = (edges[line * (COLUMNS + 1) + to] ?? 0) - 1;
    }
  });
  return { all: covered(all, lines), failed: covered(failed, lines) };
}

/** Rectangles, one unit high, where more bars have begun than ended. */
function covered(edges: Int32Array, lines: number): string {
  let path = "";
  for (let line = 0; line < lines; line += 1) {
    let [open, from] = [0, 0];
    for (let column = 0; column <= COLUMNS; column += 1) {
      const before = open;
      open += edges[line * (COLUMNS + 1) + column] ?? 0;
      if (before <= 0 && open > 0) from = column;
      if (before > 0 && open <= 0) path += `M${from} ${line}H${column}v1H${from}z`;
    }
  }
  return path;
}

/** Microseconds from one time to another; the server's times have more digits than a date keeps. */
export function microsFrom(start: string, time: string): number {
  return micros(time) - micros(start);
}

function micros(time: string): number {
  const fraction = /\.(\d+)/.exec(time)?.[1] ?? "";
  return millis(time.replace(/\.\d+/, "")) * 1000 + Number(fraction.padEnd(6, "0").slice(0, 6));
}
