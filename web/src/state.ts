// The one reducer: server events in, what the panel shows out. Pure.
import type { ClientFrame, Scope, ServerEvent } from "./protocol";
import type { Answer, Evidence, Hypothesis, Step } from "./wire.gen";

/** One question and what came of it. */
export interface Run {
  askId: string;
  question: string;
  scope: Scope;
  runId?: string;
  answerId?: string;
  steps: Step[];
  evidence: Evidence[];
  hypotheses: Hypothesis[];
  /** Sentences of the model that held, while the final answer is on its way. */
  streamed: string[];
  answer?: Answer;
  status: "asked" | "running" | "done" | "cancelled" | "superseded" | "failed";
  /** Its asker wants it to end. */
  stopping?: boolean;
  error?: string;
}

export interface State {
  sid: string;
  /** The last number read, to go on from after a break. */
  lastSeq: number;
  runs: Run[];
  model?: string;
}

export type Action =
  | { kind: "asked"; askId: string; question: string; scope: Scope }
  | { kind: "stopped"; askId: string }
  | { kind: "server"; event: ServerEvent };

type ErrorEvent = Extract<ServerEvent, { t: "error" }>;
type WelcomeEvent = Extract<ServerEvent, { t: "welcome" }>;

/** Questions that are kept in the page. */
const RUNS_MAX = 100;

export function emptyState(sid: string, lastSeq = 0): State {
  return { sid, lastSeq, runs: [] };
}

export function isBusy(run: Run): boolean {
  return run.status === "asked" || run.status === "running";
}

export function reduce(state: State, action: Action): State {
  switch (action.kind) {
    case "asked":
      // Over a long night the oldest go; the server has them under their codes.
      return { ...state, runs: [...state.runs, newRun(action.askId, action.question, action.scope)].slice(-RUNS_MAX) };
    case "stopped":
      return change(state, (run) => run.askId === action.askId && isBusy(run), (run) => ({ ...run, stopping: true }));
    case "server":
      return hear(state, action.event);
  }
}

/** What the server has not confirmed yet. Saying it twice does no harm: an `ask_id` names one run. */
export function unconfirmed(state: State): ClientFrame[] {
  const asks = state.runs.filter((run) => run.status === "asked" && !run.runId).map((run) => askFrame(state, run));
  const cancels = state.runs.filter((run) => run.stopping && isBusy(run)).map((run) => cancelFrame(state, run));
  return [...asks, ...cancels];
}

export function askFrame(state: State, run: Run): ClientFrame {
  return { t: "ask", id: run.askId, sid: state.sid, d: { text: run.question, ask_id: run.askId, scope: run.scope } };
}

export function cancelFrame(state: State, run: Run): ClientFrame {
  return { t: "cancel", sid: state.sid, d: run.runId ? { run_id: run.runId } : { ask_id: run.askId } };
}

function hear(state: State, event: ServerEvent): State {
  // Only logged events carry a number of the log; a snapshot is allowed to jump, back as well.
  if (event.seq === undefined) return apply(state, event);
  // What was read before the break may come once more.
  if (event.seq <= state.lastSeq && event.t !== "snapshot") return state;
  return apply({ ...state, lastSeq: event.seq }, event);
}

function apply(state: State, event: ServerEvent): State {
  switch (event.t) {
    case "welcome":
      return welcomed(state, event);
    case "accepted":
      return change(state, (run) => run.askId === event.d.ask_id, (run) => ({ ...run, runId: event.d.run_id, answerId: event.d.answer_id }));
    case "run.started":
      return change(withRun(state, event.d.ask_id), (run) => run.askId === event.d.ask_id, (run) => ({ ...run, runId: event.d.run_id, status: "running" }));
    case "step":
      return ofRun(state, event.d.run_id, (run) => ({ ...run, steps: replaced(run.steps, event.d) }));
    case "evidence":
      return ofRun(state, event.d.run_id, (run) => ({ ...run, evidence: replaced(run.evidence, event.d.evidence) }));
    case "hypothesis":
      return ofRun(state, event.d.run_id, (run) => ({ ...run, hypotheses: replaced(run.hypotheses, event.d) }));
    case "text":
      return ofRun(state, event.d.run_id, (run) => ({ ...run, streamed: withSentence(run.streamed, event.d.block, event.d.s) }));
    case "answer":
      return ofRun(state, event.d.run_id, (run) => ({ ...run, ...told(event.d.answer), question: run.question || event.d.answer.question }));
    case "run.finished":
      return ofRun(state, event.d.run_id, (run) => ({ ...run, status: event.d.status, stopping: false, error: event.d.error?.message }));
    case "snapshot":
      return restored(state, event.d.answers);
    case "error":
      return refused(state, event);
    default:
      return state;
  }
}

/** A server that does not know the conversation begins a new one, whose numbers start over; its runs are lost. */
function welcomed(state: State, event: WelcomeEvent): State {
  const next = { ...state, model: event.d.model ?? undefined };
  const isGone = event.d.resume.some((resume) => resume.sid === state.sid && resume.status === "gone");
  if (!isGone) return next;
  const lost = (run: Run) => isBusy(run) && run.runId !== undefined;
  return change({ ...next, lastSeq: 0 }, lost, (run) => ({ ...run, status: "failed", stopping: false, error: "the server was restarted and lost this question; ask it again" }));
}

/** The answers the server kept, and behind them what this panel asked that has none yet. */
function restored(state: State, answers: Answer[]): State {
  const known = new Set(answers.map((answer) => answer.run_id));
  const kept = state.runs.filter((run) => isBusy(run) && !(run.runId && known.has(run.runId)));
  const runs = answers.map((answer): Run => ({ ...newRun(answer.run_id, answer.question, { services: [] }), ...told(answer), runId: answer.run_id, status: "done" }));
  return { ...state, runs: [...runs, ...kept] };
}

/** Some refusals do not say what they refuse; requests are taken in order, so it is the oldest that is open. */
function refused(state: State, event: ErrorEvent): State {
  if (event.d.code === "not_running") return state;
  const askId = event.d.ask_id ?? event.id ?? state.runs.find((run) => run.status === "asked" && !run.runId)?.askId;
  return change(state, (run) => run.askId === askId, (run) => ({ ...run, status: "failed", stopping: false, error: event.d.message }));
}

function newRun(askId: string, question: string, scope: Scope): Run {
  return { askId, question, scope, steps: [], evidence: [], hypotheses: [], streamed: [], status: "asked" };
}

function told(answer: Answer): Pick<Run, "answer" | "answerId" | "evidence" | "hypotheses"> {
  return { answer, answerId: answer.answer_id, evidence: answer.evidence, hypotheses: answer.hypotheses };
}

/** A run that began before a reload or in another window is shown here as well; its answer brings the question. */
function withRun(state: State, askId: string): State {
  if (state.runs.some((run) => run.askId === askId)) return state;
  return { ...state, runs: [...state.runs, newRun(askId, "", { services: [] })] };
}

function ofRun(state: State, runId: string, next: (run: Run) => Run): State {
  return change(state, (run) => run.runId === runId, next);
}

function change(state: State, matches: (run: Run) => boolean, next: (run: Run) => Run): State {
  return { ...state, runs: state.runs.map((run) => (matches(run) ? next(run) : run)) };
}

function withSentence(sentences: string[], block: number, sentence: string): string[] {
  const next = [...sentences];
  next[block] = sentence;
  return next;
}

function replaced<T extends { id: string }>(items: T[], item: T): T[] {
  const position = items.findIndex((known) => known.id === item.id);
  return position < 0 ? [...items, item] : items.map((known, index) => (index === position ? item : known));
}
