// What to look for and when: words, service, severity, times.
import { useEffect, useId, useState } from "preact/hooks";
import { LEVELS } from "../hue";
import { set } from "../route";
import { clip, visible } from "../text";
import { type Filters, lifted, SPANS, spanBefore, tidied, wrongTime } from "./filters";

interface Props {
  filters: Filters;
  /** Whether lines are shown; patterns are found by time and service alone. */
  lines: boolean;
  /** Services seen, offered while one is written. */
  services: string[];
}

type Draft = { q: string; service: string; from: string; to: string };

export function FilterBar({ filters, lines, services }: Props) {
  const [draft, setDraft] = useState<Draft>(() => drafted(filters));
  const [wrong, setWrong] = useState<ReturnType<typeof wrongTime>>(undefined);
  useEffect(() => {
    setDraft(drafted(filters));
    setWrong(undefined);
  }, [filters.q, filters.service, filters.from, filters.to]);
  const id = useId();
  const field = (name: keyof Draft) => ({ id: `${id}-${name}`, value: draft[name], onInput: (event: Event) => setDraft({ ...draft, [name]: (event.currentTarget as HTMLInputElement).value }) });
  const apply = (more: Filters = {}) => {
    const next = { q: draft.q.trim(), service: draft.service.trim(), from: tidied(draft.from), to: tidied(draft.to), ...more };
    // The words may name a service or a severity: the address then has them where links have them.
    const { service, level, trace, template, q } = lifted({ ...filters, ...next, service: next.service || undefined });
    const found = wrongTime(next.from, next.to);
    setWrong(found);
    if (!found) set({ from: next.from, to: next.to, service, level, trace, template, q, at: undefined });
  };
  return (
    <form
      class="lg-bar"
      role="search"
      aria-label="Lines to show"
      onSubmit={(event) => {
        event.preventDefault();
        apply();
      }}
    >
      {lines && (
        <label class="lg-wide" for={`${id}-q`}>
          <span>Words</span>
          <input {...field("q")} type="search" autocomplete="off" spellcheck={false} />
        </label>
      )}
      <label for={`${id}-service`}>
        <span>Service</span>
        <input {...field("service")} type="search" list={`${id}-services`} autocomplete="off" spellcheck={false} />
        <datalist id={`${id}-services`}>
          {services.map((service) => (
            <option key={service} value={service} />
          ))}
        </datalist>
      </label>
      {lines && (
        <label for={`${id}-level`}>
          <span>Least severity</span>
          <select id={`${id}-level`} value={filters.level?.toUpperCase() ?? ""} onChange={(event) => apply({ level: event.currentTarget.value })}>
            <option value="">all</option>
            {LEVELS.slice(1).map((level) => (
              <option key={level} value={level}>
                {level}
              </option>
            ))}
          </select>
        </label>
      )}
      <label class="lg-when" for={`${id}-from`}>
        <span>From</span>
        <input {...field("from")} placeholder="2026-11-22T03:00:00Z" autocomplete="off" spellcheck={false} aria-invalid={wrong?.field === "from"} aria-describedby={`${id}-wrong`} />
      </label>
      <label class="lg-when" for={`${id}-to`}>
        <span>To</span>
        <input {...field("to")} placeholder="2026-11-22T03:15:00Z" autocomplete="off" spellcheck={false} aria-invalid={wrong?.field === "to"} aria-describedby={`${id}-wrong`} />
      </label>
      <button type="submit" class="primary">
        Show
      </button>
      <div class="lg-spans" role="group" aria-label="Time before the end">
        <span aria-hidden="true">Before the end</span>
        {SPANS.map(([name, ms]) => {
          const from = filters.to && spanBefore(filters.to, ms);
          return (
            <button key={name} type="button" class="small" disabled={!from} onClick={() => set({ from, at: undefined })}>
              {name}
            </button>
          );
        })}
        <button type="button" class="small" onClick={() => set({ from: undefined, to: undefined, at: undefined })}>
          Newest
        </button>
      </div>
      <p id={`${id}-wrong`} class="lg-wrong" role="alert">
        {wrong && `✖ ${visible(wrong.why)}`}
      </p>
      <Narrowed filters={filters} />
    </form>
  );
}

function drafted({ q = "", service = "", from = "", to = "" }: Filters): Draft {
  return { q, service, from, to };
}

/** Filters that come with links and have no field; each can be taken away. */
function Narrowed({ filters: { trace, template, q } }: { filters: Filters }) {
  if (!trace && !template) return null;
  return (
    <p class="lg-narrowed">
      {trace && <Away what="trace" value={trace} away={() => set({ trace: undefined, q })} />}
      {template && <Away what="pattern" value={template} away={() => set({ template: undefined, q })} />}
    </p>
  );
}

function Away({ what, value, away }: { what: string; value: string; away: () => void }) {
  return (
    <span class="lg-away">
      {`only ${what} `}
      <code>{visible(clip(value, 40))}</code>
      <button type="button" class="small" aria-label={`All, not only ${what} ${visible(clip(value, 40))}`} onClick={away}>
        ×
      </button>
    </span>
  );
}
