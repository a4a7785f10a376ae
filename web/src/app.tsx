// The conversation: questions and answers on the left, the evidence that was opened on the right.
import { useEffect } from "preact/hooks";
import { Composer } from "./composer";
import type { Link } from "./connection";
import { EvidencePane } from "./evidence";
import { onAnswerKey, onEscape } from "./keys";
import { closeEvidence, opened } from "./opened";
import { Preview } from "./preview";
import { draft, scopeOf } from "./draft";
import { parameter, set } from "./route";
import { RunView } from "./run";
import { ask, connect, link, state, stop, useToken } from "./session";
import { isBusy, type Run } from "./state";
import { visible } from "./text";
import { TokenForm } from "./tokenform";

const EXAMPLES = ["why are customers unable to pay?", "what changed in the last 20 minutes?", "show the new errors"];

function onKey(event: KeyboardEvent): void {
  onAnswerKey(event);
  const running = state.value.runs.findLast(isBusy);
  onEscape(event, () => running && stop(running));
}

/** Asks what the address asks, once: a reload must not ask again. */
function askAddressed(): void {
  const question = parameter("q")?.trim();
  if (!question) return;
  set({ q: undefined }, "replace");
  ask(question, scopeOf(draft.value));
  draft.value = { ...draft.value, text: "" };
}

export function Conversation() {
  useEffect(() => {
    connect();
    askAddressed();
    document.addEventListener("keydown", onKey);
    return () => {
      document.removeEventListener("keydown", onKey);
      opened.value = undefined;
    };
  }, []);
  const runs = state.value.runs;
  const count = runs.length;
  useEffect(() => document.querySelector(".run:last-of-type")?.scrollIntoView({ block: "start" }), [count]);
  return (
    <div class={opened.value ? "page with-evidence" : "page"}>
      <div class="column conversation">
        <LinkState />
        {link.value === "token" && <TokenForm use={useToken} />}
        {count === 0 && link.value !== "token" && <Welcome />}
        {runs.map((run) => (
          <RunView key={run.askId} run={run} stop={stop} again={ask} />
        ))}
        <p role="status" class="visually-hidden">
          {announcement(runs[count - 1])}
        </p>
        <Composer ask={ask} />
      </div>
      {opened.value && <EvidencePane item={opened.value.item} close={closeEvidence} />}
      <Preview />
    </div>
  );
}

/** What a screen reader hears: where it is, then the finished answer once; never single words of a stream. */
function announcement(run: Run | undefined): string {
  if (!run) return "";
  if (run.status === "failed") return `Failed: ${visible(run.error ?? "")}`;
  if (!isBusy(run)) return run.answer ? visible(run.answer.headline) : "Stopped";
  const step = run.steps[run.steps.length - 1];
  return step ? visible(step.title) : "Asked";
}

const LINKS: Record<Link, string> = {
  connecting: "connecting…",
  open: "connected",
  waiting: "connection lost, trying again…",
  token: "token needed",
  refused: "this page may not call this server; open the panel on the server's own address",
};

function LinkState() {
  const teller = state.value.model ? ` · told by ${visible(state.value.model)}` : " · facts only, no model";
  return (
    <p class={`link ${link.value}`}>
      <span class="dot" aria-hidden="true" /> {LINKS[link.value]}
      {link.value === "open" && teller}
    </p>
  );
}

function Welcome() {
  return (
    <section class="welcome">
      <h1>Ask what is wrong</h1>
      <p>Every sentence of the answer opens the evidence it stands on.</p>
      <ul>
        {EXAMPLES.map((example) => (
          <li key={example}>
            <button type="button" onClick={() => ask(example)}>
              {example}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
