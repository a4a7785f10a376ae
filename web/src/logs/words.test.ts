import { expect, test } from "vitest";
import { clip } from "../text";
import { cutAt } from "../marked";
import { firstLine, matcher } from "./words";

const hits = (text: string, query: string) => cutAt(text, matcher(query)).filter((part) => part.hit).map((part) => part.text);

test("words are found in any case, phrases whole, and the parts are the text again", () => {
  const text = "Pool TIMED out; pool was timed, out";
  expect(hits(text, `pool "timed out"`)).toEqual(["Pool", "TIMED out", "pool"]);
  expect(cutAt(text, matcher("out")).map((part) => part.text).join("")).toBe(text);
});

test("of two words that begin alike the longer is marked", () => {
  expect(hits("timeouts and time", "time timeouts")).toEqual(["timeouts", "time"]);
});

test("signs of patterns are letters like others", () => {
  expect(hits("a.c (x|y) abc [z]", "a.c (x|y) [z]")).toEqual(["a.c", "(x|y)", "[z]"]);
  expect(hits("50-60 / 7", "50-60 /")).toEqual(["50-60", "/"]);
});

test("letters whose small form is longer do not shift what is marked", () => {
  expect(hits("İİİ pool", "pool")).toEqual(["pool"]);
});

test("without words, or with quotes alone, nothing is marked", () => {
  for (const query of ["", "   ", `""`, `"`]) expect(cutAt("text", matcher(query))).toEqual([{ text: "text", hit: false }]);
});

test("very many finds are bounded and lose no text", () => {
  const text = "ab".repeat(50_000);
  const parts = cutAt(text, matcher("a"));
  expect(parts.length).toBeLessThan(1000);
  expect(parts.map((part) => part.text).join("")).toBe(text);
});

test("clipping leaves no half character, and a row shows the first line that says something", () => {
  expect(clip("ab😀", 3)).toBe("ab");
  expect(clip("ab😀", 4)).toBe("ab😀");
  expect(firstLine("\n\n  first\nsecond", 20)).toBe("first");
  expect(firstLine("x".repeat(1_000_000), 400)).toHaveLength(400);
});
