import { expect, test } from "vitest";
import { backoff } from "./connection";
import { parseFrame, type ServerEvent } from "./protocol";
import { emptyState, reduce, type State, unconfirmed } from "./state";
import { ownPath, visible } from "./text";

const asked = (state: State) => reduce(state, { kind: "asked", askId: "a1", question: "why?", scope: { services: [], since: "15m" } });
const hear = (state: State, ...events: unknown[]) =>
  events.reduce<State>((before, event) => reduce(before, { kind: "server", event: event as ServerEvent }), state);

const started = { t: "run.started", seq: 1, d: { run_id: "r1", ask_id: "a1", model: null } };
const step = (seq: number, status: string) => ({ t: "step", seq, d: { run_id: "r1", id: "plan", title: "Reading", status, detail: null, ms: null } });
const answer = (seq: number, told_by: string) => ({
  t: "answer",
  seq,
  d: { run_id: "r1", answer: { answer_id: "x", run_id: "r1", told_by, headline: told_by, question: "why, masked?", hypotheses: [], evidence: [{ id: "E1" }] } },
});

test("a step replaces itself by id", () => {
  const state = hear(asked(emptyState("s")), started, step(2, "in_progress"), step(3, "complete"));
  expect(state.runs[0]?.steps).toHaveLength(1);
  expect(state.runs[0]?.steps[0]?.status).toBe("complete");
});

test("the model's answer replaces the facts card", () => {
  const state = hear(asked(emptyState("s")), started, answer(2, "plain"), answer(3, "model"));
  expect(state.runs[0]?.answer?.told_by).toBe("model");
  expect(state.runs[0]?.evidence).toHaveLength(1);
});

test("what was read before a break is not read twice, what is new is", () => {
  const before = hear(asked(emptyState("s")), started, step(2, "in_progress"));
  const after = hear(before, started, step(2, "in_progress"), step(3, "complete"), { t: "run.finished", seq: 4, d: { run_id: "r1", status: "done", error: null } });
  expect(after.lastSeq).toBe(4);
  expect(after.runs).toHaveLength(1);
  expect(after.runs[0]?.status).toBe("done");
});

test("a snapshot brings the answers of a conversation that was away too long", () => {
  const state = hear(emptyState("s", 3), { t: "snapshot", seq: 5000, d: { seq: 5000, answers: [{ answer_id: "x", run_id: "r9", question: "old?", hypotheses: [], evidence: [] }] } });
  expect(state.lastSeq).toBe(5000);
  expect(state.runs[0]?.question).toBe("old?");
});

test("a snapshot keeps what was asked and has no answer yet", () => {
  const state = hear(asked(emptyState("s", 3)), { t: "snapshot", seq: 2, d: { seq: 2, answers: [] } });
  expect(state.lastSeq).toBe(2);
  expect(state.runs[0]).toMatchObject({ askId: "a1", status: "asked" });
});

test("after a reload the log brings the runs back, and the answer its question", () => {
  const state = hear(emptyState("s"), started, answer(2, "plain"), { t: "run.finished", seq: 3, d: { run_id: "r1", status: "done", error: null } });
  expect(state.runs[0]).toMatchObject({ question: "why, masked?", status: "done" });
});

test("a server that forgot the conversation starts its numbers over, and its open runs are lost", () => {
  const before = hear(asked(emptyState("s")), started, step(9, "in_progress"));
  const welcome = { t: "welcome", d: { model: null, heartbeat_s: 20, resume: [{ sid: "s", status: "gone" }] } };
  const forgotten = hear(before, welcome);
  expect(forgotten.runs[0]).toMatchObject({ status: "failed" });
  const again = reduce(forgotten, { kind: "asked", askId: "a2", question: "again?", scope: { services: [] } });
  const after = hear(again, { t: "run.started", seq: 1, d: { run_id: "r2", ask_id: "a2", model: null } });
  expect(after.runs[1]?.status).toBe("running");
});

test("what the server has not confirmed is said again with the same key, what it has is not", () => {
  const open = asked(emptyState("s"));
  expect(unconfirmed(open)).toEqual([{ t: "ask", id: "a1", sid: "s", d: { text: "why?", ask_id: "a1", scope: { services: [], since: "15m" } } }]);
  const accepted = hear(open, { t: "accepted", d: { run_id: "r1", answer_id: "x", ask_id: "a1" } });
  expect(unconfirmed(accepted)).toEqual([]);
  expect(unconfirmed(reduce(accepted, { kind: "stopped", askId: "a1" }))).toEqual([{ t: "cancel", sid: "s", d: { run_id: "r1" } }]);
});

test("suspects replace themselves by id", () => {
  const suspect = (seq: number, score: number) => ({ t: "hypothesis", seq, d: { run_id: "r1", id: "h1", score } });
  expect(hear(asked(emptyState("s")), started, suspect(2, 0.2), suspect(3, 0.7)).runs[0]?.hypotheses).toMatchObject([{ id: "h1", score: 0.7 }]);
});

test("sentences of a model are kept in their order", () => {
  const text = (seq: number, block: number, s: string) => ({ t: "text", seq, d: { run_id: "r1", answer_id: "x", block, s } });
  const state = hear(asked(emptyState("s")), started, text(2, 1, "second"), text(3, 0, "first"));
  expect(state.runs[0]?.streamed).toEqual(["first", "second"]);
});

test("a refused question says why, an unknown event changes nothing", () => {
  const state = asked(emptyState("s"));
  expect(hear(state, { t: "something-newer", d: {} })).toEqual(state);
  const refused = hear(state, { t: "error", d: { code: "busy", message: "too many", retryable: true, retry_after_ms: 5, ask_id: "a1" } });
  expect(refused.runs[0]).toMatchObject({ status: "failed", error: "too many" });
});

test("a refusal that names nothing is that of the oldest open question; a late stop is none", () => {
  const state = asked(emptyState("s"));
  const bad = { t: "error", d: { code: "bad_question", message: "scope.at `x` is not a time", retryable: false, retry_after_ms: null } };
  expect(hear(state, bad).runs[0]).toMatchObject({ status: "failed", error: "scope.at `x` is not a time" });
  expect(hear(state, { t: "error", d: { code: "not_running", message: "no", retryable: false, retry_after_ms: null } })).toEqual(state);
});

test("frames that are none are dropped", () => {
  for (const text of ["", "{", "7", "null", "{}", '{"t":"x"}']) expect(parseFrame(text)).toBeUndefined();
  expect(parseFrame('{"t":"x","d":{}}')).toEqual({ t: "x", d: {} });
});

test("coming back waits longer each time, up to a limit, and never in step with others", () => {
  expect(backoff(0, () => 1)).toBe(500);
  expect(backoff(30, () => 1)).toBe(15_000);
  expect(backoff(3, () => 0)).toBe(0);
});

test("what could hide or reorder text is shown", () => {
  expect(visible("a\u202eb\u001b[2J")).toBe("a‹U+202E›b‹U+001B›[2J");
  expect(visible("x\u{e0041}y\u2066z")).toBe("x‹U+E0041›y‹U+2066›z");
  expect(visible("one\r\ntwo\rthree")).toBe("one\ntwo‹U+000D›three");
  expect(visible("plain\n\ttext – ok")).toBe("plain\n\ttext – ok");
});

test("a path from data leads to this server or nowhere", () => {
  expect(ownPath("/e/ans_1/E1")).toBe("/e/ans_1/E1");
  for (const path of ["//evil.example/x", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "e/1", "/e?x"]) expect(ownPath(path)).toBeUndefined();
});
