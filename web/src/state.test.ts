import { expect, test } from "vitest";
import { backoff } from "./connection";
import { parseFrame, type ServerEvent } from "./protocol";
import { emptyState, reduce, type State } from "./state";
import { visible } from "./text";

const asked = (state: State) => reduce(state, { kind: "asked", askId: "a1", question: "why?" });
const hear = (state: State, ...events: unknown[]) =>
  events.reduce<State>((before, event) => reduce(before, { kind: "server", event: event as ServerEvent }), state);

const started = { t: "run.started", seq: 1, d: { run_id: "r1", ask_id: "a1", model: null } };
const step = (seq: number, status: string) => ({ t: "step", seq, d: { run_id: "r1", id: "plan", title: "Reading", status, detail: null, ms: null } });
const answer = (seq: number, told_by: string) => ({
  t: "answer",
  seq,
  d: { run_id: "r1", answer: { answer_id: "x", run_id: "r1", told_by, headline: told_by, evidence: [{ id: "E1" }] } },
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
  const state = hear(emptyState("s", 3), { t: "snapshot", seq: 5000, d: { seq: 5000, answers: [{ answer_id: "x", run_id: "r9", question: "old?", evidence: [] }] } });
  expect(state.lastSeq).toBe(5000);
  expect(state.runs[0]?.question).toBe("old?");
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
  expect(visible("plain\n\ttext – ok")).toBe("plain\n\ttext – ok");
});
