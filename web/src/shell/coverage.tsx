// Which alerts of the last week a runbook covers; those that fire most without one first.
import type { CoverageRow } from "../wire.gen";
import { Mark, Service } from "./marks";
import { links } from "./places";
import { counted } from "../time";
import { clipped } from "../text";

/** Without a runbook first, the most frequent first. */
export function byNeed(rows: CoverageRow[]): CoverageRow[] {
  return [...rows].sort((a, b) => Number(a.runbook !== null) - Number(b.runbook !== null) || b.count - a.count || a.alert.localeCompare(b.alert));
}

export function coverageWords(rows: CoverageRow[]): string {
  const bare = rows.filter(({ runbook }) => runbook === null).length;
  if (rows.length === 0) return "No alert has fired in the last week.";
  if (bare === 0) return rows.length === 1 ? "The one alert of the last week has a runbook." : `All ${rows.length} alerts of the last week have a runbook.`;
  return `${bare} of ${counted(rows.length, "alert")} of the last week ${bare === 1 ? "has" : "have"} no runbook.`;
}

const ROWS = 200;

export function Coverage({ rows }: { rows: CoverageRow[] }) {
  return (
    <section class="sh-section" aria-label="Coverage">
      <header>
        <h2>Coverage</h2>
        <small>{coverageWords(rows)}</small>
      </header>
      {rows.length > 0 && (
        <table class="sh-table">
          <thead>
            <tr>
              <th scope="col">Fired</th>
              <th scope="col">Alert</th>
              <th scope="col">Service</th>
              <th scope="col">Runbook</th>
            </tr>
          </thead>
          <tbody>
            {byNeed(rows)
              .slice(0, ROWS)
              .map((row) => (
                <Row key={`${row.alert}\n${row.service}`} row={row} />
              ))}
          </tbody>
        </table>
      )}
      {rows.length > ROWS && <p class="sh-none">{rows.length - ROWS} more are not shown.</p>}
    </section>
  );
}

function Row({ row }: { row: CoverageRow }) {
  return (
    <tr>
      <td class="sh-number">×{row.count}</td>
      <td>{clipped(row.alert, 120)}</td>
      <td>{row.service && <Service name={row.service} />}</td>
      <td>
        {row.runbook === null ? (
          <Mark mark="○" word="no runbook" tone="unsure" />
        ) : row.document ? (
          <a href={links.runbook(row.runbook, row.document)}>{clipped(row.runbook, 120)}</a>
        ) : (
          clipped(row.runbook, 120)
        )}
      </td>
    </tr>
  );
}
