// Lines fetched page by page, back in time.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, type Loaded } from "../api";
import { millis } from "../time";
import type { LogLine, LogsView, Time } from "../wire.gen";
import { linesPath, type Filters } from "./filters";

/** More than this a browser need not hold: a narrower time shows the rest. */
export const LINES_MAX = 100_000;

export interface Pages {
  /** What is here: the path with times, also where the server chose them. */
  key: string;
  /** The path that was asked for. */
  asked: string;
  /** The first page, whose histogram counts them all. */
  view?: LogsView;
  lines: LogLine[];
  next?: Time;
  /** Whether the first page, or one more, is on its way. */
  busy?: "first" | "more";
  /** What became of the last request where it brought nothing. */
  trouble?: Exclude<Loaded<never>, { at: "here" } | { at: "loading" }>;
}

const NONE: Pages = { key: "", asked: "", lines: [] };

/** Lines and those of a page further back; lines of the seam that both have are there once. */
export function joined(lines: LogLine[], page: LogLine[]): LogLine[] {
  const [newest] = page;
  if (!newest) return lines;
  const seam = new Map<string, number>();
  // Two equal lines of one moment may both be true, so equal ones are counted, not just known.
  for (let index = lines.length - 1; index >= 0; index -= 1) {
    const line = lines[index];
    if (!line || millis(line.time) > millis(newest.time)) break;
    seam.set(sign(line), (seam.get(sign(line)) ?? 0) + 1);
  }
  const fresh = page.filter((line) => {
    const left = seam.get(sign(line)) ?? 0;
    if (left > 0) seam.set(sign(line), left - 1);
    return left === 0;
  });
  return lines.concat(fresh).slice(0, LINES_MAX);
}

function sign(line: LogLine): string {
  return JSON.stringify([line.time, line.service, line.pod, line.span_id, line.body]);
}

/** The pages with what came of asking for one more. */
export function added(now: Pages, loaded: Loaded<LogsView>): Pages {
  if (loaded.at === "loading") return now;
  if (loaded.at !== "here") return { ...now, busy: undefined, trouble: loaded };
  const lines = joined(now.lines, loaded.view.lines);
  // A page that brings nothing and leads to itself would be asked for without end.
  const isStuck = lines.length === now.lines.length && loaded.view.next === now.next;
  return { ...now, lines, next: isStuck ? undefined : (loaded.view.next ?? undefined), busy: undefined, trouble: undefined };
}

function keyOf(filters: Filters, view?: LogsView): string {
  return linesPath({ ...filters, from: filters.from ?? view?.from, to: filters.to ?? view?.to });
}

/** The lines that match, more of them, and the same anew. */
export function usePages(filters: Filters): { pages: Pages; more: () => void; again: () => void } {
  const [pages, setPages] = useState<Pages>(NONE);
  const [round, setRound] = useState(0);
  const running = useRef<AbortController | null>(null);
  const asked = useRef(0);
  const key = keyOf(filters);
  useEffect(() => {
    // The view's own times were written into the address: what is here is what it names.
    if (pages.key === key && asked.current === round) {
      if (pages.busy === "first") running.current?.abort();
      setPages((now) => ({ ...now, asked: key, busy: now.busy === "first" ? undefined : now.busy }));
      return;
    }
    asked.current = round;
    running.current?.abort();
    const abort = (running.current = new AbortController());
    setPages((now) => ({ ...now, busy: "first", trouble: undefined }));
    get<LogsView>(linesPath(filters), abort.signal).then(
      (loaded) => {
        if (loaded.at === "here") setPages({ key: keyOf(filters, loaded.view), asked: key, view: loaded.view, lines: loaded.view.lines, next: loaded.view.next ?? undefined });
        else if (loaded.at !== "loading") setPages({ ...NONE, trouble: loaded });
      },
      () => undefined,
    );
  }, [key, round]);
  useEffect(() => () => running.current?.abort(), []);
  const more = () => {
    if (pages.busy || !pages.next || !pages.view || pages.lines.length >= LINES_MAX) return;
    const abort = (running.current = new AbortController());
    setPages({ ...pages, busy: "more", trouble: undefined });
    get<LogsView>(linesPath({ ...filters, from: pages.view.from }, pages.next), abort.signal).then(
      (loaded) => !abort.signal.aborted && setPages((now) => added(now, loaded)),
      () => undefined,
    );
  };
  return { pages, more, again: () => setRound(round + 1) };
}
