// What a chart needs to know of its points.

export type Point = [number, number];

/** Points that have a value; what was not measured is not there. */
export function measured(points: readonly (readonly [number, number | null])[]): Point[] {
  return points.filter((point): point is Point => Number.isFinite(point[0]) && typeof point[1] === "number" && Number.isFinite(point[1]));
}

/** The position of the first point at or after `at`; the count of points where none is. */
export function firstFrom(points: readonly Point[], at: number): number {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((points[middle]?.[0] ?? Infinity) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The position of the point next to `at`, the earlier of two that are as near; `undefined` without points. */
export function nearest(points: readonly Point[], at: number): number | undefined {
  if (points.length === 0) return undefined;
  const after = firstFrom(points, at);
  const [earlier, later] = [points[after - 1], points[after]];
  if (!earlier) return after;
  if (!later) return after - 1;
  return later[0] - at < at - earlier[0] ? after : after - 1;
}

/** Silences longer than this many usual steps are gaps, not lines. */
const GAP_STEPS = 3;

/** Times and values with an empty value in every gap, so that no line is drawn over what nobody measured. */
export function withGaps(points: readonly Point[]): { times: number[]; values: (number | null)[] } {
  const limit = step(points) * GAP_STEPS;
  const times: number[] = [];
  const values: (number | null)[] = [];
  points.forEach(([at, value], index) => {
    const before = points[index - 1];
    if (before && at - before[0] > limit) {
      times.push((before[0] + at) / 2);
      values.push(null);
    }
    times.push(at);
    values.push(value);
  });
  return { times, values };
}

/** The median of the distances between points; `Infinity` where there is none. */
function step(points: readonly Point[]): number {
  const distances = points.slice(1).map(([at], index) => at - (points[index]?.[0] ?? at));
  distances.sort((one, other) => one - other);
  return distances[distances.length >> 1] ?? Infinity;
}

/** What the vertical axis covers: every value and the band, from zero where zero is not far, with a little room. */
export function reach(points: readonly Point[], usual: readonly [number, number] | null): [number, number] {
  let low = Math.min(Infinity, ...(usual ?? []));
  let high = Math.max(-Infinity, ...(usual ?? []));
  for (const [, value] of points) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [0, 1];
  if (low >= 0 && low < high * 0.7) low = 0;
  if (low === high) return low === 0 ? [0, 1] : [low - Math.abs(low) * 0.1, high + Math.abs(high) * 0.1];
  const room = (high - low) * 0.08;
  return [low === 0 ? 0 : low - room, high + room];
}

interface Summary {
  last: Point;
  lowest: Point;
  highest: Point;
  points: number;
  above: number;
  below: number;
}

/** What there is to say of points; `undefined` without any. */
export function summary(points: readonly Point[], usual: readonly [number, number] | null): Summary | undefined {
  const [first] = points;
  const last = points[points.length - 1];
  if (!first || !last) return undefined;
  const found: Summary = { last, lowest: first, highest: first, points: points.length, above: 0, below: 0 };
  for (const point of points) {
    if (point[1] < found.lowest[1]) found.lowest = point;
    if (point[1] > found.highest[1]) found.highest = point;
    if (usual && point[1] > usual[1]) found.above += 1;
    if (usual && point[1] < usual[0]) found.below += 1;
  }
  return found;
}

/** One in ten values lies outside of the band anyway; from this share on it is worth a mark. */
const WORTH_A_MARK = 0.2;

interface Standing {
  mark: "▲" | "▼" | "";
  words: string;
}

/** How the time stands to what is usual, in words. */
export function standing({ points, above, below }: Summary): Standing {
  const [many, way] = above >= below ? [above, "above"] : [below, "below"];
  if (many === 0) return { mark: "", words: "within what is usual" };
  const words = many === points ? `${way} what is usual throughout` : `${way} what is usual in ${many} of ${points} points`;
  return { mark: many / points < WORTH_A_MARK ? "" : way === "above" ? "▲" : "▼", words };
}

const MINUTE = 60_000;
const STEPS_MS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800].map((seconds) => seconds * 1000);

/** Round times between two, at most `many`; round in the zone that is `offset` milliseconds ahead of UTC. */
export function timeTicks(from: number, to: number, many: number, offset = 0): number[] {
  const wanted = (to - from) / Math.max(1, many);
  const last = STEPS_MS[STEPS_MS.length - 1] ?? MINUTE;
  const distance = STEPS_MS.find((candidate) => candidate >= wanted) ?? Math.ceil(wanted / last) * last;
  const ticks: number[] = [];
  for (let at = Math.ceil((from + offset) / distance) * distance - offset; at <= to; at += distance) ticks.push(at);
  return ticks;
}
