// The stretch of time that a page shows, and ways to another one without a pointer.
import { useEffect, useState } from "preact/hooks";
import { millis, zoneName } from "./time";
import { inField, moved, pair, wider, written } from "./moments";
import "./timebar.css";

interface Props {
  from: string;
  to: string;
  onRange: (from: string, to: string) => void;
  /** Goes to the newest telemetry. */
  onLatest: () => void;
}

const MINUTE = 60_000;
const QUICK: [string, number][] = [
  ["15 min", 15 * MINUTE],
  ["1 h", 60 * MINUTE],
  ["6 h", 360 * MINUTE],
  ["1 day", 1440 * MINUTE],
];

export function TimeBar({ from, to, onRange, onLatest }: Props) {
  const go = (stretch: [string, string] | undefined) => stretch && onRange(...stretch);
  const length = millis(to) - millis(from);
  return (
    <div class="tb-time">
      <Fields from={from} to={to} onRange={onRange} />
      <div class="tb-buttons" role="group" aria-label="Length, up to the same end">
        {QUICK.map(([name, ms]) => (
          <button key={name} type="button" class="small" aria-pressed={Math.abs(length - ms) < 1000} onClick={() => go(pair(millis(to) - ms, millis(to)))}>
            {name}
          </button>
        ))}
      </div>
      <div class="tb-buttons" role="group" aria-label="Move in time">
        <button type="button" class="small" onClick={() => go(moved(from, to, -1))}>
          ← Earlier
        </button>
        <button type="button" class="small" onClick={() => go(moved(from, to, 1))}>
          Later →
        </button>
        <button type="button" class="small" onClick={() => go(wider(from, to, 2))}>
          Wider
        </button>
        <button type="button" class="small" onClick={onLatest}>
          Latest
        </button>
      </div>
    </div>
  );
}

/** From and to as text: what dragging over a chart does, without dragging. */
export function Fields({ from, to, onRange }: Pick<Props, "from" | "to" | "onRange">) {
  const [typed, type] = useState({ from: inField(from), to: inField(to) });
  const [problem, say] = useState("");
  const zone = zoneName();
  useEffect(() => {
    type({ from: inField(from), to: inField(to) });
    say("");
  }, [from, to, zone]);
  const submit = (event: Event) => {
    event.preventDefault();
    const [start, end] = [written(typed.from), written(typed.to)];
    if (!start || !end) return say(`“${(start ? typed.to : typed.from).slice(0, 40)}” is no time; write it as 2026-11-22 03:07:10`);
    if (millis(start) >= millis(end)) return say("the end must be after the start");
    say("");
    onRange(start, end);
  };
  return (
    <form class="tb-fields" onSubmit={submit}>
      <label>
        From <input value={typed.from} size={19} spellcheck={false} autocomplete="off" aria-invalid={problem !== ""} onInput={(event) => type({ ...typed, from: event.currentTarget.value })} />
      </label>
      <label>
        to <input value={typed.to} size={19} spellcheck={false} autocomplete="off" aria-invalid={problem !== ""} onInput={(event) => type({ ...typed, to: event.currentTarget.value })} />
      </label>
      <small>{zone}</small>
      <button type="submit" class="small">
        Show
      </button>
      {problem && (
        <span role="alert" class="tb-problem">
          {problem}
        </span>
      )}
    </form>
  );
}
