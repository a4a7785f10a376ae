// Who calls whom, how each stands, and who feels it when one fails.
import { useId, useMemo, useRef, useState } from "preact/hooks";
import { isShortcut } from "../settings";
import type { ServicesView } from "../wire.gen";
import { Drawing } from "./drawing";
import { callersOf, shown, type Hops } from "./graph";
import { layout } from "./layout";
import { MapTables } from "./tables";
import { useZoom } from "./usezoom";
import { towards } from "./walk";
import { blastWords } from "./words";
import { counted } from "../time";
import { clipped } from "../text";
import "./map.css";

interface ServiceMapProps {
  view: ServicesView;
  focus?: string;
  /** Who may feel it when the focus fails, where the caller knows better than the calls. */
  blast?: string[];
  onFocus?: (name: string) => void;
}

export function ServiceMap({ view, focus, blast, onFocus }: ServiceMapProps) {
  const [hops, setHops] = useState<Hops>();
  const [isTable, setTable] = useState(false);
  const rows = useMemo(() => new Map(view.services.map((row) => [row.name, row])), [view]);
  const cut = useMemo(() => shown(view, focus, hops), [view, focus, hops]);
  // Another focus on the same services is no other map: its size and place stay.
  const drawn = useMemo(() => layout(cut.names, view.edges.map(({ caller, callee }) => ({ from: caller, to: callee }))), [cut.names.join("\n"), view]);
  const away = useMemo(() => (focus === undefined ? new Map<string, number>() : callersOf(view.edges, focus)), [view, focus]);
  const felt = blast ?? [...away.keys()];
  const box = useRef<HTMLDivElement>(null);
  const { scale, zoom, fit } = useZoom(box, drawn, cut.around);
  const onKeyDown = (event: KeyboardEvent, name: string) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      onFocus?.(name);
      return;
    }
    const next = event.key.startsWith("Arrow") && !event.ctrlKey && !event.metaKey && !event.altKey ? towards(event.key, name, drawn, view.edges) : undefined;
    const node = next === undefined ? undefined : [...(box.current?.querySelectorAll<SVGGElement>("[data-name]") ?? [])].find((element) => element.dataset.name === next);
    if (!node) return;
    event.preventDefault();
    node.focus();
  };
  const onMapKey = (event: KeyboardEvent) => {
    if (!isShortcut(event)) return;
    if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") fit();
    else return;
    event.preventDefault();
  };
  if (view.services.length === 0 && view.edges.length === 0) return <p>No services were heard of in this time.</p>;
  return (
    <div class="mp-map">
      <div class="mp-tools">
        <div class="tb-buttons" role="group" aria-label="Size of the map">
          <button type="button" class="small" aria-label="Smaller" disabled={isTable} onClick={() => zoom(0.8)}>
            −
          </button>
          <button type="button" class="small" aria-label="Larger" disabled={isTable} onClick={() => zoom(1.25)}>
            +
          </button>
          <button type="button" class="small" disabled={isTable} onClick={fit}>
            Fit
          </button>
        </div>
        <HopsChoice around={cut.around} hops={cut.hops} onHops={setHops} />
        <button type="button" class="small mp-twin" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
          Table
        </button>
        {cut.hidden > 0 && (
          <p class="mp-quiet" role="status">
            {counted(cut.names.length, "service")} around {clipped(cut.around ?? "", 60)} shown, {cut.hidden} hidden
          </p>
        )}
      </div>
      {isTable ? (
        <MapTables view={view} away={away} />
      ) : (
        <div ref={box} class="mp-scroll" tabIndex={0} role="region" aria-label="Service map: Tab and arrow keys go from service to service, plus and minus change its size" onKeyDown={onMapKey}>
          <Drawing layout={drawn} rows={rows} edges={view.edges} focus={focus} away={blastMap(felt, away)} scale={scale} onFocus={(name) => onFocus?.(name)} onKeyDown={onKeyDown} />
        </div>
      )}
      <p class="mp-quiet">✖ failing · ▲ slower · ○ silent · round and dashed: a dependency, without telemetry of its own · the wider a line, the more calls · ✖ on a line: calls that fail · dotted: part of a circle</p>
      {focus !== undefined && (
        <p class="mp-blast" role="status">
          {blastWords(focus, felt, away)}
        </p>
      )}
    </div>
  );
}

/** Those who feel it and how far they are; those whom only the caller knows of count as next to it. */
function blastMap(felt: readonly string[], away: ReadonlyMap<string, number>): Map<string, number> {
  return new Map(felt.map((name) => [name, away.get(name) ?? 1]));
}

function HopsChoice({ around, hops, onHops }: { around: string | undefined; hops: Hops; onHops: (hops: Hops) => void }) {
  const id = useId();
  if (around === undefined) return null;
  return (
    <span class="mp-hops">
      <label for={id}>Show</label>
      <select id={id} value={String(hops)} onChange={(event) => onHops(chosen(event.currentTarget.value))}>
        <option value="1">1 call around {clipped(around, 40)}</option>
        <option value="2">2 calls around {clipped(around, 40)}</option>
        <option value="all">all services</option>
      </select>
    </span>
  );
}

function chosen(value: string): Hops {
  return value === "1" ? 1 : value === "2" ? 2 : "all";
}
