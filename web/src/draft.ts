// The question being written: kept apart from the box, so that an earlier one can be edited and sent again.
import { signal } from "@preact/signals";
import type { Scope } from "./protocol";

export interface Draft {
  text: string;
  /** Names with commas between. */
  services: string;
  at: string;
  since: string;
}

export const emptyDraft: Draft = { text: "", services: "", at: "", since: "" };
export const draft = signal<Draft>(emptyDraft);

export function scopeOf({ services, at, since }: Draft): Scope {
  const given = (text: string) => text.trim() || undefined;
  return { services: services.split(/[,\s]+/).filter(Boolean), at: given(at), since: given(since) };
}

/** Puts a question back into the box. */
export function edit(question: string, scope: Scope): void {
  draft.value = { text: question, services: scope.services.join(", "), at: scope.at ?? "", since: scope.since ?? "" };
}

/** The scope in a few words. */
export function scopeWords(scope: Scope): string {
  const who = scope.services.length > 0 ? scope.services.join(", ") : "";
  return [who, scope.at && `at ${scope.at}`, scope.since && `${scope.since} back`].filter(Boolean).join(" · ");
}
