// The arithmetic of the histogram: bars, their stacks, times below them, and what is selected.
import { LEVELS } from "../hue";
import { iso, millis } from "../time";
import type { LogsView } from "../wire.gen";

export interface Bar {
  /** Milliseconds since 1970. */
  from: number;
  to: number;
  /** By severity, mildest first. */
  counts: number[];
  total: number;
}

/** More bars than this are thinner than what a pointer can meet. */
const BARS_MAX = 180;

/** The buckets as bars; where there are too many, neighbours are one bar. */
export function barsOf(view: Pick<LogsView, "buckets" | "bucket_ms">): Bar[] {
  const fold = Math.max(1, Math.ceil(view.buckets.length / BARS_MAX));
  const bars: Bar[] = [];
  for (let index = 0; index < view.buckets.length; index += fold) {
    const group = view.buckets.slice(index, index + fold);
    const [first] = group;
    if (!first) continue;
    const counts = LEVELS.map((_, level) => group.reduce((sum, bucket) => sum + (bucket.counts[level] ?? 0), 0));
    const from = millis(first.at);
    bars.push({ from, to: from + group.length * view.bucket_ms, counts, total: counts.reduce((sum, count) => sum + count, 0) });
  }
  return bars;
}

interface Piece {
  level: number;
  /** Of the chart's height, from its floor. */
  from: number;
  to: number;
}

/** Less than this is not seen: one error among ten thousand lines must be. */
const SEEN = 0.025;

/** One bar's stack, the worst at the floor where its changes are read best. */
export function stack(counts: number[], highest: number): Piece[] {
  const heights = counts.map((count) => (count > 0 ? Math.max(count / Math.max(highest, 1), SEEN) : 0));
  const over = heights.reduce((sum, height) => sum + height, 0) - 1;
  // What small ones were given beyond their due is taken from the tallest.
  const tallest = heights.indexOf(Math.max(...heights));
  if (over > 0) heights[tallest] = (heights[tallest] ?? 0) - over;
  const pieces: Piece[] = [];
  let floor = 0;
  for (let level = heights.length - 1; level >= 0; level -= 1) {
    const height = heights[level] ?? 0;
    if (height > 0) pieces.push({ level, from: floor, to: floor + height });
    floor += height;
  }
  return pieces;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500]
  .concat([1, 2, 3, 5, 10, 15, 20, 30].map((count) => count * SECOND))
  .concat([1, 2, 3, 5, 10, 15, 20, 30].map((count) => count * MINUTE))
  .concat([1, 2, 3, 4, 6, 8, 12].map((count) => count * HOUR))
  .concat([1, 2, 3, 5, 7, 14, 30, 60, 120, 240].map((count) => count * DAY));

/** Round times to write below a chart, at most six, and what lies between two. */
export function ticks(from: number, to: number): { step: number; at: number[] } {
  const count = (step: number) => Math.floor(to / step) - Math.ceil(from / step) + 1;
  const step = STEPS.find((one) => count(one) <= 6) ?? to - from;
  const at: number[] = [];
  if (step > 0) for (let time = Math.ceil(from / step) * step; time <= to && at.length < 6; time += step) at.push(time);
  return { step, at };
}

/** What is pointed at and what is selected, as positions of bars. */
export interface Brush {
  pointed?: number;
  cursor?: number;
  anchor?: number;
  dragging: boolean;
}

export const NO_BRUSH: Brush = { dragging: false };

export type BrushStep =
  | { kind: "point"; at: number | undefined }
  | { kind: "press"; at: number }
  | { kind: "release" }
  | { kind: "move"; by: number; extend: boolean }
  | { kind: "clear" };

/** One step of the pointer or the keyboard over `count` bars. */
export function brushed(now: Brush, step: BrushStep, count: number): Brush {
  const inside = (at: number) => Math.max(0, Math.min(count - 1, at));
  if (count === 0) return NO_BRUSH;
  switch (step.kind) {
    case "point":
      if (step.at === undefined) return { ...now, pointed: undefined };
      return { ...now, pointed: inside(step.at), cursor: now.dragging ? inside(step.at) : now.cursor };
    case "press":
      return { pointed: inside(step.at), cursor: inside(step.at), anchor: inside(step.at), dragging: true };
    case "release":
      return { ...now, dragging: false, anchor: now.anchor === now.cursor ? undefined : now.anchor };
    case "move": {
      const start = now.cursor ?? (step.by > 0 ? -1 : count);
      const cursor = inside(start + step.by);
      return { dragging: false, cursor, anchor: step.extend ? (now.anchor ?? now.cursor ?? cursor) : undefined };
    }
    case "clear":
      return NO_BRUSH;
  }
}

/** First and last selected bar: where the cursor is alone, that one. */
export function selected({ cursor, anchor }: Brush): [number, number] | undefined {
  if (cursor === undefined) return undefined;
  return anchor === undefined ? [cursor, cursor] : [Math.min(cursor, anchor), Math.max(cursor, anchor)];
}

/** The time of the selection; where the first or last bar reaches beyond what was asked for, the view's own edge. */
export function rangeOf(brush: Brush, bars: Bar[], view: Pick<LogsView, "from" | "to">): { from: string; to: string } | undefined {
  const chosen = selected(brush);
  const [first, last] = chosen ? [bars[chosen[0]], bars[chosen[1]]] : [];
  if (!first || !last) return undefined;
  return {
    from: first.from <= millis(view.from) ? view.from : (iso(first.from) ?? view.from),
    to: last.to >= millis(view.to) ? view.to : (iso(last.to) ?? view.to),
  };
}
