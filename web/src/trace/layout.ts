// The tree of a trace and what of it is shown: every step is one walk over the spans.
import type { TraceSpan, TraceView } from "../wire.gen";

export interface Tree {
  spans: TraceSpan[];
  /** Microseconds that the time axis covers, at least one. */
  total: number;
  deepest: number;
  failed: number;
  /** Position of each span's parent, -1 for none. */
  parents: Int32Array;
  /** Spans below each span. */
  below: Int32Array;
  /** Failed ones among them. */
  failedBelow: Int32Array;
  /** 1 where the span or one below it is on the critical path. */
  onPath: Uint8Array;
  /** What is searched of each span, in lower case. */
  words: string[];
}

export function treeOf(view: TraceView): Tree {
  const { spans } = view;
  const count = spans.length;
  const tree: Tree = {
    spans,
    total: Math.max(1, view.us),
    deepest: 0,
    failed: 0,
    parents: new Int32Array(count).fill(-1),
    below: new Int32Array(count),
    failedBelow: new Int32Array(count),
    onPath: new Uint8Array(count),
    words: [],
  };
  spans.forEach((span, index) => {
    // A parent that does not come before its child would make a circle.
    if (span.parent !== null && span.parent >= 0 && span.parent < index) tree.parents[index] = span.parent;
    tree.total = Math.max(tree.total, span.start_us + span.us);
    if (span.failed) tree.failed += 1;
    tree.deepest = Math.max(tree.deepest, span.depth);
    tree.words.push(`${span.service}\n${span.operation}\n${span.id}`.toLowerCase());
  });
  for (let index = count - 1; index >= 0; index -= 1) {
    if ((spans[index]?.critical.length ?? 0) > 0) tree.onPath[index] = 1;
    const parent = parentOf(tree, index);
    if (parent < 0) continue;
    tree.below[parent] = at(tree.below, parent) + at(tree.below, index) + 1;
    tree.failedBelow[parent] = at(tree.failedBelow, parent) + at(tree.failedBelow, index) + (spans[index]?.failed ? 1 : 0);
    if (tree.onPath[index]) tree.onPath[parent] = 1;
  }
  return tree;
}

export interface Arranged {
  /** Positions of the spans that are shown, in order. */
  rows: number[];
  /** The row of each span, -1 where it is not shown. */
  rowOf: Int32Array;
  /** Children of each span that the filter lets through. */
  children: Int32Array;
  /** Which child of its parent each span is, from 1. */
  order: Int32Array;
  roots: number;
}

/** What is shown when spans are collapsed and, with `only`, those off the critical path are hidden. */
export function arrange(tree: Tree, collapsed: ReadonlySet<number>, only: boolean): Arranged {
  const count = tree.spans.length;
  const arranged: Arranged = { rows: [], rowOf: new Int32Array(count).fill(-1), children: new Int32Array(count), order: new Int32Array(count), roots: 0 };
  const hidden = new Uint8Array(count);
  for (let index = 0; index < count; index += 1) {
    if (only && !tree.onPath[index]) {
      hidden[index] = 1;
      continue;
    }
    const parent = parentOf(tree, index);
    if (parent < 0) {
      arranged.roots += 1;
      arranged.order[index] = arranged.roots;
    } else {
      arranged.children[parent] = at(arranged.children, parent) + 1;
      arranged.order[index] = at(arranged.children, parent);
      if (hidden[parent] || collapsed.has(parent)) hidden[index] = 1;
    }
    if (hidden[index]) continue;
    arranged.rowOf[index] = arranged.rows.length;
    arranged.rows.push(index);
  }
  return arranged;
}

/** The positions of the spans that are shown. */
export function visibleRows(tree: Tree, collapsed: ReadonlySet<number>, only = false): number[] {
  return arrange(tree, collapsed, only).rows;
}

export function parentOf(tree: Tree, index: number): number {
  return tree.parents[index] ?? -1;
}

/** The span itself where it is shown, else the nearest one above it, else the first. */
export function nearestShown(tree: Tree, arranged: Arranged, index: number): number {
  let candidate = index;
  while (candidate >= 0 && (arranged.rowOf[candidate] ?? -1) < 0) candidate = parentOf(tree, candidate);
  return candidate >= 0 ? candidate : (arranged.rows[0] ?? 0);
}

/** What stays collapsed when a span must be seen. */
export function revealed(tree: Tree, collapsed: ReadonlySet<number>, index: number): ReadonlySet<number> {
  const next = new Set(collapsed);
  for (let parent = parentOf(tree, index); parent >= 0; parent = parentOf(tree, parent)) next.delete(parent);
  return next.size === collapsed.size ? collapsed : next;
}

/** Everything deeper than `depth` collapsed; 0 leaves the roots only. */
export function collapsedTo(tree: Tree, depth: number): ReadonlySet<number> {
  const collapsed = new Set<number>();
  tree.spans.forEach((span, index) => {
    if (span.depth >= depth && at(tree.below, index) > 0) collapsed.add(index);
  });
  return collapsed;
}

/** The deepest level that is open, closed. */
export function collapsedByOne(tree: Tree, arranged: Arranged, collapsed: ReadonlySet<number>): ReadonlySet<number> {
  const open = arranged.rows.filter((index) => at(arranged.children, index) > 0 && !collapsed.has(index));
  const deepest = open.reduce((depth, index) => Math.max(depth, depthOf(tree, index)), -1);
  return new Set([...collapsed, ...open.filter((index) => depthOf(tree, index) === deepest)]);
}

/** The outermost level that is closed, opened. */
export function expandedByOne(tree: Tree, arranged: Arranged, collapsed: ReadonlySet<number>): ReadonlySet<number> {
  const closed = arranged.rows.filter((index) => collapsed.has(index));
  const outermost = closed.reduce((depth, index) => Math.min(depth, depthOf(tree, index)), Infinity);
  const opened = new Set(closed.filter((index) => depthOf(tree, index) === outermost));
  return new Set([...collapsed].filter((index) => !opened.has(index)));
}

/** Positions of the spans whose service, operation or id has the text; with `only` on the critical path only. */
export function matches(tree: Tree, text: string, only: boolean): number[] {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  const found: number[] = [];
  tree.words.forEach((words, index) => {
    if ((!only || tree.onPath[index]) && words.includes(wanted)) found.push(index);
  });
  return found;
}

/** The match after (`by` 1) or before (-1) a span, around the end; with `here` the span itself counts. */
export function nextMatch(found: number[], from: number, by: 1 | -1, here: boolean): number | undefined {
  if (here && found.includes(from)) return from;
  if (by === 1) return found.find((index) => index > from) ?? found[0];
  return found.findLast((index) => index < from) ?? found[found.length - 1];
}

interface Spent {
  service: string;
  operation: string;
  /** Microseconds on the critical path. */
  us: number;
  /** Of the whole critical path, 0 to 1. */
  share: number;
}

/** Where the time went: service and operation by time on the critical path, most first. */
export function spent(spans: TraceSpan[], most: number): Spent[] {
  const sums = new Map<string, Spent>();
  let whole = 0;
  for (const span of spans) {
    const us = waitedFor(span);
    if (us <= 0) continue;
    whole += us;
    const key = JSON.stringify([span.service, span.operation]);
    const sum = sums.get(key);
    if (sum) sum.us += us;
    else sums.set(key, { service: span.service, operation: span.operation, us, share: 0 });
  }
  const sorted = [...sums.values()].sort((one, other) => other.us - one.us).slice(0, most);
  return sorted.map((sum) => ({ ...sum, share: sum.us / whole }));
}

/** Microseconds in which a span is what the trace waited for. */
export function waitedFor(span: TraceSpan): number {
  return span.critical.reduce((sum, [from, to]) => sum + Math.max(0, to - from), 0);
}

function depthOf(tree: Tree, index: number): number {
  return tree.spans[index]?.depth ?? 0;
}

function at(numbers: Int32Array, index: number): number {
  return numbers[index] ?? 0;
}
