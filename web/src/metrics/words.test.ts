import { expect, test } from "vitest";
import { counted } from "../time";
import { amount, plain, share, unitWord } from "./words";

test("values are said in the unit that fits", () => {
  expect([amount(0.041, "s"), amount(1300, "ms"), amount(-5, "ms"), amount(2e6, "ns")]).toEqual(["41 ms", "1.30 s", "−5.0 ms", "2.0 ms"]);
  expect([amount(512, "By"), amount(1536, "By"), amount(3 * 2 ** 30, "By/s")]).toEqual(["512 B", "1.5 KiB", "3 GiB/s"]);
  expect([amount(12, "{request}/s"), amount(7, "1"), amount(3, "1/s"), amount(38.4, "%"), amount(9, "bananas")]).toEqual(["12 /s", "7", "3 /s", "38.4 %", "9 bananas"]);
  expect(amount(NaN, "ms")).toBe("no value");
});

test("figures keep what counts and stay short", () => {
  expect([0, 0.00421, 41.26, 999.6, 1234.4, 9999, 12_345, 1_234_567, 5e13].map(plain)).toEqual(["0", "0.00421", "41.3", "1,000", "1,234", "9,999", "12.3 k", "1.23 M", "50 T"]);
  expect([0.00000123, -1_234_567].map(plain)).toEqual(["1.2e-6", "-1.23 M"]);
});

test("units of others are text, clipped", () => {
  expect(unitWord("{message}/s")).toBe("message/s");
  expect(unitWord("a\u202eb")).toBe("a‹U+202E›b");
  expect(unitWord("x".repeat(100_000)).length).toBeLessThan(30);
});

test("shares of nothing are not said, small ones are not none", () => {
  expect([share(1, 0), share(0, 9), share(1, 100_000), share(3, 200), share(25, 100), share(100, 100)]).toEqual(["–", "0 %", "< 0.1 %", "2 %", "25 %", "100 %"]);
  expect([counted(1, "change"), counted(1234, "series", "series")]).toEqual(["1 change", "1,234 series"]);
});
