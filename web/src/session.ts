// The conversation of this tab: its state, its socket, and what a person can do with it.
import { signal } from "@preact/signals";
import { Connection, type Link } from "./connection";
import type { Scope, ServerEvent } from "./protocol";
import { askFrame, cancelFrame, emptyState, reduce, type Run, type State, unconfirmed } from "./state";

const SID_KEY = "groundcrew.sid";

export const state = signal<State>(emptyState(conversation()));
export const link = signal<Link>("connecting");
let connection: Connection | undefined;

/** The tab's own conversation. A reload keeps it and reads it from its beginning: the server has what was said. */
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

export function connect(): void {
  connection ??= new Connection({
    onEvent: hear,
    onLink: (next) => (link.value = next),
    resume: () => ({ sid: state.value.sid, last_seq: state.value.lastSeq }),
    unconfirmed: () => unconfirmed(state.value),
  });
}

function hear(event: ServerEvent): void {
  state.value = reduce(state.value, { kind: "server", event });
  if (event.t !== "run.started") return;
  // Where only a run's number can stop it, stopping waits for the number.
  const run = state.value.runs.find((one) => one.runId === event.d.run_id);
  if (run?.stopping) connection?.send(cancelFrame(state.value, run));
}

export function useToken(token: string): void {
  connection?.useToken(token);
}

export function ask(question: string, scope: Scope = { services: [] }): void {
  const askId = identifier();
  state.value = reduce(state.value, { kind: "asked", askId, question, scope });
  const run = state.value.runs.find((asked) => asked.askId === askId);
  if (run) connection?.send(askFrame(state.value, run));
}

export function stop(run: Run): void {
  state.value = reduce(state.value, { kind: "stopped", askId: run.askId });
  connection?.send(cancelFrame(state.value, run));
}
