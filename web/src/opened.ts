// Which evidence is open, which stands beside it, and where the focus goes when it is closed.
import { signal } from "@preact/signals";
import { place, set } from "./route";
import type { Evidence } from "./wire.gen";

export interface Opened {
  item: Evidence;
  /** All that the answer cites, in order. */
  all: Evidence[];
  opener: HTMLElement | undefined;
}

export const opened = signal<Opened | undefined>(undefined);

export function openEvidence(item: Evidence, all: Evidence[], opener?: HTMLElement): void {
  opened.value = { item, all, opener: opener ?? opened.value?.opener };
  // On an incident's own page the address names what is open, so that it can be sent to somebody.
  if (place.value.parts[0] === "i") set({ e: item.id }, "replace");
}

export function closeEvidence(): void {
  const opener = opened.value?.opener;
  opened.value = undefined;
  if (place.value.parameters.has("e")) set({ e: undefined }, "replace");
  opener?.focus();
}

/** The item that stands so far before or after the open one. */
export function neighbour(by: 1 | -1): Evidence | undefined {
  const now = opened.value;
  if (!now) return undefined;
  return now.all[now.all.findIndex((one) => one.id === now.item.id) + by];
}
