import { expect, test } from "vitest";
import { fillable, filled } from "./elsewhere";
import { exampleTrace, placeOf } from "./place";
import { suggestions } from "./suggestions";
import type { Answer, Evidence } from "./wire.gen";

const trace = "0af7651916cd43dd8448eb211c80319c";
const item: Evidence = {
  id: "E1", kind: "log_template", title: "t", service: "a b", from: "2026-11-22T03:07:10Z", to: "2026-11-22T03:10:00Z", query: "logs service:a b", permalink: "/e/x/E1", preview: "", own: 0,
  score: 1, hash: "", series: null, measure: { of: "template", service: "a b", template: "t0123456789abcdef" },
};

test("an item leads to where it can be looked at, with absolute times around it", () => {
  expect(placeOf(item)?.path).toBe("/logs?from=2026-11-22T02%3A57%3A10Z&to=2026-11-22T03%3A12%3A00Z&service=a+b&template=t0123456789abcdef");
  expect(placeOf({ ...item, measure: { of: "trace", trace: "../../x" } })?.path).toBe("/trace/..%2F..%2Fx");
  expect(placeOf({ ...item, measure: undefined, kind: "alert" })).toBeUndefined();
});

test("an example is a link only where the engine names it, not where recorded text does", () => {
  const own = `checkout is slow, for example trace ${trace}`;
  expect(exampleTrace({ ...item, preview: own, own: own.length })).toBe(trace);
  expect(exampleTrace({ ...item, preview: `ü ${own}`, own: 2 })).toBeUndefined();
});

test("addresses of other programs are filled in whole or not at all, and lead to the web only", () => {
  const link = (address: string) => ({ kind: "logs", name: "Elsewhere", address });
  const [kind, values] = fillable(item);
  expect(kind).toBe("logs");
  expect(filled(link("https://x.example/?s={service}&from={from_ms}&q={query}"), values)).toBe("https://x.example/?s=a%20b&from=1795316830000&q=logs%20service%3Aa%20b");
  expect(filled(link("https://x.example/{trace}"), values)).toBeUndefined();
  expect(filled(link("javascript:alert({from_ms})"), values)).toBeUndefined();
});

test("what one may ask next follows from the answer", () => {
  const answer = {
    verdict: "likely_cause", question: "why?", receipt: { spans: 5, log_records: 5 },
    hypotheses: [{ subject: "checkout", status: "supported" }, { subject: "a node", status: "possible" }, { subject: "payments", status: "refuted" }, { subject: "cart", status: "possible" }],
  } as unknown as Answer;
  expect(suggestions(answer)).toEqual(["why not cart?", "show me one failing trace", "what changed?", "show the new errors"]);
  expect(suggestions({ ...answer, verdict: "lookup", question: "show me one failing trace" })).toEqual(["and before that?"]);
});
