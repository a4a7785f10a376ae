// One question and what came of it: how far it is, then its answer.
import { AnswerView } from "./answer";
import { Chips } from "./chips";
import { FeedbackForm } from "./feedback";
import { Hypotheses } from "./hypotheses";
import { edit, scopeWords } from "./draft";
import { Proposed } from "./proposed";
import type { Scope } from "./protocol";
import { streaming } from "./settings";
import { isBusy, type Run } from "./state";
import { Suggestions } from "./suggestions";
import { visible } from "./text";
import type { Step } from "./wire.gen";

interface Props {
  run: Run;
  stop: (run: Run) => void;
  again: (question: string, scope: Scope) => void;
}

export function RunView({ run, stop, again }: Props) {
  const words = visible(scopeWords(run.scope));
  const isModelTelling = run.status === "running" && run.answer?.told_by !== "model";
  return (
    <article class="run" aria-busy={isBusy(run)}>
      {run.question && (
        <p class="question">
          {visible(run.question)}
          {words && <small> {words}</small>}
          <button type="button" class="small" onClick={() => edit(run.question, run.scope)}>
            Edit
          </button>
        </p>
      )}
      {isBusy(run) && !run.answer && <Progress run={run} stop={stop} />}
      {run.status === "failed" && (
        <p class="notice" role="alert">
          {visible(run.error ?? "it failed")}{" "}
          <button type="button" onClick={() => again(run.question, run.scope)}>
            Ask again
          </button>
        </p>
      )}
      {run.status === "cancelled" && <p class="notice">Stopped{run.answer ? "; what was proven until then stands below" : " before there was an answer"}.</p>}
      {run.status === "superseded" && <p class="notice">Another question took its place.</p>}
      {run.answer && <AnswerView answer={run.answer} sentences={isModelTelling && streaming.value ? run.streamed.filter(Boolean) : []} />}
      {/* Below the facts: what stands must not move when it goes. */}
      {isBusy(run) && run.answer && <Progress run={run} stop={stop} />}
      {run.answer && !isBusy(run) && run.answer.verdict === "likely_cause" && <Proposed answerId={run.answer.answer_id} />}
      {run.answer && !isBusy(run) && run.answer.verdict !== "lookup" && <FeedbackForm answer={run.answer} />}
      {run.answer && !isBusy(run) && <Suggestions answer={run.answer} ask={(question) => again(question, { services: [] })} />}
      {!run.answer && isBusy(run) && <Hypotheses list={run.hypotheses} cite={(ids) => <Chips ids={ids} evidence={run.evidence} />} />}
    </article>
  );
}

const STEP_MARKS = { in_progress: "◐", complete: "✓", error: "✗" } as const;
const STEP_WORDS = { in_progress: "running", complete: "done", error: "failed" } as const;

function Progress({ run, stop }: { run: Run; stop: (run: Run) => void }) {
  return (
    <div class="progress">
      {run.steps.length === 0 && <p>Waiting for the server…</p>}
      <ol aria-label="Steps">
        {run.steps.map((step) => (
          <StepLine key={step.id} step={step} />
        ))}
      </ol>
      <button type="button" disabled={run.stopping} onClick={() => stop(run)}>
        {run.stopping ? "Stopping…" : "Stop"} <kbd aria-hidden="true">Esc</kbd>
      </button>
    </div>
  );
}

function StepLine({ step }: { step: Step }) {
  return (
    <li class={step.status}>
      <span class="mark" aria-hidden="true">
        {STEP_MARKS[step.status]}
      </span>{" "}
      {visible(step.title)} <span class="visually-hidden">{STEP_WORDS[step.status]}</span>
      {step.detail && <small> {visible(step.detail)}</small>}
      {step.ms !== null && <small> · {step.ms} ms</small>}
    </li>
  );
}
