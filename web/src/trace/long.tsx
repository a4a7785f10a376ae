// Texts and lists of any length, a part at a time.
import type { ComponentChild } from "preact";
import { useState } from "preact/hooks";
import { visible } from "../text";

const FIRST = 2000;
const MORE = 20_000;

/** A text; of a long one first the beginning. */
export function Long({ text, first = FIRST }: { text: string; first?: number }) {
  const [most, setMost] = useState(first);
  // Little more is not worth a button.
  if (text.length <= most * 1.2) return <span class="tr-long">{visible(text)}</span>;
  return (
    <span class="tr-long">
      {visible(text.slice(0, most))}…{" "}
      <button type="button" class="small" onClick={() => setMost(most + MORE)}>
        More ({(text.length - most).toLocaleString("en-US")} characters are left)
      </button>
    </span>
  );
}

/** A list; of a long one first `step` entries. */
export function Steps({ count, step, children }: { count: number; step: number; children: (most: number) => ComponentChild }) {
  const [most, setMost] = useState(step);
  return (
    <>
      {children(most)}
      {count > most && (
        <button type="button" class="small" onClick={() => setMost(most + step)}>
          More ({(count - most).toLocaleString("en-US")} are left)
        </button>
      )}
    </>
  );
}
