// The words of a query found again in the lines that it brought.
interface Part {
  text: string;
  hit: boolean;
}

const WORDS_MAX = 16;
const WORD_MAX = 200;
const PARTS_MAX = 400;

/** What finds the words of a query in a text; phrases in quotes stay whole. */
export function matcher(query: string): RegExp | undefined {
  const words = [...query.matchAll(/"([^"]+)"|(\S+)/g)].map(([, phrase, word]) => clip(phrase ?? word ?? "", WORD_MAX).replaceAll('"', "").trim()).filter(Boolean);
  if (words.length === 0) return undefined;
  // The longest first: of two words that begin alike the whole one is marked.
  const longest = [...new Set(words)].slice(0, WORDS_MAX).sort((one, other) => other.length - one.length);
  return new RegExp(longest.map((word) => word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|"), "giu");
}

/** The text in parts that together are the text again; after very many finds the rest is one part. */
export function highlight(text: string, words: RegExp | undefined): Part[] {
  if (!words || text === "") return [{ text, hit: false }];
  const parts: Part[] = [];
  let done = 0;
  for (const match of text.matchAll(words)) {
    if (match[0] === "" || parts.length >= PARTS_MAX) break;
    if (match.index > done) parts.push({ text: text.slice(done, match.index), hit: false });
    parts.push({ text: match[0], hit: true });
    done = match.index + match[0].length;
  }
  if (done < text.length) parts.push({ text: text.slice(done), hit: false });
  return parts;
}

/** The first characters, never half of one. */
export function clip(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}

/** The first line that says something, short enough for a row. */
export function firstLine(body: string, length: number): string {
  const start = body.slice(0, 4 * length).trimStart();
  const end = start.indexOf("\n");
  return clip(end < 0 ? start : start.slice(0, end), length);
}
