// Metrics: one chart per series, those that left their usual band furthest first.
import { signal } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import { Copy } from "../copy";
import { parameter, set } from "../route";
import { counted, span } from "../time";
import type { MetricsView, SeriesView } from "../wire.gen";
import { HINT, MetricChart } from "./chart";
import { MarkerList } from "./markerlist";
import { lettered } from "./markers";
import { Picker } from "./picker";
import { TimeBar } from "../timebar";
import { useTimed } from "../timed";
import { clipped } from "../text";
import { Shown } from "../shown";
import "./metrics.css";

const CHARTS = 12;

export function MetricsPage() {
  const [again, setAgain] = useState(0);
  const [service, name, q] = [parameter("service"), parameter("name"), parameter("q")];
  const loaded = useTimed<MetricsView>("/v1/metrics", { service, name, q }, again);
  const view = loaded.at === "here" ? loaded.view : undefined;
  return (
    <section class="tb-page" aria-label="Metrics">
      <h2>Metrics</h2>
      <Filters names={view?.names ?? []} services={view?.series ?? []} service={service} name={name} q={q} />
      {view && <TimeBar from={view.from} to={view.to} onRange={(from, to) => set({ from, to })} onLatest={() => set({ from: undefined, to: undefined })} />}
      <Shown loaded={loaded} again={() => setAgain(again + 1)} show={(found) => <Found view={found} />} />
    </section>
  );
}

interface FiltersProps {
  names: string[];
  services: SeriesView[];
  service: string | undefined;
  name: string | undefined;
  q: string | undefined;
}

function Filters({ names, services, service = "", name = "", q = "" }: FiltersProps) {
  const [typed, type] = useState({ service, q });
  useEffect(() => type({ service, q }), [service, q]);
  const known = useMemo(() => [...new Set(services.map((series) => series.service))].sort().slice(0, 200), [services]);
  const submit = (event: Event) => {
    event.preventDefault();
    set({ service: typed.service.trim(), q: typed.q.trim() });
  };
  return (
    <form class="mt-filters" onSubmit={submit}>
      <Picker label="Metric" names={names} value={name} onPick={(picked) => set({ name: picked })} />
      <label>
        Service
        <input value={typed.service} list="mt-services" placeholder="all" spellcheck={false} autocomplete="off" onInput={(event) => type({ ...typed, service: event.currentTarget.value })} />
      </label>
      <datalist id="mt-services">
        {known.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <label class="mt-query">
        Query
        <input value={typed.q} spellcheck={false} autocomplete="off" onInput={(event) => type({ ...typed, q: event.currentTarget.value })} />
      </label>
      <button type="submit">Find</button>
      {(service || name || q) && (
        <button type="button" onClick={() => set({ service: undefined, name: undefined, q: undefined })}>
          Clear
        </button>
      )}
    </form>
  );
}

function Found({ view }: { view: MetricsView }) {
  const [shown, show] = useState(CHARTS);
  useEffect(() => show(CHARTS), [view]);
  // One cursor for all: what happened elsewhere at that time is what one looks for.
  const cursor = useMemo(() => signal<number | undefined>(undefined), []);
  const letters = useMemo(() => lettered(view.markers), [view]);
  const { series, left_out: leftOut } = view;
  return (
    <>
      <p class="tb-scope">
        {counted(series.length, "series", "series")}, most unusual first · {span(view.from, view.to)}, against the time before
        {leftOut > 0 && ` · ${counted(leftOut, "series", "series")} more not shown; narrow by metric or service`}
        {view.query && (
          <>
            {" · "}
            <code>{clipped(view.query, 200)}</code> <Copy text={view.query} what="query" />
          </>
        )}
      </p>
      {letters.length > 0 && (
        <section class="mt-changes">
          <h3>{counted(letters.length, "change")} in this time</h3>
          <MarkerList markers={letters} />
        </section>
      )}
      {series.length === 0 && <p>No values in this time. A longer time, another metric or another service may have some.</p>}
      {series.length > 0 && <p class="mt-quiet">{HINT}</p>}
      <div class="mt-grid">
        {series.slice(0, shown).map((one) => (
          <MetricChart
            key={keyOf(one)} series={one} from={view.from} to={view.to} beforeFrom={view.before_from} markers={view.markers}
            onRange={(from, to) => set({ from, to })} cursor={cursor} isOneOfMany
          />
        ))}
      </div>
      {series.length > shown && (
        <p>
          <button type="button" onClick={() => show(shown + CHARTS)}>
            Show {Math.min(CHARTS, series.length - shown)} more of {counted(series.length - shown, "series", "series")}
          </button>
        </p>
      )}
    </>
  );
}

function keyOf({ name, service, pod, labels }: SeriesView): string {
  return JSON.stringify([name, service, pod, labels]);
}
