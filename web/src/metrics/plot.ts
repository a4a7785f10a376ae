// The drawn chart. It comes with the drawing library in a file of its own, which only those who look at charts load.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clock, day, millis } from "../time";
import { zone } from "../settings";
import type { Colours } from "./colours";
import { placed, type Lettered } from "./markers";
import { reach, timeTicks, withGaps, type Point } from "./points";
import { amount, isBytes, isScaled, plain, unitWord } from "./words";

export interface Drawing {
  points: Point[];
  usual: readonly [number, number] | null;
  unit: string;
  markers: Lettered[];
  /** Start of the time before, start of the time, its end. */
  times: readonly [number, number, number];
  height: number;
  colours: () => Colours;
  /** The pointer is at a time, or nowhere. */
  onPoint: (at: number | undefined) => void;
  /** A stretch was dragged over. */
  onRange: ((from: number, to: number) => void) | undefined;
}

export interface Plot {
  resize: (width: number) => void;
  /** Puts the cursor to a point. */
  point: (at: Point | undefined) => void;
  select: (stretch: readonly [number, number] | undefined) => void;
  redraw: () => void;
  destroy: () => void;
}

const FONT = "11px system-ui, 'Segoe UI', 'Noto Sans', sans-serif";
const ROW = 16;
const TICK_WIDTH = 76;
const LETTER_ROOM = 18;
/** Round distances of bytes. */
const POWERS = Array.from({ length: 60 }, (_, power) => 2 ** power);
const DAY_MS = 86_400_000;

export function plot(element: HTMLElement, drawing: Drawing): Plot {
  const { colours, times: [start, , end] } = drawing;
  let isOurs = false;
  const ours = (work: () => void) => {
    isOurs = true;
    work();
    isOurs = false;
  };
  const axis = { stroke: () => colours().quiet, font: FONT, ticks: { show: false } };
  const grid = { stroke: () => colours().line, width: 1 };
  const shown = new uPlot(
    {
      width: Math.max(1, element.clientWidth),
      height: drawing.height,
      padding: [drawing.markers.length > 0 ? ROW * 2 : ROW, 20, 0, 0],
      legend: { show: false },
      scales: { x: { time: false, range: () => [start, end] }, y: { range: () => reach(drawing.points, drawing.usual) } },
      cursor: { y: false, drag: { x: drawing.onRange !== undefined, y: false, setScale: false }, points: { size: 7, width: 2, fill: () => colours().raised } },
      axes: [
        { ...axis, size: 24, gap: 4, grid: { show: false }, splits: (self) => ticksOf(self, drawing), values: (_, splits) => splits.map((at) => tickText(at, end - start)) },
        { ...axis, size: 62, gap: 6, space: 32, grid, ...(isBytes(drawing.unit) && { incrs: POWERS }), values: (_, splits) => splits.map((value) => valueText(value, drawing.unit)) },
      ],
      series: [
        {},
        { stroke: () => colours().quiet, width: 1.25, points: { show: false } },
        { stroke: () => colours().accent, width: 1.75, points: { show: false } },
      ],
      hooks: {
        drawClear: [(self) => ground(self, drawing)],
        draw: [(self) => changes(self, drawing)],
        setCursor: [
          (self) => {
            const left = self.cursor.left ?? -1;
            if (!isOurs) drawing.onPoint(left < 0 ? undefined : self.posToVal(left, "x"));
          },
        ],
        setSelect: [
          (self) => {
            const { left, width } = self.select;
            if (isOurs || width <= 0) return;
            ours(() => self.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false));
            drawing.onRange?.(self.posToVal(left, "x"), self.posToVal(left + width, "x"));
          },
        ],
      },
    },
    columns(drawing),
    element,
  );
  return {
    resize: (width) => width > 0 && shown.setSize({ width, height: drawing.height }),
    point: (at) => ours(() => shown.setCursor(at ? { left: shown.valToPos(at[0], "x"), top: shown.valToPos(at[1], "y") } : { left: -10, top: -10 }, false)),
    select: (stretch) =>
      ours(() => {
        const [left, right] = stretch ? [shown.valToPos(stretch[0], "x"), shown.valToPos(stretch[1], "x")] : [0, 0];
        shown.setSelect({ left, width: right - left, top: 0, height: stretch ? shown.over.clientHeight : 0 }, false);
      }),
    redraw: () => shown.redraw(true, true),
    destroy: () => shown.destroy(),
  };
}

/** Times, values of the time before, values of the time: two lines, so that they look different. */
function columns({ points, times: [, from] }: Drawing): uPlot.AlignedData {
  const { times, values } = withGaps(points);
  const isBefore = (index: number) => (times[index] ?? 0) < from;
  return [times, values.map((value, index) => (isBefore(index) ? value : null)), values.map((value, index) => (isBefore(index) ? null : value))];
}

function ticksOf(self: uPlot, { times: [start, , end] }: Drawing): number[] {
  const offset = zone.value === "utc" ? 0 : -new Date(end).getTimezoneOffset() * 60_000;
  return timeTicks(start, end, Math.max(2, Math.floor(self.width / TICK_WIDTH)), offset);
}

function tickText(at: number, length: number): string {
  const [date, time] = [day(at).slice(5), clock(at)];
  if (length > 4 * DAY_MS) return date;
  if (length > DAY_MS) return time.startsWith("00:00") ? date : time.slice(0, 5);
  return millis(at) % 60_000 === 0 ? time.slice(0, 5) : time;
}

/** Words stand in the heading; at the axis only what scales a figure does. */
function valueText(value: number, unit: string): string {
  return isScaled(unit) || unitWord(unit) === "%" ? amount(value, unit).replace(/\/.*$/, "") : plain(value);
}

/** What lies below the lines: the time before, and the band of what is usual. */
function ground(self: uPlot, { usual, times: [, from], colours }: Drawing): void {
  const { ctx, bbox } = self;
  const { sunken, accent } = colours();
  const border = self.valToPos(from, "x", true);
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = sunken;
  ctx.fillRect(bbox.left, bbox.top, border - bbox.left, bbox.height);
  if (usual) {
    const [bottom, top] = [self.valToPos(usual[0], "y", true), self.valToPos(usual[1], "y", true)];
    ctx.fillStyle = accent;
    ctx.globalAlpha = 0.14;
    ctx.fillRect(bbox.left, top, bbox.width, Math.max(bottom - top, uPlot.pxRatio));
    // Edges of its own, for eyes and screens that do not tell a tint from the ground.
    ctx.globalAlpha = 0.55;
    ctx.strokeStyle = accent;
    ctx.lineWidth = uPlot.pxRatio;
    ctx.setLineDash([2 * uPlot.pxRatio, 3 * uPlot.pxRatio]);
    for (const y of [top, bottom]) line(ctx, bbox.left, y, bbox.left + bbox.width, y);
  }
  ctx.restore();
}

function line(ctx: CanvasRenderingContext2D, fromX: number, fromY: number, toX: number, toY: number): void {
  ctx.beginPath();
  ctx.moveTo(fromX, fromY);
  ctx.lineTo(toX, toY);
  ctx.stroke();
}

/** What lies above: where the time begins, and changes with their letters. */
function changes(self: uPlot, { markers, times: [start, from, end], colours }: Drawing): void {
  const { ctx, bbox } = self;
  const { ink, quiet, edge, raised } = colours();
  const ratio = uPlot.pxRatio;
  const bottom = bbox.top + bbox.height;
  const border = self.valToPos(from, "x", true);
  ctx.save();
  ctx.font = FONT.replace(/^11/, String(11 * ratio));
  ctx.textBaseline = "middle";
  ctx.lineWidth = ratio;
  if (from > start) {
    ctx.strokeStyle = edge;
    line(ctx, border, 2 * ratio, border, bottom);
    ctx.fillStyle = quiet;
    ctx.textAlign = "right";
    if (border - bbox.left > 70 * ratio) ctx.fillText("time before", border - 6 * ratio, (ROW / 2) * ratio);
    ctx.textAlign = "left";
    ctx.fillText("this time", border + 6 * ratio, (ROW / 2) * ratio);
  }
  const inside = markers.filter(({ at }) => at >= start && at <= end);
  for (const { label, x, lines } of placed(inside, (at) => self.valToPos(at, "x", true), LETTER_ROOM * ratio)) {
    ctx.strokeStyle = ink;
    ctx.setLineDash([4 * ratio, 3 * ratio]);
    for (const at of lines) line(ctx, at, bbox.top, at, bottom);
    ctx.setLineDash([]);
    const width = ctx.measureText(label).width + 7 * ratio;
    const left = Math.min(Math.max(x - width / 2, bbox.left), bbox.left + bbox.width - width);
    ctx.fillStyle = raised;
    ctx.fillRect(left, (ROW + 1) * ratio, width, (ROW - 2) * ratio);
    ctx.strokeRect(left, (ROW + 1) * ratio, width, (ROW - 2) * ratio);
    ctx.fillStyle = ink;
    ctx.textAlign = "center";
    ctx.fillText(label, left + width / 2, (ROW + ROW / 2 + 0.5) * ratio);
  }
  ctx.restore();
}
