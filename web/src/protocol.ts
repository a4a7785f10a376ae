// The chat protocol `groundcrew.v1+json` as the panel speaks it. Answer and evidence come from wire.gen.ts.
import type { Answer, Evidence, Hypothesis, Step } from "./wire.gen";

export const SUBPROTOCOL = "groundcrew.v1+json";

/** One frame in either direction. */
export interface Envelope<T extends string = string, D = unknown> {
  t: T;
  sid?: string;
  seq?: number;
  id?: string;
  d: D;
}

/** Where to look; the server's own words for it. */
export interface Scope {
  services: string[];
  /** The clock, RFC 3339. */
  at?: string;
  /** How far back: `15m`, `2h`. */
  since?: string;
}

/** What the panel says after its hello. */
export type ClientFrame =
  | { t: "ask"; id: string; sid: string; d: { text: string; ask_id: string; scope: Scope } }
  | { t: "cancel"; sid: string; d: { run_id: string } | { ask_id: string } };

/** Everything the server may say; unknown types are ignored. */
export type ServerEvent =
  | Envelope<"welcome", { model: string | null; heartbeat_s: number; resume: { sid: string; status: string }[] }>
  | Envelope<"opened", { seq: number }>
  | Envelope<"accepted", { run_id: string; answer_id: string; ask_id: string }>
  | Envelope<"run.started", { run_id: string; ask_id: string; model: string | null }>
  | Envelope<"step", Step & { run_id: string }>
  | Envelope<"evidence", { run_id: string; evidence: Evidence }>
  | Envelope<"hypothesis", Hypothesis & { run_id: string }>
  | Envelope<"text", { run_id: string; answer_id: string; block: number; s: string }>
  | Envelope<"answer", { run_id: string; answer: Answer }>
  | Envelope<"run.finished", { run_id: string; status: "done" | "cancelled" | "superseded" | "failed"; error: { code: string; message: string } | null }>
  | Envelope<"snapshot", { seq: number; answers: Answer[] }>
  | Envelope<"error", { code: string; message: string; retryable: boolean; retry_after_ms: number | null; ask_id?: string }>
  | Envelope<"goaway", { reason: string; reconnect_after_ms: number }>;

/** Reads a frame; `undefined` for what is not one. */
export function parseFrame(text: string): ServerEvent | undefined {
  try {
    const frame: unknown = JSON.parse(text);
    const known = typeof frame === "object" && frame !== null && "t" in frame && "d" in frame;
    return known ? (frame as ServerEvent) : undefined;
  } catch {
    return undefined;
  }
}
