import { expect, test } from "vitest";
import type { Marker } from "../wire.gen";
import { clipped } from "../text";
import { beforeAfter, drawnFor, letter, lettered, placed } from "./markers";

const change = (at: string, service: string | null = "checkout"): Marker => ({ at, kind: "deploy", title: "t", service, before: null, after: null, actor: null });
const minute = (number: number) => `2026-11-22T03:${String(number).padStart(2, "0")}:00Z`;

test("letters follow time and go on after Z", () => {
  expect([0, 25, 26, 51, 52, 701, 702].map(letter)).toEqual(["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
  const found = lettered([change(minute(9)), change("not a time"), change(minute(1))]);
  expect(found.map(({ letter: name, marker }) => [name, marker.at])).toEqual([["A", minute(1)], ["B", minute(9)]]);
});

test("labels too near to each other share one, and their lines stay where they are", () => {
  const markers = lettered([0, 1, 2, 20, 40, 41].map((number) => change(minute(number))));
  const start = Date.parse(minute(0));
  const found = placed(markers, (at) => (at - start) / 6000, 15);
  expect(found.map(({ label }) => label)).toEqual(["A–C", "D", "E F"]);
  expect(found.map(({ x }) => x)).toEqual([10, 200, 405]);
  expect(found.flatMap(({ lines }) => lines)).toEqual([0, 10, 20, 200, 400, 410]);
  const crowd = lettered(Array.from({ length: 30 }, (_, number) => change(minute(number))));
  expect(placed(crowd, (at) => (at - start) / 6000, 15).map(({ label }) => label)).toEqual(["A–E", "F–J", "K–O", "P–T", "U–Y", "Z–AD"]);
  expect(placed([], (at) => at, 15)).toEqual([]);
});

test("of very many changes a chart draws its own and those of nobody in particular", () => {
  const markers = lettered([change(minute(0)), change(minute(1), null), ...Array.from({ length: 20 }, (_, index) => change(minute(index + 2), "cart"))]);
  expect(drawnFor(markers, "checkout").map(({ letter: name }) => name)).toEqual(["A", "B"]);
  expect(drawnFor(markers.slice(0, 5), "checkout")).toHaveLength(5);
});

test("before and after are said where they are known, and text is clipped and visible", () => {
  expect(beforeAfter(change(minute(0)))).toBe("");
  expect(beforeAfter({ ...change(minute(0)), after: "v2" })).toBe("nothing → v2");
  expect(clipped("a\u200bb")).toBe("a‹U+200B›b");
  expect(clipped("x".repeat(1_000_000))).toHaveLength(161);
});
