// Log patterns: what is new, what grew and what fell silent against the time before.
import { useId, useMemo, useState } from "preact/hooks";
import { Copy } from "../copy";
import { clip, visible } from "../text";
import { clock, span } from "../time";
import type { Pattern, PatternsView } from "../wire.gen";
import { changeOf, listed, type Order, sparkBars, variables } from "./change";
import { logsPage } from "./filters";
import "./logs.css";
import { exact, Level, Service } from "./marks";

const ROWS_STEP = 100;
const TEXT_ROW = 400;
const TEXT_FULL = 2000;
const PARTS_MAX = 200;
const EXEMPLAR_SHOWN = 4000;

export function Patterns({ view }: { view: PatternsView }) {
  const [words, setWords] = useState("");
  const [order, setOrder] = useState<Order>("news");
  const [rows, setRows] = useState(ROWS_STEP);
  const found = useMemo(() => listed(view.patterns, words, order), [view, words, order]);
  const id = useId();
  return (
    <section class="lg-patterns" aria-label="Patterns">
      <div class="lg-bar">
        <label for={`${id}-words`}>
          <span>Show those with</span>
          <input id={`${id}-words`} type="search" value={words} onInput={(event) => setWords(event.currentTarget.value)} />
        </label>
        <label class="lg-order" for={`${id}-order`}>
          <span>Order</span>
          <select id={`${id}-order`} value={order} onChange={(event) => setOrder(event.currentTarget.value as Order)}>
            <option value="news">new and grown first</option>
            <option value="count">most lines first</option>
            <option value="service">by service</option>
          </select>
        </label>
      </div>
      <p class="lg-quiet" role="status">
        {`${exact(found.length)} of ${exact(view.patterns.length)} patterns, compared with ${span(view.before_from, view.from)}`}
        {view.left_out > 0 && `; ${exact(view.left_out)} rarer ones are not listed`}
      </p>
      {found.length === 0 && <p class="lg-none">{view.patterns.length === 0 ? "No pattern in this time." : "No pattern has these words."}</p>}
      <ol class="lg-rows">
        {found.slice(0, rows).map((pattern) => (
          <Row key={`${pattern.service}\n${pattern.id}`} pattern={pattern} view={view} />
        ))}
      </ol>
      {found.length > rows && (
        <button type="button" onClick={() => setRows(rows + ROWS_STEP)}>
          {`${exact(Math.min(ROWS_STEP, found.length - rows))} more`}
        </button>
      )}
    </section>
  );
}

const CHANGE_MARKS = { new: "✱", more: "↑", less: "↓", same: "", unknown: "" };

function Row({ pattern, view }: { pattern: Pattern; view: PatternsView }) {
  const [open, setOpen] = useState(false);
  const change = changeOf(pattern);
  return (
    <li class={`lg-pattern lg-is-${change.kind}`}>
      <button type="button" class="lg-row" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Level level={pattern.level} />
        <span class="lg-count">{exact(pattern.count)}</span>
        <span class="lg-change">
          <span class="lg-sign" aria-hidden="true">
            {CHANGE_MARKS[change.kind]}
          </span>
          {change.words}
        </span>
        <Spark counts={pattern.counts} />
        <Service name={pattern.service} />
        <span class="lg-text">
          <Template text={clip(pattern.text, open ? TEXT_FULL : TEXT_ROW)} />
        </span>
      </button>
      {open && <PatternInFull pattern={pattern} view={view} />}
    </li>
  );
}

function PatternInFull({ pattern, view }: { pattern: Pattern; view: PatternsView }) {
  const { id, first, last, before, exemplar } = pattern;
  return (
    <div class="lg-about">
      <p class="lg-quiet">
        {`${exact(pattern.count)} ${pattern.count === 1 ? "line" : "lines"} from ${clock(first)} to ${clock(last)}`}
        {before !== null && `; ${exact(Math.round(before))} in as long a time before`}
      </p>
      <pre tabIndex={0} role="region" aria-label="One of its lines">
        {visible(clip(exemplar, EXEMPLAR_SHOWN))}
        {exemplar.length > EXEMPLAR_SHOWN && <small>{` … ${exact(exemplar.length - EXEMPLAR_SHOWN)} characters more`}</small>}
      </pre>
      <p class="lg-actions">
        <a href={logsPage({ template: id, from: view.from, to: view.to })}>Its lines</a> <Copy text={exemplar} what="line" />
        <small>{`pattern ${visible(clip(id, 80))}`}</small>
      </p>
    </div>
  );
}

function Template({ text }: { text: string }) {
  const parts = variables(text);
  return (
    <>
      {parts.slice(0, PARTS_MAX).map((part, index) => (part.variable ? <var key={index}>{part.text}</var> : visible(part.text)))}
      {parts.length > PARTS_MAX && "…"}
    </>
  );
}

const SPARK_BARS = 40;

function Spark({ counts }: { counts: number[] }) {
  const path = useMemo(() => sparkBars(counts, SPARK_BARS).map((share, index) => (share > 0 ? `M${index + 0.1} 1V${(1 - share).toFixed(3)}H${index + 0.9}V1Z` : "")), [counts]);
  return (
    <svg class="lg-spark" viewBox={`0 0 ${Math.max(path.length, 1)} 1`} preserveAspectRatio="none" aria-hidden="true">
      <path d={path.join("")} />
    </svg>
  );
}
