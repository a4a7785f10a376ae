// Keeps a drawn chart in step with what it shows, the width it has and the theme.
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { zone } from "../settings";
import { coloursOf, useThemeChange, type Colours } from "./colours";
import type { Drawing, Plot } from "./plot";
import type { Point } from "./points";
import type { Selected } from "./usekeys";

const HEIGHT = 190;

/** Draws into a box; gives words where that does not go. */
export function usePlot(
  box: RefObject<HTMLDivElement>,
  what: Pick<Drawing, "points" | "usual" | "unit" | "markers" | "times">,
  here: Point | undefined,
  selected: Selected,
  onPoint: Drawing["onPoint"],
  onRange: Drawing["onRange"],
): string {
  const [problem, say] = useState("");
  const drawn = useRef<Plot>();
  const colours = useRef<Colours>();
  // Callbacks of the newest rendering, without drawing anew for them.
  const call = useRef({ onPoint, onRange });
  call.current = { onPoint, onRange };
  const [isDrawn, setDrawn] = useState(false);
  const themed = useThemeChange();
  const { points, usual, unit, markers, times } = what;
  useEffect(() => {
    const element = box.current;
    if (!element || points.length === 0) return;
    let isGone = false;
    let observer: ResizeObserver | undefined;
    import("./plot").then(
      ({ plot }) => {
        if (isGone) return;
        drawn.current = plot(element, {
          points, usual, unit, markers, times, height: HEIGHT,
          colours: () => (colours.current ??= coloursOf(element)),
          onPoint: (at) => call.current.onPoint(at),
          onRange: call.current.onRange && ((from, to) => call.current.onRange?.(from, to)),
        });
        setDrawn(true);
        observer = typeof ResizeObserver === "undefined" ? undefined : new ResizeObserver(() => drawn.current?.resize(element.clientWidth));
        observer?.observe(element);
      },
      () => say("The chart could not be loaded. Its values are in the table."),
    );
    return () => {
      isGone = true;
      observer?.disconnect();
      drawn.current?.destroy();
      drawn.current = undefined;
      setDrawn(false);
    };
  }, [points, usual, unit, markers, ...times]);
  useEffect(() => {
    colours.current = undefined;
    drawn.current?.redraw();
  }, [themed, zone.value]);
  useEffect(() => drawn.current?.point(here), [here, isDrawn]);
  useEffect(() => drawn.current?.select(selected && [Math.min(...selected), Math.max(...selected)]), [selected, isDrawn]);
  return problem;
}
