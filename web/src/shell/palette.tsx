// Searches for anything by name and goes there: what one asks, the places of the panel, and what the server finds.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, query } from "../api";
import { go } from "../route";
import { visible } from "../text";
import type { SearchView } from "../wire.gen";
import { closeDialog, Dialog, shown } from "./dialogs";
import { innerPath, links, PLACES } from "./places";

const DEBOUNCE_MS = 120;
const HITS_MAX = 20;

interface Entry {
  kind: string;
  title: string;
  detail: string;
  path: string;
}

interface Found {
  hits: Entry[];
  trouble: string | undefined;
}

const NOTHING: Found = { hits: [], trouble: undefined };

export function Palette() {
  return shown.value === "palette" ? <Inside /> : null;
}

function Inside() {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState<string>();
  const { found, busy } = useHits(text.trim());
  const list = useRef<HTMLUListElement>(null);
  const entries = useMemo(() => entriesFor(text.trim(), found.hits), [text, found]);
  // By path, so that answers which come late move no choice from what it was.
  const at = Math.max(0, entries.findIndex(({ path }) => path === chosen));
  useEffect(() => list.current?.children[at]?.scrollIntoView?.({ block: "nearest" }), [at, entries]);
  const take = (entry: Entry | undefined) => {
    if (!entry) return;
    closeDialog();
    go(entry.path);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === "Enter") take(entries[at]);
    const next = moved(event.key, at, entries.length);
    if (next !== undefined) setChosen(entries[next]?.path);
    if (next !== undefined || event.key === "Enter") event.preventDefault();
  };
  return (
    <Dialog label="Search" class="sh-palette">
      <input
        data-first
        type="text"
        role="combobox"
        aria-label="Search or ask"
        aria-expanded={entries.length > 0}
        aria-controls="sh-entries"
        aria-activedescendant={entries.length > 0 ? `sh-entry-${at}` : undefined}
        aria-autocomplete="list"
        autocomplete="off"
        spellcheck={false}
        maxLength={2000}
        placeholder="Search, or ask a question"
        onInput={(event) => {
          setText(event.currentTarget.value);
          setChosen(undefined);
        }}
        onKeyDown={onKeyDown}
      />
      <ul id="sh-entries" ref={list} role="listbox" aria-label="Results" aria-busy={busy}>
        {entries.map((entry, index) => (
          <li key={entry.path} id={`sh-entry-${index}`} role="option" aria-selected={index === at} onClick={() => take(entry)} onMouseMove={() => index !== at && setChosen(entry.path)}>
            <span class="sh-entry-kind">{visible(entry.kind)}</span>
            <span class="sh-entry-title">{visible(entry.title)}</span>
            <span class="sh-entry-detail">{visible(entry.detail)}</span>
          </li>
        ))}
      </ul>
      <p class="sh-palette-foot">
        {found.trouble ? (
          <span role="alert">{visible(found.trouble)}</span>
        ) : (
          <span aria-hidden="true">
            <kbd>↑</kbd> <kbd>↓</kbd> choose · <kbd>Enter</kbd> go · <kbd>Esc</kbd> close
          </span>
        )}
      </p>
      <p role="status" class="visually-hidden">
        {busy ? "" : `${entries.length} ${entries.length === 1 ? "result" : "results"}`}
      </p>
    </Dialog>
  );
}

/** The position a key moves to; `undefined` where it moves none. */
function moved(key: string, at: number, count: number): number | undefined {
  if (count === 0) return undefined;
  if (key === "ArrowDown") return (at + 1) % count;
  if (key === "ArrowUp") return (at + count - 1) % count;
  if (key === "PageDown") return Math.min(count - 1, at + 8);
  if (key === "PageUp") return Math.max(0, at - 8);
  return undefined;
}

/** What is offered: the question, then places, then what was found. */
function entriesFor(text: string, hits: Entry[]): Entry[] {
  const wanted = text.toLowerCase();
  const places = PLACES.filter(({ name, words }) => !wanted || [name, ...words.split(" ")].some((word) => word.toLowerCase().startsWith(wanted)));
  const all = [
    ...(text ? [{ kind: "ask", title: `Ask: ${clip(text)}`, detail: "", path: links.ask(text) }] : []),
    ...places.map(({ name, path, letter }) => ({ kind: "place", title: name, detail: letter ? `g ${letter}` : "", path })),
    ...hits,
  ];
  const known = new Set<string>();
  return all.filter(({ path }) => !known.has(path) && known.add(path));
}

/** What the server finds for the last text only: answers for what was typed before are dropped. */
function useHits(text: string): { found: Found; busy: boolean } {
  const [found, setFound] = useState<Found>(NOTHING);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (!text) {
      setFound(NOTHING);
      setBusy(false);
      return;
    }
    setBusy(true);
    const abort = new AbortController();
    const timer = setTimeout(async () => {
      const next = await hitsFor(text, abort.signal).catch(() => NOTHING);
      if (abort.signal.aborted) return;
      setFound(next);
      setBusy(false);
    }, DEBOUNCE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text]);
  return { found, busy };
}

async function hitsFor(text: string, signal: AbortSignal): Promise<Found> {
  const loaded = await get<SearchView>(query("/v1/search", { q: text }), signal);
  if (loaded.at === "token") return { hits: [], trouble: "Search needs the server's token; any page of the panel asks for it." };
  if (loaded.at !== "here") return { hits: [], trouble: loaded.at === "failed" ? `Search failed: ${clip(loaded.why)}` : undefined };
  const hits = loaded.view.hits.slice(0, HITS_MAX).flatMap((hit) => {
    const path = innerPath(hit.path);
    return path ? [{ kind: clip(hit.kind), title: clip(hit.title), detail: clip(hit.detail), path }] : [];
  });
  return { hits, trouble: undefined };
}

function clip(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
