import { expect, test } from "vitest";
import { firstFrom, measured, nearest, reach, standing, summary, timeTicks, withGaps, type Point } from "./points";

const minutes = (...values: number[]): Point[] => values.map((value, index) => [index * 60_000, value]);

test("the point next to a time is found, also beyond both ends and between two", () => {
  const points: Point[] = [[10, 1], [20, 2], [40, 3]];
  expect([-5, 10, 14, 15, 16, 29, 31, 40, 99].map((at) => nearest(points, at))).toEqual([0, 0, 0, 0, 1, 1, 2, 2, 2]);
  expect(nearest([], 5)).toBeUndefined();
});

test("the first point of a stretch is found where times are the same or none is left", () => {
  const points: Point[] = [[10, 1], [20, 2], [20, 3], [30, 4]];
  expect([0, 20, 21, 31].map((at) => firstFrom(points, at))).toEqual([0, 1, 3, 4]);
});

test("the search finds what looking at each point finds", () => {
  let seed = 5;
  const random = (most: number) => (seed = (seed * 48_271) % 2_147_483_647) % most;
  const points = [...new Set(Array.from({ length: 200 }, () => random(10_000)))].sort((a, b) => a - b).map((at): Point => [at, 0]);
  for (let round = 0; round < 200; round += 1) {
    const at = random(12_000) - 1000;
    const found = points[nearest(points, at) ?? -1];
    expect(Math.abs((found?.[0] ?? Infinity) - at)).toBe(Math.min(...points.map(([time]) => Math.abs(time - at))));
  }
});

test("a silence is a gap, an uneven step is none", () => {
  expect(withGaps([[0, 1], [10, 2], [22, 3], [100, 4], [110, 5]])).toEqual({ times: [0, 10, 22, 61, 100, 110], values: [1, 2, 3, null, 4, 5] });
  expect(withGaps([[0, 1]])).toEqual({ times: [0], values: [1] });
});

test("what was not measured is not there", () => {
  expect(measured([[1, 2], [2, null], [3, NaN], [4, 0]])).toEqual([[1, 2], [4, 0]]);
});

test("the axis holds every value and the band, from zero where that is near", () => {
  expect(reach(minutes(5, 10), null)[0]).toBe(0);
  const [low, high] = reach(minutes(95, 100), [90, 99]);
  expect(low).toBeGreaterThan(80);
  expect(low).toBeLessThan(90);
  expect(high).toBeGreaterThan(100);
  for (const points of [[], minutes(0, 0), minutes(7, 7), minutes(-3, -3)]) {
    const [bottom, top] = reach(points, null);
    expect(top).toBeGreaterThan(bottom);
  }
});

test("a time is told by its last, lowest and highest value and by where it left the band", () => {
  const found = summary(minutes(15, 11, 40, 50, 16), [12, 18]);
  expect(found).toMatchObject({ last: [240_000, 16], lowest: [60_000, 11], highest: [180_000, 50], points: 5, above: 2, below: 1 });
  expect(found && standing(found)).toEqual({ mark: "▲", words: "above what is usual in 2 of 5 points" });
  expect(summary([], [0, 1])).toBeUndefined();
});

test("one in ten outside of the band is as usual and has no mark", () => {
  const some = summary(minutes(...new Array<number>(9).fill(15), 99), [12, 18]);
  expect(some && standing(some).mark).toBe("");
  const none = summary(minutes(15, 16), [12, 18]);
  expect(none && standing(none)).toEqual({ mark: "", words: "within what is usual" });
  const all = summary(minutes(1, 2), [12, 18]);
  expect(all && standing(all)).toEqual({ mark: "▼", words: "below what is usual throughout" });
});

test("ticks are round in the zone and never too many", () => {
  const from = Date.parse("2026-11-22T01:07:13Z");
  expect(timeTicks(from, from + 3_600_000, 6).map((at) => new Date(at).toISOString().slice(11, 19))).toEqual(["01:10:00", "01:20:00", "01:30:00", "01:40:00", "01:50:00", "02:00:00"]);
  const days = timeTicks(from, from + 3 * 86_400_000, 3, 5.5 * 3_600_000);
  expect(days.map((at) => new Date(at).toISOString().slice(11, 16))).toEqual(["18:30", "18:30", "18:30"]);
  expect(timeTicks(0, 20 * 365 * 86_400_000, 8).length).toBeLessThanOrEqual(9);
  expect(timeTicks(NaN, NaN, 5)).toEqual([]);
});
