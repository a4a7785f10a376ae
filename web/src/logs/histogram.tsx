// Lines over time by severity; a stretch of it is chosen by pointer or by keys.
import { useEffect, useMemo, useReducer, useState } from "preact/hooks";
import { LEVEL_MARKS, LEVELS, levelColour } from "../hue";
import { clock, day } from "../time";
import type { LogsView } from "../wire.gen";
import { type Bar, barsOf, type Brush, type BrushStep, brushed, NO_BRUSH, rangeOf, selected, stack, ticks } from "./brush";
import "./logs.css";
import { exact, Level } from "./marks";

interface LogHistogramProps {
  view: LogsView;
  /** A stretch was chosen; times as RFC 3339. */
  onRange: (from: string, to: string) => void;
}

const HEIGHT = 100;
const DAY_MS = 86_400_000;

export function LogHistogram({ view, onRange }: LogHistogramProps) {
  const bars = useMemo(() => barsOf(view), [view]);
  const highest = useMemo(() => bars.reduce((most, bar) => Math.max(most, bar.total), 0), [bars]);
  const totals = useMemo(() => LEVELS.map((_, level) => bars.reduce((sum, bar) => sum + (bar.counts[level] ?? 0), 0)), [bars]);
  const [isTable, showTable] = useState(false);
  const all = totals.reduce((sum, count) => sum + count, 0);
  return (
    <section class="lg-histogram" aria-label="Lines over time">
      <div class="lg-head">
        <p class="lg-totals">
          <strong>{`${exact(all)} ${all === 1 ? "line" : "lines"}`}</strong>
          {totals.map((count, level) => count > 0 && <Total key={level} level={LEVELS[level] ?? "UNSET"} count={count} />).reverse()}
        </p>
        <button type="button" class="small" aria-pressed={isTable} onClick={() => showTable(!isTable)}>
          Table
        </button>
      </div>
      {!view.complete && (
        <p class="lg-note">
          <span aria-hidden="true">△</span> {`Only the newest ${exact(all)} were counted; there are more further back.`}
        </p>
      )}
      {bars.length === 0 ? <p class="lg-quiet">Nothing to count.</p> : isTable ? <Twin bars={bars} totals={totals} /> : <Chart view={view} bars={bars} highest={highest} onRange={onRange} />}
    </section>
  );
}

function Total({ level, count }: { level: string; count: number }) {
  return (
    <span class="lg-total">
      <span class="lg-block" aria-hidden="true" style={{ background: levelColour(level) }} />
      {`${exact(count)} `}
      <span aria-hidden="true">{LEVEL_MARKS[level]}</span> {level}
    </span>
  );
}

interface ChartProps {
  view: LogsView;
  bars: Bar[];
  highest: number;
  onRange: (from: string, to: string) => void;
}

function Chart({ view, bars, highest, onRange }: ChartProps) {
  const [brush, step] = useReducer((now: Brush, one: BrushStep) => brushed(now, one, bars.length), NO_BRUSH);
  useEffect(() => step({ kind: "clear" }), [view.from, view.to]);
  const drawn = useMemo(() => draw(bars, highest), [bars, highest]);
  const chosen = selected(brush);
  const zoom = (to: Brush) => {
    const range = rangeOf(to, bars, view);
    if (range) onRange(range.from, range.to);
  };
  const barAt = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return Math.floor(((event.clientX - box.left) / Math.max(box.width, 1)) * bars.length);
  };
  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    (event.currentTarget as Element).setPointerCapture?.(event.pointerId);
    step({ kind: "press", at: barAt(event) });
  };
  const onPointerUp = () => {
    if (!brush.dragging) return;
    // A plain click only shows where it went; it is the drag that zooms.
    if (brush.anchor !== brush.cursor) zoom(brush);
    step({ kind: "release" });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -bars.length, End: bars.length };
    const by = moves[event.key];
    if (by !== undefined) step({ kind: "move", by, extend: event.shiftKey });
    else if (event.key === "Enter" && chosen) zoom(brush);
    else if (event.key === "Escape" && chosen) {
      event.stopPropagation();
      step({ kind: "clear" });
    } else return;
    event.preventDefault();
  };
  const pointed = brush.dragging ? undefined : brush.pointed;
  const said = pointed !== undefined ? words(bars, pointed, pointed) : chosen ? words(bars, ...chosen) : undefined;
  return (
    <>
      <div class="lg-chart">
        <span class="lg-most" aria-hidden="true">
          {exact(highest)}
        </span>
        <div
          class="lg-plot"
          role="slider"
          tabIndex={0}
          aria-label="Lines over time. Left and right move, Shift selects, Enter zooms."
          aria-valuemin={0}
          aria-valuemax={bars.length - 1}
          aria-valuenow={brush.cursor ?? 0}
          aria-valuetext={chosen ? words(bars, ...chosen) : "no stretch chosen"}
          onKeyDown={onKeyDown}
          onPointerDown={onPointerDown}
          onPointerMove={(event) => step({ kind: "point", at: barAt(event) })}
          onPointerUp={onPointerUp}
          onPointerCancel={() => step({ kind: "clear" })}
          onPointerLeave={() => step({ kind: "point", at: undefined })}
        >
          {drawn}
          {chosen && <Stretch class="lg-chosen" first={chosen[0]} last={chosen[1]} of={bars.length} />}
          {pointed !== undefined && <Stretch class="lg-pointed" first={pointed} last={pointed} of={bars.length} />}
        </div>
        <Times bars={bars} />
      </div>
      <p class="lg-said">
        <span class="lg-words">{said ?? <span class="lg-quiet">Drag over a stretch to zoom, or use ← → with Shift, and Enter.</span>}</span>
        {chosen && !brush.dragging && (
          <button type="button" class="small" onClick={() => zoom(brush)}>
            Zoom to it
          </button>
        )}
      </p>
    </>
  );
}

/** A bar or some in words: when, how many, and of which severities, the worst first. */
function words(bars: Bar[], first: number, last: number): string {
  const [start, end] = [bars[first], bars[last]];
  if (!start || !end) return "";
  const counts = LEVELS.map((_, level) => bars.slice(first, last + 1).reduce((sum, bar) => sum + (bar.counts[level] ?? 0), 0));
  const total = counts.reduce((sum, count) => sum + count, 0);
  const parts = counts.map((count, level) => (count > 0 ? `${exact(count)} ${LEVELS[level]}` : "")).reverse().filter(Boolean);
  const dated = end.to - start.from > DAY_MS ? `${day(start.from).slice(5)} ` : "";
  return `${dated}${clock(start.from)} – ${clock(end.to)}: ${total === 0 ? "no lines" : parts.join(", ")}`;
}

function Stretch({ class: name, first, last, of }: { class: string; first: number; last: number; of: number }) {
  return <div class={name} aria-hidden="true" style={{ left: `${(first / of) * 100}%`, width: `${((last - first + 1) / of) * 100}%` }} />;
}

/** One path per severity: as many elements for a thousand bars as for ten. */
function draw(bars: Bar[], highest: number) {
  const paths = LEVELS.map(() => "");
  const y = (share: number) => ((1 - share) * HEIGHT).toFixed(2);
  for (const [index, bar] of bars.entries()) {
    for (const { level, from, to } of stack(bar.counts, highest)) paths[level] += `M${index + 0.08} ${y(from)}V${y(to)}H${index + 0.92}V${y(from)}Z`;
  }
  return (
    <svg viewBox={`0 0 ${bars.length} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {paths.map((path, level) => path && <path key={level} d={path} style={{ fill: levelColour(LEVELS[level] ?? "UNSET") }} />)}
    </svg>
  );
}

function Times({ bars }: { bars: Bar[] }) {
  const [from, to] = [bars[0]?.from ?? 0, bars[bars.length - 1]?.to ?? 1];
  const { step, at } = ticks(from, to);
  const said = (time: number) => {
    if (step >= DAY_MS) return day(time).slice(5);
    const short = step >= 60_000 ? clock(time).slice(0, 5) : clock(time);
    return to - from > DAY_MS ? `${day(time).slice(5)} ${short}` : short;
  };
  return (
    <div class={`lg-ticks ${to - from > DAY_MS && step < DAY_MS ? "lg-dated-ticks" : ""}`} aria-hidden="true">
      {at.map((time) => {
        const share = (time - from) / (to - from);
        // At the edges a label stands inside, so that nothing sticks out.
        const edge = share < 0.04 ? "lg-first" : share > 0.96 ? "lg-last" : "";
        return (
          <span key={time} class={`lg-tick ${edge}`} style={{ left: `${share * 100}%` }}>
            {said(time)}
          </span>
        );
      })}
    </div>
  );
}

function Twin({ bars, totals }: { bars: Bar[]; totals: number[] }) {
  const levels = LEVELS.map((level, index) => ({ level, index })).filter(({ index }) => (totals[index] ?? 0) > 0).reverse();
  return (
    <div class="lg-twin" tabIndex={0} role="region" aria-label="Lines over time as a table">
      <table>
        <thead>
          <tr>
            <th scope="col">From</th>
            {levels.map(({ level }) => (
              <th key={level} scope="col">
                <Level level={level} />
              </th>
            ))}
            <th scope="col">All</th>
          </tr>
        </thead>
        <tbody>
          {bars.map((bar) => (
            <tr key={bar.from}>
              <th scope="row">{`${day(bar.from).slice(5)} ${clock(bar.from)}`}</th>
              {levels.map(({ level, index }) => (
                <td key={level}>{exact(bar.counts[index] ?? 0)}</td>
              ))}
              <td>{exact(bar.total)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
