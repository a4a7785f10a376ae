// What the overview says, in words: whether all is quiet, what is wrong, and what cannot be seen.
import { ago, clock, counted, day, figure, long, millis, moment, zoneName } from "../time";
import type { AlertRow, OverviewView, ServiceRow, ServiceState, SignalRow } from "../wire.gen";

/** Telemetry older than this is no telemetry of now. */
export const OLD_MS = 10 * 60_000;

/** How things stand: nothing is watched, something is wrong, all is quiet, or quiet as far as one can see. */
type Standing = "unwatched" | "trouble" | "quiet" | "blind";

export function firing(view: OverviewView): AlertRow[] {
  return view.alerts.filter((alert) => alert.firing);
}

export function standing(view: OverviewView): Standing {
  if (firing(view).length > 0 || view.unwell.length > 0) return "trouble";
  if (view.services === 0 && view.signals.every(({ count }) => count === 0)) return "unwatched";
  return unseen(view).length > 0 ? "blind" : "quiet";
}

export function headline(view: OverviewView): string {
  const how = standing(view);
  if (how === "quiet") return "All quiet";
  if (how === "unwatched") return "Nothing is watched yet";
  if (how === "blind") return "Nothing fires, but not everything is seen";
  const alerts = firing(view).length;
  const said = alerts > 0 ? [`${counted(alerts, "alert")} ${alerts === 1 ? "is" : "are"} firing`] : [];
  return [...said, ...unwellWords(view.unwell)].join("; ");
}

const STATES: [ServiceState, string][] = [["failing", "failing"], ["slower", "slower"], ["silent", "silent"], ["fine", "not as before"]];

/** `2 services are failing, 1 slower`; the noun is said once. */
function unwellWords(rows: ServiceRow[]): string[] {
  const counts = STATES.map(([state, words]) => ({ words, count: rows.filter((row) => row.state === state).length })).filter(({ count }) => count > 0);
  const parts = counts.map(({ words, count }, index) => (index === 0 ? `${counted(count, "service")} ${count === 1 ? "is" : "are"} ${words}` : `${figure(count)} ${words}`));
  return parts.length > 0 ? [parts.join(", ")] : [];
}

/** A time and how long ago that is; the date only where it is not today's. */
export function when(time: string | number, now: number): string {
  return `${day(time) === day(now) ? `${clock(time)} ${zoneName()}` : moment(time)}, ${ago(time, now)}`;
}

/** What is watched, how new it is, and since when nothing fired. */
export function quietLine(view: OverviewView): string {
  const ages = view.signals.flatMap((signal) => (signal.newest ? [`${one(signal.name)} ${ageWords(millis(view.now) - millis(signal.newest))}`] : []));
  const watched = `${counted(view.services, "service")} ${view.services === 1 ? "is" : "are"} watched${ages.length > 0 ? `; newest ${ages.join(", ")}` : ""}`;
  return `${watched}; ${lastFired(view)}.`;
}

function lastFired(view: OverviewView): string {
  const ends = view.alerts.flatMap(({ until }) => (until ? [millis(until)] : [])).filter(Number.isFinite);
  if (ends.length === 0) return "no alert has fired in the last day";
  const last = Math.max(...ends);
  const date = day(last) === day(view.now) ? "" : `${day(last)} `;
  return `no alert has fired since ${date}${clock(last).slice(0, 5)} ${zoneName()}, ${ago(last, millis(view.now))}`;
}

const EXPECTED = ["logs", "spans", "metric points"];

/** Signals that are missing or old, in words. */
export function unseen(view: OverviewView): string[] {
  const absent = EXPECTED.filter((name) => view.signals.every((signal) => signal.name !== name)).map((name) => ({ name, count: 0, newest: null }));
  return [...view.signals, ...absent].flatMap((signal) => {
    const words = unseenWords(signal, millis(view.now));
    return words ? [words] : [];
  });
}

function unseenWords({ name, count, newest }: SignalRow, now: number): string | undefined {
  if (count === 0 || newest === null) return `no ${name} yet`;
  return now - millis(newest) > OLD_MS ? `newest ${one(name)} ${ago(newest, now)}` : undefined;
}

/** `metric points` → `metric point`. */
function one(name: string): string {
  return name.replace(/s$/, "");
}

function ageWords(ms: number): string {
  return ms < 1000 ? "just now" : ago(0, ms);
}

/** What a service serves now beside before, in figures; `""` where it serves nothing. */
export function served({ now, before }: ServiceRow): string {
  const failed = now.requests > 0 ? `${percent(now.failed / now.requests)} of ${counted(now.requests, "request")} failed${before.requests > 0 ? ` (before ${percent(before.failed / before.requests)})` : ""}` : "";
  const slow = now.p95_ms !== null ? `p95 ${long(now.p95_ms)}${before.p95_ms !== null ? ` (before ${long(before.p95_ms)})` : ""}` : "";
  return [failed, slow].filter(Boolean).join(" · ");
}

function percent(ratio: number): string {
  const value = ratio * 100;
  return `${value > 0 && value < 0.1 ? "<0.1" : value.toFixed(value < 10 && value > 0 ? 1 : 0)} %`;
}
