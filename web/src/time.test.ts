import { afterEach, expect, test } from "vitest";
import { zone } from "./settings";
import { ago, clock, long, moment, span } from "./time";

afterEach(() => (zone.value = "utc"));

test("times are read in UTC or in the browser's zone, as one chooses", () => {
  const time = "2026-11-22T03:07:10.301Z";
  expect(moment(time)).toBe("2026-11-22 03:07:10 UTC");
  zone.value = "local";
  const local = new Date(time);
  expect(clock(time)).toBe([local.getHours(), local.getMinutes(), local.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":"));
  expect(clock("no time")).toBe("no time");
});

test("a span says the date once where it is the same", () => {
  expect(span("2026-11-22T03:07:10Z", "2026-11-22T03:12:00Z")).toBe("2026-11-22 03:07:10 – 03:12:00 UTC");
  expect(span("2026-11-21T23:59:00Z", "2026-11-22T00:01:00Z")).toBe("2026-11-21 23:59:00 – 2026-11-22 00:01:00 UTC");
  expect(span("2026-11-22T03:07:10Z", null)).toBe("2026-11-22 03:07:10 UTC");
});

test("how long and how long ago in the unit that fits", () => {
  expect([0, 0.25, 4.21, 42, 1_300, 61_000, 720_000].map(long)).toEqual(["0 ms", "250 µs", "4.2 ms", "42 ms", "1.30 s", "61.0 s", "12 min"]);
  const now = Date.parse("2026-11-22T03:12:00Z");
  expect(["2026-11-22T03:11:50Z", "2026-11-22T03:07:00Z", "2026-11-21T22:00:00Z", "2026-11-12T00:00:00Z"].map((time) => ago(time, now))).toEqual([
    "10 s ago",
    "5 min ago",
    "5 h ago",
    "10 days ago",
  ]);
});
