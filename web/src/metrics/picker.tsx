// A field with names to choose from; there may be thousands, so only those that match are listed, and not all of them.
import { useEffect, useId, useMemo, useState } from "preact/hooks";
import { clipped } from "../text";
import { counted } from "../time";

const LISTED = 40;

/** Names that hold every word that was typed, those that begin with it first; and how many more there are. */
export function matching(names: readonly string[], typed: string, most = LISTED): { found: string[]; more: number } {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const hits = names.filter((name) => words.every((word) => name.toLowerCase().includes(word)));
  const begins = (name: string) => (words[0] !== undefined && name.toLowerCase().startsWith(words[0]) ? 0 : 1);
  hits.sort((one, other) => begins(one) - begins(other));
  return { found: hits.slice(0, most), more: Math.max(0, hits.length - most) };
}

interface Props {
  label: string;
  names: string[];
  value: string;
  onPick: (name: string) => void;
}

export function Picker({ label, names, value, onPick }: Props) {
  const id = useId();
  const [typed, type] = useState(value);
  const [isOpen, open] = useState(false);
  const [active, setActive] = useState(-1);
  useEffect(() => type(value), [value]);
  // What stands in the field because it was picked is no filter: all names are offered again.
  const filter = typed === value ? "" : typed;
  const { found, more } = useMemo(() => (isOpen ? matching(names, filter) : { found: [], more: 0 }), [isOpen, names, filter]);
  const pick = (name: string) => {
    type(name);
    open(false);
    setActive(-1);
    if (name !== value) onPick(name);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      open(true);
      setActive(Math.max(-1, Math.min(found.length - 1, active + (event.key === "ArrowDown" ? 1 : -1))));
    } else if (event.key === "Enter") {
      event.preventDefault();
      pick(found[active] ?? typed.trim());
    } else if (event.key === "Escape" && isOpen) {
      event.stopPropagation();
      open(false);
      type(value);
    }
  };
  return (
    <div class="mt-picker">
      <label for={id}>{label}</label>
      <input
        id={id} role="combobox" aria-expanded={isOpen} aria-controls={`${id}-list`} aria-autocomplete="list"
        aria-activedescendant={isOpen && active >= 0 ? `${id}-${active}` : undefined}
        value={typed} placeholder="all" spellcheck={false} autocomplete="off"
        onInput={(event) => {
          type(event.currentTarget.value);
          open(true);
          setActive(-1);
        }}
        onClick={() => open(true)} onKeyDown={onKeyDown}
        onBlur={() => {
          open(false);
          if (typed !== value) pick(typed.trim());
        }}
      />
      <div class="mt-list" hidden={!isOpen}>
        <ul id={`${id}-list`} role="listbox" aria-label={label}>
          {found.map((name, index) => (
            // The press must not take the focus from the field before the click arrives.
            <li key={name} id={`${id}-${index}`} role="option" aria-selected={index === active} onMouseDown={(event) => event.preventDefault()} onClick={() => pick(name)}>
              {clipped(name)}
            </li>
          ))}
        </ul>
        <p>{found.length === 0 ? "No such name" : more > 0 ? `${counted(more, "more name")}; type to narrow` : counted(found.length, "name")}</p>
      </div>
    </div>
  );
}
