// Small things the pages share: how bad something is, what a service is, text that is clipped, the way to a question.
import type { ComponentChild } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { hue } from "../hue";
import { go } from "../route";
import { isShortcut } from "../settings";
import { clipped, visible } from "../text";
import { links } from "./places";

type Tone = "bad" | "unsure" | "good" | "quiet";

/** A state as mark, word and colour; any one of them is enough to read it. */
export function Mark({ mark, word, tone }: { mark: string; word: string; tone: Tone }) {
  return (
    <span class={`sh-mark ${tone}`}>
      <span aria-hidden="true">{mark}</span> {clipped(word, 40)}
    </span>
  );
}

/** How bad the sender says it is; words nobody knows keep their word. */
export function severityOf(word: string): { mark: string; tone: Tone; word: string } {
  const known = word.toLowerCase();
  if (/^(critical|crit|page|fatal|emergency|high|p1|sev1|disaster)$/.test(known)) return { mark: "■", tone: "bad", word };
  if (/^(error|major|p2|sev2|average)$/.test(known)) return { mark: "✖", tone: "bad", word };
  if (/^(warning|warn|medium|minor|p3|sev3)$/.test(known)) return { mark: "▲", tone: "unsure", word };
  if (/^(info|information|low|notice|none|p4|p5|sev4|sev5)$/.test(known)) return { mark: "i", tone: "quiet", word };
  return { mark: "●", tone: "unsure", word: word || "no severity" };
}

const VERDICTS: Record<string, { mark: string; word: string; tone: Tone }> = {
  likely_cause: { mark: "◆", word: "likely cause", tone: "bad" },
  lookup: { mark: "✓", word: "found", tone: "good" },
  not_enough_evidence: { mark: "○", word: "not enough evidence", tone: "unsure" },
};

export function verdictOf(verdict: string): { mark: string; word: string; tone: Tone } {
  return VERDICTS[verdict] ?? { mark: "·", word: verdict, tone: "quiet" };
}

const SAID: Record<string, { mark: string; word: string; tone: Tone }> = {
  confirmed: { mark: "✓", word: "confirmed", tone: "good" },
  corrected: { mark: "✎", word: "corrected", tone: "unsure" },
  struck: { mark: "✗", word: "struck", tone: "quiet" },
};

export function saidOf(said: string): { mark: string; word: string; tone: Tone } {
  return SAID[said] ?? { mark: "·", word: said, tone: "quiet" };
}

export function Confidence({ level }: { level: string }) {
  return <span class={`confidence ${level === "high" || level === "medium" ? level : "low"}`}>{clipped(level, 20)} confidence</span>;
}

/** A service's name with its colour beside it, the same everywhere. */
export function Service({ name, link = true }: { name: string; link?: boolean }) {
  const inside = (
    <>
      <span class="sh-hue" style={{ background: hue(name) }} aria-hidden="true" />
      {clipped(name, 80)}
    </>
  );
  return link ? (
    <a class="sh-service" href={links.service(name)}>
      {inside}
    </a>
  ) : (
    <span class="sh-service">{inside}</span>
  );
}

const PIECE = 20_000;

/** Long text: its beginning, and more by the piece. */
export function Clipped({ text, max = 2000, show = visible }: { text: string; max?: number; show?: (text: string) => ComponentChild }) {
  const [length, setLength] = useState(max);
  return (
    <>
      {show(text.slice(0, length))}
      {text.length > length && (
        <>
          …{" "}
          <button type="button" class="small" onClick={() => setLength(length + PIECE)}>
            Show more ({(text.length - length).toLocaleString("en-US")} characters left)
          </button>
        </>
      )}
    </>
  );
}

/** Asks from anywhere; the conversation takes it from the address. */
export function AskBox({ label, placeholder }: { label: string; placeholder: string }) {
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.defaultPrevented || !isShortcut(event)) return;
      event.preventDefault();
      box.current?.focus();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  return (
    <form
      class="sh-ask"
      onSubmit={(event) => {
        event.preventDefault();
        const question = box.current?.value.trim();
        if (question) go(links.ask(question));
      }}
    >
      <label for="sh-ask">
        {label} <kbd aria-hidden="true">/</kbd>
      </label>
      <div class="row">
        <input id="sh-ask" ref={box} maxLength={16_000} autocomplete="off" placeholder={placeholder} />
        <button type="submit" class="primary">
          Ask
        </button>
      </div>
    </form>
  );
}

/** When the page was renewed, whether that still works, and a way to do it now. */
export function Refresh({ busy, stale, refresh, children }: { busy: boolean; stale: string | undefined; refresh: () => void; children?: ComponentChild }) {
  return (
    <div class="sh-refresh">
      {children}
      <span role="status">{stale !== undefined && <Mark mark="▲" word="not renewed" tone="unsure" />}</span>
      {stale !== undefined && <small>{clipped(stale)}</small>}
      <button type="button" class="small" aria-disabled={busy} onClick={() => !busy && refresh()}>
        Refresh
      </button>
    </div>
  );
}
