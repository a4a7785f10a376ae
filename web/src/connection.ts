// The socket: opens, comes back after a break, and goes on where it was.
import { type ClientFrame, parseFrame, type ServerEvent, SUBPROTOCOL } from "./protocol";
import { listen, say } from "./stream";
import { authorization, keepToken } from "./token";

export type Link = "connecting" | "open" | "waiting" | "token" | "refused";

export interface ConnectionOptions {
  onEvent: (event: ServerEvent) => void;
  onLink: (link: Link) => void;
  /** The conversation and how far it was read. */
  resume: () => { sid: string; last_seq: number };
  /** What has to be said again on a new socket. */
  unconfirmed: () => ClientFrame[];
}

const DELAY_FIRST_MS = 500;
const DELAY_MAX_MS = 15_000;

/** Full jitter: many panels must not come back in the same instant. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  return random() * Math.min(DELAY_MAX_MS, DELAY_FIRST_MS * 2 ** attempt);
}

/** Sockets that ended before the server had said a word, though it answers requests, after which events are read instead. */
const SILENT_SOCKETS_MAX = 3;
/** A server says something at least this often, or is asked whether it is there. */
const SILENCE_MAX_MS = 45_000;
const PROBE_MS = 5_000;

export class Connection {
  private socket: WebSocket | undefined;
  private stream: AbortController | undefined;
  private attempt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private probe: ReturnType<typeof setTimeout> | undefined;
  /** Between the decision to connect and the socket lies a request; two of them must not make two sockets. */
  private opening = false;
  private pauseMs = 0;
  private silentSockets = 0;
  private heardAt = Date.now();

  constructor(private readonly options: ConnectionOptions) {
    window.addEventListener("online", () => this.wake());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.wake());
    setInterval(() => document.visibilityState === "visible" && Date.now() - this.heardAt > SILENCE_MAX_MS && this.wake(), SILENCE_MAX_MS / 3);
    void this.open();
  }

  /** Sends if the line is open; what was not confirmed is said again after a break. */
  send(frame: ClientFrame): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
    else if (this.stream) void say(frame).then((refused) => refused && this.options.onEvent(refused));
  }

  /** Takes the server's token and tries again. */
  useToken(token: string): void {
    keepToken(token);
    this.reconnectNow();
  }

  /** After a sleep a socket may look open and be dead: the server must answer soon, or a new one is made. */
  private wake(): void {
    const socket = this.socket;
    if (socket?.readyState !== WebSocket.OPEN) {
      this.reconnectNow();
      return;
    }
    this.greet(socket);
    clearTimeout(this.probe);
    this.probe = setTimeout(() => this.drop(socket), PROBE_MS);
  }

  private drop(socket: WebSocket): void {
    if (this.socket !== socket) return;
    // A dead socket may take minutes to close; nobody waits for that.
    socket.onclose = null;
    socket.onmessage = null;
    socket.close();
    this.lost();
  }

  private reconnectNow(): void {
    if (this.opening || this.stream || (this.socket && this.socket.readyState <= WebSocket.OPEN)) return;
    clearTimeout(this.timer);
    void this.open();
  }

  private async open(): Promise<void> {
    this.opening = true;
    this.options.onLink("connecting");
    const address = await socketAddress();
    this.opening = false;
    if (!(address instanceof URL)) this.options.onLink(address);
    else if (this.silentSockets >= SILENT_SOCKETS_MAX) void this.read();
    else this.listen(new WebSocket(address, SUBPROTOCOL), address.searchParams.has("ticket"));
  }

  private greet(socket: WebSocket): void {
    const client = { name: "groundcrew-panel", version: "0.1.0", surface: "web" };
    socket.send(JSON.stringify({ t: "hello", d: { client, caps: ["ast"], resume: [this.options.resume()] } }));
  }

  private listen(socket: WebSocket, isReachable: boolean): void {
    this.socket = socket;
    let isHeard = false;
    socket.onopen = () => {
      this.options.onLink("open");
      this.greet(socket);
      for (const frame of this.options.unconfirmed()) this.send(frame);
    };
    socket.onmessage = (message) => {
      const event = typeof message.data === "string" ? parseFrame(message.data) : undefined;
      if (!event) return;
      isHeard = true;
      this.silentSockets = 0;
      this.hear(event);
    };
    socket.onclose = () => {
      if (isReachable && !isHeard) this.silentSockets += 1;
      this.lost();
    };
  }

  /** Reads the conversation as events instead of by a socket. */
  private async read(): Promise<void> {
    const stream = new AbortController();
    this.stream = stream;
    const { sid, last_seq } = this.options.resume();
    await listen(sid, last_seq, (event) => this.hear(event), stream.signal);
    this.stream = undefined;
    this.lost();
  }

  private hear(event: ServerEvent): void {
    this.heardAt = Date.now();
    clearTimeout(this.probe);
    const isBack = event.t === "welcome" && this.stream !== undefined;
    // Only a server that answers counts as back: one that takes the socket and drops it must not be hammered.
    if (event.t === "welcome") this.attempt = 0;
    if (event.t === "goaway") this.pauseMs = Math.min(DELAY_MAX_MS, event.d.reconnect_after_ms || 0);
    this.options.onEvent(event);
    if (!isBack) return;
    this.options.onLink("open");
    for (const frame of this.options.unconfirmed()) this.send(frame);
  }

  private lost(): void {
    clearTimeout(this.probe);
    this.options.onLink("waiting");
    this.timer = setTimeout(() => void this.open(), this.pauseMs + backoff(this.attempt++));
    this.pauseMs = 0;
  }
}

/**
 * The socket's address, with a one-time ticket: a page cannot see why a socket was refused, but it can see why a ticket was.
 * `token` where the server wants one that is not there or wrong, `refused` where this page may not call it at all.
 */
async function socketAddress(): Promise<URL | "token" | "refused"> {
  const address = new URL("/v1/ws", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  try {
    const response = await fetch("/v1/ws-ticket", { method: "POST", headers: authorization() });
    if (response.status === 401) return "token";
    if (response.status === 403) return "refused";
    if (!response.ok) return address;
    const { ticket } = (await response.json()) as { ticket: string };
    address.searchParams.set("ticket", ticket);
    return address;
  } catch {
    // The server is away; the socket finds out and waits.
    return address;
  }
}
