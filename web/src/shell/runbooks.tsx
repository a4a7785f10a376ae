// What is written down: found by words, opened in place, and which alerts have no runbook.
import { useEffect, useMemo, useRef } from "preact/hooks";
import { query } from "../api";
import { place, set } from "../route";
import { clipped, visible } from "../text";
import { counted, day, figure } from "../time";
import type { DocumentRow, DocumentsView } from "../wire.gen";
import { Coverage } from "./coverage";
import { useFresh } from "./fresh";
import { marked, snippet } from "./highlight";
import { Clipped, Service } from "./marks";
import { Shown } from "../shown";
import "./shell.css";

export function RunbooksPage() {
  const { parameters } = place.value;
  const text = parameters.get("q")?.trim() ?? "";
  const { loaded, busy, refresh } = useFresh<DocumentsView>(query("/v1/documents", { q: text }));
  return (
    <div class="sh-page">
      <h1 class="sh-title">Runbooks</h1>
      <SearchBox text={text} busy={busy} />
      <Shown loaded={loaded} again={refresh} show={(view) => <Documents view={view} open={parameters.get("doc") ?? undefined} line={parameters.get("line") ?? undefined} />} />
    </div>
  );
}

function SearchBox({ text, busy }: { text: string; busy: boolean }) {
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (box.current) box.current.value = text;
  }, [text]);
  return (
    <form
      class="sh-filter"
      role="search"
      aria-busy={busy}
      onSubmit={(event) => {
        event.preventDefault();
        set({ q: box.current?.value.trim(), doc: undefined, line: undefined });
      }}
    >
      <label for="sh-documents">Search</label>
      <input id="sh-documents" ref={box} type="search" autocomplete="off" maxLength={1000} placeholder="an alert, a symptom, an error message" />
      <button type="submit">Search</button>
    </form>
  );
}

/** How sure it is that a section answers, in words: a figure would promise more than is known. */
export function matchWords(confidence: number): string {
  if (confidence >= 0.75) return "very likely answers";
  if (confidence >= 0.5) return "probably answers";
  return confidence >= 0.25 ? "may answer" : "a weak match";
}

/** The section an address means: the very one by its line, or else the document's best. */
export function openedRow(rows: DocumentRow[], document: string | undefined, line: string | undefined): DocumentRow | undefined {
  if (document === undefined) return undefined;
  const own = rows.filter((row) => row.document === document);
  return own.find((row) => String(row.line_start) === line) ?? own[0];
}

export function Documents({ view, open, line }: { view: DocumentsView; open: string | undefined; line: string | undefined }) {
  const opened = openedRow(view.documents, open, line);
  const list = useRef<HTMLUListElement>(null);
  // A link to a section leads to it, wherever in the list it stands.
  useEffect(() => {
    list.current?.querySelector('[aria-expanded="true"]')?.scrollIntoView?.({ block: "nearest" });
  }, [opened]);
  return (
    <>
      <p class="sh-indexed" role="status">
        {view.query ? `${counted(view.documents.length, "section")} found in ${counted(view.indexed, "document")}` : `${counted(view.runbooks, "runbook")} and ${counted(view.incidents, "account")} of incidents in ${counted(view.indexed, "document")}`}
      </p>
      {view.indexed === 0 && (
        <p class="notice">
          No document is indexed yet: <code>groundcrew index ./runbooks</code>
        </p>
      )}
      {open !== undefined && !opened && <p class="notice">The section of that link is not among what was found.</p>}
      {view.query && view.documents.length === 0 && view.indexed > 0 && <p class="sh-none">Nothing is written about that. Fewer or other words may find more.</p>}
      <ul class="sh-rows" ref={list}>
        {view.documents.map((row) => (
          <Found key={`${row.document}:${row.line_start}`} row={row} words={view.query} isOpen={row === opened} />
        ))}
      </ul>
      <Coverage rows={view.coverage} />
    </>
  );
}

function Found({ row, words, isOpen }: { row: DocumentRow; words: string; isOpen: boolean }) {
  const id = `sh-section-${row.document}-${row.line_start}`.replaceAll(/[^\w-]/g, "_");
  const beginning = useMemo(() => visible(snippet(row.text, words)), [row, words]);
  const toggle = () => set(isOpen ? { doc: undefined, line: undefined } : { doc: row.document, line: String(row.line_start) }, "replace");
  return (
    <li class="sh-document">
      <p class="sh-line">
        <span class="sh-kind">{clipped(row.kind, 20)}</span>
        <button type="button" class="sh-open" aria-expanded={isOpen} aria-controls={id} onClick={toggle}>
          <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span> {clipped(row.title, 200)}
        </button>
        <small class={row.confidence >= 0.5 ? "sh-sure" : ""}>{matchWords(row.confidence)}</small>
      </p>
      {row.heading.length > 0 && <p class="sh-path">{row.heading.map((heading) => clipped(heading, 120)).join(" › ")}</p>}
      <div id={id}>
        {isOpen ? (
          <pre class="sh-whole" tabIndex={0} role="region" aria-label={`Section of ${clipped(row.title, 100)}`}>
            <Clipped text={row.text} max={20_000} show={(text) => <Marked text={visible(text)} words={words} />} />
          </pre>
        ) : (
          <p class="sh-snippet">
            <Marked text={beginning} words={words} />
          </p>
        )}
      </div>
      <p class="sh-line sh-about">
        <small>
          lines {figure(row.line_start)}–{figure(row.line_end)}
          {row.date && ` · ${day(row.date)}`}
        </small>
        {row.services.slice(0, 6).map((name) => (
          <Service key={name} name={name} />
        ))}
        {row.alerts.slice(0, 6).map((name) => (
          <small key={name}>answers {clipped(name, 80)}</small>
        ))}
      </p>
    </li>
  );
}

function Marked({ text, words }: { text: string; words: string }) {
  return <>{marked(text, words).map(({ text: piece, hit }, index) => (hit ? <mark key={index}>{piece}</mark> : piece))}</>;
}
