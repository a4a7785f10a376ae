// The waterfall of a trace: the tree of spans beside their time.
import type { RefObject } from "preact";
import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { isShortcut } from "../settings";
import { Virtual } from "../virtual";
import type { TraceView } from "../wire.gen";
import { type Tick, ticks } from "./axis";
import { Details } from "./details";
import { Divider } from "./divider";
import { treeOf } from "./layout";
import { Minimap } from "./minimap";
import { Row } from "./row";
import { type Action, LETTERS, type Shown, type State, TREE_KEYS, begin, next, shownOf } from "./state";
import { Summary } from "./summary";
import { Legend, Tools } from "./tools";
import "./trace.css";

interface Props {
  view: TraceView;
  /** The id of the span that is selected at first. */
  focus?: string;
  /** Told the span whose details are open. */
  opened?: (span: string | undefined) => void;
}

export function Waterfall(props: Props) {
  if (props.view.spans.length === 0) return <p class="notice">No span of this trace is stored.</p>;
  // Another trace begins anew.
  return <Falls key={props.view.id} {...props} />;
}

function Falls({ view, focus, opened }: Props) {
  const tree = useMemo(() => treeOf(view), [view]);
  const [state, setState] = useState<State>(() => begin(tree, focus));
  const [asked, setAsked] = useState(0);
  const shown = useMemo(() => shownOf(tree, state), [tree, state.collapsed, state.only, state.search]);
  const frame = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const span = tree.spans[state.active];
  const openId = state.open ? span?.id : undefined;
  const act = (action: Action) => {
    setState((now) => next(now, action, shown));
    if (action.do === "open") setAsked((times) => times + 1);
    if (action.do === "close") setAsked(0);
  };
  // Arrow keys pass many spans, and what was told comes back as `focus`: that is no wish to go there.
  const told = useRef(focus);
  useEffect(() => {
    const timer = setTimeout(() => {
      told.current = openId;
      opened?.(openId);
    }, REST);
    return () => clearTimeout(timer);
  }, [openId]);
  useEffect(() => {
    if (focus !== undefined && focus !== told.current) act({ do: "reveal", id: focus });
  }, [focus]);
  const close = () => {
    act({ do: "close" });
    frame.current?.querySelector<HTMLElement>('[role="tree"]')?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "b" && event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      field.current?.focus();
      return;
    }
    const letter = isShortcut(event) ? LETTERS[event.key] : undefined;
    if (!letter) return;
    event.preventDefault();
    act({ do: letter });
  };
  return (
    <section class="tr" aria-label="Trace" onKeyDown={onKeyDown}>
      <Summary view={view} tree={tree} />
      <Tools state={state} shown={shown} field={field} act={act} />
      <Minimap tree={tree} window={state.window} setWindow={(window) => act({ do: "window", window })} act={(command) => act({ do: command })} />
      <div ref={frame} class={openId ? "tr-body tr-with-details" : "tr-body"}>
        <Frame state={state} shown={shown} act={act} />
        {span && openId && <Details view={view} span={span} total={tree.total} asked={asked} close={close} />}
      </div>
      <Legend />
    </section>
  );
}

/** Milliseconds that a selection rests before others are told of it. */
const REST = 300;
/** Pixels. */
const ROW_HEIGHT = 28;
/** Pixels that a level is indented where there is room. */
const INDENT = 14;
/** Of the names' width, what the deepest level may be indented. */
const INDENT_SHARE = 0.4;
/** Deeper trees get too narrow steps for lines between them. */
const GUIDES_DEPTH_MAX = 24;
/** Pixels that the label of a tick may need, and that two of them take where the last one stands left of its tick. */
const LABEL_WIDTH = 56;
const TICK_WIDTH = 2 * LABEL_WIDTH;

function Frame({ state, shown, act }: { state: State; shown: Shown; act: (action: Action) => void }) {
  const { tree, arranged } = shown;
  const [share, setShare] = useState(() => (innerWidth < 640 ? 52 : 38));
  const box = useRef<HTMLDivElement>(null);
  const axis = useWidth(box) * (1 - share / 100);
  const about = Math.max(2, Math.floor(axis / TICK_WIDTH));
  const marks = useMemo(() => ticks(state.window, about), [state.window, about]);
  const step = `min(${INDENT}px, ${((share * INDENT_SHARE) / Math.max(1, tree.deepest)).toFixed(3)}cqi)`;
  return (
    <div ref={box} class={tree.deepest > GUIDES_DEPTH_MAX ? "tr-frame tr-deep" : "tr-frame"} style={{ "--tr-share": `${share}%`, "--tr-step": step }}>
      <div class="tr-head">
        <div class="tr-name">Service and operation</div>
        <Ticks marks={marks} width={axis} isLabelled />
        <Divider share={share} setShare={setShare} />
      </div>
      <div class="tr-rows" style={{ "--tr-height": `${arranged.rows.length * ROW_HEIGHT}px` }}>
        <div class="tr-under">
          <Ticks marks={marks} width={axis} />
        </div>
        <Spans state={state} shown={shown} act={act} />
      </div>
    </div>
  );
}

/** Pixels that an element is wide, followed while it changes. */
function useWidth(element: RefObject<HTMLElement>): number {
  const [width, setWidth] = useState(1000);
  useLayoutEffect(() => {
    const measure = () => element.current && setWidth(element.current.clientWidth || 1000);
    measure();
    const observer = typeof ResizeObserver === "undefined" ? undefined : new ResizeObserver(measure);
    if (element.current) observer?.observe(element.current);
    return () => observer?.disconnect();
  }, []);
  return width;
}

function Ticks({ marks, width, isLabelled = false }: { marks: Tick[]; width: number; isLabelled?: boolean }) {
  const room = ((marks[1]?.left ?? 100) - (marks[0]?.left ?? 0)) * (width / 100);
  return (
    <div class="tr-ticks" aria-hidden="true">
      {marks.map(({ us, left, label }) => {
        const isLast = isLabelled && ((100 - left) * width) / 100 < LABEL_WIDTH;
        return (
          <span key={us} class={isLast ? "tr-tick tr-last" : "tr-tick"} style={{ left: `${left}%` }}>
            {isLabelled && (!isLast || room >= TICK_WIDTH) && label}
          </span>
        );
      })}
    </div>
  );
}

function Spans({ state, shown: { tree, arranged, found }, act }: { state: State; shown: Shown; act: (action: Action) => void }) {
  const prefix = useId();
  const matched = useMemo(() => new Set(found), [found]);
  const onKeyDown = (event: KeyboardEvent) => {
    const command = event.ctrlKey || event.altKey || event.metaKey ? undefined : TREE_KEYS[event.key];
    if (!command || (command === "close" && !state.open)) return;
    event.preventDefault();
    event.stopPropagation();
    act({ do: command });
  };
  return (
    <Virtual
      count={arranged.rows.length}
      rowHeight={ROW_HEIGHT}
      active={Math.max(0, arranged.rowOf[state.active] ?? 0)}
      label="Spans"
      role="tree"
      class="tr-tree"
      activeDescendant={`${prefix}-${state.active}`}
      onKeyDown={onKeyDown}
      row={(row, style) => {
        const index = arranged.rows[row] ?? 0;
        const span = tree.spans[index];
        if (!span) return null;
        const parent = tree.parents[index] ?? -1;
        const isClosed = state.collapsed.has(index);
        return (
          <Row
            key={index}
            id={`${prefix}-${index}`}
            style={style}
            span={span}
            window={state.window}
            place={[arranged.order[index] ?? 1, parent < 0 ? arranged.roots : (arranged.children[parent] ?? 1)]}
            expanded={(arranged.children[index] ?? 0) > 0 ? !isClosed : undefined}
            hidden={isClosed ? (tree.below[index] ?? 0) : 0}
            hiddenFailed={isClosed ? (tree.failedBelow[index] ?? 0) : 0}
            isActive={index === state.active}
            isMatch={matched.has(index)}
            select={() => act({ do: "select", index, open: true })}
            toggle={() => act({ do: "toggle", index })}
          />
        );
      }}
    />
  );
}
