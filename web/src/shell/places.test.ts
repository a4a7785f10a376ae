import { expect, test } from "vitest";
import { current, innerPath, titleOf } from "./places";

const at = (parts: string[], text = "") => titleOf({ parts, parameters: new URLSearchParams(text) });

test("paths of the panel are followed with their parameters, others are not", () => {
  expect(innerPath("/runbooks?q=a%20b&doc=x")).toBe("/runbooks?q=a%20b&doc=x");
  for (const path of ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/\t/evil.example", "/.//evil.example", "/v1/overview", "logs", ""]) {
    expect(innerPath(path), path).toBeUndefined();
  }
});

test("a place is current itself or through what lies inside it", () => {
  expect(current([], "/")).toBe("page");
  expect(current(["i", "7Q2"], "/incidents")).toBe("true");
  expect(current(["trace", "4bf9"], "/traces")).toBe("true");
  expect(current(["logs"], "/traces")).toBeUndefined();
});

test("titles name the thing first, and hide nothing", () => {
  expect(at([])).toBe("Overview · Groundcrew");
  expect(at(["i", "7Q2"])).toBe("Incident 7Q2 · Groundcrew");
  expect(at(["logs"], "q=service:cart")).toBe("service:cart · Logs · Groundcrew");
  expect(at(["trace", "4bf92f3577b34da6"])).toBe("Trace 4bf92f35 · Groundcrew");
  expect(at(["i", "\u202eabc"])).toContain("‹U+202E›");
  expect(at(["nowhere"])).toBe("No such page · Groundcrew");
});
