// What a citation shows when one rests on it: enough to know whether to open it.
import { signal } from "@preact/signals";
import { Sparkline } from "./sparkline";
import { visible } from "./text";
import { span } from "./time";
import type { Evidence } from "./wire.gen";

const LINES = 4;
const LINE_MAX = 220;
/** A pointer that only passes by opens nothing. */
const REST_MS = 150;
const WIDTH = 380;

interface Rest {
  item: Evidence;
  left: number;
  top: number;
  /** Above the citation where there is no room below. */
  isAbove: boolean;
}

const resting = signal<Rest | undefined>(undefined);
let timer: ReturnType<typeof setTimeout> | undefined;

export function rest(item: Evidence, on: Element, afterMs = REST_MS): void {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const { left, top, bottom } = on.getBoundingClientRect();
    const isAbove = bottom > innerHeight * 0.6;
    resting.value = { item, left: Math.max(8, Math.min(left, innerWidth - WIDTH - 8)), top: isAbove ? top - 6 : bottom + 6, isAbove };
  }, afterMs);
}

/** Leaves time to move into the preview, which may hold text that one wants to select. */
export function leave(afterMs = REST_MS): void {
  clearTimeout(timer);
  timer = setTimeout(() => (resting.value = undefined), afterMs);
}

/** Whether a preview was there to be taken away. */
export function dismiss(): boolean {
  clearTimeout(timer);
  const was = resting.value !== undefined;
  resting.value = undefined;
  return was;
}

export function Preview() {
  const now = resting.value;
  if (!now) return null;
  const { item, left, top, isAbove } = now;
  const lines = item.preview.split("\n").filter(Boolean).slice(0, LINES);
  return (
    <div
      class="preview"
      role="tooltip"
      id="preview"
      style={{ left: `${left}px`, top: `${top}px`, width: `min(${WIDTH}px, calc(100vw - 16px))`, transform: isAbove ? "translateY(-100%)" : "none" }}
      onMouseEnter={() => clearTimeout(timer)}
      onMouseLeave={() => leave()}
    >
      <p class="preview-title">
        <span class="id">{visible(item.id)}</span> {visible(item.title.slice(0, LINE_MAX))}
      </p>
      {item.series && <Sparkline values={item.series} label={visible(item.title)} />}
      {lines.map((line, index) => (
        <p key={index} class="preview-line">
          {visible(line.slice(0, LINE_MAX))}
        </p>
      ))}
      {item.from && <p class="preview-time">{span(item.from, item.to)}</p>}
    </div>
  );
}
