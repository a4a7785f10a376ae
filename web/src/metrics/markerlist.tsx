// What the letters on a chart stand for.
import { useState } from "preact/hooks";
import { clock, counted, day, zoneName } from "../time";
import { clipped } from "../text";
import { beforeAfter, type Lettered } from "./markers";

const FEW = 8;

export function MarkerList({ markers }: { markers: Lettered[] }) {
  const [isWhole, setWhole] = useState(false);
  if (markers.length === 0) return null;
  const days = new Set(markers.map(({ at }) => day(at)));
  return (
    <div class="mt-markers">
      <ol aria-label="Changes in this time">
        {(isWhole ? markers : markers.slice(0, FEW)).map(({ letter, at, marker }) => (
          <li key={letter}>
            <b class="mt-letter">{letter}</b>
            <time title={zoneName()}>{days.size > 1 ? `${day(at)} ${clock(at)}` : clock(at)}</time>
            <span class="mt-kind">{clipped(marker.kind, 24)}</span>
            <span>
              {clipped(marker.title)}
              <Details marker={marker} />
            </span>
          </li>
        ))}
      </ol>
      {markers.length > FEW && (
        <button type="button" class="small" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
          {isWhole ? "Show fewer" : `Show all ${counted(markers.length, "change")}`}
        </button>
      )}
    </div>
  );
}

function Details({ marker }: { marker: Lettered["marker"] }) {
  const said = [marker.service && clipped(marker.service, 60), beforeAfter(marker), marker.actor && `by ${clipped(marker.actor, 60)}`].filter(Boolean);
  return said.length > 0 ? <small> {said.join(" · ")}</small> : null;
}
