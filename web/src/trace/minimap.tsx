// The whole trace small, with the window that the waterfall shows; drawing on it moves the window.
import { useMemo, useRef, useState } from "preact/hooks";
import { COLUMNS, type Stretch, between, overview, panned } from "./axis";
import type { Tree } from "./layout";
import type { Command } from "./state";
import { took } from "./words";

interface Props {
  tree: Tree;
  window: Stretch;
  setWindow: (window: Stretch) => void;
  act: (command: Command) => void;
}

const LINES = 40;
/** Pixels; a shorter drag is a click. */
const DRAG_MIN = 4;

export function Minimap({ tree, window, setWindow, act }: Props) {
  const isWhole = window.to - window.from >= tree.total;
  return (
    <div class="tr-map">
      <Picture tree={tree} window={window} setWindow={setWindow} />
      <div class="tr-group" role="group" aria-label="Zoom">
        <span class="tr-range">
          {took(window.from)} – {took(window.to)}
        </span>
        <button type="button" class="small" aria-label="Earlier" title="Earlier (a)" disabled={window.from <= 0} onClick={() => act("pan left")}>◂</button>
        <button type="button" class="small" aria-label="Later" title="Later (d)" disabled={window.to >= tree.total} onClick={() => act("pan right")}>▸</button>
        <button type="button" class="small" aria-label="Zoom in" title="Zoom in (+)" onClick={() => act("zoom in")}>+</button>
        <button type="button" class="small" aria-label="Zoom out" title="Zoom out (−)" disabled={isWhole} onClick={() => act("zoom out")}>−</button>
        <button type="button" class="small" title="The selected span over the whole width" onClick={() => act("to span")}>To span</button>
        <button type="button" class="small" title="The whole trace (0)" disabled={isWhole} onClick={() => act("whole")}>Reset</button>
      </div>
    </div>
  );
}

function Picture({ tree, window, setWindow }: Omit<Props, "act">) {
  const box = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<{ from: number; to: number }>();
  const drawing = useMemo(() => <Drawing tree={tree} />, [tree]);
  const timeAt = (event: PointerEvent) => {
    const edges = box.current?.getBoundingClientRect();
    return edges && edges.width > 0 ? ((event.clientX - edges.left) / edges.width) * tree.total : 0;
  };
  const start = (event: PointerEvent) => {
    if (event.button !== 0) return;
    event.preventDefault();
    box.current?.setPointerCapture(event.pointerId);
    setDrag({ from: timeAt(event), to: timeAt(event) });
  };
  const end = () => {
    setDrag(undefined);
    if (!drag) return;
    const perPixel = tree.total / (box.current?.clientWidth || 1);
    if (Math.abs(drag.to - drag.from) >= DRAG_MIN * perPixel) setWindow(between(drag.from, drag.to, tree.total));
    else setWindow(panned(window, (drag.from - (window.from + window.to) / 2) / (window.to - window.from), tree.total));
  };
  const shown = drag ? between(drag.from, drag.to, tree.total) : window;
  const [left, right] = [(shown.from / tree.total) * 100, 100 - (shown.to / tree.total) * 100];
  return (
    <div
      ref={box}
      class="tr-picture"
      role="img"
      aria-label={`The whole trace, ${took(tree.total)}; shown are ${took(window.from)} to ${took(window.to)}`}
      onPointerDown={start}
      onPointerMove={(event) => drag && setDrag({ ...drag, to: timeAt(event) })}
      onPointerUp={end}
      onPointerCancel={() => setDrag(undefined)}
    >
      {drawing}
      <span class="tr-shade" style={{ left: "0", width: `${left}%` }} />
      <span class="tr-shade" style={{ right: "0", width: `${right}%` }} />
      <span class="tr-window" style={{ left: `${left}%`, right: `${right}%` }} />
    </div>
  );
}

/** Made once for a trace: the same element is not looked at again while the window moves. */
function Drawing({ tree }: { tree: Tree }) {
  const lines = Math.max(1, Math.min(LINES, tree.spans.length));
  const { all, failed } = overview(tree, lines);
  return (
    <svg viewBox={`0 0 ${COLUMNS} ${lines}`} preserveAspectRatio="none" aria-hidden="true">
      <path class="tr-all" d={all} />
      <path class="tr-all-failed" d={failed} />
    </svg>
  );
}
