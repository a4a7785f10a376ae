// One series as a chart: its line, what is usual, what changed; the same in words and as a table.
import { signal, type Signal } from "@preact/signals";
import { useId, useMemo, useRef, useState } from "preact/hooks";
import { clock, counted, day, millis, zoneName } from "../time";
import type { Marker, SeriesView } from "../wire.gen";
import { MarkerList } from "./markerlist";
import { drawnFor, lettered, type Lettered } from "./markers";
import { firstFrom, measured, nearest, standing, summary, type Point } from "./points";
import { against, PointTable } from "./pointtable";
import { Fields } from "../timebar";
import { useKeys, type Selected } from "./usekeys";
import { usePlot } from "./useplot";
import { amount, isScaled, unitWord } from "./words";
import { pair } from "../moments";
import { clipped } from "../text";
import "./metrics.css";

interface MetricChartProps {
  series: SeriesView;
  from: string;
  to: string;
  /** Start of the time before, which is drawn too. */
  beforeFrom: string;
  markers: Marker[];
  /** Another stretch of time was chosen. */
  onRange?: (from: string, to: string) => void;
  /** Where the cursor is, for charts that move together. */
  cursor?: Signal<number | undefined>;
  /** Whether the changes and the fields for times stand elsewhere on the page. */
  isOneOfMany?: boolean;
}

/** How to read values, said once where there are many charts. */
export const HINT = "Point, or focus a chart and press ← → for values; drag, or Shift with ← → and Enter, for a closer look.";

export function MetricChart({ series, from, to, beforeFrom, markers, onRange, cursor, isOneOfMany = false }: MetricChartProps) {
  const [isTable, setTable] = useState(false);
  const ownCursor = useMemo(() => signal<number | undefined>(undefined), []);
  const at = cursor ?? ownCursor;
  const points = useMemo(() => measured(series.points), [series]);
  const [start, border, end] = [millis(beforeFrom), millis(from), millis(to)];
  const inTime = useMemo(() => points.slice(firstFrom(points, border)), [points, border]);
  const letters = useMemo(() => lettered(markers), [markers]);
  const drawn = useMemo(() => drawnFor(letters, series.service), [letters, series.service]);
  const title = clipped(series.name, 120);
  const heading = useId();
  return (
    <figure class="mt-chart" aria-labelledby={heading}>
      <header>
        <h3 id={heading}>
          {title} <Whose series={series} />
        </h3>
        <button type="button" class="small" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
          Table
        </button>
      </header>
      <Words points={inTime} usual={series.usual} unit={series.unit} />
      {isTable ? (
        <PointTable points={points} usual={series.usual} unit={series.unit} from={border} label={title} />
      ) : (
        <Drawn series={series} points={points} times={[start, border, end]} markers={drawn} at={at} onRange={onRange} label={`${title} of ${clipped(series.service, 80)}`} hint={isOneOfMany ? "" : HINT} />
      )}
      {drawn.length < letters.length && <p class="mt-quiet">{counted(letters.length - drawn.length, "change")} of other services not drawn</p>}
      {!isOneOfMany && <MarkerList markers={letters} />}
      {!isOneOfMany && onRange && (
        <details>
          <summary>Choose the time</summary>
          <Fields from={from} to={to} onRange={onRange} />
        </details>
      )}
    </figure>
  );
}

function Whose({ series }: { series: SeriesView }) {
  const unit = isScaled(series.unit) ? "" : unitWord(series.unit);
  const labels = series.labels.slice(0, 6).map(([name, value]) => `${clipped(name, 40)}=${clipped(value, 60)}`);
  if (series.labels.length > 6) labels.push(`and ${series.labels.length - 6} more`);
  return (
    <small>
      {[unit && (unit.startsWith("/") ? `per ${unit.slice(1)}` : `in ${unit}`), clipped(series.service, 80), series.pod && clipped(series.pod, 80), ...labels].filter(Boolean).join(" · ")}
    </small>
  );
}

function Words({ points, usual, unit }: { points: Point[]; usual: readonly [number, number] | null; unit: string }) {
  const found = useMemo(() => summary(points, usual), [points, usual]);
  if (!found) return <p class="mt-words">no values in this time</p>;
  const { mark, words } = standing(found);
  return (
    <p class="mt-words">
      <span>
        last <b>{amount(found.last[1], unit)}</b>
      </span>
      <span>lowest {amount(found.lowest[1], unit)}</span>
      <span>
        highest {amount(found.highest[1], unit)} at {clock(found.highest[0])}
      </span>
      {usual ? (
        <>
          <span>
            usual {amount(usual[0], unit)} – {amount(usual[1], unit)}
          </span>
          <span class={mark ? "mt-unusual" : ""}>
            {mark && `${mark} `}
            {words}
          </span>
        </>
      ) : (
        <span>too few values before to say what is usual</span>
      )}
    </p>
  );
}

interface DrawnProps {
  series: SeriesView;
  points: Point[];
  times: readonly [number, number, number];
  markers: Lettered[];
  at: Signal<number | undefined>;
  onRange: ((from: string, to: string) => void) | undefined;
  label: string;
  /** What stands where values will, until there is a cursor. */
  hint: string;
}

function Drawn({ series, points, times, markers, at, onRange, label, hint }: DrawnProps) {
  const box = useRef<HTMLDivElement>(null);
  const [selected, select] = useState<Selected>();
  const choose = onRange && ((from: number, to: number) => {
    const stretch = pair(from, to);
    select(undefined);
    if (stretch) onRange(...stretch);
  });
  const index = at.value === undefined ? undefined : nearest(points, at.value);
  const here = index === undefined ? undefined : points[index];
  const problem = usePlot(box, { points, usual: series.usual, unit: series.unit, markers, times }, here, selected, (to) => (at.value = to), choose);
  const onKeyDown = useKeys(points, index, at, selected, select, choose);
  const reading = here ? read(here, points, times, series) : "";
  const chosen = selected ? `Chosen ${clock(Math.min(...selected))} – ${clock(Math.max(...selected))}: Enter shows it, Esc lets go` : "";
  const last = points.length - 1;
  if (last < 0) return <p class="mt-quiet">Nothing to draw.</p>;
  return (
    <>
      <div
        ref={box}
        class="mt-plot"
        role="slider"
        tabIndex={0}
        aria-label={`${label}: point in time`}
        aria-valuemin={0}
        aria-valuemax={last}
        aria-valuenow={index ?? last}
        aria-valuetext={reading || "arrow keys go through the values"}
        onKeyDown={onKeyDown}
      />
      {problem && <p role="alert">{problem}</p>}
      <p class="mt-reading" aria-hidden="true">
        {chosen || reading || <span class="mt-quiet">{hint}</span>}
      </p>
      <p class="visually-hidden" role="status">
        {chosen}
      </p>
    </>
  );
}

/** Time and value of a point, how it stands to what is usual, and the value at the same place of the time before. */
function read([at, value]: Point, points: Point[], [start, border]: readonly [number, number, number], { usual, unit }: SeriesView): string {
  const parts = [`${day(at)} ${clock(at)} ${zoneName()}: ${amount(value, unit)}`];
  if (usual) parts.push(against(value, usual) === "within" ? "as usual" : `${against(value, usual)} usual`);
  if (at < border) return [...parts, "time before"].join(", ");
  const then = at - (border - start);
  const before = points[nearest(points, then) ?? -1];
  if (before && before[0] <= border && start < border) parts.push(`before ${amount(before[1], unit)}`);
  return parts.join(", ");
}
