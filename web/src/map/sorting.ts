// Orders of the services' table.
import type { ServiceRow } from "../wire.gen";
import { byName } from "./graph";
import { STATES } from "./words";

export type Column = "state" | "name" | "requests" | "failed" | "p50" | "p95" | "logs" | "errors" | "owner" | "pods";

/** What a column is sorted by; figures come largest first, `undefined` always last. */
function figureOf(row: ServiceRow, column: Column): number | undefined {
  const { now } = row;
  switch (column) {
    case "requests":
      return now.requests;
    case "failed":
      return now.requests > 0 ? now.failed / now.requests : undefined;
    case "p50":
      return now.p50_ms ?? undefined;
    case "p95":
      return now.p95_ms ?? undefined;
    case "logs":
      return row.log_records;
    case "errors":
      return row.errors_logged;
    case "pods":
      return row.pods.length;
    default:
      return undefined;
  }
}

/** Rows by a column, turned round where asked; equals by name. Unwell ones are the first of `state`. */
export function sorted(rows: readonly ServiceRow[], column: Column, isTurned: boolean): ServiceRow[] {
  const turn = isTurned ? -1 : 1;
  return [...rows].sort((one, other) => {
    if (column === "name") return turn * byName(one.name, other.name);
    if (column === "state") return turn * ((STATES[one.state]?.rank ?? 9) - (STATES[other.state]?.rank ?? 9)) || byName(one.name, other.name);
    if (column === "owner") return last(one.owner, other.owner) ?? (turn * byName(one.owner ?? "", other.owner ?? "") || byName(one.name, other.name));
    const [a, b] = [figureOf(one, column), figureOf(other, column)];
    return last(a, b) ?? (turn * ((b ?? 0) - (a ?? 0)) || byName(one.name, other.name));
  });
}

/** What has no value comes last, however the rest is turned. */
function last(one: unknown, other: unknown): number | undefined {
  const [isNone, isOtherNone] = [one === undefined || one === null, other === undefined || other === null];
  return isNone === isOtherNone ? undefined : isNone ? 1 : -1;
}
