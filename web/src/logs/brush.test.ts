import { expect, test } from "vitest";
import { type Brush, type BrushStep, barsOf, brushed, NO_BRUSH, rangeOf, selected, stack, ticks } from "./brush";

const START = Date.parse("2026-11-22T03:00:00Z");
const bucketsOf = (count: number) => Array.from({ length: count }, (_, index) => ({ at: new Date(START + index * 10_000).toISOString(), counts: [0, 0, 0, 5, 0, index === 3 ? 1 : 0, 0] }));
const steps = (count: number, ...all: BrushStep[]): Brush => all.reduce((now, step) => brushed(now, step, count), NO_BRUSH);
const move = (by: number, extend = false): BrushStep => ({ kind: "move", by, extend });

test("bars keep times and counts, and many buckets become fewer bars with the same sum", () => {
  const bars = barsOf({ buckets: bucketsOf(6), bucket_ms: 10_000 });
  expect(bars[3]).toEqual({ from: START + 30_000, to: START + 40_000, counts: [0, 0, 0, 5, 0, 1, 0], total: 6 });
  const folded = barsOf({ buckets: bucketsOf(1001), bucket_ms: 10_000 });
  expect(folded.length).toBeLessThanOrEqual(180);
  expect(folded.reduce((sum, bar) => sum + bar.total, 0)).toBe(5006);
  expect(folded[folded.length - 1]?.to).toBe(START + 1001 * 10_000);
  expect(barsOf({ buckets: [{ at: "2026-11-22T03:00:00Z", counts: [] }], bucket_ms: 10 })[0]?.total).toBe(0);
});

test("a stack has the worst at its floor, is as high as its count, and leaves no gaps", () => {
  const pieces = stack([0, 0, 0, 50, 30, 20, 0], 200);
  expect(pieces.map(({ level }) => level)).toEqual([5, 4, 3]);
  expect(pieces[0]?.from).toBe(0);
  expect(pieces[2]?.to).toBeCloseTo(0.5);
  for (const [index, piece] of pieces.entries()) if (index > 0) expect(piece.from).toBe(pieces[index - 1]?.to);
  expect(stack([0, 0, 0, 0, 0, 0, 0], 200)).toEqual([]);
});

test("one error among very many lines is seen, and the stack stays inside the chart", () => {
  const pieces = stack([1, 1, 1, 100_000, 1, 1, 1], 100_006);
  for (const { from, to } of pieces) expect(to - from).toBeGreaterThan(0.02);
  expect(pieces[pieces.length - 1]?.to).toBeLessThanOrEqual(1.000001);
});

test("below the chart stand three to six round times for any length", () => {
  for (const length of [7, 900, 61_000, 900_000, 3_600_000, 5_000_000, 6 * 3_600_000, 40 * 3_600_000, 20 * 86_400_000]) {
    const { step, at } = ticks(START, START + length);
    expect(at.length, `${length}`).toBeGreaterThanOrEqual(3);
    expect(at.length, `${length}`).toBeLessThanOrEqual(6);
    for (const time of at) expect(time % step).toBe(0);
  }
  expect(ticks(START, START).at.length).toBeLessThanOrEqual(1);
});

test("arrows move a cursor that stays inside", () => {
  expect(steps(5, move(1)).cursor).toBe(0);
  expect(steps(5, move(-1)).cursor).toBe(4);
  expect(steps(5, move(1), move(1), move(-1)).cursor).toBe(0);
  expect(steps(5, move(-1), move(1)).cursor).toBe(4);
  expect(steps(0, move(1))).toEqual(NO_BRUSH);
});

test("Shift extends from where the cursor stood, over its start and back; without Shift there is one bar again", () => {
  const two = steps(10, move(1), move(4), move(1, true), move(1, true));
  expect(selected(two)).toEqual([4, 6]);
  expect(selected(brushed(two, move(-4, true), 10))).toEqual([2, 4]);
  expect(selected(brushed(two, move(1), 10))).toEqual([7, 7]);
});

test("a drag selects in both directions, a click one bar, and pointing alone selects nothing", () => {
  const drag = steps(10, { kind: "press", at: 6 }, { kind: "point", at: 2 }, { kind: "point", at: -5 });
  expect(selected(drag)).toEqual([0, 6]);
  const click = steps(10, { kind: "press", at: 6 }, { kind: "release" });
  expect(selected(click)).toEqual([6, 6]);
  expect(selected(brushed(click, move(1, true), 10))).toEqual([6, 7]);
  const pointing = steps(10, { kind: "point", at: 3 });
  expect(selected(pointing)).toBeUndefined();
  expect(pointing.pointed).toBe(3);
  expect(brushed(drag, { kind: "clear" }, 10)).toEqual(NO_BRUSH);
});

test("the range is the selection's, and never reaches beyond the view", () => {
  const bars = barsOf({ buckets: bucketsOf(6), bucket_ms: 10_000 });
  const view = { from: "2026-11-22T03:00:05Z", to: "2026-11-22T03:00:57Z" };
  expect(rangeOf({ cursor: 3, anchor: 1, dragging: false }, bars, view)).toEqual({ from: "2026-11-22T03:00:10Z", to: "2026-11-22T03:00:40Z" });
  expect(rangeOf({ cursor: 5, anchor: 0, dragging: false }, bars, view)).toEqual(view);
  expect(rangeOf(NO_BRUSH, bars, view)).toBeUndefined();
});
