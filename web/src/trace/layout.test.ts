import { expect, test } from "vitest";
import { barOf, between, clamped, linePath, microsFrom, overview, panned, ticks, withInSight, zoomed } from "./axis";
import { arrange, collapsedByOne, collapsedTo, expandedByOne, matches, nearestShown, nextMatch, revealed, spent, treeOf, visibleRows } from "./layout";
import { traceOf } from "./sample";

/** 0 gateway ─ 1 checkout ─ (2 payments ─ 3 bank, 4 stock), 5 mail. */
const view = traceOf([
  { service: "gateway", operation: "POST /pay", depth: 0, parent: null, us: 1000, critical: [[0, 100], [900, 1000]] },
  { service: "checkout", operation: "pay", depth: 1, parent: 0, start_us: 100, us: 800, critical: [[100, 200]] },
  { service: "payments", operation: "charge", depth: 2, parent: 1, start_us: 200, us: 700, failed: true },
  { service: "bank", operation: "POST /charge", depth: 3, parent: 2, start_us: 210, us: 690, critical: [[200, 900]], failed: true },
  { service: "stock", operation: "reserve", depth: 2, parent: 1, start_us: 300, us: 50 },
  { service: "mail", operation: "send", depth: 1, parent: 0, start_us: 950, us: 20 },
]);
const tree = treeOf(view);
const none = new Set<number>();

test("a collapsed span hides what lies below it, however deep, and nothing else", () => {
  expect(visibleRows(tree, none)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(visibleRows(tree, new Set([1]))).toEqual([0, 1, 5]);
  expect(visibleRows(tree, new Set([2]))).toEqual([0, 1, 2, 4, 5]);
  expect(visibleRows(tree, new Set([0, 2]))).toEqual([0]);
});

test("the critical path keeps the spans that lead to it", () => {
  expect(visibleRows(tree, none, true)).toEqual([0, 1, 2, 3]);
  const { children, rowOf } = arrange(tree, none, true);
  expect([...children]).toEqual([1, 1, 1, 0, 0, 0]);
  expect([...rowOf]).toEqual([0, 1, 2, 3, -1, -1]);
});

test("spans know their place among their siblings, also where these are collapsed", () => {
  const { order, children, roots } = arrange(tree, new Set([1]), false);
  expect([...order]).toEqual([1, 1, 1, 1, 2, 2]);
  expect([children[0], children[1], roots]).toEqual([2, 2, 1]);
});

test("a parent that comes later or is the span itself makes no circle", () => {
  const odd = treeOf(traceOf([{ parent: 0 }, { parent: 2 }, { parent: -5 }]));
  expect(visibleRows(odd, new Set([0, 1, 2]))).toEqual([0, 1, 2]);
});

test("what is below is counted, and what failed of it", () => {
  expect([...tree.below]).toEqual([5, 3, 1, 0, 0, 0]);
  expect([...tree.failedBelow]).toEqual([2, 2, 1, 0, 0, 0]);
});

test("levels close from the inside and open from the outside", () => {
  expect(visibleRows(tree, collapsedTo(tree, 1))).toEqual([0, 1, 5]);
  let closed = collapsedByOne(tree, arrange(tree, none, false), none);
  expect([...closed]).toEqual([2]);
  closed = collapsedByOne(tree, arrange(tree, closed, false), closed);
  expect(visibleRows(tree, closed)).toEqual([0, 1, 5]);
  closed = expandedByOne(tree, arrange(tree, closed, false), closed);
  expect(visibleRows(tree, closed)).toEqual([0, 1, 2, 4, 5]);
  expect(visibleRows(tree, revealed(tree, collapsedTo(tree, 0), 3))).toEqual([0, 1, 2, 3, 4, 5]);
});

test("a selection that was hidden goes to the nearest span above", () => {
  expect(nearestShown(tree, arrange(tree, new Set([1]), false), 3)).toBe(1);
  expect(nearestShown(tree, arrange(tree, none, true), 5)).toBe(0);
});

test("search looks at service, operation and id, whatever the case", () => {
  expect(matches(tree, " CHARGE ", false)).toEqual([2, 3]);
  expect(matches(tree, "stock", false)).toEqual([4]);
  expect(matches(tree, "stock", true)).toEqual([]);
  expect(matches(tree, view.spans[5]?.id ?? "", false)).toEqual([5]);
  expect(matches(tree, "  ", false)).toEqual([]);
});

test("matches are walked in both directions and around the ends", () => {
  const found = [2, 3, 7];
  expect(nextMatch(found, 2, 1, true)).toBe(2);
  expect(nextMatch(found, 2, 1, false)).toBe(3);
  expect(nextMatch(found, 7, 1, false)).toBe(2);
  expect(nextMatch(found, 2, -1, false)).toBe(7);
  expect(nextMatch(found, 5, -1, true)).toBe(3);
  expect(nextMatch([], 5, 1, true)).toBeUndefined();
});

test("time on the critical path is summed by service and operation, most first", () => {
  const sums = spent([...view.spans, ...view.spans.slice(0, 1)], 2);
  expect(sums.map(({ service, us }) => [service, us])).toEqual([["bank", 700], ["gateway", 400]]);
  expect(sums[0]?.share).toBeCloseTo(700 / 1200);
  expect(spent([], 5)).toEqual([]);
});

test("a window stays in the trace and is never empty", () => {
  expect(clamped({ from: -50, to: 50 }, 1000)).toEqual({ from: 0, to: 100 });
  expect(clamped({ from: 950, to: 1050 }, 1000)).toEqual({ from: 900, to: 1000 });
  expect(clamped({ from: -1, to: 5000 }, 1000)).toEqual({ from: 0, to: 1000 });
  expect(clamped({ from: 500, to: 500 }, 1000)).toEqual({ from: 499.5, to: 500.5 });
  expect(clamped({ from: Number.NaN, to: 500 }, 1000)).toEqual({ from: 0, to: 1000 });
  expect(between(700, -20, 1000)).toEqual({ from: 0, to: 700 });
  expect(between(990, 2000, 1000)).toEqual({ from: 990, to: 1000 });
});

test("zooming keeps its fixed point where it is, panning its width", () => {
  expect(zoomed({ from: 0, to: 1000 }, 0.5, 800, 1000)).toEqual({ from: 400, to: 900 });
  expect(zoomed({ from: 400, to: 900 }, 2, 800, 1000)).toEqual({ from: 0, to: 1000 });
  expect(panned({ from: 100, to: 200 }, 0.25, 1000)).toEqual({ from: 125, to: 225 });
  expect(panned({ from: 100, to: 200 }, -9, 1000)).toEqual({ from: 0, to: 100 });
  let window = { from: 0, to: 1_000_000 };
  for (let times = 0; times < 60; times += 1) window = zoomed(window, 0.5, 3, 1_000_000);
  expect(window.to - window.from).toBe(10);
});

test("what is out of sight is brought into the window, what is in sight moves nothing", () => {
  const window = { from: 0, to: 100 };
  expect(withInSight(window, { from: 90, to: 500 }, 1000)).toBe(window);
  expect(withInSight(window, { from: 400, to: 500 }, 1000)).toEqual({ from: 400, to: 500 });
});

test("ticks are round and are told apart however near the window is", () => {
  const labels = (from: number, to: number) => ticks({ from, to }, 5).map(({ label }) => label);
  expect(labels(0, 1000)).toEqual(["0.0 ms", "0.2 ms", "0.4 ms", "0.6 ms", "0.8 ms", "1.0 ms"]);
  expect(labels(0, 900)).toEqual(["0 µs", "200 µs", "400 µs", "600 µs", "800 µs"]);
  expect(labels(1_234_500, 1_235_500)).toEqual(["1.2346 s", "1.2348 s", "1.2350 s", "1.2352 s", "1.2354 s"]);
  expect(labels(0, 600_000_000)).toEqual(["0 min", "2 min", "4 min", "6 min", "8 min", "10 min"]);
  expect(ticks({ from: 100, to: 300 }, 4).map(({ left }) => left)).toEqual([0, 25, 50, 75, 100]);
  expect(labels(0, 1)).toHaveLength(6);
});

test("bars are cut at the window, and where they lie outside the side is said", () => {
  const window = { from: 100, to: 200 };
  expect(barOf({ start_us: 150, us: 25 }, window)).toEqual({ left: 50, width: 25 });
  expect(barOf({ start_us: 0, us: 1000 }, window)).toEqual({ left: 0, width: 100 });
  expect(barOf({ start_us: 0, us: 50 }, window)).toBe("before");
  expect(barOf({ start_us: 250, us: 50 }, window)).toBe("after");
});

test("the line of the critical path joins what cannot be told apart and leaves out what is not in sight", () => {
  expect(linePath([[0, 100], [900, 1000]], { from: 0, to: 1000 })).toBe("M0 0H100M900 0H1000");
  expect(linePath([[900, 1000], [0, 10], [11, 20]], { from: 0, to: 1000 })).toBe("M0 0H20M900 0H1000");
  expect(linePath([[0, 10], [400, 600]], { from: 500, to: 700 })).toBe("M0 0H500");
  expect(linePath([[500, 500]], { from: 0, to: 1000 })).toBe("M500 0H501");
  const many: [number, number][] = Array.from({ length: 100_000 }, (_, index) => [index * 10, index * 10 + 1]);
  expect(linePath(many, { from: 0, to: 1_000_000 }).length).toBeLessThan(20_000);
});

test("the small picture covers what the spans cover and does not grow with them", () => {
  expect(overview(tree, 6).all.split("z")[0]).toBe("M0 0H1000v1H0");
  expect(overview(tree, 6).failed).toBe("M200 2H900v1H200zM210 3H900v1H210z");
  const wide = treeOf(traceOf(Array.from({ length: 20_000 }, (_, index) => ({ start_us: index * 7, us: 3 }))));
  expect(overview(wide, 40).all.length).toBeLessThan(20_000);
});

test("offsets keep the microseconds that a date loses", () => {
  expect(microsFrom("2026-11-22T03:07:10.999999999Z", "2026-11-22T03:07:11.000250Z")).toBe(251);
  expect(microsFrom("2026-11-22T03:07:10Z", "2026-11-22T03:07:10.5Z")).toBe(500_000);
});
