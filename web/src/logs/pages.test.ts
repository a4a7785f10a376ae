import { expect, test } from "vitest";
import type { LogLine, LogsView } from "../wire.gen";
import { around, filtersOf, lifted, linesPath, spanBefore, tidied, wrongTime } from "./filters";
import { atTime, movedTo } from "./lines";
import { added, joined, LINES_MAX, type Pages } from "./pages";

const line = (second: number, body = "x"): LogLine => ({ time: `2026-11-22T03:00:${String(second).padStart(2, "0")}Z`, level: "INFO", service: "checkout", pod: null, body, trace_id: null, span_id: null, template: null, attributes: [] });
const view = (lines: LogLine[], next: string | null): LogsView => ({ from: "f", to: "t", query: "", bucket_ms: 1, buckets: [], complete: true, lines, next });
const pages: Pages = { key: "k", asked: "k", lines: [line(9), line(8), line(8, "y")], next: "2026-11-22T03:00:08Z", busy: "more" };

test("lines of the seam that both pages have are there once", () => {
  expect(joined(pages.lines, [line(8), line(8, "y"), line(7)]).map(({ time, body }) => time.slice(17, 19) + body)).toEqual(["09x", "08x", "08y", "07x"]);
});

test("equal lines of one moment that are more than before stay", () => {
  expect(joined([line(8)], [line(8), line(8), line(7)])).toHaveLength(3);
  expect(joined([line(9), line(8)], [line(7), line(7)])).toHaveLength(4);
});

test("times of other precision in the seam are compared as times", () => {
  const exact = { ...line(8), time: "2026-11-22T03:00:08.000000001Z" };
  expect(joined([exact], [exact, line(8)])).toEqual([exact, line(8)]);
});

test("lines are bounded", () => {
  const many = Array.from({ length: LINES_MAX - 1 }, () => line(9));
  expect(joined(many, [line(8), line(7), line(6)])).toHaveLength(LINES_MAX);
});

test("a page is added and leads on; one that brings nothing and leads to itself ends it", () => {
  expect(added(pages, { at: "here", view: view([line(7)], "2026-11-22T03:00:07Z") })).toMatchObject({ next: "2026-11-22T03:00:07Z", busy: undefined });
  expect(added(pages, { at: "here", view: view([line(7)], null) }).next).toBeUndefined();
  expect(added(pages, { at: "here", view: view([line(8)], "2026-11-22T03:00:08Z") }).next).toBeUndefined();
  expect(added(pages, { at: "here", view: view([], "2026-11-22T02:00:00Z") }).next).toBe("2026-11-22T02:00:00Z");
});

test("a page that did not come is said, and can be asked for again", () => {
  const failed = added(pages, { at: "failed", why: "away" });
  expect(failed).toMatchObject({ trouble: { at: "failed", why: "away" }, busy: undefined, next: pages.next });
  expect(failed.lines).toBe(pages.lines);
  expect(added(failed, { at: "here", view: view([line(7)], null) }).trouble).toBeUndefined();
});

test("the path asks for what the address says and no more", () => {
  const filters = filtersOf(new URLSearchParams("q=pool+timed&level=WARN&tab=patterns&evil=1&to=2026-11-22T03:15:00Z"));
  expect(linesPath(filters)).toBe("/v1/logs?to=2026-11-22T03%3A15%3A00Z&level=WARN&q=pool+timed");
  expect(linesPath(filters, "2026-11-22T03:10:00Z")).toContain("to=2026-11-22T03%3A10%3A00Z&");
  expect(linesPath({ at: "2026-11-22T03:10:00Z" })).toBe("/v1/logs?limit=5000");
});

test("fields among the words go where fields are, but not against what is given, nor out of quotes", () => {
  expect(lifted({ q: "service:cart pool level:ERROR" })).toEqual({ service: "cart", level: "ERROR", q: "pool" });
  expect(lifted({ q: "service:cart", service: "web" })).toEqual({ service: "web", q: "service:cart" });
  expect(lifted({ q: `"service:cart" host:a xservice:b` })).toEqual({ q: `"service:cart" host:a xservice:b` });
  expect(filtersOf(new URLSearchParams("q=service:cart"))).toEqual({ service: "cart" });
});

test("around a line is a minute each way, without words", () => {
  const found = new URL(around(line(9), "a&b"), "http://x");
  expect(Object.fromEntries(found.searchParams)).toEqual({ from: "2026-11-22T02:59:09Z", to: "2026-11-22T03:01:09Z", service: "a&b", at: "2026-11-22T03:00:09Z" });
  expect(spanBefore("2026-11-22T03:15:00Z", 900_000)).toBe("2026-11-22T03:00:00Z");
  expect(spanBefore("now", 900_000)).toBeUndefined();
});

test("times that cannot be are told apart from those that can", () => {
  expect(wrongTime("yesterday", "")).toMatchObject({ field: "from" });
  expect(wrongTime("", "2026-13-40T00:00:00Z")).toMatchObject({ field: "to" });
  expect(wrongTime("2026-11-22T03:15:00Z", "2026-11-22T03:15:00Z")?.why).toContain("before");
  expect(wrongTime("2026-11-22T03:15:00+05:30", "2026-11-22T03:15:00.5Z")).toBeUndefined();
  expect(wrongTime("", "")).toBeUndefined();
  expect(tidied(" 2026-11-22 03:15:00z ")).toBe("2026-11-22T03:15:00Z");
});

test("keys move inside the list, and a time finds its line or the one before it", () => {
  expect(movedTo("ArrowDown", undefined, 3)).toBe(0);
  expect(movedTo("ArrowUp", 0, 3)).toBe(0);
  expect(movedTo("PageDown", 1, 3)).toBe(2);
  expect(movedTo("End", 0, 3)).toBe(2);
  expect(movedTo("a", 0, 3)).toBeUndefined();
  expect(movedTo("ArrowDown", undefined, 0)).toBeUndefined();
  expect(atTime(pages.lines, "2026-11-22T03:00:08.5Z")).toBe(1);
  expect(atTime(pages.lines, "2026-11-22T02:00:00Z")).toBeUndefined();
});
