// Which evidence is open, and where the focus goes when it is closed.
import { signal } from "@preact/signals";
import type { Evidence } from "./wire.gen";

export const opened = signal<{ item: Evidence; opener: HTMLElement } | undefined>(undefined);

export function openEvidence(item: Evidence, opener: HTMLElement): void {
  opened.value = { item, opener };
}

export function closeEvidence(): void {
  const opener = opened.value?.opener;
  opened.value = undefined;
  opener?.focus();
}
