// Changes as letters on a chart: which letter, where it stands, and what it is in words.
import { millis } from "../time";
import { clipped } from "../text";
import type { Marker } from "../wire.gen";

/** `A` to `Z`, then `AA`: the same letter for the same change on every chart. */
export function letter(index: number): string {
  const rest = Math.floor(index / 26);
  return (rest > 0 ? letter(rest - 1) : "") + String.fromCharCode(65 + (index % 26));
}

export interface Lettered {
  letter: string;
  at: number;
  marker: Marker;
}

/** Changes in their order of time, each with its letter. */
export function lettered(markers: readonly Marker[]): Lettered[] {
  return markers
    .map((marker) => ({ marker, at: millis(marker.at) }))
    .filter(({ at }) => Number.isFinite(at))
    .sort((one, other) => one.at - other.at)
    .map(({ marker, at }, index) => ({ letter: letter(index), at, marker }));
}

/** More than this many on one chart hide its line. */
const DRAWN_MAX = 12;

/** What is drawn on a series' chart: everything, or where that is too much what acts on its service or on none in particular. */
export function drawnFor(markers: readonly Lettered[], service: string): Lettered[] {
  return markers.length <= DRAWN_MAX ? [...markers] : markers.filter(({ marker }) => marker.service === null || marker.service === service);
}

interface Placed {
  /** One letter, or first and last of those that are too near to each other: `A–C`. */
  label: string;
  /** Pixels from the left. */
  x: number;
  /** Where lines stand, in pixels. */
  lines: number[];
}

/** A label stands for lines on at most so many times its room, or it would say too little of where they are. */
const ROOMS_SHARED = 3;

/** Labels that do not cover each other: what is nearer than `room` pixels shares one. */
export function placed(markers: readonly Lettered[], toX: (at: number) => number, room: number): Placed[] {
  const groups: { members: Lettered[]; lines: number[] }[] = [];
  for (const marker of markers) {
    const x = toX(marker.at);
    const last = groups[groups.length - 1];
    const end = last?.lines[last.lines.length - 1];
    if (last && end !== undefined && x - end < room && x - (last.lines[0] ?? x) < room * ROOMS_SHARED) {
      last.members.push(marker);
      last.lines.push(x);
    } else groups.push({ members: [marker], lines: [x] });
  }
  return groups.map(({ members, lines }) => {
    const [first, last] = [members[0]?.letter ?? "", members[members.length - 1]?.letter ?? ""];
    const label = members.length === 1 ? first : members.length === 2 ? `${first} ${last}` : `${first}–${last}`;
    return { label, lines, x: ((lines[0] ?? 0) + (lines[lines.length - 1] ?? 0)) / 2 };
  });
}

/** `v1 → v2`; `""` where neither is known. */
export function beforeAfter({ before, after }: Marker): string {
  if (before === null && after === null) return "";
  return `${before === null ? "nothing" : clipped(before, 60)} → ${after === null ? "nothing" : clipped(after, 60)}`;
}
