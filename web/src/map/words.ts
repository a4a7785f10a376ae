// How services stand, in marks and words.
import { plain, share } from "../metrics/words";
import { counted } from "../time";
import { clipped } from "../text";
import type { Served, ServiceRow, ServiceState } from "../wire.gen";

export const STATES: Record<ServiceState, { mark: string; rank: number }> = {
  failing: { mark: "✖", rank: 0 },
  slower: { mark: "▲", rank: 1 },
  silent: { mark: "○", rank: 2 },
  fine: { mark: "", rank: 3 },
};

/** `✖ failing`, `fine`; a state that this page does not know yet stands as it came. */
export function stateWords(state: ServiceState): string {
  const mark = STATES[state]?.mark ?? "";
  return mark ? `${mark} ${state}` : clipped(state, 20);
}

/** `1.2 k requests, 25 % failed`. */
export function servedWords({ requests, failed }: Served): string {
  if (requests === 0) return "no requests";
  return `${requests === 1 ? "1 request" : `${plain(requests)} requests`}${failed > 0 ? `, ${share(failed, requests)} failed` : ""}`;
}

/** What a screen reader hears of a node. */
export function nodeWords(name: string, row: ServiceRow | undefined, away: number | undefined): string {
  const shown = clipped(name, 120);
  const parts = row ? [row.dependency ? `${shown}, dependency without telemetry of its own` : shown, row.state, servedWords(row.now)] : [shown, "known from calls only"];
  if (away !== undefined) parts.push(`${callsAway(away)} from the service in focus, may feel it`);
  return parts.join(", ");
}

/** `1 call away`, `2 calls away`. */
export function callsAway(away: number): string {
  return away === 1 ? "1 call away" : `${away} calls away`;
}

const NAMED = 40;

/** Who may feel it when a service fails, in a sentence: nearest first, those equally far together. */
export function blastWords(name: string, blast: readonly string[], away: ReadonlyMap<string, number>): string {
  const shown = clipped(name, 80);
  if (blast.length === 0) return `Nobody was seen to call ${shown}.`;
  const groups = new Map<string, string[]>();
  for (const caller of blast.slice(0, NAMED)) {
    const distance = away.get(caller);
    const group = distance === undefined ? "also" : distance === 1 ? "calling it" : callsAway(distance);
    groups.set(group, [...(groups.get(group) ?? []), clipped(caller, 80)]);
  }
  const said = [...groups].map(([group, names]) => `${group}: ${names.join(", ")}`).join("; ");
  const more = blast.length > NAMED ? `; and ${blast.length - NAMED} more` : "";
  return `When ${shown} fails, ${counted(blast.length, "service")} may feel it; ${said}${more}.`;
}

const WIDTHS = { least: 1, most: 5 };

/** Pixels of a line by its calls, by orders of magnitude: a thousand calls are not a thousand times as wide as one. */
export function edgeWidth(calls: number, most: number): number {
  if (most <= 1 || calls <= 0) return WIDTHS.least;
  return WIDTHS.least + (WIDTHS.most - WIDTHS.least) * Math.min(1, Math.log(1 + calls) / Math.log(1 + most));
}

/** From this share of failed calls on an edge is marked. */
const FAILING_SHARE = 0.01;

export function isFailing({ calls, failed }: { calls: number; failed: number }): boolean {
  return failed > 0 && failed >= calls * FAILING_SHARE;
}
