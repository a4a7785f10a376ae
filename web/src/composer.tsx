// The question box.
import { useEffect, useRef } from "preact/hooks";
import type { Scope } from "./protocol";

export function Composer({ ask }: { ask: (question: string, scope: Scope) => void }) {
  const box = useRef<HTMLTextAreaElement>(null);
  const at = useRef<HTMLInputElement>(null);
  const since = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLInputElement;
      if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      box.current?.focus();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  const submit = () => {
    const question = box.current?.value.trim();
    if (!box.current || !question) return;
    box.current.value = "";
    ask(question, { services: [], at: at.current?.value.trim() || undefined, since: since.current?.value.trim() || undefined });
  };
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
          rows={2}
          maxLength={16_000}
          placeholder="why is checkout slow?"
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
        <summary>When to look</summary>
        <div class="when">
          <label for="at">
            At <input id="at" ref={at} autocomplete="off" placeholder="2026-11-22T03:12:00Z" />
          </label>
          <label for="since">
            How far back <input id="since" ref={since} autocomplete="off" placeholder="15m" />
          </label>
        </div>
      </details>
    </form>
  );
}
