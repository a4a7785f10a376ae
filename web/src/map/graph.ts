// Services and calls as a graph: who is near, who feels it when one fails.
import type { ServiceEdge, ServicesView } from "../wire.gen";

type Edge = Pick<ServiceEdge, "caller" | "callee">;

/** Names in alphabetical order, the same on every machine. */
export function byName(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** What each name leads to, by the way that `step` goes along an edge; sorted, without itself. */
function ways(edges: readonly Edge[], step: (edge: Edge) => [string, string][]): Map<string, string[]> {
  const found = new Map<string, Set<string>>();
  for (const edge of edges) {
    for (const [from, to] of step(edge)) {
      if (from === to) continue;
      const known = found.get(from);
      if (known) known.add(to);
      else found.set(from, new Set([to]));
    }
  }
  return new Map([...found].map(([name, others]) => [name, [...others].sort(byName)]));
}

/** Steps from a name to each that can be reached, nearest first; the name itself with 0. */
function steps(along: Map<string, string[]>, name: string, most = Infinity): Map<string, number> {
  const found = new Map([[name, 0]]);
  // A map goes on to what is added while it is walked: it is its own queue.
  for (const [here, distance] of found) {
    if (distance >= most) break;
    for (const next of along.get(here) ?? []) if (!found.has(next)) found.set(next, distance + 1);
  }
  return found;
}

/** Who calls a service, who calls those, and so on, with how many calls lie between; nearest first. */
export function callersOf(edges: readonly Edge[], name: string): Map<string, number> {
  const found = steps(ways(edges, ({ caller, callee }) => [[callee, caller]]), name);
  found.delete(name);
  return found;
}

/** Who may feel it when a service fails: its callers, their callers and so on, nearest first. */
export function blastRadius(edges: readonly Edge[], name: string): string[] {
  return [...callersOf(edges, name).keys()];
}

/** Names at most `hops` calls away from one, whichever way the calls go; itself included. */
export function neighbourhood(edges: readonly Edge[], name: string, hops: number): Set<string> {
  const along = ways(edges, ({ caller, callee }) => [
    [caller, callee],
    [callee, caller],
  ]);
  return new Set(steps(along, name, hops).keys());
}

export type Hops = 1 | 2 | "all";

/** More than this many at once cannot be read. */
export const SHOWN_MAX = 48;

interface Shown {
  names: string[];
  /** Around whom: the focus, or else the first service. */
  around: string | undefined;
  hops: Hops;
  hidden: number;
}

/** What of a view is shown: everything, or where that is too much the neighbourhood of the focus or else of the first service. */
export function shown({ services, edges }: Pick<ServicesView, "services" | "edges">, focus: string | undefined, chosen: Hops | undefined): Shown {
  const all = [...new Set([...services.map(({ name }) => name), ...edges.flatMap(({ caller, callee }) => [caller, callee])])];
  const around = focus !== undefined && all.includes(focus) ? focus : all[0];
  const isAll = chosen === "all" || (chosen === undefined && all.length <= SHOWN_MAX);
  if (isAll || around === undefined) return { names: all, around, hops: "all", hidden: 0 };
  const near = (hops: 1 | 2) => neighbourhood(edges, around, hops);
  const wide = chosen === 1 ? undefined : near(2);
  const hops = wide && (chosen === 2 || wide.size <= SHOWN_MAX) ? 2 : 1;
  const kept = hops === 2 && wide ? wide : near(1);
  const names = all.filter((name) => kept.has(name));
  return { names, around, hops, hidden: all.length - names.length };
}
