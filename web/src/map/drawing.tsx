// The drawn map: services as boxes, calls as lines from left to right.
import { useMemo } from "preact/hooks";
import { plain, share } from "../metrics/words";
import type { ServiceEdge, ServiceRow } from "../wire.gen";
import { NODE, type Layout, type Place, type Route } from "./layout";
import { clipped } from "../text";
import { callsAway, edgeWidth, isFailing, nodeWords, stateWords } from "./words";

interface DrawingProps {
  layout: Layout;
  rows: Map<string, ServiceRow>;
  edges: ServiceEdge[];
  focus: string | undefined;
  /** How many calls away those are who may feel it when the focus fails. */
  away: ReadonlyMap<string, number>;
  scale: number;
  onFocus: (name: string) => void;
  onKeyDown: (event: KeyboardEvent, name: string) => void;
}

const NAME_SHOWN = 23;

export function Drawing({ layout, rows, edges, focus, away, scale, onFocus, onKeyDown }: DrawingProps) {
  const calls = useMemo(() => new Map(edges.map((edge) => [key(edge.caller, edge.callee), edge])), [edges]);
  const most = useMemo(() => edges.reduce((highest, edge) => Math.max(highest, edge.calls), 0), [edges]);
  const isIn = (name: string) => name === focus || away.has(name);
  const lines = useMemo(() => layout.routes.map((route) => ({ route, path: pathOf(route), edge: calls.get(key(route.from, route.to)) })), [layout, calls]);
  const isNear = ({ from, to }: Route) => focus === undefined || from === focus || to === focus || (isIn(from) && isIn(to));
  return (
    <svg class="mp-svg" width={layout.width * scale} height={layout.height * scale} viewBox={`0 0 ${layout.width} ${layout.height}`} role="group" aria-label="Services and their calls">
      <g aria-hidden="true">
        {lines.map(({ route, path, edge }) => (
          <Line key={key(route.from, route.to)} route={route} path={path} edge={edge} width={edgeWidth(edge?.calls ?? 0, most)} isNear={isNear(route)} />
        ))}
        {lines.map(({ route, edge }) => edge && <Label key={key(route.from, route.to)} route={route} edge={edge} isTold={focus !== undefined && (route.from === focus || route.to === focus)} />)}
      </g>
      {layout.places.map((place) => (
        <Node key={place.name} place={place} row={rows.get(place.name)} isFocus={place.name === focus} away={away.get(place.name)} onFocus={onFocus} onKeyDown={onKeyDown} />
      ))}
    </svg>
  );
}

function key(from: string, to: string): string {
  return JSON.stringify([from, to]);
}

interface NodeProps extends Pick<DrawingProps, "onFocus" | "onKeyDown"> {
  place: Place;
  row: ServiceRow | undefined;
  isFocus: boolean;
  away: number | undefined;
}

function Node({ place: { name, x, y }, row, isFocus, away, onFocus, onKeyDown }: NodeProps) {
  const { width, height } = NODE;
  const isDependency = row?.dependency ?? true;
  const state = row?.state ?? "fine";
  const classes = ["mp-node", `mp-${state}`, isDependency && "mp-dependency", isFocus && "mp-focus", away !== undefined && "mp-away"].filter(Boolean).join(" ");
  const words = nodeWords(name, row, away);
  // Attributes of drawings know no other case: `tabIndex` would be none.
  return (
    <g
      class={classes} transform={`translate(${x - width / 2} ${y - height / 2})`} tabindex={0} role="button" aria-label={words} aria-pressed={isFocus} data-name={name}
      onClick={() => onFocus(name)} onKeyDown={(event) => onKeyDown(event, name)}
    >
      <title>{row?.why ? `${words}: ${clipped(row.why, 200)}` : words}</title>
      <rect width={width} height={height} rx={isDependency ? height / 2 : 7} />
      <text class="mp-name" x={isDependency ? 17 : 11} y="20">
        {clipped(name, isDependency ? NAME_SHOWN - 2 : NAME_SHOWN)}
      </text>
      <text class="mp-state" x={isDependency ? 17 : 11} y="38">
        <tspan class="mp-word">{state === "fine" && isDependency ? "dependency" : stateWords(state)}</tspan>
        {row && row.now.requests > 0 && ` · ${isFailing({ calls: row.now.requests, failed: row.now.failed }) ? `${share(row.now.failed, row.now.requests)} of ${plain(row.now.requests)} failed` : `${plain(row.now.requests)} requests`}`}
      </text>
      {away !== undefined && (
        <text class="mp-tag" x={width - 6} y="-4" text-anchor="end">
          ◂ may feel it, {callsAway(away)}
        </text>
      )}
    </g>
  );
}

interface LineProps {
  route: Route;
  path: string;
  edge: ServiceEdge | undefined;
  width: number;
  isNear: boolean;
}

function Line({ route, path, edge, width, isNear }: LineProps) {
  const isBad = edge !== undefined && isFailing(edge);
  const [x, y] = ends(route)[1];
  const by = route.isBack ? 1 : -1;
  const size = 5 + width;
  return (
    <g class={`mp-edge ${isBad ? "mp-bad" : ""} ${isNear ? "" : "mp-far"} ${route.isBack ? "mp-back" : ""}`}>
      <path d={path} stroke-width={width} />
      <polygon points={`${x},${y} ${x + by * size},${y - size / 2} ${x + by * size},${y + size / 2}`} />
    </g>
  );
}

/** What a line says in words: failures always, calls where it touches the focus. */
function Label({ route, edge, isTold }: { route: Route; edge: ServiceEdge; isTold: boolean }) {
  const isBad = isFailing(edge);
  if (!isBad && !isTold) return null;
  const text = isBad ? `✖ ${share(edge.failed, edge.calls)}` : `${plain(edge.calls)}`;
  const [start, end] = [ends(route)[0], inner(route)];
  // Nearer to its caller on the way back, clear of the label of the other direction.
  const [x, y] = route.isBack ? [start[0] * 0.8 + end[0] * 0.2, start[1] * 0.95 + end[1] * 0.05] : [(start[0] + end[0]) / 2, (start[1] + end[1]) / 2];
  const width = text.length * 6.6 + 8;
  return (
    <g class={isBad ? "mp-label mp-bad" : "mp-label"}>
      <rect x={x - width / 2} y={y - 9} width={width} height="18" rx="4" />
      <text x={x} y={y + 4} text-anchor="middle">
        {text}
      </text>
    </g>
  );
}

/** Where a line leaves its caller and meets its callee: at their sides. */
function ends({ points, isBack }: Route): [[number, number], [number, number]] {
  const half = (isBack ? -1 : 1) * (NODE.width / 2);
  const none: [number, number] = [0, 0];
  const [first, last] = [points[0] ?? none, points[points.length - 1] ?? none];
  return [
    [first[0] + half, first[1]],
    [last[0] - half, last[1]],
  ];
}

/** Where the first stretch of a line ends. */
function inner(route: Route): [number, number] {
  const [x, y] = route.points[1] ?? [0, 0];
  return [x - (route.isBack ? -1 : 1) * (NODE.width / 2), y];
}

/** Curves between layers, straight through each layer that is passed. */
function pathOf(route: Route): string {
  const half = (route.isBack ? -1 : 1) * (NODE.width / 2);
  const [start] = ends(route);
  let [x, y] = start;
  let path = `M${x} ${y}`;
  route.points.slice(1).forEach(([nextX, nextY], position, rest) => {
    const entry = nextX - half;
    const middle = (x + entry) / 2;
    path += `C${middle} ${y} ${middle} ${nextY} ${entry} ${nextY}`;
    const isLast = position === rest.length - 1;
    [x, y] = [isLast ? entry : nextX + half, nextY];
    if (!isLast) path += `L${x} ${y}`;
  });
  return path;
}
