// Where the words of a query stand in a text, and the stretch of it that shows them best.
import { cutAt, type Piece } from "../marked";

const WORDS_MAX = 12;

/** The words that are worth marking, longest first. */
function wordsOf(query: string): string[] {
  const words = query.slice(0, 500).toLowerCase().match(/[\p{L}\p{N}][\p{L}\p{N}_.-]*/gu) ?? [];
  return [...new Set(words.map((word) => word.replace(/[_.-]+$/, "")))].filter((word) => word.length > 1).sort((a, b) => b.length - a.length).slice(0, WORDS_MAX);
}

function matcher(query: string): RegExp | undefined {
  const words = wordsOf(query);
  // At the beginning of a word: a query for `pool` marks `pools` but not `spool`.
  return words.length > 0 ? new RegExp(`(?<![\\p{L}\\p{N}])(?:${words.map((word) => word.replaceAll(/[.\-]/g, "\\$&")).join("|")})`, "giu") : undefined;
}

/** The text cut where words of the query begin and end. */
export function marked(text: string, query: string): Piece[] {
  return cutAt(text, matcher(query));
}

/** The stretch of `length` characters with the most different words of the query, in one line. */
export function snippet(text: string, query: string, length = 260): string {
  const line = text.slice(0, 20_000).replaceAll(/\s+/g, " ").trim();
  if (line.length <= length) return line;
  const words = matcher(query);
  const hits = words ? [...line.matchAll(words)].slice(0, 200).map((match) => ({ at: match.index, word: match[0].toLowerCase() })) : [];
  let best = { at: 0, count: 0 };
  for (const { at } of hits) {
    const count = new Set(hits.filter((hit) => hit.at >= at && hit.at < at + length - 40).map(({ word }) => word)).size;
    if (count > best.count) best = { at, count };
  }
  const wanted = Math.max(0, Math.min(best.at - 40, line.length - length));
  const from = wanted === 0 ? 0 : line.indexOf(" ", wanted) + 1 || wanted;
  return `${from > 0 ? "…" : ""}${line.slice(from, from + length)}${from + length < line.length ? "…" : ""}`;
}
