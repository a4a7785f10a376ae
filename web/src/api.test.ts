import { expect, test } from "vitest";
import { query, stays } from "./api";

test("only what stays as it is is kept: what ends at a time, evidence, settings", () => {
  for (const path of ["/v1/logs?from=a&to=b", "/v1/evidence/ans/E1", "/v1/panel"]) expect(stays(path)).toBe(true);
  for (const path of ["/v1/logs", "/v1/logs?from=a", "/v1/traces/abc", "/v1/incidents/7Q2/answer", "/v1/search?q=to"]) expect(stays(path)).toBe(false);
});

test("parameters that say nothing are left out, others are encoded", () => {
  expect(query("/logs", { q: "a b&c", service: undefined, level: "", limit: 5 })).toBe("/logs?q=a+b%26c&limit=5");
  expect(query("/logs", {})).toBe("/logs");
});
