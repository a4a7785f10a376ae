import { render } from "preact";
import { expect, test, vi } from "vitest";
import { EvidencePane } from "./evidence";
import { closeEvidence, opened } from "./opened";
import { RunView } from "./run";
import type { Run } from "./state";
import { keepToken } from "./token";
import { TokenForm } from "./tokenform";
import type { Answer, Evidence } from "./wire.gen";

const hostile = `<img src=x onerror="alert(1)"> [a](https://evil.example)`;

const item: Evidence = {
  id: "E1", kind: "log_template", title: hostile, service: "checkout", from: "2026-11-22T03:07:10.123456789Z", to: null, query: "logs service:checkout",
  permalink: "/e/ans_1/E1", preview: `first line\n${hostile}`, own: 10, score: 0.9, hash: "abcdef0123456789", series: [1, 2, 3],
};

const answer: Answer = {
  answer_id: "ans_1", incident: "7Q2", run_id: "r1", question: "why?", verdict: "likely_cause", confidence: "medium", headline: "Likely checkout", headline_cites: ["E1"],
  from: "2026-11-22T03:00:00Z", to: "2026-11-22T03:15:00Z", scope: ["checkout"], understood: null, impact: { since: null, services: [], cites: [] },
  claims: [{ id: "c1", text: hostile, cites: ["E1"], status: "verified" }],
  hypotheses: [{ id: "h1", title: "checkout", subject: "checkout", fault_kind: "config", status: "refuted", score: 0.1, for: [], against: ["E1"], why: "quiet" }],
  ruled_out: [], next: [], seen_before: [], unknowns: [{ what: "no traces", fix: "send them" }], evidence: [item],
  receipt: { log_records: 12345, templates: 2, templates_changed: 1, spans: 0, series: 0, items: 1, left_out: 0, bundle_tokens: 50, in_prompt: 0 },
  usage: { model: null, input_tokens: null, output_tokens: null, cost: null, prompt: null, queries: 0, ms: 120 }, told_by: "plain", notice: null,
};

const run: Run = { askId: "a", question: "why?", scope: { services: [] }, runId: "r1", answerId: "ans_1", steps: [], evidence: [item], hypotheses: answer.hypotheses, streamed: [], answer, status: "done" };
const nothing = () => {};

function mount(view: Parameters<typeof render>[0]): HTMLElement {
  const root = document.createElement("div");
  document.body.append(root);
  render(view, root);
  return root;
}

test("text from telemetry is text: no markup, no link, no image", () => {
  const root = mount(<RunView run={run} stop={nothing} again={nothing} />);
  expect(root.querySelector("img")).toBeNull();
  expect([...root.querySelectorAll("a")].map((link) => link.getAttribute("href"))).toEqual(["/i/7Q2"]);
  expect(root.textContent).toContain("<img src=x");
});

test("a chip is a button that opens what it names, and gets the focus back", () => {
  const root = mount(<RunView run={run} stop={nothing} again={nothing} />);
  const chips = [...root.querySelectorAll<HTMLButtonElement>("button.chip")];
  expect(chips.map((chip) => chip.textContent)).toEqual(["E1", "E1", "E1"]);
  chips[1]?.click();
  expect(opened.value?.item).toBe(item);
  closeEvidence();
  expect(opened.value).toBeUndefined();
  expect(document.activeElement).toBe(chips[1]);
});

test("what a person says of an answer is sent once and what comes of it is shown", async () => {
  const sent: [string, unknown][] = [];
  vi.stubGlobal("fetch", async (url: string, options: RequestInit) => {
    sent.push([url, JSON.parse(String(options.body))]);
    const refused = sent.length === 1;
    return new Response(JSON.stringify(refused ? { error: { message: hostile } } : { incident: "7Q2" }), { status: refused ? 503 : 200 });
  });
  const root = mount(<RunView run={run} stop={nothing} again={nothing} />);
  const press = (text: string) => [...root.querySelectorAll<HTMLButtonElement>(".feedback button")].find((button) => button.textContent === text)?.click();
  const settle = () => vi.waitFor(() => expect(root.querySelector(".feedback form")).toBeNull());
  press("No");
  await vi.waitFor(() => expect(root.querySelector(".feedback form")).not.toBeNull());
  const field = root.querySelector<HTMLInputElement>(".feedback input[name=service]");
  if (field) field.value = " orders ";
  press("Correct it");
  await settle();
  await vi.waitFor(() => expect(root.querySelector(".feedback [role=alert]")?.textContent).toContain("<img"));
  expect(root.querySelector("img")).toBeNull();
  press("Yes");
  await vi.waitFor(() => expect(root.querySelector(".feedback form")).not.toBeNull());
  press("Remember it");
  await vi.waitFor(() => expect(root.querySelector(".feedback")?.textContent).toBe("Remembered as incident 7Q2."));
  expect(sent).toEqual([
    ["/v1/answers/ans_1/feedback", { score: -1, reason: "wrong_cause", cause: { service: "orders" } }],
    ["/v1/answers/ans_1/feedback", { score: 1 }],
  ]);
  vi.unstubAllGlobals();
});

test("where no cause is named nobody is asked whether it was right", () => {
  const root = mount(<RunView run={{ ...run, answer: { ...answer, verdict: "not_enough_evidence" } }} stop={nothing} again={nothing} />);
  const buttons = [...root.querySelectorAll(".feedback button")].map((button) => button.textContent);
  expect(buttons).toEqual(["Tell it"]);
});

test("a question for facts is not asked about", () => {
  const root = mount(<RunView run={{ ...run, answer: { ...answer, verdict: "lookup" } }} stop={nothing} again={nothing} />);
  expect(root.querySelector(".feedback")).toBeNull();
});

test("a chip whose evidence is not here cannot be pressed", () => {
  const root = mount(<RunView run={{ ...run, answer: { ...answer, headline_cites: ["E7"] } }} stop={nothing} again={nothing} />);
  expect(root.querySelector<HTMLButtonElement>("h2 .chip")?.disabled).toBe(true);
});

test("verdict, confidence, gaps and receipt are said in words", () => {
  const text = mount(<RunView run={run} stop={nothing} again={nothing} />).textContent ?? "";
  for (const part of ["Likely cause", "medium confidence", "no traces", "12,345 log records", "facts only", "refuted"]) expect(text).toContain(part);
});

test("a running question can be stopped", () => {
  const stop = vi.fn();
  const root = mount(<RunView run={{ ...run, answer: undefined, status: "running" }} stop={stop} again={nothing} />);
  root.querySelector<HTMLButtonElement>(".progress button")?.click();
  expect(stop).toHaveBeenCalledOnce();
});

test("a stop that is on its way says so", () => {
  const root = mount(<RunView run={{ ...run, answer: undefined, status: "running", stopping: true }} stop={nothing} again={nothing} />);
  expect(root.querySelector<HTMLButtonElement>(".progress button")?.disabled).toBe(true);
});

test("sentences of a model show while it speaks and go when its answer is there", () => {
  const speaking = { ...run, status: "running" as const, streamed: ["A sentence."] };
  expect(mount(<RunView run={speaking} stop={nothing} again={nothing} />).querySelector(".streaming")?.textContent).toBe("A sentence.");
  const told = { ...speaking, answer: { ...answer, told_by: "model" as const, usage: { ...answer.usage, model: "small-1" } } };
  const root = mount(<RunView run={told} stop={nothing} again={nothing} />);
  expect(root.querySelector(".streaming")).toBeNull();
  expect(root.textContent).toContain("told by small-1, checked");
});

test("a failed question says why and can be asked again as it was", () => {
  const again = vi.fn();
  const root = mount(<RunView run={{ ...run, answer: undefined, status: "failed", error: "too many questions" }} stop={nothing} again={again} />);
  expect(root.querySelector("[role=alert]")?.textContent).toContain("too many questions");
  root.querySelector<HTMLButtonElement>("[role=alert] button")?.click();
  expect(again).toHaveBeenCalledWith("why?", { services: [] });
});

test("evidence from a hostile server gets no link to elsewhere", () => {
  const root = mount(<EvidencePane item={{ ...item, permalink: "//evil.example/e" }} />);
  expect(root.querySelector("a")?.hasAttribute("href")).toBe(false);
});

test("evidence shows its content, links only to itself, and describes its chart", () => {
  const root = mount(<EvidencePane item={item} close={() => {}} />);
  expect(root.querySelector("pre")?.textContent).toBe(item.preview);
  expect([...root.querySelectorAll("a")].map((link) => link.getAttribute("href"))).toEqual(["/e/ans_1/E1"]);
  expect(root.querySelector("svg")?.getAttribute("aria-label")).toContain("highest 3");
});

test("a token that was not taken is said", () => {
  expect(mount(<TokenForm use={nothing} />).querySelector("[role=alert]")).toBeNull();
  keepToken("wrong");
  expect(mount(<TokenForm use={nothing} />).querySelector("[role=alert]")?.textContent).toContain("did not take");
  sessionStorage.clear();
});
