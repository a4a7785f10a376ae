// The edge between names and bars, moved by pointer or by keys.
import { useState } from "preact/hooks";

/** Per cent of the width that names get. */
const NAMES_MIN = 15;
const NAMES_MAX = 80;
const STEP = 3;

export function Divider({ share, setShare }: { share: number; setShare: (share: number) => void }) {
  const [isDragged, setDragged] = useState(false);
  const put = (next: number) => setShare(Math.min(NAMES_MAX, Math.max(NAMES_MIN, next)));
  const onKeyDown = (event: KeyboardEvent) => {
    const next = { ArrowLeft: share - STEP, ArrowRight: share + STEP, Home: NAMES_MIN, End: NAMES_MAX }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    put(next);
  };
  const drag = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    const head = event.currentTarget.parentElement;
    if (isDragged && head && head.clientWidth > 0) put(((event.clientX - head.getBoundingClientRect().left) / head.clientWidth) * 100);
  };
  return (
    <div
      class="tr-divider"
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the names"
      aria-valuenow={Math.round(share)}
      aria-valuemin={NAMES_MIN}
      aria-valuemax={NAMES_MAX}
      aria-valuetext={`${Math.round(share)} %`}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onPointerDown={(event) => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
        setDragged(true);
      }}
      onPointerMove={drag}
      onPointerUp={() => setDragged(false)}
      onPointerCancel={() => setDragged(false)}
    />
  );
}
