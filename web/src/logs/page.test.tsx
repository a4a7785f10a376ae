import { render } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { go } from "../route";
import type { LogLine, LogsView, PatternsView } from "../wire.gen";
import { LogsPage } from "./page";

const hostile = `<img src=x onerror="alert(1)">\u202e`;
const FROM = "2026-11-22T03:00:00Z";
const TO = "2026-11-22T03:15:00Z";
const START = Date.parse(FROM);

function line(index: number): LogLine {
  const attributes: [string, string][] = [["thread", "main"]];
  return { time: new Date(START + 900_000 - (index + 1) * 1000).toISOString(), level: "ERROR", service: "checkout", pod: null, body: `pool ${index} timed out ${hostile}`, trace_id: "4bf9/../evil", span_id: null, template: "t 1", attributes };
}

/** Three pages of six lines, the seam in both. */
function logs(url: URL): LogsView {
  const all = Array.from({ length: 16 }, (_, index) => line(index));
  const to = url.searchParams.get("to") ?? TO;
  const lines = all.filter(({ time }) => Date.parse(time) <= Date.parse(to)).slice(0, 6);
  const last = lines[lines.length - 1]?.time ?? null;
  const buckets = Array.from({ length: 15 }, (_, index) => ({ at: new Date(START + index * 60_000).toISOString(), counts: [0, 0, 0, 3, 0, index, 0] }));
  return { from: url.searchParams.get("from") ?? FROM, to, query: "logs service:checkout pool", bucket_ms: 60_000, buckets, complete: false, lines, next: last === all[15]?.time ? null : last };
}

const patterns: PatternsView = {
  from: FROM, to: TO, before_from: "2026-11-22T02:45:00Z", bucket_ms: 60_000, left_out: 3,
  patterns: [{ id: "t 1", text: `pool <*> timed out ${hostile}`, service: "checkout", level: "ERROR", count: 12, before: 0, is_new: true, first: "2026-11-22T03:07:10Z", last: TO, counts: [0, 3], exemplar: "pool 7 timed out" }],
};

let asked: URL[] = [];
let answer: (url: URL) => Response;
let root: HTMLElement;

beforeEach(() => {
  asked = [];
  answer = (url) => new Response(JSON.stringify(url.pathname === "/v1/logs" ? logs(url) : patterns));
  vi.stubGlobal("fetch", async (path: string) => {
    const url = new URL(path, "http://x");
    asked.push(url);
    return answer(url);
  });
  root = document.createElement("div");
  document.body.append(root);
});

afterEach(() => {
  render(null, root);
  root.remove();
  vi.unstubAllGlobals();
});

function open(path: string): void {
  go(path);
  render(<LogsPage />, root);
}

function find<T extends HTMLElement>(selector: string): T {
  const found = root.querySelector<T>(selector);
  if (!found) throw new Error(`no ${selector} in ${root.innerHTML.slice(0, 400)}`);
  return found;
}

const until = (check: () => void) => vi.waitFor(check, { timeout: 3000, interval: 10 });
const press = (selector: string, key: string, shiftKey = false) => find(selector).dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true, cancelable: true }));
const address = () => Object.fromEntries(new URLSearchParams(location.search));

test("without times the server is asked without them, and its own then stand in the address, asked once", async () => {
  const before = history.length;
  open("/logs?service=checkout");
  await until(() => expect(address()).toEqual({ service: "checkout", from: FROM, to: TO }));
  expect(history.length).toBe(before + 1);
  await until(() => expect(root.querySelector(".lg-foot")?.textContent).toContain("all there are"));
  expect(asked[0]?.search).toBe("?service=checkout");
  expect(asked.filter((url) => url.searchParams.get("to") === TO)).toHaveLength(0);
});

test("older pages come when the end is in sight, and lines of the seam are there once", async () => {
  open(`/logs?from=${FROM}&to=${TO}`);
  await until(() => expect(find(".lg-foot").textContent).toContain("16 lines, all there are"));
  const times = [...root.querySelectorAll(".lg-time")].map((time) => time.textContent);
  expect(times.length).toBeGreaterThan(10);
  expect(new Set(times).size).toBe(times.length);
  expect(times[0]).toBe("03:14:59.000");
  for (const url of asked.slice(1)) expect(url.searchParams.get("from")).toBe(FROM);
});

test("a page that does not come is said and can be asked for again", async () => {
  let away = true;
  answer = (url) => (away && url.searchParams.get("limit") ? new Response("{}", { status: 503 }) : new Response(JSON.stringify(logs(url))));
  open(`/logs?from=${FROM}&to=${TO}`);
  await until(() => expect(find(".lg-foot [role=alert]").textContent).toContain("503"));
  away = false;
  find(".lg-foot button").click();
  await until(() => expect(root.querySelectorAll(".lg-line").length).toBeGreaterThan(6));
  expect(root.querySelector(".lg-foot [role=alert]")).toBeNull();
});

test("keys choose a stretch of the histogram and zoom to it", async () => {
  open(`/logs?from=${FROM}&to=${TO}&q=pool`);
  await until(() => find(".lg-plot"));
  expect(root.textContent).toContain("Only the newest 150 were counted");
  press(".lg-plot", "ArrowLeft");
  press(".lg-plot", "ArrowLeft");
  await until(() => expect(find(".lg-plot").getAttribute("aria-valuetext")).toBe("03:13:00 – 03:14:00: 13 ERROR, 3 INFO"));
  press(".lg-plot", "ArrowLeft", true);
  press(".lg-plot", "ArrowLeft", true);
  await until(() => expect(find(".lg-said").textContent).toContain("03:11:00 – 03:14:00: 36 ERROR, 9 INFO"));
  press(".lg-plot", "Enter");
  expect(address()).toEqual({ q: "pool", from: "2026-11-22T03:11:00Z", to: "2026-11-22T03:14:00Z" });
  await until(() => expect(asked.some((url) => url.searchParams.get("from") === "2026-11-22T03:11:00Z")).toBe(true));
  await until(() => expect(find(".lg-plot").getAttribute("aria-valuetext")).toBe("no stretch chosen"));
});

test("the histogram has a table with the same figures", async () => {
  open(`/logs?from=${FROM}&to=${TO}`);
  await until(() => find(".lg-histogram button"));
  find(".lg-histogram button").click();
  await until(() => find(".lg-twin"));
  const cells = [...root.querySelectorAll(".lg-twin tbody tr:last-child > *")].map((cell) => cell.textContent);
  expect(cells).toEqual(["11-22 03:14:00", "14", "3", "17"]);
});

test("a line opens by keyboard, follows the arrows, and closes with Escape; its text stays text", async () => {
  open(`/logs?from=${FROM}&to=${TO}&q=POOL`);
  await until(() => find(".lg-line"));
  press(".lg-list", "ArrowDown");
  await until(() => find(".lg-line[aria-selected=true]"));
  press(".lg-list", "Enter");
  await until(() => expect(find(".lg-body").textContent).toContain("pool 0 timed out"));
  press(".lg-list", "ArrowDown");
  await until(() => expect(find(".lg-body").textContent).toContain("pool 1 timed out"));
  expect(find(".lg-body mark").textContent).toBe("pool");
  expect(root.querySelector("img")).toBeNull();
  expect(root.textContent).toContain("‹U+202E›");
  const links = [...root.querySelectorAll(".lg-ways a")].map((link) => link.getAttribute("href"));
  expect(links[0]).toBe("/trace/4bf9%2F..%2Fevil");
  expect(links).toContain("/logs?template=t+1&from=2026-11-22T03%3A00%3A00Z&to=2026-11-22T03%3A15%3A00Z");
  press(".lg-list", "Escape");
  await until(() => expect(root.querySelector(".lg-full")).toBeNull());
});

test("very long bodies are shown in part, with a way to more", async () => {
  answer = (url) => {
    const view = logs(url);
    return new Response(JSON.stringify({ ...view, next: null, lines: [{ ...line(0), body: "y".repeat(1_000_000) }] }));
  };
  open(`/logs?from=${FROM}&to=${TO}&q=y-long`);
  await until(() => find(".lg-line").click());
  await until(() => find(".lg-body"));
  expect(find(".lg-line").textContent?.length).toBeLessThan(600);
  expect(find(".lg-body").textContent?.length).toBeLessThan(2100);
  find(".lg-rest").click();
  await until(() => expect(find(".lg-body").textContent?.length).toBeGreaterThan(20_000));
});

test("fields write the address; a time that cannot be is said and nothing is asked", async () => {
  open(`/logs?from=${FROM}&to=${TO}&trace=abc&at=${TO}`);
  await until(() => find(".lg-line"));
  const fill = (label: string, value: string) => {
    const field = [...root.querySelectorAll("form label")].find((one) => one.textContent?.startsWith(label))?.querySelector("input");
    if (!field) throw new Error(label);
    field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const submit = () => find<HTMLFormElement>("form").dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
  await until(() => expect(find(".lg-foot").textContent).toContain("all there are"));
  fill("From", "yesterday");
  await until(() => expect(find<HTMLInputElement>(".lg-when input").value).toBe("yesterday"));
  const before = asked.length;
  submit();
  await until(() => expect(find(".lg-wrong").textContent).toContain("yesterday"));
  expect(asked).toHaveLength(before);
  fill("From", "2026-11-22 03:05:00Z");
  await until(() => expect(find<HTMLInputElement>(".lg-when input").value).toContain("03:05"));
  fill("Words", " pool ");
  await until(() => expect(find<HTMLInputElement>(".lg-wide input").value).toBe(" pool "));
  submit();
  expect(address()).toEqual({ from: "2026-11-22T03:05:00Z", to: TO, trace: "abc", q: "pool" });
  find(".lg-away button").click();
  expect(address()).not.toHaveProperty("trace");
});

test("a filter taken away is gone, also where it stood among the words", async () => {
  open(`/logs?from=${FROM}&to=${TO}&q=${encodeURIComponent("pool trace:abc")}`);
  await until(() => expect(asked[0]?.searchParams.get("trace")).toBe("abc"));
  await until(() => find(".lg-away button").click());
  expect(address()).toEqual({ from: FROM, to: TO, q: "pool" });
});

test("patterns say since when they are new and lead to their lines", async () => {
  open(`/logs?from=${FROM}&to=${TO}`);
  await until(() => find("[role=tab][aria-selected=false]").click());
  await until(() => find(".lg-pattern"));
  expect(address()).toEqual({ from: FROM, to: TO, tab: "patterns" });
  expect(find(".lg-change").textContent).toContain("new since 03:07:10");
  expect(find(".lg-row .lg-text var").textContent).toBe("<*>");
  expect(root.textContent).toContain("3 rarer ones are not listed");
  find(".lg-row").click();
  await until(() => find(".lg-about"));
  expect(find(".lg-about a").getAttribute("href")).toBe("/logs?template=t+1&from=2026-11-22T03%3A00%3A00Z&to=2026-11-22T03%3A15%3A00Z");
  expect(root.querySelector("img")).toBeNull();
});

test("patterns of the newest time are asked for anew each time, and then stand at an absolute one", async () => {
  const newest = () => asked.filter((url) => url.pathname === "/v1/patterns" && !url.searchParams.has("from")).length;
  open("/logs?tab=patterns");
  await until(() => expect(address()).toEqual({ tab: "patterns", from: FROM, to: TO }));
  await until(() => find(".lg-pattern"));
  go("/logs?tab=patterns");
  await until(() => expect(newest()).toBe(2));
  await until(() => expect(address()).toEqual({ tab: "patterns", from: FROM, to: TO }));
});

test("leaving the times out again asks for the newest, and what is shown meanwhile writes nothing", async () => {
  open(`/logs?from=2026-11-21T03:00:00Z&to=2026-11-21T03:15:00Z`);
  await until(() => find(".lg-plot"));
  go("/logs");
  await until(() => expect(address()).toEqual({ from: FROM, to: TO }));
  go("/logs?from=2026-11-21T03:00:00Z&to=2026-11-21T03:15:00Z");
  await until(() => expect(asked[asked.length - 1]?.searchParams.get("from")).toBe("2026-11-21T03:00:00Z"));
});

test("a server that asks for its token, or is away, is said, with a way on", async () => {
  answer = () => new Response("{}", { status: 401 });
  open(`/logs?from=${FROM}&to=${TO}&q=token`);
  await until(() => find("form.token"));
  render(null, root);
  answer = () => new Response(JSON.stringify({ error: { message: hostile, hint: "wait" } }), { status: 503 });
  open(`/logs?from=${FROM}&to=${TO}&q=away`);
  await until(() => expect(find(".view-failed[role=alert]").textContent).toContain("wait"));
  answer = (url) => new Response(JSON.stringify(logs(url)));
  find(".view-failed button").click();
  await until(() => find(".lg-line"));
});
