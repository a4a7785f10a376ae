// The words of a query found again in the lines that it brought.
import { clip } from "../text";

const WORDS_MAX = 16;
const WORD_MAX = 200;

/** What finds the words of a query in a text; phrases in quotes stay whole. */
export function matcher(query: string): RegExp | undefined {
  const words = [...query.matchAll(/"([^"]+)"|(\S+)/g)].map(([, phrase, word]) => clip(phrase ?? word ?? "", WORD_MAX).replaceAll('"', "").trim()).filter(Boolean);
  if (words.length === 0) return undefined;
  // The longest first: of two words that begin alike the whole one is marked.
  const longest = [...new Set(words)].slice(0, WORDS_MAX).sort((one, other) => other.length - one.length);
  return new RegExp(longest.map((word) => word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|"), "giu");
}

/** The first line that says something, short enough for a row. */
export function firstLine(body: string, length: number): string {
  const start = body.slice(0, 4 * length).trimStart();
  const end = start.indexOf("\n");
  return clip(end < 0 ? start : start.slice(0, end), length);
}
