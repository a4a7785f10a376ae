// The same values as a table, newest first.
import { useState } from "preact/hooks";
import { clock, counted, day, zoneName } from "../time";
import type { Point } from "./points";
import { amount } from "./words";

const ROWS = 200;

interface Props {
  points: Point[];
  usual: readonly [number, number] | null;
  unit: string;
  /** Where the time begins. */
  from: number;
  label: string;
}

export function PointTable({ points, usual, unit, from, label }: Props) {
  const [rows, setRows] = useState(ROWS);
  const shown = points.slice(-rows).reverse();
  return (
    <div class="mt-table" tabIndex={0} role="region" aria-label={`Values of ${label}`}>
      <table>
        <thead>
          <tr>
            <th scope="col">Time ({zoneName()})</th>
            <th scope="col" class="mt-right">
              Value
            </th>
            <th scope="col">Against usual</th>
            <th scope="col">Part</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(([at, value]) => (
            <tr key={at}>
              <td>{`${day(at)} ${clock(at)}`}</td>
              <td class="mt-right">{amount(value, unit)}</td>
              <td>{against(value, usual)}</td>
              <td>{at < from ? "time before" : "this time"}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {points.length > rows && (
        <button type="button" class="small" onClick={() => setRows(rows + ROWS * 5)}>
          Show more: {counted(points.length - rows, "value")} left
        </button>
      )}
    </div>
  );
}

/** `above`, `below` or `within` the usual band; `–` without one. */
export function against(value: number, usual: readonly [number, number] | null): string {
  if (!usual) return "–";
  return value > usual[1] ? "above" : value < usual[0] ? "below" : "within";
}
