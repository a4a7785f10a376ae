// Where in the panel the thing behind an item can be looked at by hand, with absolute times.
import { query } from "./api";
import { iso, millis } from "./time";
import type { Evidence } from "./wire.gen";

export interface There {
  path: string;
  words: string;
}

const MINUTE_MS = 60_000;

/** The item's time with as much before and after as makes it readable: from, to. */
export function around(item: Evidence, beforeMinutes = 10, afterMinutes = 2): { from?: string; to?: string } {
  if (!item.from) return {};
  const at = (time: string, minutes: number) => iso(millis(time) + minutes * MINUTE_MS);
  return { from: at(item.from, -beforeMinutes), to: at(item.to ?? item.from, afterMinutes) };
}

export function placeOf(item: Evidence): There | undefined {
  const times = around(item);
  switch (item.measure?.of) {
    case "template":
      return { path: query("/logs", { ...times, service: item.measure.service, template: item.measure.template }), words: "These lines in the logs" };
    case "trace":
      return { path: `/trace/${encodeURIComponent(item.measure.trace)}`, words: "This trace by itself" };
    case "series":
      return { path: query("/charts", { ...times, service: item.measure.service, name: item.measure.metric }), words: "This metric in the charts" };
    case "requests":
      return { path: query("/services", { ...times, focus: item.measure.service }), words: "This service among the others" };
    case "calls":
      return { path: query("/services", { ...times, focus: item.measure.callee, tab: "map" }), words: "These calls on the map" };
    case "document":
      return { path: query("/runbooks", { q: item.title.slice(0, 200), doc: item.measure.document }), words: "This document among the others" };
    default:
      return item.kind === "log" && item.from ? { path: query("/logs", { ...times, service: item.service ?? undefined }), words: "The logs around it" } : undefined;
  }
}

/** A trace that the engine itself names in the item as its example. */
export function exampleTrace(item: Evidence): string | undefined {
  const own = new TextDecoder().decode(new TextEncoder().encode(item.preview).slice(0, item.own));
  return /\bexample trace ([0-9a-f]{32})\b/.exec(own)?.[1];
}
