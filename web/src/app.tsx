// The page: questions and answers on the left, the evidence that was opened on the right.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { RunView } from "./answer";
import { Connection, type Link } from "./connection";
import { EvidencePane } from "./evidence";
import { emptyState, reduce, type Run, type State } from "./state";
import type { Evidence } from "./wire.gen";

const SID_KEY = "groundcrew.sid";

function conversation(): string {
  const known = sessionStorage.getItem(SID_KEY);
  if (known) return known;
  const sid = `w_${identifier()}`;
  sessionStorage.setItem(SID_KEY, sid);
  return sid;
}

function identifier(): string {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const state = signal<State>(emptyState(conversation()));
const link = signal<Link>("connecting");
const opened = signal<{ item: Evidence; opener?: HTMLElement } | undefined>(undefined);
let connection: Connection | undefined;

function connect(): void {
  connection ??= new Connection({
    onEvent: (event) => (state.value = reduce(state.value, { kind: "server", event })),
    onLink: (next) => (link.value = next),
    resume: () => ({ sid: state.value.sid, last_seq: state.value.lastSeq }),
  });
}

function ask(question: string): void {
  const askId = identifier();
  state.value = reduce(state.value, { kind: "asked", askId, question });
  connection?.send("ask", state.value.sid, { text: question, ask_id: askId });
}

function stop(run: Run): void {
  connection?.send("cancel", state.value.sid, run.runId ? { run_id: run.runId } : { ask_id: run.askId });
}

function open(run: Run, id: string, opener: HTMLElement): void {
  const item = run.evidence.find((known) => known.id === id);
  if (item) opened.value = { item, opener };
}

function close(): void {
  const opener = opened.value?.opener;
  opened.value = undefined;
  opener?.focus();
}

export function App() {
  const box = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    connect();
    const onKey = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLInputElement;
      if (event.key === "/" && !typing) {
        event.preventDefault();
        box.current?.focus();
      } else if (event.key === "Escape") {
        const running = state.value.runs.find((run) => run.status === "running");
        if (opened.value) close();
        else if (running) stop(running);
      }
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  const runs = state.value.runs;
  return (
    <div class={opened.value ? "page with-evidence" : "page"}>
      <main>
        <header class="top">
          <h1>Groundcrew</h1>
          <LinkState />
        </header>
        {link.value === "token" && <TokenForm />}
        {runs.length === 0 && link.value !== "token" && <Welcome />}
        {runs.map((run) => (
          <RunView key={run.askId} run={run} open={open} stop={stop} />
        ))}
        <p role="status" class="visually-hidden">
          {announcement(runs[runs.length - 1])}
        </p>
        <form
          class="composer"
          onSubmit={(event) => {
            event.preventDefault();
            submit(box.current);
          }}
        >
          <label for="question">Ask about an outage</label>
          <div class="row">
            <textarea
              id="question"
              ref={box}
              rows={2}
              maxLength={16_000}
              placeholder="why is checkout slow?"
              onKeyDown={(event) => {
                if (event.key === "Enter" && !event.shiftKey) {
                  event.preventDefault();
                  submit(event.currentTarget);
                }
              }}
            />
            <button type="submit">Ask</button>
          </div>
        </form>
      </main>
      {opened.value && <EvidencePane item={opened.value.item} close={close} />}
    </div>
  );
}

function submit(box: HTMLTextAreaElement | null): void {
  const question = box?.value.trim();
  if (!box || !question) return;
  box.value = "";
  ask(question);
}

/** What a screen reader hears: where it is, then the finished answer once. */
function announcement(run: Run | undefined): string {
  if (!run) return "";
  if (run.status === "failed") return `Failed: ${run.error ?? ""}`;
  if (run.answer && run.status !== "running") return run.answer.headline;
  return run.steps[run.steps.length - 1]?.title ?? "Asked";
}

function LinkState() {
  const words: Record<Link, string> = { connecting: "connecting…", open: "connected", waiting: "reconnecting…", token: "token needed" };
  return (
    <p class={`link ${link.value}`}>
      {words[link.value]}
      {state.value.model ? ` · told by ${state.value.model}` : link.value === "open" ? " · facts only" : ""}
    </p>
  );
}

function Welcome() {
  const examples = ["why are customers unable to pay?", "what changed in the last 20 minutes?", "show the new errors"];
  return (
    <section class="welcome">
      <p>Ask what is wrong. Every sentence of the answer opens its evidence.</p>
      <ul>
        {examples.map((example) => (
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

function TokenForm() {
  const field = useRef<HTMLInputElement>(null);
  return (
    <form
      class="token"
      onSubmit={(event) => {
        event.preventDefault();
        if (field.current?.value) connection?.useToken(field.current.value.trim());
      }}
    >
      <label for="token">This server asks for its token</label>
      <div class="row">
        <input id="token" ref={field} type="password" autocomplete="current-password" />
        <button type="submit">Connect</button>
      </div>
    </form>
  );
}
