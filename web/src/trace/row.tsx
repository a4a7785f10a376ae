// One span of the waterfall: its place in the tree and its bar.
import { hue } from "../hue";
import type { TraceSpan } from "../wire.gen";
import { COLUMNS, type Stretch, barOf, linePath } from "./axis";
import { counted } from "../time";
import { name, spanWords, took } from "./words";

interface RowProps {
  span: TraceSpan;
  /** Of the element, for `aria-activedescendant`. */
  id: string;
  style: { position: "absolute"; top: string; left: "0"; right: "0"; height: string };
  window: Stretch;
  /** Position among siblings and how many there are. */
  place: [number, number];
  /** Undefined where there is nothing below. */
  expanded: boolean | undefined;
  /** Spans below that are hidden, and failed ones among them. */
  hidden: number;
  hiddenFailed: number;
  isActive: boolean;
  isMatch: boolean;
  select: () => void;
  toggle: () => void;
}

export function Row(props: RowProps) {
  const { span, isActive, isMatch, hidden, expanded } = props;
  return (
    <div
      id={props.id}
      class={`tr-row ${isActive ? "tr-active" : ""} ${isMatch ? "tr-match" : ""}`}
      style={props.style}
      role="treeitem"
      aria-level={span.depth + 1}
      aria-posinset={props.place[0]}
      aria-setsize={props.place[1]}
      aria-expanded={expanded}
      aria-selected={isActive}
      aria-label={spanWords(span, { hidden, isMatch })}
      onClick={props.select}
    >
      <Name {...props} />
      <Time span={span} window={props.window} />
    </div>
  );
}

function Name({ span, expanded, hidden, hiddenFailed, toggle }: RowProps) {
  const flip = (event: MouseEvent) => {
    event.stopPropagation();
    toggle();
  };
  return (
    <div class="tr-name" aria-hidden="true" title={`${name(span.service)} · ${name(span.operation)}`}>
      <span class="tr-indent" style={{ width: `calc(${span.depth} * var(--tr-step))` }} />
      {expanded === undefined ? <span class="tr-toggle" /> : <span class="tr-toggle tr-can" onClick={flip}>{expanded ? "▾" : "▸"}</span>}
      <span class="tr-swatch" style={{ background: hue(span.service) }} />
      <span class="tr-text">
        {span.failed && <b class="tr-bad">✗ </b>}
        <b>{name(span.service)}</b> <span class="tr-operation">{name(span.operation)}</span>
      </span>
      {hidden > 0 && (
        <span class="tr-hidden" title={`${counted(hidden, "span")} hidden, ${hiddenFailed} failed`}>
          +{hidden.toLocaleString("en-US")}
          {hiddenFailed > 0 && <b class="tr-bad"> ✗{hiddenFailed.toLocaleString("en-US")}</b>}
        </span>
      )}
    </div>
  );
}

/** Less room than this beside a bar holds no words; per cent. */
const ROOM_MIN = 16;

function Time({ span, window }: { span: TraceSpan; window: Stretch }) {
  const bar = barOf(span, window);
  const label = `${span.failed ? "✗ " : ""}${took(span.us)}`;
  if (typeof bar === "string") {
    return (
      <div class={`tr-time tr-outside tr-${bar}`} aria-hidden="true">
        {bar === "before" ? `◂ ${label}` : `${label} ▸`}
      </div>
    );
  }
  const [before, after] = [bar.left, 100 - bar.left - bar.width];
  const where = Math.max(before, after) < ROOM_MIN ? { class: "tr-inside", style: { left: "8px" } } : after >= before ? { class: "", style: { left: `calc(${bar.left + bar.width}% + 6px)` } } : { class: "", style: { right: `calc(${100 - bar.left}% + 6px)` } };
  return (
    <div class="tr-time" aria-hidden="true">
      <span class={`tr-bar ${span.failed ? "tr-failed" : ""}`} style={{ left: `${bar.left}%`, width: `${bar.width}%`, "--tr-hue": hue(span.service) }} />
      {span.critical.length > 0 && (
        <svg class="tr-critical" viewBox={`0 -1 ${COLUMNS} 2`} preserveAspectRatio="none">
          <path d={linePath(span.critical, window)} />
        </svg>
      )}
      <span class={`tr-took ${span.failed ? "tr-bad" : ""} ${where.class}`} style={where.style}>
        {label}
      </span>
    </div>
  );
}
