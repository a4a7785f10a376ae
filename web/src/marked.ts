// A text cut where words that were looked for begin and end.
export interface Piece {
  text: string;
  hit: boolean;
}

const PIECES_MAX = 400;

/** Pieces that together are the text again; after very many finds the rest is one piece. */
export function cutAt(text: string, words: RegExp | undefined): Piece[] {
  if (!words || text === "") return [{ text, hit: false }];
  const pieces: Piece[] = [];
  let done = 0;
  for (const match of text.matchAll(words)) {
    if (match[0] === "" || pieces.length >= PIECES_MAX) break;
    if (match.index > done) pieces.push({ text: text.slice(done, match.index), hit: false });
    pieces.push({ text: match[0], hit: true });
    done = match.index + match[0].length;
  }
  if (done < text.length) pieces.push({ text: text.slice(done), hit: false });
  return pieces;
}
