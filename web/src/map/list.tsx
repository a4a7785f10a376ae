// Services as a table that can be sorted, the unwell ones first.
import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { share } from "../metrics/words";
import { counted, figure, long } from "../time";
import type { ServiceRow, ServicesView } from "../wire.gen";
import { sorted, type Column } from "./sorting";
import { clipped } from "../text";
import { links } from "../shell/places";
import { stateWords } from "./words";

const ROWS = 100;

const COLUMNS: { column: Column; title: string; isFigure?: boolean }[] = [
  { column: "state", title: "State" },
  { column: "name", title: "Service" },
  { column: "requests", title: "Requests", isFigure: true },
  { column: "failed", title: "Failed", isFigure: true },
  { column: "p50", title: "p50", isFigure: true },
  { column: "p95", title: "p95", isFigure: true },
  { column: "logs", title: "Log records", isFigure: true },
  { column: "errors", title: "Errors logged", isFigure: true },
  { column: "owner", title: "Owner" },
  { column: "pods", title: "Pods", isFigure: true },
];

export function ServiceList({ view, onMap }: { view: ServicesView; onMap: (name: string) => void }) {
  const [order, setOrder] = useState<{ column: Column; isTurned: boolean }>({ column: "state", isTurned: false });
  const [filter, setFilter] = useState("");
  const [shown, show] = useState(ROWS);
  const rows = useMemo(() => {
    const wanted = filter.trim().toLowerCase();
    const kept = view.services.filter(({ name, owner }) => name.toLowerCase().includes(wanted) || (owner ?? "").toLowerCase().includes(wanted));
    return sorted(kept, order.column, order.isTurned);
  }, [view, filter, order]);
  const isUp = (column: Column) => (column === "state" || column === "name" || column === "owner") !== order.isTurned;
  return (
    <>
      <label class="mp-filter">
        Service or owner <input type="search" value={filter} spellcheck={false} autocomplete="off" onInput={(event) => setFilter(event.currentTarget.value)} />
      </label>
      <div class="mp-table mp-list" tabIndex={0} role="region" aria-label="Services">
        <table>
          <thead>
            <tr>
              {COLUMNS.map(({ column, title, isFigure }) => (
                <th key={column} scope="col" class={isFigure ? "mp-right" : ""} aria-sort={order.column === column ? (isUp(column) ? "ascending" : "descending") : undefined}>
                  <button type="button" onClick={() => setOrder({ column, isTurned: order.column === column && !order.isTurned })}>
                    {title}
                    <span aria-hidden="true">{order.column === column ? (isUp(column) ? " ↑" : " ↓") : ""}</span>
                  </button>
                </th>
              ))}
              <th scope="col">Look at</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, shown).map((row) => (
              <Row key={row.name} row={row} from={view.from} to={view.to} onMap={onMap} />
            ))}
          </tbody>
        </table>
      </div>
      {rows.length === 0 && <p>{view.services.length === 0 ? "No services were heard of in this time." : "No service matches."}</p>}
      {rows.length > shown && (
        <p>
          <button type="button" onClick={() => show(shown + ROWS * 2)}>
            Show more: {counted(rows.length - shown, "service")} left
          </button>
        </p>
      )}
    </>
  );
}

function Row({ row, from, to, onMap }: { row: ServiceRow; from: string; to: string; onMap: (name: string) => void }) {
  const { name, state, why, dependency, now, before, pods, owner } = row;
  return (
    <tr>
      <td class={`mp-${state} mp-word`}>{stateWords(state)}</td>
      <th scope="row">
        {clipped(name, 80)} {dependency && <small>dependency</small>}
        {why && <small class="mp-why">{clipped(why, 200)}</small>}
      </th>
      <Compared now={figure(now.requests)} before={figure(before.requests)} isKnown={before.requests > 0} />
      <Compared now={share(now.failed, now.requests)} before={share(before.failed, before.requests)} isKnown={before.requests > 0} />
      <Compared now={ms(now.p50_ms)} before={ms(before.p50_ms)} isKnown={before.p50_ms !== null} />
      <Compared now={ms(now.p95_ms)} before={ms(before.p95_ms)} isKnown={before.p95_ms !== null} />
      <td class="mp-right">{figure(row.log_records)}</td>
      <td class="mp-right">{figure(row.errors_logged)}</td>
      <td class="mp-owner">{owner === null ? "–" : clipped(owner, 60)}</td>
      <td class="mp-right" title={pods.length > 0 ? clipped(pods.slice(0, 10).join(", "), 400) : undefined}>
        {pods.length}
      </td>
      <td>
        <Links name={name} from={from} to={to}>
          <button type="button" class="small" aria-label={`Show ${clipped(name, 80)} on the map`} onClick={() => onMap(name)}>
            map
          </button>
        </Links>
      </td>
    </tr>
  );
}

/** The service's logs, metrics and traces of the same time. */
export function Links({ name, from, to, children }: { name: string; from: string; to: string; children?: ComponentChildren }) {
  return (
    <span class="mp-links">
      {(["logs", "metrics", "traces"] as const).map((what) => (
        <a key={what} href={links[what](name, { from, to })} aria-label={`${what} of ${clipped(name, 80)}`}>
          {what}
        </a>
      ))}
      {children}
    </span>
  );
}

function Compared({ now, before, isKnown }: { now: string; before: string; isKnown: boolean }) {
  return (
    <td class="mp-right">
      {now}
      {isKnown && <small class="mp-before">before {before}</small>}
    </td>
  );
}

function ms(value: number | null): string {
  return value === null ? "–" : long(value);
}
