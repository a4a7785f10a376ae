// All incidents: those of the last day that nobody has judged yet, then the past.
import { useMemo, useState } from "preact/hooks";
import { parameter, set } from "../route";
import { counted, millis } from "../time";
import type { IncidentRow, IncidentsView } from "../wire.gen";
import { useFresh } from "./fresh";
import { IncidentLine } from "./incidentline";
import { Refresh, saidOf, verdictOf } from "./marks";
import { Shown } from "../shown";
import "./shell.css";

const RENEW_MS = 60_000;
const DAY_MS = 86_400_000;
/** Rows that are added at a time. */
const PIECE = 100;

export function IncidentsPage() {
  const { loaded, busy, stale, refresh } = useFresh<IncidentsView>("/v1/answers", RENEW_MS);
  return (
    <div class="sh-page">
      <header class="sh-top">
        <h1 class="sh-title">Incidents</h1>
        <Refresh busy={busy} stale={stale} refresh={refresh} />
      </header>
      <Shown loaded={loaded} again={refresh} show={(view) => <Incidents rows={view.incidents} />} />
    </div>
  );
}

/** Whether it may still be going on: a cause was looked for in the last day and nobody has said what it was. */
export function isOpen(row: IncidentRow, now: number): boolean {
  return row.said === null && row.verdict !== "lookup" && now - millis(row.at) < DAY_MS;
}

/** Those in which every word is found: in the code, the title, the question, the services, or what was judged. */
export function filtered(rows: IncidentRow[], text: string): IncidentRow[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const said = row.said ? saidOf(row.said).word : "";
    const confidence = row.confidence ? `${row.confidence} confidence` : "";
    const all = [row.code, row.title, row.question, ...row.services, verdictOf(row.verdict).word, confidence, said].join("\n").toLowerCase();
    return words.every((word) => all.includes(word));
  });
}

export function Incidents({ rows }: { rows: IncidentRow[] }) {
  const text = parameter("q") ?? "";
  const now = Date.now();
  const found = useMemo(() => filtered(rows, text), [rows, text]);
  const open = found.filter((row) => isOpen(row, now));
  const past = found.filter((row) => !isOpen(row, now));
  if (rows.length === 0) {
    return (
      <p class="sh-calm">
        No question has been answered yet. <a href="/ask">Ask one</a>: its answer gets a code of three characters and stays here.
      </p>
    );
  }
  return (
    <>
      <div class="sh-filter">
        <label for="sh-filter">Filter</label>
        <input id="sh-filter" type="search" autocomplete="off" spellcheck={false} value={text} placeholder="code, service, words, “confirmed”" onInput={(event) => set({ q: event.currentTarget.value }, "replace")} />
        <span role="status">{text ? `${found.length} of ${rows.length}` : counted(rows.length, "incident")}</span>
      </div>
      <List name="Open" rows={open} now={now} none={text ? "None that matches." : "Nothing is open."}>
        of the last day, and nobody has said yet what it was
      </List>
      <List name="Past" rows={past} now={now} none={text ? "None that matches." : "Nothing yet."} />
    </>
  );
}

function List({ name, rows, now, none, children }: { name: string; rows: IncidentRow[]; now: number; none: string; children?: string }) {
  const [length, setLength] = useState(PIECE);
  return (
    <section class="sh-section" aria-label={name}>
      <header>
        <h2>
          {name} <span class="sh-number">{rows.length}</span>
        </h2>
        {children && <small>{children}</small>}
      </header>
      {rows.length === 0 && <p class="sh-none">{none}</p>}
      <ul class="sh-rows">
        {rows.slice(0, length).map((row) => (
          <IncidentLine key={row.code} row={row} now={now} />
        ))}
      </ul>
      {rows.length > length && (
        <button type="button" onClick={() => setLength(length + PIECE)}>
          Show {Math.min(PIECE, rows.length - length)} more
        </button>
      )}
    </section>
  );
}
