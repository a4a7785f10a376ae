// How a pattern stands to the time before, and the orders of the list.
import type { Pattern } from "../wire.gen";
import { clock, figure } from "../time";

/** From here on a change is said as one; below it is the usual to and fro. */
const MORE = 1.5;
const LESS = 0.5;

interface Change {
  kind: "new" | "more" | "less" | "same" | "unknown";
  words: string;
}

export function changeOf({ count, before, is_new, first }: Pattern): Change {
  if (is_new) return { kind: "new", words: `new since ${clock(first)}` };
  if (before === null) return { kind: "unknown", words: "before not known" };
  if (count === 0) return { kind: "less", words: "gone quiet" };
  if (before <= 0) return { kind: "more", words: "hardly any before" };
  const ratio = count / before;
  if (ratio >= MORE) return { kind: "more", words: `×${figure(ratio < 10 ? Math.round(ratio * 10) / 10 : Math.round(ratio))}` };
  if (ratio <= LESS) return { kind: "less", words: "gone quieter" };
  return { kind: "same", words: "as before" };
}

export type Order = "news" | "count" | "service";

/** The patterns whose text, service or id has the words, in an order; `news` is the server's. */
export function listed(patterns: Pattern[], words: string, order: Order): Pattern[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const found = patterns.filter(({ text, service, id }) => {
    const all = `${text}\n${service}\n${id}`.toLowerCase();
    return wanted.every((word) => all.includes(word));
  });
  if (order === "count") found.sort((one, other) => other.count - one.count);
  else if (order === "service") found.sort((one, other) => (one.service < other.service ? -1 : one.service > other.service ? 1 : other.count - one.count));
  return found;
}

/** A template in parts: text, and what stands for a variable. */
export function variables(text: string): { text: string; variable: boolean }[] {
  return text
    .split(/(<\*>)/)
    .filter(Boolean)
    .map((part) => ({ text: part, variable: part === "<*>" }));
}

/** Counts as bars between 0 and 1, at most `most` of them; what is there at all is seen. */
export function sparkBars(counts: number[], most: number): number[] {
  const fold = Math.max(1, Math.ceil(counts.length / most));
  const sums: number[] = [];
  for (let index = 0; index < counts.length; index += fold) sums.push(counts.slice(index, index + fold).reduce((sum, count) => sum + count, 0));
  const highest = Math.max(1, ...sums);
  return sums.map((sum) => (sum > 0 ? Math.max(sum / highest, 0.1) : 0));
}
