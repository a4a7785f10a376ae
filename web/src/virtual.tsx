// A list of rows of one height of which only those in sight are in the page, however long it is.
import type { ComponentChild } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

export interface VirtualProps {
  count: number;
  /** Pixels; every row has the same. */
  rowHeight: number;
  /** One row; it sets `style` (its place) and `key` on its outermost element. */
  row: (index: number, style: { position: "absolute"; top: string; left: "0"; right: "0"; height: string }) => ComponentChild;
  /** The row that must be in sight; scrolled to when it changes. */
  active?: number;
  /** What the list is, for those who do not see it. */
  label: string;
  role?: "list" | "tree" | "grid" | "listbox";
  class?: string;
  activeDescendant?: string;
  onKeyDown?: (event: KeyboardEvent) => void;
  /** Called when the last rows come into sight. */
  onEnd?: () => void;
}

/** Rows beyond the edges, so that a fast wheel meets no blank. */
const BEYOND = 12;
/** Browsers draw no element much taller than this. */
const HEIGHT_MAX = 16_000_000;

/** Rows in sight and a few beyond: from, to (exclusive). */
export function inSight(scrollTop: number, height: number, rowHeight: number, count: number): [number, number] {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - BEYOND);
  return [Math.min(first, count), Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + BEYOND)];
}

export function Virtual({ count, rowHeight, row, active, label, role = "list", class: name, activeDescendant, onKeyDown, onEnd }: VirtualProps) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const measure = () => box.current && setView({ top: box.current.scrollTop, height: box.current.clientHeight });
  useLayoutEffect(() => {
    measure();
    const observer = typeof ResizeObserver === "undefined" ? undefined : new ResizeObserver(measure);
    if (box.current) observer?.observe(box.current);
    return () => observer?.disconnect();
  }, []);
  useEffect(() => {
    const element = box.current;
    if (active === undefined || !element) return;
    const [top, bottom] = [active * rowHeight, (active + 1) * rowHeight];
    if (top < element.scrollTop) element.scrollTop = top;
    else if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = bottom - element.clientHeight;
  }, [active, rowHeight]);
  const [from, to] = inSight(view.top, view.height, rowHeight, count);
  useEffect(() => {
    if (count > 0 && to >= count) onEnd?.();
  }, [to, count]);
  const rows = [];
  for (let index = from; index < to; index += 1) {
    rows.push(row(index, { position: "absolute", top: `${index * rowHeight}px`, left: "0", right: "0", height: `${rowHeight}px` }));
  }
  return (
    <div ref={box} class={`virtual ${name ?? ""}`} role={role} aria-label={label} aria-activedescendant={activeDescendant} tabIndex={0} onScroll={measure} onKeyDown={onKeyDown}>
      <div role="presentation" style={{ position: "relative", height: `${Math.min(count * rowHeight, HEIGHT_MAX)}px` }}>
        {rows}
      </div>
    </div>
  );
}
