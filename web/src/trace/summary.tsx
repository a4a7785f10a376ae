// What a trace is in a few figures, and where its time went.
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { Copy } from "../copy";
import { hue } from "../hue";
import { visible } from "../text";
import { counted, day, exactClock, zoneName } from "../time";
import type { TraceView } from "../wire.gen";
import { type Tree, spent } from "./layout";
import { name, percent, took } from "./words";

const MOST = 5;

export function Summary({ view, tree }: { view: TraceView; tree: Tree }) {
  const services = useMemo(() => new Set(view.spans.map(({ service }) => service)).size, [view]);
  const root = view.spans[0];
  return (
    <header class="tr-summary">
      <div class="tr-facts">
        <h2>{root ? `${name(root.service)} ${name(root.operation)}` : "A trace without spans"}</h2>
        <dl>
          <Fact name="Trace" isWide>
            <code>{visible(view.id.slice(0, 64))}</code> <Copy text={view.id} what="trace id" />
          </Fact>
          <Fact name="Start">
            {day(view.start)} {exactClock(view.start)} {zoneName()}
          </Fact>
          <Fact name="Took">{took(tree.total)}</Fact>
          <Fact name="Spans">
            {counted(view.spans.length, "span")} of {counted(services, "service")}
          </Fact>
          <Fact name="Failed">{tree.failed > 0 ? <b class="tr-bad">✗ {counted(tree.failed, "span")}</b> : "none"}</Fact>
        </dl>
        {view.left_out > 0 && (
          <p class="notice">
            {counted(view.left_out, "more span is", "more spans are")} not shown: the trace has too many. Counts and sums are of those that are shown.
          </p>
        )}
      </div>
      <TimeSpent view={view} />
    </header>
  );
}

function Fact({ name: title, isWide = false, children }: { name: string; isWide?: boolean; children: ComponentChildren }) {
  return (
    <div class={isWide ? "tr-wide" : undefined}>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function TimeSpent({ view }: { view: TraceView }) {
  const sums = useMemo(() => spent(view.spans, MOST), [view]);
  if (sums.length === 0) return null;
  const others = 1 - sums.reduce((sum, { share }) => sum + share, 0);
  return (
    <section class="tr-spent" aria-label="Where the time went">
      <h3>Where the time went</h3>
      <ol>
        {sums.map(({ service, operation, us, share }) => (
          <li key={`${service}\n${operation}`}>
            <span class="tr-swatch" style={{ background: hue(service) }} />
            <span class="tr-text">
              <b>{name(service)}</b> <span class="tr-operation">{name(operation)}</span>
            </span>
            <span class="tr-share" aria-hidden="true">
              <span style={{ width: `${share * 100}%` }} />
            </span>
            <span class="tr-number">{percent(share)}</span>
            <span class="tr-number">{took(us)}</span>
          </li>
        ))}
      </ol>
      <small>
        Time on the critical path, what the end of the trace waited for{others > 0.005 && `; other operations ${percent(others)}`}.
      </small>
    </section>
  );
}
