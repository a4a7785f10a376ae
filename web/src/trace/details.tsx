// All that is known of one span; what the trace does not carry is fetched when asked for.
import type { ComponentChild } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useView } from "../api";
import { Copy } from "../copy";
import { LEVEL_MARKS, levelColour } from "../hue";
import { visible } from "../text";
import { counted, exactClock } from "../time";
import type { LogLine, SpanMoment, SpanView, TraceSpan, TraceView } from "../wire.gen";
import { microsFrom } from "./axis";
import { waitedFor } from "./layout";
import { Long, Steps } from "./long";
import { name, offset, percent, took } from "./words";

interface Props {
  view: TraceView;
  span: TraceSpan;
  total: number;
  /** Changes when the details were asked for by key: then they get the focus. */
  asked: number;
  close: () => void;
}

/** Milliseconds that a selection rests before its details are fetched: arrow keys pass many spans. */
const REST = 150;

export function Details({ view, span, total, asked, close }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (asked > 0) heading.current?.focus();
  }, [asked]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  };
  return (
    <aside class="tr-details" aria-label="Span" onKeyDown={onKeyDown}>
      <header>
        <h3 ref={heading} tabIndex={-1}>
          {span.failed && <b class="tr-bad">✗ Failed: </b>}
          {name(span.service)} {name(span.operation)}
        </h3>
        <button type="button" class="small" onClick={close}>
          Close <kbd aria-hidden="true">Esc</kbd>
        </button>
      </header>
      <Times span={span} total={total} />
      <Rested key={span.id} view={view} span={span} />
    </aside>
  );
}

function Times({ span, total }: { span: TraceSpan; total: number }) {
  const critical = waitedFor(span);
  const facts: [string, ComponentChild][] = [
    ["Starts", offset(span.start_us)],
    ["Took", `${took(span.us)}, ${percent(span.us / total)} of the trace`],
    ["Own time", `${took(span.own_us)}, ${percent(span.us > 0 ? span.own_us / span.us : 0)} of the span`],
    ["Critical path", critical > 0 ? `${took(critical)}, ${percent(critical / total)} of the trace` : "not on it"],
    ["Kind", visible(span.kind)],
    ["Span", <><code>{visible(span.id.slice(0, 64))}</code> <Copy text={span.id} what="span id" /></>],
  ];
  return (
    <dl>
      {facts.map(([title, fact]) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd>{fact}</dd>
        </div>
      ))}
    </dl>
  );
}

function Rested({ view, span }: { view: TraceView; span: TraceSpan }) {
  const [path, setPath] = useState<string>();
  const [again, setAgain] = useState(0);
  useEffect(() => {
    const timer = setTimeout(() => setPath(`/v1/traces/${encodeURIComponent(view.id)}/spans/${encodeURIComponent(span.id)}`), REST);
    return () => clearTimeout(timer);
  }, [view.id, span.id]);
  const loaded = useView<SpanView>(path, again);
  switch (loaded.at) {
    case "loading":
      return <p class="tr-quiet">Fetching what it says…</p>;
    case "token":
      return <p class="notice">The server asks for its token; it says no more of the span without.</p>;
    case "failed":
      return (
        <p class="notice" role="alert">
          More of the span could not be fetched: {visible(loaded.why)}{" "}
          <button type="button" class="small" onClick={() => setAgain(again + 1)}>
            Try again
          </button>
        </p>
      );
    case "here":
      return <Said view={view} span={span} said={loaded.view} />;
  }
}

function Said({ view, span, said }: { view: TraceView; span: TraceSpan; said: SpanView }) {
  return (
    <>
      {said.message && (
        <p class={span.failed ? "tr-message tr-message-bad" : "tr-message"}>
          <Long text={said.message} />
        </p>
      )}
      <Pairs title="Attributes" pairs={said.attributes} />
      <Moments moments={said.events} start={view.start} span={span} />
      <Lines lines={said.lines} start={view.start} />
      <Pairs title="Of who recorded it" pairs={said.resource} />
    </>
  );
}

/** Characters of an attribute that are shown at first: one must not push the others away. */
const VALUE_FIRST = 500;

function Pairs({ title, pairs }: { title: string; pairs: [string, string][] }) {
  if (pairs.length === 0) return null;
  return (
    <section>
      <h4>
        {title} <small>{pairs.length.toLocaleString("en-US")}</small>
      </h4>
      <Steps count={pairs.length} step={100}>
        {(most) => (
          // The roles are said because narrow screens show the rows as blocks.
          <table role="table" aria-label={title}>
            <tbody role="rowgroup">
              {pairs.slice(0, most).map(([key, value], index) => (
                <tr key={index} role="row">
                  <th scope="row" role="rowheader">{name(key)}</th>
                  <td role="cell">
                    <Long text={value} first={VALUE_FIRST} />
                  </td>
                  <td class="tr-copy" role="cell">
                    <Copy text={value} what={name(key)} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Steps>
    </section>
  );
}

function Moments({ moments, start, span }: { moments: SpanMoment[]; start: string; span: TraceSpan }) {
  if (moments.length === 0) return null;
  return (
    <section>
      <h4>
        Events <small>{counted(moments.length, "event")}, from the span's start</small>
      </h4>
      <Steps count={moments.length} step={50}>
        {(most) => (
          <ol class="tr-moments">
            {moments.slice(0, most).map((moment, index) => (
              <li key={index}>
                <span class="tr-at" title={exactClock(moment.time)}>
                  {offset(microsFrom(start, moment.time) - span.start_us)}
                </span>
                <div>
                  <b>{name(moment.name)}</b>
                  {moment.attributes.map(([key, value], place) => (
                    <div key={place} class="tr-pair">
                      <span>{name(key)}</span> <Long text={value} />
                    </div>
                  ))}
                </div>
              </li>
            ))}
          </ol>
        )}
      </Steps>
    </section>
  );
}

function Lines({ lines, start }: { lines: LogLine[]; start: string }) {
  if (lines.length === 0) return null;
  return (
    <section>
      <h4>
        Logs <small>{counted(lines.length, "line")} written in it, from the trace's start</small>
      </h4>
      <Steps count={lines.length} step={50}>
        {(most) => (
          <ol class="tr-moments">
            {lines.slice(0, most).map((line, index) => (
              <li key={index}>
                <span class="tr-at" title={exactClock(line.time)}>
                  {offset(microsFrom(start, line.time))}
                </span>
                <div>
                  <b class="tr-level" style={{ "--tr-level": levelColour(line.level) }}>
                    {LEVEL_MARKS[line.level] ?? "·"} {visible(line.level)}
                  </b>{" "}
                  <Long text={line.body} />
                </div>
              </li>
            ))}
          </ol>
        )}
      </Steps>
    </section>
  );
}
