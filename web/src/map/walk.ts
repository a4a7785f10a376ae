// Where arrow keys lead on the map: along calls, and up and down within a layer.
import type { ServiceEdge } from "../wire.gen";
import type { Layout } from "./layout";

/** The service that a key leads to; `undefined` where none is. Of several, the one with most calls. */
export function towards(key: string, name: string, layout: Layout, edges: readonly ServiceEdge[]): string | undefined {
  const here = layout.places.find((place) => place.name === name);
  if (!here) return undefined;
  if (key === "ArrowUp" || key === "ArrowDown") {
    const layer = layout.places.filter((place) => place.layer === here.layer);
    return layer[layer.indexOf(here) + (key === "ArrowDown" ? 1 : -1)]?.name;
  }
  if (key !== "ArrowLeft" && key !== "ArrowRight") return undefined;
  const drawn = new Set(layout.places.map((place) => place.name));
  const others = edges
    .map((edge) => (key === "ArrowRight" ? { at: edge.caller, to: edge.callee, calls: edge.calls } : { at: edge.callee, to: edge.caller, calls: edge.calls }))
    .filter(({ at, to }) => at === name && to !== name && drawn.has(to));
  return others.reduce<{ to: string; calls: number } | undefined>((best, other) => (best && best.calls >= other.calls ? best : other), undefined)?.to;
}
