// Search, folding and the critical path's switch.
import type { RefObject } from "preact";
import type { Shown, State } from "./state";
import { counted } from "../time";
import type { Action, Command } from "./state";

interface Props {
  state: State;
  shown: Shown;
  field: RefObject<HTMLInputElement>;
  act: (action: Action) => void;
}

export function Tools({ state, shown, field, act }: Props) {
  const command = (label: string, todo: Command, title: string) => (
    <button type="button" class="small" title={title} onClick={() => act({ do: todo })}>
      {label}
    </button>
  );
  return (
    <div class="tr-tools">
      <Search state={state} shown={shown} field={field} act={act} />
      {shown.tree.failed > 0 && command("Next failed", "next failed", "Select the next span that failed")}
      <button type="button" class="small" aria-pressed={state.only} onClick={() => act({ do: "only" })}>
        Critical path only
      </button>
      <div class="tr-group" role="group" aria-label="Fold">
        {command("Expand all", "expand all", "Expand all ([)")}
        {command("Collapse all", "collapse all", "Collapse all (])")}
        {command("First level", "collapse to 1", "Roots and what they call")}
        <button type="button" class="small" aria-label="Collapse one level" title="Collapse one level (p)" onClick={() => act({ do: "collapse one" })}>−1</button>
        <button type="button" class="small" aria-label="Expand one level" title="Expand one level (o)" onClick={() => act({ do: "expand one" })}>+1</button>
      </div>
    </div>
  );
}

function Search({ state, shown, field, act }: Props) {
  const none = shown.found.length === 0;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter") {
      event.preventDefault();
      act({ do: event.shiftKey ? "previous match" : "next match" });
    } else if (event.key === "Escape" && state.search) {
      event.stopPropagation();
      act({ do: "search", text: "" });
    }
  };
  return (
    <div class="tr-search" role="search" aria-label="Spans">
      <input ref={field} type="search" aria-label="Search spans" placeholder="Service, operation or span id" value={state.search} onInput={(event) => act({ do: "search", text: event.currentTarget.value })} onKeyDown={onKeyDown} />
      <button type="button" class="small" aria-label="Previous match" title="Previous match (b)" disabled={none} onClick={() => act({ do: "previous match" })}>▴</button>
      <button type="button" class="small" aria-label="Next match" title="Next match (f)" disabled={none} onClick={() => act({ do: "next match" })}>▾</button>
      <span class="tr-count" role="status">
        {whichOf(state, shown)}
      </span>
    </div>
  );
}

function whichOf(state: State, { found }: Shown): string {
  if (!state.search.trim()) return "";
  if (found.length === 0) return "no match";
  const at = state.reached ? found.indexOf(state.active) : -1;
  return at >= 0 ? `${(at + 1).toLocaleString("en-US")} of ${counted(found.length, "match", "matches")}` : counted(found.length, "match", "matches");
}

const KEYS: [string, string][] = [
  ["↑ ↓ Home End", "another span"], ["← →", "collapse, expand, to the parent"], ["Enter", "details"], ["Esc", "close details"],
  ["+ −", "zoom in, out"], ["w s", "a page up, down"], ["a d", "earlier, later"], ["0", "whole trace"], ["f b", "next, previous match"],
  ["p o", "collapse, expand one level"], ["] [", "collapse, expand all"], ["Ctrl B", "search"],
];

/** What the drawing's marks mean, and the keys. */
export function Legend() {
  return (
    <div class="tr-legend">
      <span>
        <i class="tr-key-line" aria-hidden="true" /> line below a bar: critical path
      </span>
      <span>
        <b class="tr-bad">✗</b> and hatched: failed
      </span>
      <details>
        <summary>Keys</summary>
        <dl>
          {KEYS.map(([keys, what]) => (
            <div key={keys}>
              <dt>
                <kbd>{keys}</kbd>
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
      </details>
    </div>
  );
}
