// Severity and service as they stand in every row: a mark and a word, a colour and a name.
import { hue, LEVEL_MARKS, levelColour } from "../hue";
import { clip, visible } from "../text";

const NAME_MAX = 200;

export function Level({ level }: { level: string }) {
  const known = LEVEL_MARKS[level] !== undefined;
  return (
    <span class={`lg-level lg-level-${known ? level.toLowerCase() : "unset"}`}>
      <span class="lg-mark" aria-hidden="true" style={{ color: known ? levelColour(level) : undefined }}>
        {LEVEL_MARKS[level] ?? "·"}
      </span>
      {visible(clip(level, 12))}
    </span>
  );
}

export function Service({ name }: { name: string }) {
  const shown = visible(clip(name, NAME_MAX));
  return (
    <span class="lg-service" title={shown}>
      <span class="lg-swatch" aria-hidden="true" style={{ background: hue(name) }} />
      <span class="lg-name">{shown}</span>
    </span>
  );
}

/** A count to its last digit: who compares two tables must find the same. */
export function exact(count: number): string {
  return count.toLocaleString("en-US");
}
