// Citations: each a button that opens what it names.
import type { ComponentChild } from "preact";
import { opened, openEvidence } from "./opened";
import { leave, rest } from "./preview";
import { visible } from "./text";
import type { Evidence } from "./wire.gen";

export interface Cite {
  (ids: string[]): ComponentChild;
}

export function Chips({ ids, evidence }: { ids: string[]; evidence: Evidence[] }) {
  if (ids.length === 0) return null;
  return (
    <span class="chips">
      {ids.map((id) => (
        <Chip key={id} id={id} evidence={evidence} />
      ))}
    </span>
  );
}

function Chip({ id, evidence }: { id: string; evidence: Evidence[] }) {
  const item = evidence.find((known) => known.id === id);
  const isOpen = item !== undefined && opened.value?.item.permalink === item.permalink;
  const name = item ? `Evidence ${id}: ${visible(item.title)}` : `Evidence ${id}`;
  return (
    <button
      type="button"
      class="chip"
      aria-label={name}
      aria-describedby={item && "preview"}
      aria-expanded={isOpen}
      disabled={!item}
      onMouseEnter={(event) => item && rest(item, event.currentTarget)}
      onMouseLeave={() => leave()}
      onFocus={(event) => item && event.currentTarget.matches(":focus-visible") && rest(item, event.currentTarget)}
      onBlur={() => leave(0)}
      onClick={(event) => {
        leave(0);
        if (item) openEvidence(item, evidence, event.currentTarget);
      }}
    >
      {visible(id)}
    </button>
  );
}
