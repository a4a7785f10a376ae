// Size and place of the map in its box: scrolling is the browser's own, so that every finger, wheel and key already knows it.
import type { RefObject } from "preact";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Layout } from "./layout";

const LEAST = 0.1;
const MOST = 2.5;
/** Names smaller than this cannot be read; rather scroll. */
const READABLE = 0.85;

function within(scale: number): number {
  return Math.min(MOST, Math.max(LEAST, scale));
}

/** The scale at which a map fits into a box; 1 where the box has no size yet. */
function fitting(map: { width: number; height: number }, box: { width: number; height: number }): number {
  if (box.width <= 0 || box.height <= 0 || map.width <= 0 || map.height <= 0) return 1;
  return within(Math.min(1, box.width / map.width, box.height / map.height));
}

export function useZoom(box: RefObject<HTMLDivElement>, map: Layout, centre: string | undefined) {
  const [scale, setScale] = useState(1);
  const wanted = useRef<{ x: number; y: number }>();
  const fitted = () => fitting(map, { width: box.current?.clientWidth ?? 0, height: box.current?.clientHeight ?? 0 });
  const scrollTo = (x: number, y: number, at: number) => {
    const element = box.current;
    if (!element) return;
    element.scrollLeft = x * at - element.clientWidth / 2;
    element.scrollTop = y * at - element.clientHeight / 2;
  };
  useLayoutEffect(() => {
    const first = Math.max(READABLE, fitted());
    const place = map.places.find(({ name }) => name === centre);
    wanted.current = place && { x: place.x, y: place.y };
    setScale(first);
    if (place && first === scale) scrollTo(place.x, place.y, first);
  }, [map]);
  useLayoutEffect(() => {
    if (wanted.current) scrollTo(wanted.current.x, wanted.current.y, scale);
  }, [scale]);
  const zoom = useCallback(
    (by: number) => {
      const element = box.current;
      if (element) wanted.current = { x: (element.scrollLeft + element.clientWidth / 2) / scale, y: (element.scrollTop + element.clientHeight / 2) / scale };
      setScale(within(scale * by));
    },
    [scale],
  );
  useWheel(box, zoom);
  useDrag(box);
  return { scale, zoom, fit: () => setScale(fitted()) };
}

/** A wheel with Ctrl, which is also what two fingers on a pad send. */
function useWheel(box: RefObject<HTMLDivElement>, zoom: (by: number) => void): void {
  useEffect(() => {
    const element = box.current;
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoom(Math.exp(-event.deltaY / 400));
    };
    element?.addEventListener("wheel", onWheel, { passive: false });
    return () => element?.removeEventListener("wheel", onWheel);
  });
}

/** Drags the ground with the mouse; fingers scroll as everywhere. */
function useDrag(box: RefObject<HTMLDivElement>): void {
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    let start = { x: 0, y: 0 };
    const onDown = (event: PointerEvent) => {
      const isGround = event.target instanceof Element && !event.target.closest("[data-name]");
      if (event.button !== 0 || event.pointerType === "touch" || !isGround) return;
      element.setPointerCapture(event.pointerId);
      start = { x: event.clientX + element.scrollLeft, y: event.clientY + element.scrollTop };
      element.classList.add("mp-dragged");
    };
    const onMove = (event: PointerEvent) => {
      if (!element.hasPointerCapture(event.pointerId)) return;
      element.scrollLeft = start.x - event.clientX;
      element.scrollTop = start.y - event.clientY;
    };
    const onUp = () => element.classList.remove("mp-dragged");
    element.addEventListener("pointerdown", onDown);
    element.addEventListener("pointermove", onMove);
    element.addEventListener("lostpointercapture", onUp);
    return () => {
      element.removeEventListener("pointerdown", onDown);
      element.removeEventListener("pointermove", onMove);
      element.removeEventListener("lostpointercapture", onUp);
    };
  });
}
