import { afterEach, expect, test } from "vitest";
import { zone } from "./settings";
import { inField, moved, pair, wider, written } from "./moments";

afterEach(() => (zone.value = "utc"));

test("times that people write are read in the zone they chose", () => {
  expect([written("2026-11-22 03:07"), written(" 2026-11-22T03:07:10 "), written("2026-11-22 03:07:10 UTC"), written("2026-11-22T03:07:10+02:00")]).toEqual([
    "2026-11-22T03:07:00Z", "2026-11-22T03:07:10Z", "2026-11-22T03:07:10Z", "2026-11-22T01:07:10Z",
  ]);
  for (const none of ["", "yesterday", "03:07", "2026-13-01 00:00", "2026-11-22 25:00", "2026-11-22"]) expect(written(none)).toBeUndefined();
});

test("what stands in a field is read as what it was, in each zone", () => {
  for (const chosen of ["utc", "local"] as const) {
    zone.value = chosen;
    expect(written(inField("2026-11-22T03:07:10Z"))).toBe("2026-11-22T03:07:10Z");
  }
  expect(inField("nothing")).toBe("");
});

test("stretches move, widen and keep their order", () => {
  const [from, to] = ["2026-11-22T03:00:00Z", "2026-11-22T03:10:00Z"];
  expect(moved(from, to, -1)).toEqual(["2026-11-22T02:50:00Z", from]);
  expect(wider(from, to, 2)).toEqual(["2026-11-22T02:55:00Z", "2026-11-22T03:15:00Z"]);
  expect(pair(Date.parse(to), Date.parse(from))).toEqual([from, to]);
  expect(pair(1000, 1000)).toEqual(["1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z"]);
  expect(pair(NaN, 1)).toBeUndefined();
});
