// The conversation as server-sent events, for proxies that let no WebSocket through; what is said goes by plain requests.
import { type ClientFrame, parseFrame, type ServerEvent } from "./protocol";
import { authorization } from "./token";

/** Takes pieces of a stream of events apart. */
export class EventLines {
  private rest = "";

  /** The data of the events that are whole now. */
  push(piece: string): string[] {
    // A line end may be cut in two; a lone CR at the end waits for what follows it.
    const blocks = (this.rest + piece).replaceAll("\r\n", "\n").split("\n\n");
    this.rest = blocks.pop() ?? "";
    return blocks.map(dataOf).filter((data) => data !== "");
  }
}

function dataOf(block: string): string {
  const lines = block.split("\n").filter((line) => line.startsWith("data:"));
  return lines.map((line) => line.slice(5).replace(/^ /, "")).join("\n");
}

/** Listens until the stream ends; `false` when it could not be had. */
export async function listen(sid: string, lastSeq: number, onEvent: (event: ServerEvent) => void, signal: AbortSignal): Promise<boolean> {
  try {
    const headers = { ...authorization(), ...(lastSeq > 0 ? { "last-event-id": String(lastSeq) } : {}) };
    const response = await fetch(`/v1/conversations/${encodeURIComponent(sid)}/events`, { headers, signal });
    if (!response.ok || !response.body) return false;
    const lines = new EventLines();
    const text = new TextDecoder();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return true;
      for (const data of lines.push(text.decode(value, { stream: true }))) {
        const event = parseFrame(data);
        if (event) onEvent(event);
      }
    }
  } catch {
    return false;
  }
}

/** Says one thing; `undefined` when it was taken, else what the server has against it. */
export async function say(frame: ClientFrame): Promise<ServerEvent | undefined> {
  const [path, body] = requestOf(frame);
  if (!path) return undefined;
  try {
    const headers = { "content-type": "application/json", accept: "text/event-stream", ...authorization() };
    const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    if (response.ok) {
      // The run belongs to the server; what comes of it is read from the conversation.
      void response.body?.cancel();
      return undefined;
    }
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    const askId = frame.t === "ask" ? frame.d.ask_id : undefined;
    return { t: "error", sid: frame.sid, d: { code: error.code, message: error.message, retryable: response.status === 429 || response.status === 503, retry_after_ms: null, ask_id: askId } };
  } catch {
    // It stays unconfirmed and is said again after the break.
    return undefined;
  }
}

function requestOf(frame: ClientFrame): [string | undefined, unknown] {
  if (frame.t === "ask") return ["/v1/ask", { ...frame.d, sid: frame.sid }];
  if ("run_id" in frame.d) return [`/v1/runs/${encodeURIComponent(frame.d.run_id)}/cancel`, { sid: frame.sid }];
  // A run without a number cannot be stopped by a request yet; it is said again once it has one.
  return [undefined, undefined];
}
