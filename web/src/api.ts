// Views of the server, fetched once and kept a while.
import { useEffect, useState } from "preact/hooks";
import { authorization } from "./token";

/** How a view stands. */
export type Loaded<T> = { at: "loading" } | { at: "token" } | { at: "failed"; why: string } | { at: "here"; view: T };

const KEPT_MAX = 24;
const kept = new Map<string, unknown>();

/** Whether a view stays as it is: evidence and settings do, and what ends at a time; all else is asked for again. */
export function stays(path: string): boolean {
  return /[?&]to=/.test(path) || /^\/v1\/(evidence\/|panel$)/.test(path);
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<Loaded<T>> {
  try {
    const response = await fetch(path, { headers: authorization(), signal: signal ?? null });
    if (response.status === 401) return { at: "token" };
    if (response.ok) return { at: "here", view: (await response.json()) as T };
    const body = (await response.json().catch(() => undefined)) as { error?: { message?: string; hint?: string } } | undefined;
    const { message, hint } = body?.error ?? {};
    return { at: "failed", why: message ? [message, hint].filter(Boolean).join(": ") : `the server answered ${response.status}` };
  } catch (error) {
    if (signal?.aborted) throw error;
    return { at: "failed", why: "the server is away; trying again may help" };
  }
}

/** The view behind `path`; what was shown before stays until the next one is here. `undefined` asks for nothing. */
export function useView<T>(path: string | undefined, again = 0): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T>>({ at: "loading" });
  useEffect(() => {
    if (path === undefined) return;
    const known = again === 0 ? kept.get(path) : undefined;
    if (known !== undefined) {
      setLoaded({ at: "here", view: known as T });
      return;
    }
    const abort = new AbortController();
    setLoaded((now) => (now.at === "here" ? now : { at: "loading" }));
    get<T>(path, abort.signal).then(
      (next) => {
        if (next.at === "here" && stays(path)) keep(path, next.view);
        setLoaded(next);
      },
      () => undefined,
    );
    return () => abort.abort();
  }, [path, again]);
  return loaded;
}

function keep(path: string, view: unknown): void {
  kept.delete(path);
  kept.set(path, view);
  const [oldest] = kept.keys();
  if (kept.size > KEPT_MAX && oldest !== undefined) kept.delete(oldest);
}

/** A path of the server with what is given of the parameters. */
export function query(path: string, parameters: Record<string, string | number | undefined>): string {
  const given = Object.entries(parameters).filter((pair): pair is [string, string | number] => pair[1] !== undefined && pair[1] !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text ? `${path}?${text}` : path;
}
