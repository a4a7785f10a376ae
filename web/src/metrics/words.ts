// Values with their units, as people say them.
import { long } from "../time";
import { visible } from "../text";

const STEPS: [number, string][] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e4, "k"],
];
const BYTES: [number, string][] = [
  [2 ** 40, "TiB"],
  [2 ** 30, "GiB"],
  [2 ** 20, "MiB"],
  [2 ** 10, "KiB"],
];
/** Units of time, in milliseconds. */
const DURATIONS: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000 };
const UNIT_SHOWN = 24;

/** `1.2 M`, `0.0042`, `41`: at most three figures that count. */
export function plain(value: number): string {
  const size = Math.abs(value);
  const step = STEPS.find(([from]) => size >= from);
  // What is called k starts late, because four figures read faster than a letter.
  const shown = step ? value / (step[1] === "k" ? 1e3 : step[0]) : value;
  const text = size > 0 && size < 1e-4 ? value.toExponential(1) : shown.toLocaleString("en-US", size >= 1000 && !step ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 });
  return step ? `${text} ${step[1]}` : text;
}

function bytes(value: number): string {
  const step = BYTES.find(([from]) => Math.abs(value) >= from);
  return step ? `${(value / step[0]).toLocaleString("en-US", { maximumSignificantDigits: 3 })} ${step[1]}` : `${plain(value)} B`;
}

/** A unit as it stands behind a figure: `{request}/s` is `request/s`, `1` is nothing. */
export function unitWord(unit: string): string {
  const [main = "", ...rest] = unit.split("/");
  const bare = main === "1" ? "" : main.replace(/^\{(.*)\}$/, "$1");
  const whole = visible([bare, ...rest].join("/"));
  return whole.length > UNIT_SHOWN ? `${whole.slice(0, UNIT_SHOWN)}…` : whole;
}

/** Whether values of a unit are scaled to what reads best, so that the unit of their axis says nothing. */
export function isScaled(unit: string): boolean {
  return DURATIONS[unit] !== undefined || isBytes(unit);
}

export function isBytes(unit: string): boolean {
  return /^By(\/|$)/.test(unit);
}

/** A value and its unit: `41 ms`, `1.5 MiB/s`, `12 /s`, `7`. What is counted is not said with each figure. */
export function amount(value: number, unit: string): string {
  if (!Number.isFinite(value)) return "no value";
  const duration = DURATIONS[unit];
  if (duration !== undefined) return value < 0 ? `−${long(-value * duration)}` : long(value * duration);
  const per = unit.split("/")[1];
  if (isBytes(unit)) return per ? `${bytes(value)}/${unitWord(per)}` : bytes(value);
  const word = unitWord(unit.replace(/^\{.*?\}/, ""));
  if (word === "%") return `${plain(value)} %`;
  return word ? `${plain(value)} ${word}` : plain(value);
}

/** `0.4 %`, `38 %`, `–` of nothing: a part of a whole. */
export function share(part: number, whole: number): string {
  if (whole <= 0) return "–";
  if (part <= 0) return "0 %";
  const percent = (part / whole) * 100;
  if (percent < 0.1) return "< 0.1 %";
  return `${percent.toLocaleString("en-US", { maximumSignificantDigits: percent < 10 ? 1 : 2 })} %`;
}
