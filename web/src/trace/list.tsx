// Traces as a list: when, how long, who took part, what failed.
import { useMemo, useState } from "preact/hooks";
import { hue } from "../hue";
import { counted, day, exactClock, long, moment, span, zoneName } from "../time";
import type { TraceRow, TracesView } from "../wire.gen";
import { Steps } from "./long";
import { name } from "./words";
import "./trace.css";

type Order = "failed" | "duration" | "time";

/** In an order, most first, or the other way round; what is equal stays as the server ranks it. */
export function sorted(traces: TraceRow[], order: Order, isReversed: boolean): TraceRow[] {
  const by = {
    failed: (one: TraceRow, other: TraceRow) => Math.sign(other.failed) - Math.sign(one.failed) || other.ms - one.ms,
    duration: (one: TraceRow, other: TraceRow) => other.ms - one.ms,
    time: (one: TraceRow, other: TraceRow) => Date.parse(other.start) - Date.parse(one.start),
  }[order];
  return [...traces].sort((one, other) => (isReversed ? by(other, one) : by(one, other)));
}

const ORDERS: [Order, string, string][] = [
  ["failed", "Failed first", "Failed last"],
  ["duration", "Slowest first", "Fastest first"],
  ["time", "Newest first", "Oldest first"],
];

export function TraceList({ view }: { view: TracesView }) {
  const [{ order, isReversed }, setOrder] = useState<{ order: Order; isReversed: boolean }>({ order: "failed", isReversed: false });
  const traces = useMemo(() => sorted(view.traces, order, isReversed), [view, order, isReversed]);
  const slowest = useMemo(() => view.traces.reduce((most, { ms }) => Math.max(most, ms), 0), [view]);
  const failed = useMemo(() => view.traces.filter((trace) => trace.failed > 0).length, [view]);
  if (traces.length === 0) return <p class="tr-state">No trace in {span(view.from, view.to)} matches.</p>;
  return (
    <section class="tr tr-list" aria-label="Traces">
      <div class="tr-tools">
        <p class="tr-quiet">
          {counted(traces.length, "trace")}, {failed > 0 ? <b class="tr-bad">✗ {failed.toLocaleString("en-US")} failed</b> : "none failed"}
          {view.left_out > 0 && `; ${counted(view.left_out, "more is", "more are")} not listed`}; times in {zoneName()}
        </p>
        <div class="tr-group" role="group" aria-label="Order">
          {ORDERS.map(([each, usual, reversed]) => (
            <button key={each} type="button" class="small" aria-pressed={order === each} onClick={() => setOrder({ order: each, isReversed: order === each && !isReversed })}>
              {order === each && isReversed ? reversed : usual}
            </button>
          ))}
        </div>
      </div>
      {view.sampled && <p class="notice">A sample: only some of the traces in this time were read, each of them whole.</p>}
      <Steps count={traces.length} step={200}>
        {(most) => (
          <ol class="tr-traces">
            {traces.slice(0, most).map((trace) => (
              <Trace key={trace.id} trace={trace} slowest={slowest} isDated={day(view.from) !== day(view.to)} />
            ))}
          </ol>
        )}
      </Steps>
    </section>
  );
}

/** Services that a line names. */
const NAMED = 6;

function Trace({ trace, slowest, isDated }: { trace: TraceRow; slowest: number; isDated: boolean }) {
  const more = trace.services.length - NAMED;
  return (
    <li>
      <time dateTime={trace.start} title={moment(trace.start)}>
        {isDated && `${day(trace.start)} `}
        {exactClock(trace.start)}
      </time>
      <a href={`/trace/${encodeURIComponent(trace.id)}`}>
        <span class="tr-swatch" style={{ background: hue(trace.service) }} />
        <b>{name(trace.service)}</b> {name(trace.operation)}
      </a>
      <span class="tr-length">
        <span class="tr-share" aria-hidden="true">
          <span class={trace.failed > 0 ? "tr-failed" : undefined} style={{ width: `${slowest > 0 ? (trace.ms / slowest) * 100 : 0}%` }} />
        </span>
        {long(trace.ms)}
      </span>
      <span class="tr-outcome">{trace.failed > 0 ? <b class="tr-bad">✗ {trace.failed.toLocaleString("en-US")} failed</b> : <span class="tr-quiet">no failure</span>}</span>
      <span class="tr-quiet tr-spans">{counted(trace.spans, "span")}</span>
      <span class="tr-services">
        {trace.services.slice(0, NAMED).map((service) => (
          <span key={service}>
            <span class="tr-swatch" style={{ background: hue(service) }} />
            {name(service)}
          </span>
        ))}
        {more > 0 && <span>+{counted(more, "service")}</span>}
      </span>
    </li>
  );
}
