// The one reducer: server events in, what the panel shows out. Pure.
import type { ServerEvent } from "./protocol";
import type { Answer, Evidence, Step } from "./wire.gen";

/** One question and what came of it. */
export interface Run {
  askId: string;
  question: string;
  runId?: string;
  answerId?: string;
  steps: Step[];
  evidence: Evidence[];
  /** Sentences of the model that held, while the final answer is on its way. */
  streamed: string[];
  answer?: Answer;
  status: "asked" | "running" | "done" | "cancelled" | "failed";
  error?: string;
}

export interface State {
  sid: string;
  /** The last number read, to go on from after a break. */
  lastSeq: number;
  runs: Run[];
  model?: string;
}

export type Action = { kind: "asked"; askId: string; question: string } | { kind: "server"; event: ServerEvent };

export function emptyState(sid: string, lastSeq = 0): State {
  return { sid, lastSeq, runs: [] };
}

export function reduce(state: State, action: Action): State {
  if (action.kind === "asked") {
    const run: Run = { askId: action.askId, question: action.question, steps: [], evidence: [], streamed: [], status: "asked" };
    return { ...state, runs: [...state.runs, run] };
  }
  const { event } = action;
  if (event.seq !== undefined) {
    // What was read before the break may come once more; the snapshot is allowed to jump.
    if (event.seq <= state.lastSeq && event.t !== "snapshot") return state;
    state = { ...state, lastSeq: event.seq };
  }
  return apply(state, event);
}

function apply(state: State, event: ServerEvent): State {
  switch (event.t) {
    case "welcome":
      return { ...state, model: event.d.model ?? undefined };
    case "accepted":
      return change(state, (run) => run.askId === event.d.ask_id, (run) => ({ ...run, runId: event.d.run_id, answerId: event.d.answer_id }));
    case "run.started":
      return change(withRun(state, event.d.ask_id, event.d.run_id), (run) => run.askId === event.d.ask_id, (run) => ({
        ...run,
        runId: event.d.run_id,
        status: "running",
      }));
    case "step":
      return ofRun(state, event.d.run_id, (run) => ({ ...run, steps: replaced(run.steps, event.d) }));
    case "evidence":
      return ofRun(state, event.d.run_id, (run) => ({ ...run, evidence: replaced(run.evidence, event.d.evidence) }));
    case "text":
      return ofRun(state, event.d.run_id, (run) => {
        const streamed = [...run.streamed];
        streamed[event.d.block] = event.d.s;
        return { ...run, streamed };
      });
    case "answer":
      return ofRun(state, event.d.run_id, (run) => ({ ...run, answer: event.d.answer, evidence: event.d.answer.evidence }));
    case "run.finished":
      return ofRun(state, event.d.run_id, (run) => ({ ...run, status: event.d.status, error: event.d.error?.message }));
    case "snapshot":
      return { ...state, runs: event.d.answers.map(runOfAnswer) };
    case "error":
      return change(state, (run) => event.d.ask_id !== undefined && run.askId === event.d.ask_id, (run) => ({
        ...run,
        status: "failed",
        error: event.d.message,
      }));
    default:
      return state;
  }
}

/** A run that another window began is shown here as well. */
function withRun(state: State, askId: string, runId: string): State {
  if (state.runs.some((run) => run.askId === askId)) return state;
  return { ...state, runs: [...state.runs, { askId, runId, question: "", steps: [], evidence: [], streamed: [], status: "running" }] };
}

function runOfAnswer(answer: Answer): Run {
  return {
    askId: answer.run_id,
    question: answer.question,
    runId: answer.run_id,
    answerId: answer.answer_id,
    steps: [],
    evidence: answer.evidence,
    streamed: [],
    answer,
    status: "done",
  };
}

function ofRun(state: State, runId: string, next: (run: Run) => Run): State {
  return change(state, (run) => run.runId === runId, next);
}

function change(state: State, matches: (run: Run) => boolean, next: (run: Run) => Run): State {
  return { ...state, runs: state.runs.map((run) => (matches(run) ? next(run) : run)) };
}

function replaced<T extends { id: string }>(items: T[], item: T): T[] {
  const position = items.findIndex((known) => known.id === item.id);
  return position < 0 ? [...items, item] : items.map((known, index) => (index === position ? item : known));
}
