// Citations: each a button that opens what it names.
import type { ComponentChild } from "preact";
import { opened, openEvidence } from "./opened";
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
        <Chip key={id} id={id} item={evidence.find((known) => known.id === id)} />
      ))}
    </span>
  );
}

function Chip({ id, item }: { id: string; item: Evidence | undefined }) {
  const isOpen = item !== undefined && opened.value?.item.permalink === item.permalink;
  const name = item ? `Evidence ${id}: ${visible(item.title)}` : `Evidence ${id}`;
  return (
    <button
      type="button"
      class="chip"
      title={item && visible(item.title)}
      aria-label={name}
      aria-expanded={isOpen}
      disabled={!item}
      onClick={(event) => item && openEvidence(item, event.currentTarget)}
    >
      {visible(id)}
    </button>
  );
}
