// The answer: verdict and headline first, then what it stands on, then what is not known.
import type { ComponentChildren } from "preact";
import { Chips, type Cite } from "./chips";
import { Copy } from "./copy";
import { Doubt } from "./feedback";
import { Hypotheses } from "./hypotheses";
import { visible } from "./text";
import { moment, span } from "./time";
import type { Answer, Confidence, NextStep, SeenSign } from "./wire.gen";

const VERDICTS = {
  likely_cause: { mark: "◆", word: "Likely cause" },
  lookup: { mark: "✓", word: "Found" },
  not_enough_evidence: { mark: "○", word: "Not enough evidence" },
} as const;

/** `sentences` are those of a model that has not finished; they stand below the facts until it has. */
export function AnswerView({ answer, sentences }: { answer: Answer; sentences: string[] }) {
  const cite: Cite = (ids) => <Chips ids={ids} evidence={answer.evidence} />;
  return (
    <div class="answer">
      {answer.notice && <p class="notice">{visible(answer.notice)}</p>}
      <p class="standing-line">
        <span class={`verdict ${answer.verdict}`}>
          <span aria-hidden="true">{VERDICTS[answer.verdict].mark}</span> {VERDICTS[answer.verdict].word}
        </span>
        {answer.confidence && <ConfidenceMark level={answer.confidence} />}
        <a class="code" href={`/i/${encodeURIComponent(answer.incident)}`} title="A page for this incident">
          {visible(answer.incident)}
        </a>
      </p>
      <h2>
        {visible(answer.headline)} {cite(answer.headline_cites)}
      </h2>
      <p class="scope">
        {answer.impact.since && <>since {moment(answer.impact.since)} · </>}
        {answer.impact.services.length > 0 && <>hits {answer.impact.services.map(visible).join(", ")} {cite(answer.impact.cites)} · </>}
        examined {span(answer.from, answer.to)}
      </p>
      {answer.understood && <p class="scope">read as: {visible(answer.understood)}</p>}
      <Claims answer={answer} cite={cite} />
      {sentences.length > 0 && <Streaming sentences={sentences} />}
      <Hypotheses list={answer.hypotheses} cite={cite} />
      <Section title="Ruled out" items={answer.ruled_out} line={(item) => [visible(item.text), " ", cite(item.cites)]} />
      <Section
        title="Seen before"
        items={answer.seen_before}
        line={(item) => [
          item.incident && <b>{visible(item.incident)} </b>,
          visible(item.title),
          item.similarity !== null && <small> {Math.round(item.similarity * 100)} % alike</small>,
          item.fixed_by && <> — fixed by: {visible(item.fixed_by)}</>,
          item.took && <>, took {visible(item.took)}</>,
          " ",
          cite(item.cites),
          <div class="sides">
            <Side title="As then" signs={item.matches} cite={cite} />
            <Side title="Differs this time" signs={item.differs} cite={cite} />
          </div>,
        ]}
      />
      <Section title="Next" items={answer.next} line={(item) => <Next item={item} cite={cite} />} />
      <Section title="Could not see" items={answer.unknowns} line={(item) => [visible(item.what), item.fix && <small> → {visible(item.fix)}</small>]} />
      <p class="receipt">{receipt(answer)}</p>
    </div>
  );
}

function ConfidenceMark({ level }: { level: Confidence }) {
  const bars = { low: 1, medium: 2, high: 3 }[level];
  return (
    <span class={`confidence ${level}`}>
      <svg class="bars" aria-hidden="true" viewBox="0 0 14 12" width="14" height="12">
        {[1, 2, 3].map((bar) => (
          <rect key={bar} class={bar <= bars ? "on" : "off"} x={(bar - 1) * 5} y={12 - bar * 4} width="4" height={bar * 4} rx="1" />
        ))}
      </svg>{" "}
      {level} confidence
    </span>
  );
}

function Streaming({ sentences }: { sentences: string[] }) {
  return (
    <div class="streaming" aria-busy="true">
      {sentences.map((sentence, index) => (
        <p key={index}>{visible(sentence)}</p>
      ))}
    </div>
  );
}

function Claims({ answer, cite }: { answer: Answer; cite: Cite }) {
  if (answer.claims.length === 0) return null;
  return (
    <ul class="claims" aria-label="What the evidence says">
      {answer.claims.map((claim) => (
        <li key={claim.id}>
          {visible(claim.text)} {cite(claim.cites)}
          {claim.status === "unverifiable" && <small> (nothing in it could be looked up)</small>} <Doubt answerId={answer.answer_id} claim={claim} />
        </li>
      ))}
    </ul>
  );
}

/** One side of a comparison with a past incident. */
function Side({ title, signs, cite }: { title: string; signs: SeenSign[]; cite: Cite }) {
  if (signs.length === 0) return null;
  return (
    <div>
      <h4>{title}</h4>
      <ul>
        {signs.map((sign, index) => (
          <li key={index}>
            {visible(sign.text)} {cite(sign.cites)}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Next({ item, cite }: { item: NextStep; cite: Cite }) {
  return (
    <>
      {visible(item.label)} {cite(item.cites)}
      {item.cmd && (
        <span class="command">
          <code>{visible(item.cmd)}</code> <Copy text={item.cmd} what="command" />
        </span>
      )}
    </>
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

function receipt(answer: Answer): string {
  const { receipt: seen, usage } = answer;
  const number = (value: number) => value.toLocaleString("en-US");
  const told = answer.told_by === "model" ? `told by ${visible(usage.model ?? "a model")}, checked` : "facts only";
  return [
    `${number(seen.log_records)} log records in ${number(seen.templates)} patterns (${number(seen.templates_changed)} changed)`,
    `${number(seen.spans)} spans`,
    `${number(seen.series)} series`,
    `${number(seen.items)} items of evidence in ${number(seen.bundle_tokens)} tokens, ${number(seen.left_out)} left out`,
    `${(usage.ms / 1000).toFixed(2)} s`,
    told,
  ].join(" · ");
}
