// The map as tables: services, and calls between them.
import { useState } from "preact/hooks";
import { share } from "../metrics/words";
import { counted, figure } from "../time";
import type { ServicesView } from "../wire.gen";
import { clipped } from "../text";
import { callsAway, isFailing, stateWords } from "./words";

const ROWS = 150;

export function MapTables({ view, away }: { view: ServicesView; away: ReadonlyMap<string, number> }) {
  const [rows, show] = useState(ROWS);
  const { services, edges } = view;
  const left = Math.max(services.length, edges.length) - rows;
  return (
    <div class="mp-tables">
      <div class="mp-table" tabIndex={0} role="region" aria-label="Services">
        <table>
          <caption>{counted(services.length, "service")}</caption>
          <thead>
            <tr>
              <th scope="col">Service</th>
              <th scope="col">State</th>
              <th scope="col" class="mp-right">Requests</th>
              <th scope="col" class="mp-right">Failed</th>
              <th scope="col">May feel it</th>
            </tr>
          </thead>
          <tbody>
            {services.slice(0, rows).map(({ name, state, dependency, now }) => (
              <tr key={name}>
                <th scope="row">
                  {clipped(name, 80)} {dependency && <small>dependency</small>}
                </th>
                <td class={`mp-${state} mp-word`}>{stateWords(state)}</td>
                <td class="mp-right">{figure(now.requests)}</td>
                <td class="mp-right">{share(now.failed, now.requests)}</td>
                <td class="mp-word">{away.has(name) ? callsAway(away.get(name) ?? 0) : "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div class="mp-table" tabIndex={0} role="region" aria-label="Calls">
        <table>
          <caption>{counted(edges.length, "way of calls", "ways of calls")}</caption>
          <thead>
            <tr>
              <th scope="col">Caller</th>
              <th scope="col">Callee</th>
              <th scope="col" class="mp-right">Calls</th>
              <th scope="col" class="mp-right">Failed</th>
            </tr>
          </thead>
          <tbody>
            {edges.slice(0, rows).map((edge) => (
              <tr key={`${edge.caller}\n${edge.callee}`}>
                <th scope="row">{clipped(edge.caller, 80)}</th>
                <td>{clipped(edge.callee, 80)}</td>
                <td class="mp-right">{figure(edge.calls)}</td>
                <td class={isFailing(edge) ? "mp-right mp-failing" : "mp-right"}>
                  {isFailing(edge) && "✖ "}
                  {share(edge.failed, edge.calls)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {left > 0 && (
        <button type="button" class="small" onClick={() => show(rows + ROWS * 3)}>
          Show more: {counted(left, "row")} left
        </button>
      )}
    </div>
  );
}
