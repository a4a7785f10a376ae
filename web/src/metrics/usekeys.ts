// The cursor of a chart by keyboard: arrows go through the values, with Shift they choose a stretch, Enter shows it.
import type { Signal } from "@preact/signals";
import type { Point } from "./points";

/** A stretch being chosen: where it began and where it is now. */
export type Selected = readonly [number, number] | undefined;

const PAGE = 10;

/** Where a key leads from a position; `undefined` for keys that lead nowhere. */
export function keyed(key: string, index: number | undefined, last: number): number | undefined {
  const here = index ?? last;
  const to = { ArrowLeft: index === undefined ? last : here - 1, ArrowRight: here + 1, PageDown: here - PAGE, PageUp: here + PAGE, Home: 0, End: last }[key];
  return to === undefined ? undefined : Math.min(last, Math.max(0, to));
}

export function useKeys(
  points: Point[],
  index: number | undefined,
  at: Signal<number | undefined>,
  selected: Selected,
  select: (stretch: Selected) => void,
  choose: ((from: number, to: number) => void) | undefined,
): (event: KeyboardEvent) => void {
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && selected) {
      event.preventDefault();
      choose?.(...selected);
      return;
    }
    if (event.key === "Escape" && (selected || at.value !== undefined)) {
      // One press lets go of one thing, here and not also of what lies behind.
      event.stopPropagation();
      if (selected) select(undefined);
      else at.value = undefined;
      return;
    }
    const next = points[keyed(event.key, index, points.length - 1) ?? -1];
    if (!next) return;
    event.preventDefault();
    const isChoosing = event.shiftKey && choose && event.key.startsWith("Arrow");
    select(isChoosing ? [selected?.[0] ?? at.value ?? next[0], next[0]] : undefined);
    at.value = next[0];
  };
}
