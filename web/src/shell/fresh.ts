// A view of now: asked for again and again while somebody may be looking, and kept when the server is away.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, type Loaded } from "../api";

/** An answer that takes longer is given up. */
const WAIT_MS = 15_000;
const SLOWEST_MS = 120_000;

/** The last views, so that going back shows at once what was there. */
const KEPT_MAX = 8;
const kept = new Map<string, unknown>();

function keep(path: string, loaded: Loaded<unknown>): void {
  kept.delete(path);
  if (loaded.at === "here") kept.set(path, loaded.view);
  const [oldest] = kept.keys();
  if (kept.size > KEPT_MAX && oldest !== undefined) kept.delete(oldest);
}

interface Fresh<T> {
  loaded: Loaded<T>;
  /** Whether it is being asked for. */
  busy: boolean;
  /** Why what is shown could not be renewed. */
  stale: string | undefined;
  refresh: () => void;
}

/** How long until the next time: further apart while it fails. `undefined` for never. */
export function nextIn(everyMs: number, failures: number): number | undefined {
  return everyMs > 0 ? Math.min(everyMs * 2 ** Math.min(failures, 8), Math.max(SLOWEST_MS, everyMs)) : undefined;
}

/** The view behind `path`, renewed every `everyMs` (0: only when asked) while the page is in sight. */
export function useFresh<T>(path: string, everyMs = 0): Fresh<T> {
  const [state, setState] = useState<{ path: string; loaded: Loaded<T>; stale: string | undefined }>(() => ({ path, loaded: kept.has(path) ? { at: "here", view: kept.get(path) as T } : { at: "loading" }, stale: undefined }));
  const [busy, setBusy] = useState(true);
  const now = useRef<() => void>(() => undefined);
  useEffect(() => {
    const fetching = poll<T>(path, everyMs, setBusy, (loaded) => {
      if (loaded.at !== "failed") keep(path, loaded);
      setState((before) => {
        const isKept = loaded.at === "failed" && before.loaded.at === "here" && before.path === path;
        return isKept ? { ...before, stale: loaded.why } : { path, loaded, stale: undefined };
      });
    });
    now.current = fetching.now;
    return fetching.end;
  }, [path, everyMs]);
  return { loaded: state.loaded, busy, stale: state.stale, refresh: () => now.current() };
}

/** Asks one question at a time until it is ended. */
function poll<T>(path: string, everyMs: number, onBusy: (busy: boolean) => void, onLoaded: (loaded: Loaded<T>) => void) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asking: AbortController | undefined;
  let failures = 0;
  let ended = false;
  let dueAt = 0;
  const later = (wait: number | undefined) => {
    clearTimeout(timer);
    if (wait === undefined || document.hidden || ended) return;
    timer = setTimeout(ask, wait);
  };
  const ask = async () => {
    if (asking || ended) return;
    clearTimeout(timer);
    const abort = new AbortController();
    asking = abort;
    onBusy(true);
    const limit = setTimeout(() => abort.abort(), WAIT_MS);
    const loaded = await get<T>(path, abort.signal).catch((): Loaded<T> => ({ at: "failed", why: "the server takes too long" }));
    clearTimeout(limit);
    asking = undefined;
    if (ended) return;
    failures = loaded.at === "failed" ? failures + 1 : 0;
    onBusy(false);
    onLoaded(loaded);
    const wait = loaded.at === "token" ? undefined : nextIn(everyMs, failures);
    dueAt = wait === undefined ? Number.POSITIVE_INFINITY : Date.now() + wait;
    later(wait);
  };
  const onSight = () => (document.hidden ? clearTimeout(timer) : !asking && Number.isFinite(dueAt) && later(Math.max(0, dueAt - Date.now())));
  document.addEventListener("visibilitychange", onSight);
  void ask();
  return {
    now: () => void ask(),
    end: () => {
      ended = true;
      clearTimeout(timer);
      asking?.abort();
      document.removeEventListener("visibilitychange", onSight);
    },
  };
}
