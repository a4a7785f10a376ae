// The socket: opens, comes back after a break, and goes on where it was.
import { parseFrame, type ServerEvent, SUBPROTOCOL } from "./protocol";

export type Link = "connecting" | "open" | "waiting" | "token";

export interface ConnectionOptions {
  onEvent: (event: ServerEvent) => void;
  onLink: (link: Link) => void;
  /** The conversation and how far it was read. */
  resume: () => { sid: string; last_seq: number };
}

const DELAY_FIRST_MS = 500;
const DELAY_MAX_MS = 15_000;
const TOKEN_KEY = "groundcrew.token";

/** Full jitter: many panels must not come back in the same instant. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  return random() * Math.min(DELAY_MAX_MS, DELAY_FIRST_MS * 2 ** attempt);
}

export class Connection {
  private socket: WebSocket | undefined;
  private attempt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private unsent: string[] = [];

  constructor(private readonly options: ConnectionOptions) {
    window.addEventListener("online", () => this.reconnectNow());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.reconnectNow());
    void this.open();
  }

  /** Sends now, or as soon as the socket is open again. */
  send(t: string, sid: string, d: unknown): void {
    const text = JSON.stringify({ t, sid, d });
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(text);
    else this.unsent.push(text);
  }

  /** Takes the server's token and tries again. */
  useToken(token: string): void {
    sessionStorage.setItem(TOKEN_KEY, token);
    this.reconnectNow();
  }

  private reconnectNow(): void {
    if (this.socket && this.socket.readyState <= WebSocket.OPEN) return;
    clearTimeout(this.timer);
    void this.open();
  }

  private async open(): Promise<void> {
    this.options.onLink("connecting");
    const address = await this.address();
    if (!address) {
      this.options.onLink("token");
      return;
    }
    const socket = new WebSocket(address, SUBPROTOCOL);
    this.socket = socket;
    socket.onopen = () => {
      this.attempt = 0;
      this.options.onLink("open");
      const client = { name: "groundcrew-panel", version: "0.1.0", surface: "web" };
      socket.send(JSON.stringify({ t: "hello", d: { client, caps: ["ast"], resume: [this.options.resume()] } }));
      for (const text of this.unsent.splice(0)) socket.send(text);
    };
    socket.onmessage = (message) => {
      const event = typeof message.data === "string" ? parseFrame(message.data) : undefined;
      if (event) this.options.onEvent(event);
    };
    socket.onclose = () => {
      this.options.onLink("waiting");
      this.timer = setTimeout(() => void this.open(), backoff(this.attempt++));
    };
  }

  /** The socket's address, with a one-time ticket where the server demands a token; `undefined` when it has none to use. */
  private async address(): Promise<string | undefined> {
    const base = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/ws`;
    const token = sessionStorage.getItem(TOKEN_KEY);
    try {
      const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
      const response = await fetch("/v1/ws-ticket", { method: "POST", headers });
      if (response.status === 401) return undefined;
      if (!response.ok) return base;
      const { ticket } = (await response.json()) as { ticket: string };
      return `${base}?ticket=${encodeURIComponent(ticket)}`;
    } catch {
      // The server is away; the socket finds out and waits.
      return base;
    }
  }
}
