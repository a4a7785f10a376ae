import { expect, test } from "vitest";
import { apart, crossings, layered, layout, NODE, type Link } from "./layout";

const link = (text: string): Link[] => text.split(" ").map((pair) => ({ from: pair.split(">")[0] ?? "", to: pair.split(">")[1] ?? "" }));
const namesOf = (links: Link[]) => [...new Set(links.flatMap(({ from, to }) => [from, to]))];
const layerOf = (links: Link[]) => Object.fromEntries(layout(namesOf(links), links).places.map(({ name, layer }) => [name, layer]));

function random(seed: number): (most: number) => number {
  let state = seed;
  return (most) => (state = (state * 48_271) % 2_147_483_647) % most;
}

function many(services: number, edges: number): Link[] {
  const next = random(11);
  return Array.from({ length: edges }, () => ({ from: `s${next(services)}`, to: `s${next(services)}` }));
}

test("callers stand left of whom they call, by the longest way", () => {
  expect(layerOf(link("web>api api>db web>db api>cache cache>db"))).toEqual({ web: 0, api: 1, cache: 2, db: 3 });
  expect(layered(3, [[0, 1], [1, 2], [0, 2]])).toEqual([0, 1, 2]);
});

test("a circle is opened where a walk from whom nobody calls closes it", () => {
  const links = link("web>orders orders>checkout checkout>orders checkout>db db>db");
  expect(layerOf(links)).toEqual({ web: 0, orders: 1, checkout: 2, db: 3 });
  const back = layout(namesOf(links), links).routes.filter(({ isBack }) => isBack);
  expect(back.map(({ from, to }) => [from, to])).toEqual([["checkout", "orders"]]);
  expect(back[0]?.points[0]?.[0]).toBeGreaterThan(back[0]?.points[1]?.[0] ?? Infinity);
  expect(layerOf(link("a>b b>c c>a"))).toEqual({ a: 0, b: 1, c: 2 });
});

test("every line but those of circles goes from left to right, whatever the graph", () => {
  const links = many(80, 300);
  const { places, routes } = layout(namesOf(links), links);
  const layers = new Map(places.map(({ name, layer }) => [name, layer]));
  for (const { from, to, isBack } of routes) expect((layers.get(to) ?? 0) > (layers.get(from) ?? 0)).toBe(!isBack);
});

test("the order in which services and calls come does not matter", () => {
  const links = many(40, 120);
  const names = namesOf(links);
  const shuffled = [...links].reverse();
  expect(layout([...names].reverse(), shuffled)).toEqual(layout(names, links));
});

test("boxes of a layer do not overlap and lie within the map", () => {
  const links = many(60, 200);
  const { places, width, height } = layout(namesOf(links), links);
  const lowest = new Map<number, number>();
  for (const { layer, x, y } of places) {
    expect(y - (lowest.get(layer) ?? -Infinity)).toBeGreaterThanOrEqual(NODE.height);
    lowest.set(layer, y);
    expect(x - NODE.width / 2).toBeGreaterThanOrEqual(0);
    expect(x + NODE.width / 2).toBeLessThanOrEqual(width);
    expect(y + NODE.height / 2).toBeLessThanOrEqual(height);
    expect(y - NODE.height / 2).toBeGreaterThanOrEqual(0);
  }
});

test("lines that need not cross do not", () => {
  const { places } = layout(["a", "b", "c", "x", "y", "z"], link("a>z b>y c>x"));
  const heights = Object.fromEntries(places.map(({ name, y }) => [name, y]));
  expect([heights.a, heights.b, heights.c]).toEqual([heights.z, heights.y, heights.x]);
  expect(crossings([{ right: [3] }, { right: [2] }, { right: [] }, { right: [] }], [[0, 1], [2, 3]])).toBe(1);
  expect(crossings([{ right: [2] }, { right: [3] }, { right: [] }, { right: [] }], [[0, 1], [2, 3]])).toBe(0);
});

test("what would overlap moves apart around where it wished to be", () => {
  expect(apart([0, 100], [10, 10])).toEqual([0, 100]);
  expect(apart([50, 50, 50], [10, 10, 10])).toEqual([40, 50, 60]);
  expect(apart([], [])).toEqual([]);
});

test("three hundred services are laid out before anybody notices, and nothing is too deep", () => {
  const links = many(300, 1000);
  const start = performance.now();
  layout(namesOf(links), links);
  expect(performance.now() - start).toBeLessThan(1500);
  const chain = Array.from({ length: 20_000 }, (_, index) => ({ from: `n${index}`, to: `n${index + 1}` }));
  expect(layout(namesOf(chain), chain).places).toHaveLength(20_001);
  expect(layout([], []).places).toEqual([]);
});
