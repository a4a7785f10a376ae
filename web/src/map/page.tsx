// Services: how each stands, as a table and as a map.
import { useRef, useState } from "preact/hooks";
import { TimeBar } from "../timebar";
import { useTimed } from "../timed";
import { parameter, set } from "../route";
import { counted, span } from "../time";
import type { ServicesView } from "../wire.gen";
import { Links, ServiceList } from "./list";
import { ServiceMap } from "./map";
import { servedWords, stateWords } from "./words";
import { clipped } from "../text";
import { Shown } from "../shown";
import "./map.css";

const TABS = ["table", "map"] as const;
type Tab = (typeof TABS)[number];

export function ServicesPage() {
  const [again, setAgain] = useState(0);
  const loaded = useTimed<ServicesView>("/v1/services", {}, again);
  const view = loaded.at === "here" ? loaded.view : undefined;
  return (
    <section class="tb-page mp-page" aria-label="Services">
      <h2>Services</h2>
      {view && <TimeBar from={view.from} to={view.to} onRange={(from, to) => set({ from, to })} onLatest={() => set({ from: undefined, to: undefined })} />}
      <Shown loaded={loaded} again={() => setAgain(again + 1)} show={(found) => <Found view={found} />} />
    </section>
  );
}

function Found({ view }: { view: ServicesView }) {
  const tab: Tab = parameter("tab") === "map" ? "map" : "table";
  const focus = parameter("focus");
  const unwell = view.services.filter(({ state }) => state !== "fine").length;
  return (
    <>
      <p class="tb-scope">
        {counted(view.services.length, "service")}, {unwell === 0 ? "all as before" : `${unwell} not as before`} · {span(view.from, view.to)}, against the time before
      </p>
      <Tabs tab={tab} />
      <div role="tabpanel" id="mp-panel" aria-labelledby={`mp-tab-${tab}`}>
        {tab === "table" ? (
          <ServiceList view={view} onMap={(name) => set({ tab: "map", focus: name })} />
        ) : (
          <>
            <ServiceMap view={view} focus={focus} onFocus={(name) => set({ focus: name === focus ? undefined : name })} />
            {focus !== undefined && <Detail view={view} name={focus} />}
          </>
        )}
      </div>
    </>
  );
}

function Tabs({ tab }: { tab: Tab }) {
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    event.preventDefault();
    const next = tab === "table" ? "map" : "table";
    set({ tab: next === "map" ? next : undefined }, "replace");
    list.current?.querySelector<HTMLElement>(`#mp-tab-${next}`)?.focus();
  };
  return (
    <div ref={list} class="mp-tabs" role="tablist" aria-label="Services as" onKeyDown={onKeyDown}>
      {TABS.map((name) => (
        <button
          key={name} type="button" id={`mp-tab-${name}`} role="tab" aria-selected={name === tab} aria-controls="mp-panel" tabIndex={name === tab ? 0 : -1}
          onClick={() => set({ tab: name === "map" ? name : undefined })}
        >
          {name === "table" ? "Table" : "Map"}
        </button>
      ))}
    </div>
  );
}

/** The service in focus, in words. */
function Detail({ view, name }: { view: ServicesView; name: string }) {
  const row = view.services.find((service) => service.name === name);
  if (!row) return <p class="notice">No service called {clipped(name, 80)} was heard of in this time.</p>;
  return (
    <p class="mp-detail">
      <b>{clipped(name, 120)}</b> <span class={`mp-${row.state} mp-word`}>{stateWords(row.state)}</span>
      <span>{servedWords(row.now)}</span>
      {row.why && <span>{clipped(row.why, 300)}</span>}
      {row.owner !== null && <span>owner {clipped(row.owner, 80)}</span>}
      <Links name={name} from={view.from} to={view.to} />
    </p>
  );
}
