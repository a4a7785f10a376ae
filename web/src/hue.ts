// A colour for each name, the same everywhere; it only helps the eye, the name always stands beside it.
const HUES = 12;

/** The custom property that holds the colour of a name. */
export function hue(name: string): string {
  let hash = 2_166_136_261;
  for (const character of name) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 16_777_619);
  return `var(--hue-${(hash >>> 0) % HUES})`;
}

/** Severities as the server names them, mildest first, with a mark that needs no colour. */
export const LEVELS = ["UNSET", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"] as const;
export const LEVEL_MARKS: Record<string, string> = { UNSET: "·", TRACE: "·", DEBUG: "·", INFO: "i", WARN: "▲", ERROR: "✖", FATAL: "■" };

/** The custom property that holds a severity's colour. */
export function levelColour(level: string): string {
  return `var(--level-${level.toLowerCase()})`;
}
