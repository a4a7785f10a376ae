// The lines, newest first, of which one at a time is open in full.
import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { visible } from "../text";
import { day, exactClock, millis } from "../time";
import { Virtual } from "../virtual";
import type { LogLine } from "../wire.gen";
import { LineInFull, marked } from "./line";
import "./logs.css";
import { Level, Service } from "./marks";
import { firstLine, matcher } from "./words";

interface LogLinesProps {
  /** Newest first. */
  lines: LogLine[];
  /** The words of the query, to be marked. */
  words?: string;
  /** Asked for when the last lines come into sight. */
  onMore?: () => void;
  /** The line at this time, or the last one before it, is the active one at first. */
  focusTime?: string;
}

const ROW_HEIGHT = 24;
/** Where there is little room a line has two rows. */
const NARROW = "(max-width: 44rem)";
const NARROW_HEIGHT = 46;
const BODY_SHOWN = 400;
const LEAP = 20;

export function LogLines({ lines, words = "", onMore, focusTime }: LogLinesProps) {
  const id = useId();
  const frame = useRef<HTMLDivElement>(null);
  const rowHeight = useNarrow() ? NARROW_HEIGHT : ROW_HEIGHT;
  const pattern = useMemo(() => matcher(words), [words]);
  const dated = spansDays(lines);
  const [active, setActive] = useState<number | undefined>(undefined);
  const [open, setOpen] = useState(false);
  const line = active === undefined ? undefined : lines[active];
  const opened = open && line;
  useLayoutEffect(() => {
    // It may come with a later page; until then nothing is active.
    if (active === undefined && focusTime !== undefined) setActive(atTime(lines, focusTime));
  }, [lines.length, focusTime]);
  useEffect(() => {
    // What came after it matters as much as what came before: it stands in the middle.
    const list = frame.current?.querySelector(".virtual");
    if (list && active !== undefined && focusTime !== undefined) list.scrollTop = active * rowHeight - list.clientHeight / 2;
  }, [active !== undefined, focusTime]);
  useEffect(() => {
    if (!opened || active === undefined) return;
    // Where the line opens below the list, the list gets lower and the line may lie out of sight.
    const list = frame.current?.querySelector(".virtual");
    if (list && (active + 1) * rowHeight > list.scrollTop + list.clientHeight) list.scrollTop = (active + 1) * rowHeight - list.clientHeight;
    frame.current?.querySelector(".lg-full")?.scrollIntoView?.({ block: "nearest" });
  }, [Boolean(opened)]);
  const close = () => {
    setOpen(false);
    frame.current?.querySelector<HTMLElement>(".virtual")?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const next = movedTo(event.key, active, lines.length);
    if (next !== undefined) setActive(next);
    else if (event.key === "Enter" && line) setOpen(true);
    else return;
    event.preventDefault();
  };
  const onEscape = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !opened) return;
    event.stopPropagation();
    close();
  };
  const row = (index: number, style: Record<string, string>) => {
    const one = lines[index];
    if (!one) return null;
    return (
      <div key={index} id={`${id}-${index}`} role="option" aria-selected={index === active} class="lg-line" style={style} onClick={() => (setActive(index), setOpen(true))}>
        <span class="lg-time">{`${dated ? `${day(one.time).slice(5)} ` : ""}${exactClock(one.time)}`}</span>
        <Level level={one.level} />
        <Service name={one.service} />
        <span class="lg-text">{marked(visible(firstLine(one.body, BODY_SHOWN)), pattern)}</span>
      </div>
    );
  };
  return (
    <div ref={frame} class={`lg-split ${opened ? "lg-opened" : ""} ${dated ? "lg-dated" : ""}`} onKeyDown={onEscape}>
      <Virtual
        count={lines.length}
        rowHeight={rowHeight}
        row={row}
        active={active}
        label="Lines, newest first. Enter opens one."
        role="listbox"
        class="lg-list"
        activeDescendant={active === undefined ? undefined : `${id}-${active}`}
        onKeyDown={onKeyDown}
        onEnd={onMore}
      />
      {opened && <LineInFull key={active} line={line} words={pattern} close={close} />}
      <p role="status" class="visually-hidden">
        {opened ? "The line is open in full after the list; Escape closes it." : ""}
      </p>
    </div>
  );
}

/** Where a key leads in a list; `undefined` for keys that move nothing. */
export function movedTo(key: string, active: number | undefined, count: number): number | undefined {
  if (count === 0) return undefined;
  const inside = (at: number) => Math.max(0, Math.min(count - 1, at));
  const from = active ?? -1;
  switch (key) {
    case "ArrowDown":
      return inside(from + 1);
    case "ArrowUp":
      return inside(from - 1);
    case "PageDown":
      return inside(from + LEAP);
    case "PageUp":
      return inside(from - LEAP);
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return undefined;
  }
}

/** The line at a time, or the last one before it. */
export function atTime(lines: LogLine[], time: string): number | undefined {
  const at = millis(time);
  // Equal to the last digit is the very line; milliseconds may hold many.
  const exact = lines.findIndex((line) => line.time === time);
  const found = exact >= 0 ? exact : lines.findIndex((line) => millis(line.time) <= at);
  return found < 0 ? undefined : found;
}

function spansDays(lines: LogLine[]): boolean {
  const [newest, oldest] = [lines[0], lines[lines.length - 1]];
  return newest !== undefined && oldest !== undefined && day(newest.time) !== day(oldest.time);
}

function useNarrow(): boolean {
  const [narrow, setNarrow] = useState(() => matchMedia(NARROW).matches);
  useEffect(() => {
    const list = matchMedia(NARROW);
    const change = () => setNarrow(list.matches);
    list.addEventListener("change", change);
    return () => list.removeEventListener("change", change);
  }, []);
  return narrow;
}
