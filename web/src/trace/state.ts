// What a person has done to a waterfall, and what each key and button does next.
import { type Stretch, clamped, panned, withInSight, zoomed } from "./axis";
import { type Arranged, type Tree, arrange, collapsedByOne, collapsedTo, expandedByOne, matches, nearestShown, nextMatch, parentOf, revealed } from "./layout";

export interface State {
  collapsed: ReadonlySet<number>;
  /** Only the critical path is shown. */
  only: boolean;
  window: Stretch;
  /** The span that is selected. */
  active: number;
  /** Whether its details are open. */
  open: boolean;
  search: string;
  /** Whether a match was gone to since the search changed. */
  reached: boolean;
}

export type Command =
  | "up" | "down" | "page up" | "page down" | "home" | "end" | "left" | "right" | "open" | "close"
  | "zoom in" | "zoom out" | "pan left" | "pan right" | "whole" | "to span"
  | "next match" | "previous match" | "next failed"
  | "collapse one" | "expand one" | "collapse all" | "expand all" | "collapse to 1" | "only";

export type Action =
  | { do: Command }
  | { do: "select"; index: number; open?: boolean }
  | { do: "toggle"; index: number }
  | { do: "reveal"; id: string }
  | { do: "search"; text: string }
  | { do: "window"; window: Stretch };

/** What follows from the trace and the state, computed once for both. */
export interface Shown {
  tree: Tree;
  arranged: Arranged;
  found: number[];
}

/** Letters as those who come from Jaeger have them in their fingers; only where a letter alone is meant as a shortcut. */
export const LETTERS: Readonly<Record<string, Command>> = {
  w: "page up", s: "page down", "+": "zoom in", "=": "zoom in", "-": "zoom out", a: "pan left", d: "pan right", "0": "whole",
  f: "next match", b: "previous match",
  p: "collapse one", o: "expand one", "]": "collapse all", "[": "expand all",
};

/** Keys of the tree. */
export const TREE_KEYS: Readonly<Record<string, Command>> = {
  ArrowUp: "up", ArrowDown: "down", PageUp: "page up", PageDown: "page down", Home: "home", End: "end", ArrowLeft: "left", ArrowRight: "right", Enter: "open", " ": "open", Escape: "close",
};

const ZOOM = 0.5;
const PAN = 0.25;
const PAGE = 15;

export function begin(tree: Tree, focus?: string): State {
  const wanted = focus ? tree.spans.findIndex((span) => span.id === focus) : -1;
  return { collapsed: new Set(), only: false, window: { from: 0, to: tree.total }, active: Math.max(0, wanted), open: wanted >= 0, search: "", reached: false };
}

export function next(state: State, action: Action, shown: Shown): State {
  const { tree } = shown;
  switch (action.do) {
    case "select":
      return { ...state, active: action.index, open: action.open ?? state.open };
    case "toggle":
      return settled({ ...state, collapsed: toggled(state.collapsed, action.index) }, tree);
    case "reveal":
      return { ...atSpan(state, tree.spans.findIndex((span) => span.id === action.id), tree), open: true };
    case "search":
      return { ...state, search: action.text, reached: false };
    case "window":
      return { ...state, window: clamped(action.window, tree.total) };
    case "next match":
    case "previous match":
      return atMatch(state, action.do === "next match" ? 1 : -1, shown);
    case "next failed":
      return atSpan(state, nextMatch(failedOf(tree), state.active, 1, false) ?? -1, tree);
    case "left":
    case "right":
      return sideways(state, action.do, shown);
    case "open":
    case "close":
      return { ...state, open: action.do === "open" && tree.spans.length > 0 };
    case "up": return moved(state, -1, shown);
    case "down": return moved(state, 1, shown);
    case "page up": return moved(state, -PAGE, shown);
    case "page down": return moved(state, PAGE, shown);
    case "home": return moved(state, -Infinity, shown);
    case "end": return moved(state, Infinity, shown);
    case "zoom in":
    case "zoom out":
    case "pan left":
    case "pan right":
    case "whole":
    case "to span":
      return { ...state, window: windowAfter(state, action.do, tree) };
    default:
      return settled(folded(state, action.do, shown), tree);
  }
}

function folded(state: State, command: Command, { tree, arranged }: Shown): State {
  switch (command) {
    case "collapse one": return { ...state, collapsed: collapsedByOne(tree, arranged, state.collapsed) };
    case "expand one": return { ...state, collapsed: expandedByOne(tree, arranged, state.collapsed) };
    case "collapse all": return { ...state, collapsed: collapsedTo(tree, 0) };
    case "collapse to 1": return { ...state, collapsed: collapsedTo(tree, 1) };
    case "expand all": return { ...state, collapsed: new Set() };
    case "only": return { ...state, only: !state.only };
    default: return state;
  }
}

/** The selection never stays on a span that was hidden. */
function settled(state: State, tree: Tree): State {
  const arranged = arrange(tree, state.collapsed, state.only);
  return { ...state, active: nearestShown(tree, arranged, state.active) };
}

function moved(state: State, by: number, { arranged }: Shown): State {
  const row = Math.max(0, arranged.rowOf[state.active] ?? 0) + by;
  const active = arranged.rows[Math.min(arranged.rows.length - 1, Math.max(0, row))];
  return active === undefined ? state : { ...state, active };
}

function sideways(state: State, way: "left" | "right", shown: Shown): State {
  const { tree, arranged } = shown;
  const hasChildren = (arranged.children[state.active] ?? 0) > 0;
  const isClosed = state.collapsed.has(state.active);
  if (hasChildren && isClosed === (way === "right")) return { ...state, collapsed: toggled(state.collapsed, state.active) };
  if (way === "right") return hasChildren ? moved(state, 1, shown) : state;
  const parent = parentOf(tree, state.active);
  return parent < 0 ? state : { ...state, active: parent };
}

function atMatch(state: State, by: 1 | -1, { tree, found }: Shown): State {
  const active = nextMatch(found, state.active, by, !state.reached);
  return active === undefined ? state : { ...atSpan(state, active, tree), reached: true };
}

function failedOf(tree: Tree): number[] {
  return tree.spans.flatMap((span, index) => (span.failed ? [index] : []));
}

/** Selects a span wherever it is: what hides it opens, the window moves to it. */
function atSpan(state: State, active: number, tree: Tree): State {
  const span = tree.spans[active];
  if (!span) return state;
  const stretch = { from: span.start_us, to: span.start_us + span.us };
  const only = state.only && tree.onPath[active] === 1;
  return { ...state, active, only, collapsed: revealed(tree, state.collapsed, active), window: withInSight(state.window, stretch, tree.total) };
}

function windowAfter({ window, active }: State, command: "zoom in" | "zoom out" | "pan left" | "pan right" | "whole" | "to span", tree: Tree): Stretch {
  const span = tree.spans[active];
  const [start, end] = span ? [span.start_us, span.start_us + span.us] : [window.from, window.to];
  // What is selected stays in sight while zooming, unless it was out of sight before.
  const isInSight = end >= window.from && start <= window.to;
  const middle = isInSight ? (Math.max(start, window.from) + Math.min(end, window.to)) / 2 : (window.from + window.to) / 2;
  switch (command) {
    case "zoom in": return zoomed(window, ZOOM, middle, tree.total);
    case "zoom out": return zoomed(window, 1 / ZOOM, middle, tree.total);
    case "pan left": return panned(window, -PAN, tree.total);
    case "pan right": return panned(window, PAN, tree.total);
    case "whole": return { from: 0, to: tree.total };
    case "to span": return clamped({ from: start - (end - start) * 0.05, to: end + (end - start) * 0.05 }, tree.total);
  }
}

function toggled(set: ReadonlySet<number>, index: number): ReadonlySet<number> {
  const changed = new Set(set);
  if (!changed.delete(index)) changed.add(index);
  return changed;
}

/** The state's consequences; give it to [`next`]. */
export function shownOf(tree: Tree, state: Pick<State, "collapsed" | "only" | "search">): Shown {
  return { tree, arranged: arrange(tree, state.collapsed, state.only), found: matches(tree, state.search, state.only) };
}
