// Logs: lines with their histogram, and patterns. All that is chosen stands in the address.
import { useEffect, useId, useState } from "preact/hooks";
import { Copy } from "../copy";
import { parameter, place, set } from "../route";
import { clip, visible } from "../text";
import { moment, span } from "../time";
import type { LogLine, PatternsView } from "../wire.gen";
import { FilterBar } from "./filterbar";
import { type Filters, filtersOf, linesPath } from "./filters";
import { LogHistogram } from "./histogram";
import { LogLines } from "./lines";
import "./logs.css";
import { exact } from "./marks";
import { LINES_MAX, type Pages, usePages } from "./pages";
import { Shown } from "../shown";
import { useTimed } from "../timed";
import { Patterns } from "./patterns";

type Tab = "lines" | "patterns";

export function LogsPage() {
  const filters = filtersOf(place.value.parameters);
  const tab: Tab = parameter("tab") === "patterns" ? "patterns" : "lines";
  const [services, setServices] = useState<string[]>([]);
  const id = useId();
  return (
    <div class="lg-page">
      <h1>Logs</h1>
      <FilterBar filters={filters} lines={tab === "lines"} services={services} />
      <Tabs id={id} tab={tab} />
      <div id={`${id}-panel`} class="lg-panel" role="tabpanel" aria-labelledby={`${id}-${tab}`}>
        {tab === "lines" ? <LinesTab filters={filters} know={setServices} /> : <PatternsTab service={filters.service} />}
      </div>
    </div>
  );
}

const TABS: [Tab, string][] = [
  ["lines", "Lines"],
  ["patterns", "Patterns"],
];

function Tabs({ id, tab }: { id: string; tab: Tab }) {
  const choose = (next: Tab) => set({ tab: next === "lines" ? undefined : next });
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    event.preventDefault();
    const other = tab === "lines" ? "patterns" : "lines";
    choose(other);
    document.getElementById(`${id}-${other}`)?.focus();
  };
  return (
    <div class="lg-tabs" role="tablist" aria-label="Lines or patterns" onKeyDown={onKeyDown}>
      {TABS.map(([one, name]) => (
        <button key={one} type="button" role="tab" id={`${id}-${one}`} aria-selected={one === tab} aria-controls={one === tab ? `${id}-panel` : undefined} tabIndex={one === tab ? 0 : -1} onClick={() => choose(one)}>
          {name}
        </button>
      ))}
    </div>
  );
}

/** Writes the time that the server chose into the address, so that a copied link shows the same later. */
function useAbsolute(filters: Filters, view: { from: string; to: string } | undefined): void {
  useEffect(() => {
    if (view && !(filters.from && filters.to)) set({ from: filters.from ?? view.from, to: filters.to ?? view.to }, "replace");
  }, [view, filters.from, filters.to]);
}

function LinesTab({ filters, know }: { filters: Filters; know: (services: string[]) => void }) {
  const { pages, more, again } = usePages(filters);
  const { view, lines, trouble, busy } = pages;
  // What is shown while the next is on its way belongs to another address.
  useAbsolute(filters, pages.asked === linesPath(filters) ? view : undefined);
  useEffect(() => know(servicesOf(pages.lines)), [view]);
  if (!view) return <Shown loaded={trouble ?? { at: "loading" }} again={again} show={() => null} />;
  return (
    <div aria-busy={busy === "first"} class={busy === "first" ? "lg-old" : ""}>
      <p class="lg-asked">
        <span>{span(view.from, view.to)}</span>
        {view.query && (
          <span class="lg-query">
            <code>{visible(clip(view.query, 300))}</code> <Copy text={view.query} what="query" />
          </span>
        )}
      </p>
      <LogHistogram view={view} onRange={(from, to) => set({ from, to, at: undefined })} />
      {lines.length === 0 ? <Nothing filters={filters} /> : <LogLines key={pages.key} lines={lines} words={filters.q} onMore={more} focusTime={filters.at} />}
      <Foot pages={pages} more={more} />
    </div>
  );
}

const SERVICES_MAX = 50;

function servicesOf(lines: LogLine[]): string[] {
  const found = new Set<string>();
  for (const { service } of lines) if (service.length < 100 && found.size < SERVICES_MAX) found.add(service);
  return [...found].sort();
}

function Foot({ pages: { lines, next, busy, trouble }, more }: { pages: Pages; more: () => void }) {
  const oldest = lines[lines.length - 1];
  if (!oldest) return null;
  return (
    <div class="lg-foot">
      <p role="status">
        {`${exact(lines.length)} ${lines.length === 1 ? "line" : "lines"}`}
        {lines.length >= LINES_MAX ? `, back to ${moment(oldest.time)}; no more are kept here, a narrower time shows the rest.` : next ? `, back to ${moment(oldest.time)}; there are older ones.` : ", all there are."}
      </p>
      {next && !trouble && lines.length < LINES_MAX && (
        <button type="button" class="small" disabled={busy !== undefined} onClick={more}>
          {busy === "more" ? "Reading…" : "Older lines"}
        </button>
      )}
      {trouble && (
        <p role="alert" class="lg-wrong">
          {`✖ Older lines did not come: ${trouble.at === "failed" ? visible(trouble.why) : "the server asks for its token"} `}
          <button type="button" class="small" onClick={more}>
            Try again
          </button>
        </p>
      )}
    </div>
  );
}

function Nothing({ filters: { q, service, level, trace, template } }: { filters: Filters }) {
  const narrow = [q && "words", service && "service", level && "severity", trace && "trace", template && "pattern"].filter(Boolean);
  return (
    <div class="lg-none" role="status">
      <p>No line matches in this time.</p>
      {narrow.length > 0 && (
        <button type="button" onClick={() => set({ q: undefined, service: undefined, level: undefined, trace: undefined, template: undefined })}>
          {`Show all lines, whatever ${narrow.join(", ")}`}
        </button>
      )}
    </div>
  );
}

function PatternsTab({ service }: { service: string | undefined }) {
  const [again, setAgain] = useState(0);
  const loaded = useTimed<PatternsView>("/v1/patterns", { service }, again);
  return (
    <Shown
      loaded={loaded}
      again={() => setAgain(again + 1)}
      show={(view) => (
        <>
          <p class="lg-asked">{span(view.from, view.to)}</p>
          <Patterns view={view} />
        </>
      )}
    />
  );
}
