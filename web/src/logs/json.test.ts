import { expect, test } from "vitest";
import { prettyJson } from "./json";

test("JSON is set out and stays the same value, long numbers and texts to the letter", () => {
  const body = `{"id":18446744073709551615,"a":[1,{"b":"x, {y}: \\"z\\""}],"e":{},"l":[],"n":null}`;
  const pretty = prettyJson(body) ?? "";
  expect(JSON.parse(pretty)).toEqual(JSON.parse(body));
  expect(pretty).toContain("18446744073709551615");
  expect(pretty.split("\n")).toContain(`      "b": "x, {y}: \\"z\\""`);
  expect(pretty).toContain(`"e": {},`);
});

test("what is no JSON object or array stays as it is", () => {
  for (const body of ["plain", `"text"`, "12", "{not json}", `{"a":1} and more`, ""]) expect(prettyJson(body)).toBeUndefined();
});

test("what is too long or would grow too long is left alone", () => {
  expect(prettyJson(`["${"x".repeat(200_000)}"]`)).toBeUndefined();
  const deep = "[".repeat(3000) + "]".repeat(3000);
  expect((prettyJson(deep) ?? "").length).toBeLessThan(20_000);
  const wide = "[".repeat(24) + "1,".repeat(40_000) + "1" + "]".repeat(24);
  expect(prettyJson(wide)).toBeUndefined();
});
