import { expect, test } from "vitest";
import { CHORD_MS, type Keys, press } from "./shortcuts";

/** What a series of keys, each with its time, means in the end. */
function after(...keys: [key: string, at: number][]) {
  let now: Keys = {};
  const meant = keys.map(([key, at]) => {
    const [next, what] = press(now, key, at);
    now = next;
    return what;
  });
  return meant[meant.length - 1];
}

test("g and a letter go to a place", () => {
  expect(after(["g", 0], ["i", 300])).toEqual({ do: "go", path: "/incidents" });
  expect(after(["g", 0], ["o", CHORD_MS])).toEqual({ do: "go", path: "/" });
});

test("a letter that comes too late, or without g, is only a letter", () => {
  expect(after(["g", 0], ["i", CHORD_MS + 1])).toEqual({ do: "nothing" });
  expect(after(["i", 0])).toEqual({ do: "nothing" });
  expect(after(["g", 0], ["i", 100], ["s", 200])).toEqual({ do: "nothing" });
});

test("a g after a g begins anew, and another key ends the waiting", () => {
  expect(after(["g", 0], ["g", 1000], ["l", 2000])).toEqual({ do: "go", path: "/logs" });
  expect(after(["g", 0], ["x", 100], ["l", 200])).toEqual({ do: "nothing" });
});

test("Shift on its own neither ends a chord nor is a key of it; ? asks for help with or without g", () => {
  expect(after(["g", 0], ["Shift", 50], ["t", 100])).toEqual({ do: "go", path: "/traces" });
  expect(after(["g", 0], ["Shift", 50], ["?", 100])).toEqual({ do: "help" });
  expect(after(["G", 0], ["i", 100])).toEqual({ do: "nothing" });
});
