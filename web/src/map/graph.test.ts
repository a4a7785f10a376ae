import { expect, test } from "vitest";
import type { ServiceEdge, ServiceRow } from "../wire.gen";
import { blastRadius, callersOf, neighbourhood, shown, SHOWN_MAX } from "./graph";
import { layout } from "./layout";
import { sorted } from "./sorting";
import { towards } from "./walk";
import { blastWords, edgeWidth, isFailing, servedWords } from "./words";

const edge = (caller: string, callee: string, calls = 1): ServiceEdge => ({ caller, callee, calls, failed: 0 });
const edges = [edge("web", "checkout"), edge("app", "checkout"), edge("checkout", "orders", 9), edge("checkout", "redis", 3), edge("orders", "db"), edge("orders", "checkout"), edge("web", "search")];
const none = { requests: 0, failed: 0, p50_ms: null, p95_ms: null };
const row = (name: string, more: Partial<ServiceRow> = {}): ServiceRow => ({ name, state: "fine", why: "", dependency: false, now: none, before: none, log_records: 0, errors_logged: 0, pods: [], owner: null, ...more });

test("those who call feel it, and who calls them, nearest first, once each, circles or not", () => {
  expect(blastRadius(edges, "db")).toEqual(["orders", "checkout", "app", "web"]);
  expect(blastRadius(edges, "checkout")).toEqual(["app", "orders", "web"]);
  expect(blastRadius(edges, "web")).toEqual([]);
  expect(blastRadius(edges, "unheard of")).toEqual([]);
  expect([...callersOf(edges, "db")]).toEqual([["orders", 1], ["checkout", 2], ["app", 3], ["web", 3]]);
});

test("a blast radius is a sentence", () => {
  const away = callersOf(edges, "db");
  expect(blastWords("db", ["orders", "checkout"], away)).toBe("When db fails, 2 services may feel it; calling it: orders; 2 calls away: checkout.");
  expect(blastWords("web", [], new Map())).toBe("Nobody was seen to call web.");
  const crowd = Array.from({ length: 100 }, (_, index) => `s${index}`);
  expect(blastWords("db", crowd, new Map())).toMatch(/^When db fails, 100 services .*; and 60 more\.$/);
});

test("a neighbourhood goes both ways and no further than asked", () => {
  expect([...neighbourhood(edges, "db", 1)]).toEqual(["db", "orders"]);
  expect([...neighbourhood(edges, "search", 2)].sort()).toEqual(["checkout", "search", "web"]);
});

test("few services are shown whole, of many those around the focus or the first, and what is hidden is counted", () => {
  const few = { services: [row("checkout")], edges };
  expect(shown(few, undefined, undefined)).toMatchObject({ hops: "all", hidden: 0 });
  expect(shown(few, "db", 1)).toMatchObject({ names: ["orders", "db"], around: "db", hidden: 5 });
  const star = Array.from({ length: 200 }, (_, index) => edge("hub", `leaf${index}`));
  const line = Array.from({ length: 20 }, (_, index) => edge(`n${index}`, `n${index + 1}`));
  const lots = { services: [row("n5")], edges: [...star, ...line] };
  expect(shown(lots, undefined, undefined)).toMatchObject({ around: "n5", hops: 2, hidden: 222 - 5 });
  expect(shown(lots, "leaf7", undefined)).toMatchObject({ around: "leaf7", hops: 1, names: expect.arrayContaining(["hub", "leaf7"]) });
  expect(shown(lots, "leaf7", 2).names.length).toBeGreaterThan(SHOWN_MAX);
  expect(shown(lots, "leaf7", "all").hidden).toBe(0);
  expect(shown({ services: [], edges: [] }, "gone", undefined).names).toEqual([]);
});

test("arrows go along calls, the busiest first, and within a layer", () => {
  const names = [...new Set(edges.flatMap(({ caller, callee }) => [caller, callee]))];
  const drawn = layout(names, edges.map(({ caller, callee }) => ({ from: caller, to: callee })));
  expect(towards("ArrowRight", "checkout", drawn, edges)).toBe("orders");
  expect(towards("ArrowLeft", "search", drawn, edges)).toBe("web");
  expect(towards("ArrowRight", "db", drawn, edges)).toBeUndefined();
  const first = drawn.places.filter(({ layer }) => layer === 0).map(({ name }) => name);
  expect(towards("ArrowDown", first[0] ?? "", drawn, edges)).toBe(first[1]);
  expect(towards("ArrowUp", first[0] ?? "", drawn, edges)).toBeUndefined();
  expect(towards("x", "web", drawn, edges)).toBeUndefined();
});

test("rows are sorted by what was asked, those without a value last either way", () => {
  const rows = [row("b", { state: "silent", now: { ...none, requests: 5, p95_ms: 10 } }), row("a", { now: { ...none, requests: 9, p95_ms: 90 }, owner: "x" }), row("c", { state: "failing" })];
  const names = (...how: [Parameters<typeof sorted>[1], boolean]) => sorted(rows, ...how).map(({ name }) => name).join("");
  expect([names("state", false), names("name", true), names("requests", false), names("p95", false), names("p95", true), names("owner", true)]).toEqual(["cba", "cba", "abc", "abc", "bac", "abc"]);
});

test("width follows orders of magnitude, and single failures among thousands mark nothing", () => {
  expect(edgeWidth(0, 1000)).toBe(1);
  expect(edgeWidth(1000, 1000)).toBe(5);
  expect(edgeWidth(30, 1000)).toBeGreaterThan(2.5);
  expect([isFailing({ calls: 5000, failed: 3 }), isFailing({ calls: 5000, failed: 80 }), isFailing({ calls: 0, failed: 0 })]).toEqual([false, true, false]);
  expect([servedWords(none), servedWords({ ...none, requests: 1 }), servedWords({ ...none, requests: 12_000, failed: 3000 })]).toEqual(["no requests", "1 request", "12 k requests, 25 % failed"]);
});
