// One run: what was asked, how far it is, and the answer with its chips.
import type { ComponentChildren } from "preact";
import type { Run } from "./state";
import { visible } from "./text";
import type { Answer, Hypothesis } from "./wire.gen";

export interface OpenEvidence {
  (run: Run, id: string, opener: HTMLElement): void;
}

interface Props {
  run: Run;
  open: OpenEvidence;
  stop: (run: Run) => void;
}

export function RunView({ run, open, stop }: Props) {
  const busy = run.status === "asked" || run.status === "running";
  const latest = run.steps[run.steps.length - 1];
  return (
    <article class="run" aria-busy={busy}>
      {run.question && <p class="question">{visible(run.question)}</p>}
      {busy && (
        <div class="progress">
          <ol aria-label="Steps">
            {run.steps.map((step) => (
              <li key={step.id} class={step.status}>
                <span aria-hidden="true">{step.status === "complete" ? "✓" : step.status === "error" ? "✗" : "◐"}</span> {step.title}
                {step.detail && <small> {visible(step.detail)}</small>}
              </li>
            ))}
          </ol>
          {!latest && <p>Waiting for the server…</p>}
          <button type="button" onClick={() => stop(run)}>
            Stop <kbd>Esc</kbd>
          </button>
        </div>
      )}
      {run.error && (
        <p class="notice" role="alert">
          {visible(run.error)}
        </p>
      )}
      {run.answer && <AnswerView run={run} answer={run.answer} open={open} />}
    </article>
  );
}

const VERDICTS = {
  likely_cause: { mark: "●", word: "Likely cause" },
  lookup: { mark: "●", word: "Found" },
  not_enough_evidence: { mark: "○", word: "Not enough evidence" },
} as const;

function AnswerView({ run, answer, open }: { run: Run; answer: Answer; open: OpenEvidence }) {
  const verdict = VERDICTS[answer.verdict];
  const cite = (ids: string[]) => <Chips run={run} ids={ids} open={open} />;
  const streaming = answer.told_by === "plain" && run.status === "running" ? run.streamed.filter(Boolean) : [];
  return (
    <div class="answer">
      <h2>
        <span class={`verdict ${answer.verdict}`}>
          <span aria-hidden="true">{verdict.mark}</span> {verdict.word}
        </span>{" "}
        {visible(answer.headline)}
        {cite(answer.headline_cites)}
        {answer.confidence && <span class="confidence">confidence: {answer.confidence}</span>}
      </h2>
      {answer.notice && <p class="notice">{visible(answer.notice)}</p>}
      {streaming.length > 0 && (
        <div class="streaming" aria-busy="true">
          {streaming.map((sentence) => (
            <p key={sentence}>{visible(sentence)}</p>
          ))}
        </div>
      )}
      <ul class="claims" aria-label="What the evidence says">
        {answer.claims.map((claim) => (
          <li key={claim.id}>
            {visible(claim.text)} {cite(claim.cites)}
            {claim.status === "unverifiable" && <small> (cannot be looked up)</small>}
          </li>
        ))}
      </ul>
      <Hypotheses list={answer.hypotheses} cite={cite} />
      <Section title="Ruled out" items={answer.ruled_out} line={(item) => [visible(item.text), cite(item.cites)]} />
      <Section
        title="Seen before"
        items={answer.seen_before}
        line={(item) => [visible(item.title), item.fixed_by ? ` — fixed by: ${visible(item.fixed_by)}` : "", cite(item.cites)]}
      />
      <Section title="Next" items={answer.next} line={(item) => [visible(item.label), item.cmd ? <code>{visible(item.cmd)}</code> : "", cite(item.cites)]} />
      <Section title="Could not see" items={answer.unknowns} line={(item) => [visible(item.what), item.fix ? <small> → {visible(item.fix)}</small> : ""]} />
      <p class="receipt">{receipt(answer)}</p>
    </div>
  );
}

function Hypotheses({ list, cite }: { list: Hypothesis[]; cite: (ids: string[]) => ComponentChildren }) {
  if (list.length === 0) return null;
  const marks = { supported: "✓", possible: "?", refuted: "✗" } as const;
  return (
    <section>
      <h3>Suspects</h3>
      <ul class="hypotheses">
        {list.map((item) => (
          <li key={item.id} class={item.status}>
            <span class="mark" aria-hidden="true">
              {marks[item.status]}
            </span>
            <strong>{visible(item.title)}</strong> <span class="status">{item.status}</span>{" "}
            <meter min={0} max={1} value={item.score} aria-label={`how convincing: ${item.score.toFixed(2)} of 1`} /> {visible(item.why)}{" "}
            {cite(item.status === "refuted" ? item.against : item.for)}
          </li>
        ))}
      </ul>
    </section>
  );
}

interface SectionProps<T> {
  title: string;
  items: T[];
  line: (item: T) => ComponentChildren;
}

function Section<T>({ title, items, line }: SectionProps<T>) {
  if (items.length === 0) return null;
  return (
    <section>
      <h3>{title}</h3>
      <ul>
        {items.map((item, index) => (
          <li key={index}>{line(item)}</li>
        ))}
      </ul>
    </section>
  );
}

function Chips({ run, ids, open }: { run: Run; ids: string[]; open: OpenEvidence }) {
  return (
    <span class="chips">
      {ids.map((id) => {
        const item = run.evidence.find((known) => known.id === id);
        return (
          <button key={id} type="button" class="chip" title={item && visible(item.title)} aria-label={`Evidence ${id}`} onClick={(event) => open(run, id, event.currentTarget)}>
            {id}
          </button>
        );
      })}
    </span>
  );
}

function receipt(answer: Answer): string {
  const { receipt: seen, usage } = answer;
  const number = (value: number) => value.toLocaleString("en-US");
  const told = answer.told_by === "model" ? `told by ${usage.model ?? "a model"}, checked` : "facts only, no model";
  return (
    `${number(seen.log_records)} log records, ${number(seen.templates)} templates (${number(seen.templates_changed)} changed), ` +
    `${number(seen.spans)} spans, ${number(seen.series)} series · ${seen.items} items, ${number(seen.bundle_tokens)} tokens, ` +
    `${number(seen.left_out)} left out · ${(usage.ms / 1000).toFixed(2)} s · ${told}`
  );
}
