import { expect, test } from "vitest";
import type { Pattern } from "../wire.gen";
import { changeOf, listed, sparkBars, variables } from "./change";

const pattern = (over: Partial<Pattern>): Pattern => ({ id: "t1", text: "pool <*> empty", service: "checkout", level: "ERROR", count: 120, before: 10, is_new: false, first: "2026-11-22T03:07:10.5Z", last: "2026-11-22T03:14:00Z", counts: [1, 2], exemplar: "pool 7 empty", ...over });

test("a change is said in words, and only where it is one", () => {
  const words = (over: Partial<Pattern>) => changeOf(pattern(over)).words;
  expect(words({})).toBe("×12");
  expect(words({ is_new: true, before: 0 })).toBe("new since 03:07:10");
  expect(words({ count: 25 })).toBe("×2.5");
  expect(words({ count: 12 })).toBe("as before");
  expect(words({ count: 4 })).toBe("gone quieter");
  expect(words({ count: 0 })).toBe("gone quiet");
  expect(words({ before: null })).toBe("before not known");
  expect(words({ before: 0 })).toBe("hardly any before");
  expect(words({ before: 0.001 })).not.toMatch(/Infinity|NaN/);
});

test("the list is filtered by all words and ordered without touching the server's own", () => {
  const all = [pattern({ id: "a", count: 1, service: "web" }), pattern({ id: "b", count: 9, service: "cart" }), pattern({ id: "c", text: "other", count: 5, service: "cart" })];
  const ids = (words: string, order: "news" | "count" | "service") => listed(all, words, order).map(({ id }) => id).join("");
  expect(ids("", "news")).toBe("abc");
  expect(ids("", "count")).toBe("bca");
  expect(ids("", "service")).toBe("bca");
  expect(ids("EMPTY cart", "news")).toBe("b");
  expect(all.map(({ id }) => id).join("")).toBe("abc");
});

test("variables are told apart and no text is lost", () => {
  expect(variables("<*> of <*>s")).toEqual([{ text: "<*>", variable: true }, { text: " of ", variable: false }, { text: "<*>", variable: true }, { text: "s", variable: false }]);
});

test("a single record among many counts is seen, and nothing stays nothing", () => {
  const bars = sparkBars([0, 1, 1000], 40);
  expect(bars[0]).toBe(0);
  expect(bars[1]).toBeGreaterThanOrEqual(0.1);
  expect(bars[2]).toBe(1);
  expect(sparkBars(Array.from({ length: 1000 }, () => 1), 40)).toHaveLength(40);
});
