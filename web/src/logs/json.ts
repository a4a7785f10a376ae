// JSON set out in lines, as far as that can be read.
const LENGTH_MAX = 100_000;
const OUT_MAX = 400_000;
/** Deeper than this it stays in one line: nobody reads it, and the indents would outgrow the text. */
const DEPTH_MAX = 24;
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

/**
 * The body in lines when it is a JSON object or array, `undefined` otherwise or where it is too long.
 * It is set out token by token, not read and written anew: a reader would round long numbers.
 */
export function prettyJson(body: string): string | undefined {
  if (body.length > LENGTH_MAX || !/^\s*[{[]/.test(body)) return undefined;
  try {
    JSON.parse(body);
  } catch {
    return undefined;
  }
  return setOut(body.match(TOKEN) ?? []);
}

function setOut(tokens: string[]): string | undefined {
  const out: string[] = [];
  let depth = 0;
  let length = 0;
  const breakLine = () => (depth <= DEPTH_MAX ? `\n${"  ".repeat(depth)}` : " ");
  for (const [index, token] of tokens.entries()) {
    let piece = token;
    if (token === "{" || token === "[") {
      const isEmpty = tokens[index + 1] === "}" || tokens[index + 1] === "]";
      depth += 1;
      piece = isEmpty ? token : token + breakLine();
    } else if (token === "}" || token === "]") {
      const wasEmpty = tokens[index - 1] === "{" || tokens[index - 1] === "[";
      const isDeep = depth > DEPTH_MAX;
      depth -= 1;
      piece = wasEmpty ? token : (isDeep ? " " : breakLine()) + token;
    } else if (token === ",") piece = token + breakLine();
    else if (token === ":") piece = ": ";
    out.push(piece);
    length += piece.length;
    if (length > OUT_MAX) return undefined;
  }
  return out.join("");
}
