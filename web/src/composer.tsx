// The question box, and where and when it looks.
import { useEffect, useRef } from "preact/hooks";
import { draft, type Draft, emptyDraft, scopeOf, scopeWords } from "./draft";
import type { Scope } from "./protocol";
import { isShortcut } from "./settings";
import { visible } from "./text";

export function Composer({ ask }: { ask: (question: string, scope: Scope) => void }) {
  const box = useRef<HTMLTextAreaElement>(null);
  const now = draft.value;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "/" || !isShortcut(event)) return;
      event.preventDefault();
      box.current?.focus();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  const set = (part: Partial<Draft>) => (draft.value = { ...draft.value, ...part });
  const submit = () => {
    const question = draft.value.text.trim();
    if (!question) return;
    ask(question, scopeOf(draft.value));
    // Where and when stay: the next question is mostly about the same.
    set({ text: "" });
  };
  const words = scopeWords(scopeOf(now));
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <label for="question">
        Ask about an outage <kbd aria-hidden="true">/</kbd>
      </label>
      <div class="row">
        <textarea
          id="question"
          ref={box}
          rows={1}
          maxLength={16_000}
          placeholder="why is checkout slow?"
          value={now.text}
          onInput={(event) => set({ text: event.currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            submit();
          }}
        />
        <button type="submit" class="primary">
          Ask
        </button>
      </div>
      <details>
        <summary>
          Where and when to look: <b>{words ? visible(words) : "all services, now"}</b>
        </summary>
        <div class="when">
          <Field name="services" label="Services" example="checkout, payments" value={now.services} set={(services) => set({ services })} />
          <Field name="at" label="At" example="2026-11-22T03:12:00Z" value={now.at} set={(at) => set({ at })} />
          <Field name="since" label="How far back" example="15m" value={now.since} set={(since) => set({ since })} />
          {words && (
            <button type="button" class="small" onClick={() => set({ ...emptyDraft, text: now.text })}>
              Everywhere, now
            </button>
          )}
        </div>
      </details>
    </form>
  );
}

function Field({ name, label, example, value, set }: { name: string; label: string; example: string; value: string; set: (value: string) => void }) {
  return (
    <label for={name}>
      {label} <input id={name} autocomplete="off" placeholder={example} value={value} onInput={(event) => set(event.currentTarget.value)} />
    </label>
  );
}
