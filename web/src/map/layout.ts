// Where services stand on the map: callers left of whom they call, lines with few crossings. The same input gives the same map.
import { byName } from "./graph";

export interface Link {
  from: string;
  to: string;
}

export interface Place {
  name: string;
  layer: number;
  /** Centre, in pixels of the map. */
  x: number;
  y: number;
}

export interface Route {
  from: string;
  to: string;
  /** Points that the line goes through, from the caller to the callee. */
  points: [number, number][];
  /** Whether it goes against the direction of the map: part of a circle of calls. */
  isBack: boolean;
}

export interface Layout {
  width: number;
  height: number;
  /** By layer, then from top to bottom. */
  places: Place[];
  routes: Route[];
}

export const NODE = { width: 222, height: 50 };
const BETWEEN = { layers: 84, nodes: 18, lines: 12 };
const EDGE_ROOM = 24;
const BACK_OFFSET = 14;
const SWEEPS = 6;
/** With more than this many bends, lines go straight: bends would take longer than they help. */
const BENDS_MAX = 6000;

/** A place in a layer: of a service, or where a long line passes. */
interface Slot {
  layer: number;
  isBend: boolean;
  left: number[];
  right: number[];
}

export function layout(names: readonly string[], links: readonly Link[]): Layout {
  const sorted = [...new Set(names)].sort(byName);
  const index = new Map(sorted.map((name, position) => [name, position]));
  const pairs = uniquePairs(links, index);
  const forward = withoutCircles(sorted.length, pairs);
  const layers = layered(sorted.length, forward.map(({ pair }) => pair));
  const slots: Slot[] = layers.map((layer) => ({ layer, isBend: false, left: [], right: [] }));
  const chains = chained(slots, forward.map(({ pair }) => pair));
  const order = ordered(slots);
  const heights = stacked(slots, order);
  const x = (slot: number) => EDGE_ROOM + NODE.width / 2 + (slots[slot]?.layer ?? 0) * (NODE.width + BETWEEN.layers);
  const y = (slot: number) => heights[slot] ?? 0;
  const places = order.flat().filter((slot) => slot < sorted.length).map((slot) => ({ name: sorted[slot] ?? "", layer: slots[slot]?.layer ?? 0, x: x(slot), y: y(slot) }));
  const routes = forward.map(({ pair: [from, to], isBack }, position) => {
    const points = [from, ...(chains[position] ?? []), to].map((slot): [number, number] => [x(slot), y(slot)]);
    const [start, end] = [sorted[from] ?? "", sorted[to] ?? ""];
    // Beside the line of the other direction, not on it.
    const beside = points.map(([left, top]): [number, number] => [left, top + BACK_OFFSET]);
    return isBack ? { from: end, to: start, points: beside.reverse(), isBack } : { from: start, to: end, points, isBack };
  });
  const bottom = Math.max(0, ...heights);
  return { width: order.length * (NODE.width + BETWEEN.layers) - BETWEEN.layers + EDGE_ROOM * 2, height: bottom + NODE.height / 2 + EDGE_ROOM, places, routes };
}

type Pair = [number, number];

/** Each pair of names once, in the order of their names; nobody with itself. */
function uniquePairs(links: readonly Link[], index: Map<string, number>): Pair[] {
  const seen = new Map<string, Pair>();
  for (const { from, to } of links) {
    const [one, other] = [index.get(from), index.get(to)];
    if (one !== undefined && other !== undefined && one !== other) seen.set(`${one} ${other}`, [one, other]);
  }
  return [...seen.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

/** Turns round each pair that closes a circle, as a walk in depth meets it; walks begin where nobody calls. */
function withoutCircles(count: number, pairs: readonly Pair[]): { pair: Pair; isBack: boolean }[] {
  const after = outgoing(count, pairs);
  const called = new Set(pairs.map(([, to]) => to));
  const starts = Array.from({ length: count }, (_, node) => node).sort((a, b) => Number(called.has(a)) - Number(called.has(b)) || a - b);
  const state = new Uint8Array(count);
  const back = new Set<string>();
  for (const start of starts) {
    if (state[start] !== 0) continue;
    const path: { node: number; next: number }[] = [{ node: start, next: 0 }];
    state[start] = 1;
    for (let top = path[0]; top; top = path[path.length - 1]) {
      const child = after[top.node]?.[top.next];
      top.next += 1;
      if (child === undefined) {
        state[top.node] = 2;
        path.pop();
      } else if (state[child] === 1) back.add(`${top.node} ${child}`);
      else if (state[child] === 0) {
        state[child] = 1;
        path.push({ node: child, next: 0 });
      }
    }
  }
  return pairs.map(([from, to]) => (back.has(`${from} ${to}`) ? { pair: [to, from], isBack: true } : { pair: [from, to], isBack: false }));
}

function outgoing(count: number, pairs: readonly Pair[]): number[][] {
  const after = Array.from({ length: count }, (): number[] => []);
  for (const [from, to] of pairs) after[from]?.push(to);
  return after;
}

/** The longest way to each from where nobody calls. */
export function layered(count: number, pairs: readonly Pair[]): number[] {
  const after = outgoing(count, pairs);
  const waiting = new Array<number>(count).fill(0);
  for (const [, to] of pairs) waiting[to] = (waiting[to] ?? 0) + 1;
  const layers = new Array<number>(count).fill(0);
  const ready = waiting.flatMap((number, node) => (number === 0 ? [node] : []));
  for (const node of ready) {
    for (const next of after[node] ?? []) {
      layers[next] = Math.max(layers[next] ?? 0, (layers[node] ?? 0) + 1);
      waiting[next] = (waiting[next] ?? 0) - 1;
      if (waiting[next] === 0) ready.push(next);
    }
  }
  return layers;
}

/** Joins neighbours; lines over several layers get a bend in each between. Gives the bends of each pair. */
function chained(slots: Slot[], pairs: readonly Pair[]): number[][] {
  const lengths = pairs.map(([from, to]) => (slots[to]?.layer ?? 0) - (slots[from]?.layer ?? 0));
  const isBent = lengths.reduce((sum, length) => sum + Math.max(0, length - 1), 0) <= BENDS_MAX;
  return pairs.map(([from, to], position) => {
    const bends: number[] = [];
    let last = from;
    for (let step = 1; isBent && step < (lengths[position] ?? 0); step += 1) {
      slots.push({ layer: (slots[from]?.layer ?? 0) + step, isBend: true, left: [], right: [] });
      bends.push(slots.length - 1);
      join(slots, last, slots.length - 1);
      last = slots.length - 1;
    }
    join(slots, last, to);
    return bends;
  });
}

function join(slots: Slot[], from: number, to: number): void {
  slots[from]?.right.push(to);
  slots[to]?.left.push(from);
}

/** Layers from top to bottom: each slot near the middle of its neighbours, swept there and back. */
function ordered(slots: readonly Slot[]): number[][] {
  const order: number[][] = [];
  slots.forEach(({ layer }, slot) => {
    while (order.length <= layer) order.push([]);
    order[layer]?.push(slot);
  });
  const rank = new Array<number>(slots.length).fill(0);
  const note = (layer: number[]) => layer.forEach((slot, position) => (rank[slot] = (position + 0.5) / layer.length));
  order.forEach(note);
  let [best, fewest] = [order.map((layer) => [...layer]), crossings(slots, order)];
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep += 1) {
    const isRightward = sweep % 2 === 0;
    for (const layer of isRightward ? order : [...order].reverse()) {
      const middle = new Map(layer.map((slot) => [slot, mean(isRightward ? slots[slot]?.left : slots[slot]?.right, rank) ?? rank[slot] ?? 0]));
      layer.sort((a, b) => (middle.get(a) ?? 0) - (middle.get(b) ?? 0) || (rank[a] ?? 0) - (rank[b] ?? 0) || a - b);
      note(layer);
    }
    const now = crossings(slots, order);
    if (now < fewest) [best, fewest] = [order.map((layer) => [...layer]), now];
  }
  return best;
}

function mean(neighbours: readonly number[] | undefined, values: readonly number[]): number | undefined {
  if (!neighbours || neighbours.length === 0) return undefined;
  return neighbours.reduce((sum, slot) => sum + (values[slot] ?? 0), 0) / neighbours.length;
}

/** How many pairs of lines between neighbouring layers cross. */
export function crossings(slots: readonly Pick<Slot, "right">[], order: readonly number[][]): number {
  let total = 0;
  for (const [position, layer] of order.entries()) {
    const rightRank = new Map<number, number>();
    const next = order[position + 1] ?? [];
    next.forEach((slot, rank) => rightRank.set(slot, rank));
    const ends = layer.flatMap((slot) => (slots[slot]?.right ?? []).map((to) => rightRank.get(to) ?? -1).filter((to) => to >= 0).sort((a, b) => a - b));
    total += inversions(ends, next.length);
  }
  return total;
}

/** Pairs that stand in the wrong order, counted with a tree of sums. */
function inversions(values: readonly number[], size: number): number {
  const tree = new Array<number>(size + 1).fill(0);
  let total = 0;
  values.forEach((value, seen) => {
    let notAfter = 0;
    for (let at = value + 1; at > 0; at -= at & -at) notAfter += tree[at] ?? 0;
    total += seen - notAfter;
    for (let at = value + 1; at <= size; at += at & -at) tree[at] = (tree[at] ?? 0) + 1;
  });
  return total;
}

/** The height of each slot: as near to its neighbours as the order and the room allow. */
function stacked(slots: readonly Slot[], order: readonly number[][]): number[] {
  const room = (slot: number) => (slots[slot]?.isBend ? BETWEEN.lines : NODE.height + BETWEEN.nodes);
  const heights = new Array<number>(slots.length).fill(0);
  for (const layer of order) {
    let y = 0;
    for (const slot of layer) {
      heights[slot] = y + room(slot) / 2;
      y += room(slot);
    }
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (const layer of sweep % 2 === 0 ? order : [...order].reverse()) {
      const wishes = layer.map((slot) => mean([...(slots[slot]?.left ?? []), ...(slots[slot]?.right ?? [])], heights) ?? heights[slot] ?? 0);
      apart(wishes, layer.map(room)).forEach((height, position) => (heights[layer[position] ?? 0] = height));
    }
  }
  const top = Math.min(...slots.map((slot, position) => (heights[position] ?? 0) - (slot.isBend ? 0 : NODE.height / 2)));
  return heights.map((height) => Math.round(height - top + EDGE_ROOM));
}

/** Centres nearest to what they wish for, in their order and without overlap: what is too near moves as one block around its mean. */
export function apart(wishes: readonly number[], rooms: readonly number[]): number[] {
  const offsets: number[] = [];
  let offset = 0;
  rooms.forEach((room, position) => {
    if (position > 0) offset += ((rooms[position - 1] ?? 0) + room) / 2;
    offsets.push(offset);
  });
  const blocks: { sum: number; size: number }[] = [];
  wishes.forEach((wish, position) => {
    let block = { sum: wish - (offsets[position] ?? 0), size: 1 };
    for (let last = blocks[blocks.length - 1]; last && last.sum / last.size > block.sum / block.size; last = blocks[blocks.length - 1]) {
      block = { sum: block.sum + last.sum, size: block.size + last.size };
      blocks.pop();
    }
    blocks.push(block);
  });
  return blocks.flatMap(({ sum, size }) => new Array<number>(size).fill(sum / size)).map((base, position) => base + (offsets[position] ?? 0));
}
