import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Connection, type ConnectionOptions, type Link } from "./connection";
import type { ClientFrame } from "./protocol";

/** A socket whose other end is the test. */
class Wire {
  static readonly OPEN = 1;
  static all: Wire[] = [];
  readyState = 0;
  sent: { t: string; d: Record<string, unknown> }[] = [];
  onopen?: () => void;
  onclose?: () => void;
  onmessage?: (message: { data: unknown }) => void;
  constructor(
    readonly url: URL,
    readonly protocol: string,
  ) {
    Wire.all.push(this);
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  close(): void {
    this.readyState = 3;
    this.onclose?.();
  }
  say(event: unknown): void {
    this.onmessage?.({ data: JSON.stringify(event) });
  }
}

const ask: ClientFrame = { t: "ask", id: "a1", sid: "s", d: { text: "why?", ask_id: "a1", scope: { services: [] } } };
let ticketStatus = 200;

function connect(options: Partial<ConnectionOptions> = {}): { connection: Connection; links: Link[] } {
  const links: Link[] = [];
  const connection = new Connection({
    onEvent: () => {},
    onLink: (link) => links.push(link),
    resume: () => ({ sid: "s", last_seq: 7 }),
    unconfirmed: () => [],
    ...options,
  });
  return { connection, links };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(1);
  Wire.all = [];
  ticketStatus = 200;
  vi.stubGlobal("WebSocket", Wire);
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify({ ticket: "t&1" }), { status: ticketStatus }));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  sessionStorage.clear();
});

test("it says hello with how far it has read, then what is not confirmed", async () => {
  connect({ unconfirmed: () => [ask] });
  await vi.advanceTimersByTimeAsync(0);
  const [wire] = Wire.all;
  expect(wire?.url.searchParams.get("ticket")).toBe("t&1");
  expect(wire?.protocol).toBe("groundcrew.v1+json");
  wire?.open();
  expect(wire?.sent.map((frame) => frame.t)).toEqual(["hello", "ask"]);
  expect(wire?.sent[0]?.d.resume).toEqual([{ sid: "s", last_seq: 7 }]);
});

test("after a break it comes back, later each time until the server has answered", async () => {
  connect();
  await vi.advanceTimersByTimeAsync(0);
  Wire.all[0]?.open();
  Wire.all[0]?.close();
  await vi.advanceTimersByTimeAsync(499);
  expect(Wire.all).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(Wire.all).toHaveLength(2);
  Wire.all[1]?.open();
  Wire.all[1]?.close();
  await vi.advanceTimersByTimeAsync(999);
  expect(Wire.all).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1);
  Wire.all[2]?.open();
  Wire.all[2]?.say({ t: "welcome", d: { model: null, heartbeat_s: 20, resume: [] } });
  Wire.all[2]?.close();
  await vi.advanceTimersByTimeAsync(500);
  expect(Wire.all).toHaveLength(4);
});

test("a page that wakes up while it connects makes no second socket", async () => {
  const listened = vi.spyOn(window, "addEventListener");
  connect();
  // Only this panel's own listener: panels of other tests listen to the same window.
  const wake = listened.mock.calls.find(([name]) => name === "online")?.[1] as () => void;
  wake();
  await vi.advanceTimersByTimeAsync(0);
  wake();
  await vi.advanceTimersByTimeAsync(0);
  expect(Wire.all).toHaveLength(1);
});

test("where a token is demanded it waits for one and keeps it for this tab", async () => {
  ticketStatus = 401;
  const { connection, links } = connect();
  await vi.advanceTimersByTimeAsync(0);
  expect(links).toEqual(["connecting", "token"]);
  expect(Wire.all).toHaveLength(0);
  ticketStatus = 200;
  connection.useToken("secret");
  await vi.advanceTimersByTimeAsync(0);
  expect(Wire.all).toHaveLength(1);
  expect(sessionStorage.getItem("groundcrew.token")).toBe("secret");
});

test("where sockets are let through by nobody the conversation is read as events, and asking goes by requests", async () => {
  const asked: { path: string; body: unknown; last: string | undefined }[] = [];
  let push: (text: string) => void = () => {};
  vi.stubGlobal("fetch", async (path: string, options: RequestInit = {}) => {
    const headers = options.headers as Record<string, string>;
    asked.push({ path, body: options.body ? JSON.parse(String(options.body)) : undefined, last: headers["last-event-id"] });
    if (path === "/v1/ws-ticket") return new Response(JSON.stringify({ ticket: "t" }));
    if (path === "/v1/ask") return new Response("");
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => (push = (text) => controller.enqueue(new TextEncoder().encode(text))),
    });
    return new Response(body);
  });
  const heard: string[] = [];
  const { connection, links } = connect({ onEvent: (event) => heard.push(event.t), unconfirmed: () => [ask] });
  for (let socket = 0; socket < 3; socket += 1) {
    await vi.advanceTimersByTimeAsync(20_000);
    Wire.all[socket]?.close();
  }
  await vi.advanceTimersByTimeAsync(20_000);
  expect(Wire.all).toHaveLength(3);
  expect(asked.at(-1)).toMatchObject({ path: "/v1/conversations/s/events", last: "7" });
  push('event: welcome\ndata: {"t":"welcome","d":{"resume":[]}}\n\nevent: st');
  push('ep\nid: 8\ndata: {"t":"step","seq":8,"d":{}}\n\n');
  await vi.advanceTimersByTimeAsync(0);
  expect(heard).toEqual(["welcome", "step"]);
  expect(links.at(-1)).toBe("open");
  expect(asked.at(-1)).toMatchObject({ path: "/v1/ask", body: { text: "why?", ask_id: "a1", sid: "s" } });
  connection.send({ t: "cancel", sid: "s", d: { run_id: "r 1" } });
  await vi.advanceTimersByTimeAsync(0);
  expect(asked.at(-1)).toMatchObject({ path: "/v1/runs/r%201/cancel", body: { sid: "s" } });
});

test("a socket that sleeps through a question whether it is there is replaced", async () => {
  const listened = vi.spyOn(window, "addEventListener");
  connect();
  const wake = listened.mock.calls.find(([name]) => name === "online")?.[1] as () => void;
  await vi.advanceTimersByTimeAsync(0);
  Wire.all[0]?.open();
  Wire.all[0]?.say({ t: "welcome", d: { model: null, heartbeat_s: 20, resume: [] } });
  wake();
  Wire.all[0]?.say({ t: "welcome", d: { model: null, heartbeat_s: 20, resume: [] } });
  await vi.advanceTimersByTimeAsync(6_000);
  expect(Wire.all).toHaveLength(1);
  wake();
  await vi.advanceTimersByTimeAsync(6_000);
  expect(Wire.all).toHaveLength(2);
});
