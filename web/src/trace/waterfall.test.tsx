import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, test, vi } from "vitest";
import { shortcuts } from "../settings";
import type { SpanView, TraceSpan } from "../wire.gen";
import { treeOf } from "./layout";
import { TraceList, sorted } from "./list";
import { TracePage } from "./page";
import { traceOf } from "./sample";
import { begin, next, shownOf } from "./state";
import { Waterfall } from "./waterfall";

const spans: Partial<TraceSpan>[] = [
  { service: "gateway", operation: "POST /pay", us: 1000, critical: [[0, 100], [900, 1000]] },
  { service: "checkout", operation: "pay", depth: 1, parent: 0, start_us: 100, us: 800, critical: [[100, 900]] },
  { service: "payments", operation: "charge", depth: 2, parent: 1, start_us: 200, us: 700, failed: true },
  { service: "mail", operation: "send", depth: 1, parent: 0, start_us: 950, us: 20 },
];
const view = traceOf(spans);
const said: SpanView = { message: "card <b>declined</b>", attributes: [["http.status", "402"]], resource: [["pod", "p-1"]], events: [{ time: "2026-11-22T03:07:10.301500Z", name: "retry", attributes: [] }], lines: [] };

const roots: HTMLElement[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) {
    render(null, root);
    root.remove();
  }
  vi.unstubAllGlobals();
  shortcuts.value = true;
});

function mount(page: Parameters<typeof render>[0]): HTMLElement {
  const root = document.createElement("div");
  document.body.append(root);
  roots.push(root);
  act(() => render(page, root));
  return root;
}

function find<T extends HTMLElement = HTMLElement>(root: HTMLElement, selector: string): T {
  const found = root.querySelector<T>(selector);
  if (!found) throw new Error(`nothing is ${selector}`);
  return found;
}

function press(element: HTMLElement, ...keys: string[]): void {
  for (const key of keys) act(() => void element.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })));
}

function rows(root: HTMLElement): string[] {
  return [...root.querySelectorAll("[role=treeitem]")].map((row) => row.getAttribute("aria-label")?.split(",")[0] ?? "");
}

/** The row that the tree names as active. */
function active(root: HTMLElement): HTMLElement {
  const id = find(root, "[role=tree]").getAttribute("aria-activedescendant");
  return find(root, `[id="${id}"]`);
}

function button(root: HTMLElement, name: string): HTMLButtonElement {
  const found = [...root.querySelectorAll("button")].find((each) => (each.getAttribute("aria-label") ?? each.textContent) === name);
  if (!found) throw new Error(`no button ${name}`);
  return found;
}

test("the tree is walked, closed and opened by keys", () => {
  const root = mount(<Waterfall view={view} />);
  const tree = find(root, "[role=tree]");
  expect(rows(root)).toEqual(["gateway", "checkout", "payments", "mail"]);
  press(tree, "ArrowDown", "ArrowDown");
  expect(active(root).getAttribute("aria-label")).toBe("payments, charge, starts at 200 µs, took 700 µs, failed");
  expect([active(root).getAttribute("aria-level"), active(root).getAttribute("aria-expanded")]).toEqual(["3", null]);
  press(tree, "ArrowLeft");
  expect(active(root).getAttribute("aria-label")).toContain("checkout");
  press(tree, "ArrowLeft");
  expect(active(root).getAttribute("aria-expanded")).toBe("false");
  expect(active(root).getAttribute("aria-label")).toContain("1 span below hidden");
  expect(rows(root)).toEqual(["gateway", "checkout", "mail"]);
  press(tree, "ArrowRight", "ArrowRight");
  expect(active(root).getAttribute("aria-label")).toContain("payments");
  press(tree, "End");
  expect(active(root).getAttribute("aria-label")).toContain("mail");
  expect([active(root).getAttribute("aria-posinset"), active(root).getAttribute("aria-setsize")]).toEqual(["2", "2"]);
  press(tree, "ArrowDown", "Home", "ArrowUp");
  expect(active(root).getAttribute("aria-label")).toContain("gateway");
});

test("letters fold, zoom and pan; not where people write, nor where they are switched off", () => {
  const root = mount(<Waterfall view={view} />);
  const tree = find(root, "[role=tree]");
  const range = () => find(root, ".tr-range").textContent;
  press(tree, "End", "]");
  expect(rows(root)).toEqual(["gateway"]);
  expect(active(root).getAttribute("aria-label")).toContain("gateway");
  press(tree, "o");
  expect(rows(root)).toEqual(["gateway", "checkout", "mail"]);
  press(tree, "[", "p");
  expect(rows(root)).toEqual(["gateway", "checkout", "mail"]);
  press(tree, "+");
  expect(range()).toBe("250 µs – 750 µs");
  press(tree, "d", "a", "a");
  expect(range()).toBe("125 µs – 625 µs");
  press(find(root, "input[type=search]"), "+", "]");
  shortcuts.value = false;
  press(tree, "+");
  expect(range()).toBe("125 µs – 625 µs");
  act(() => button(root, "Reset").click());
  expect(range()).toBe("0 ms – 1.0 ms");
});

test("search counts and walks matches, and opens what hides them", () => {
  const root = mount(<Waterfall view={view} />);
  press(find(root, "[role=tree]"), "]");
  const field = find<HTMLInputElement>(root, "input[type=search]");
  const search = (text: string) =>
    act(() => {
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
  search("PAY");
  expect(find(root, ".tr-count").textContent).toBe("3 matches");
  press(field, "Enter", "Enter", "Enter");
  expect(rows(root)).toEqual(["gateway", "checkout", "payments", "mail"]);
  expect(active(root).getAttribute("aria-label")).toContain("payments, charge");
  expect(active(root).getAttribute("aria-label")).toContain("match");
  expect(find(root, ".tr-count").textContent).toBe("3 of 3 matches");
  act(() => void field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", shiftKey: true, bubbles: true })));
  expect(find(root, ".tr-count").textContent).toBe("2 of 3 matches");
  search("nowhere");
  expect(find(root, ".tr-count").textContent).toBe("no match");
  press(field, "Escape");
  expect(field.value).toBe("");
});

test("the critical path can be shown alone, and closed spans say what they hide", () => {
  const root = mount(<Waterfall view={view} />);
  act(() => button(root, "Critical path only").click());
  expect(rows(root)).toEqual(["gateway", "checkout"]);
  expect(button(root, "Critical path only").getAttribute("aria-pressed")).toBe("true");
  act(() => button(root, "Critical path only").click());
  act(() => find(root, ".tr-can").click());
  expect(find(root, ".tr-hidden").textContent).toBe("+3 ✗1");
  expect(root.querySelector(".tr-details")).toBeNull();
});

test("details are fetched for the span that rests, take the focus on Enter and give it back", async () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (url: string) => {
    asked.push(url);
    return new Response(JSON.stringify(said));
  });
  const root = mount(<Waterfall view={view} />);
  const tree = find(root, "[role=tree]");
  press(tree, "Enter", "ArrowDown", "ArrowDown");
  await vi.waitFor(() => expect(find(root, ".tr-details").textContent).toContain("card <b>declined</b>"));
  expect(asked).toEqual([`/v1/traces/${view.id}/spans/${view.spans[2]?.id}`]);
  expect(document.activeElement).toBe(root.querySelector(".tr-details h3"));
  const text = find(root, ".tr-details").textContent ?? "";
  for (const part of ["700 µs, 70 % of the trace", "http.status", "402", "pod", "+50 µsretry"]) expect(text).toContain(part);
  press(find(root, ".tr-details h3"), "Escape");
  expect(root.querySelector(".tr-details")).toBeNull();
  expect(document.activeElement).toBe(tree);
});

test("details that cannot be fetched say why and can be asked for again", async () => {
  let times = 0;
  vi.stubGlobal("fetch", async () => {
    times += 1;
    return times === 1 ? new Response(JSON.stringify({ error: { message: "store is busy" } }), { status: 503 }) : new Response(JSON.stringify(said));
  });
  const other = { ...view, id: "00000000000000000000000000000001" };
  const root = mount(<Waterfall view={other} focus={view.spans[1]?.id} />);
  expect(active(root).getAttribute("aria-label")).toContain("checkout");
  await vi.waitFor(() => expect(find(root, ".tr-details [role=alert]").textContent).toContain("store is busy"));
  act(() => button(root, "Try again").click());
  await vi.waitFor(() => expect(find(root, ".tr-details").textContent).toContain("402"));
});

test("a long name neither fills the row nor its words", () => {
  const root = mount(<Waterfall view={{ ...traceOf([{ operation: "\u202e" + "x".repeat(1_000_000) }]), left_out: 12 }} />);
  expect(root.textContent?.length).toBeLessThan(5000);
  expect(rows(root)).toHaveLength(1);
  expect(find(root, "[role=treeitem]").getAttribute("aria-label")).toContain("‹U+202E›");
  expect(find(root, ".notice").textContent).toContain("12 more spans are not shown");
});

test("twenty thousand spans put few rows into the page", () => {
  const root = mount(<Waterfall view={traceOf(Array.from({ length: 20_000 }, (_, index) => ({ parent: index ? 0 : null, depth: index ? 1 : 0, start_us: index, us: 5 })))} />);
  expect(rows(root).length).toBeGreaterThan(10);
  expect(rows(root).length).toBeLessThan(100);
});

test("a match outside the window moves it, and one off the critical path is not looked for there", () => {
  const tree = treeOf(view);
  let state = begin(tree);
  const step = (action: Parameters<typeof next>[1]) => (state = next(state, action, shownOf(tree, state)));
  step({ do: "window", window: { from: 0, to: 50 } });
  step({ do: "search", text: "mail" });
  step({ do: "next match" });
  expect([state.active, state.window]).toEqual([3, { from: 935, to: 985 }]);
  step({ do: "only" });
  expect(state.active).toBe(0);
  expect(shownOf(tree, state).found).toEqual([]);
  step({ do: "reveal", id: view.spans[3]?.id ?? "" });
  expect([state.active, state.only, state.open]).toEqual([3, false, true]);
  step({ do: "next failed" });
  expect(tree.spans[state.active]?.service).toBe("payments");
  step({ do: "reveal", id: "not there" });
  expect(tree.spans[state.active]?.service).toBe("payments");
  step({ do: "reveal", id: view.spans[3]?.id ?? "" });
  step({ do: "to span" });
  expect(state.window).toEqual({ from: 949, to: 971 });
});

test("a trace that is not there is said, and asked for again", async () => {
  let times = 0;
  vi.stubGlobal("fetch", async () => {
    times += 1;
    const refusal = { error: { message: "there is no such trace", hint: "it may be older than what is kept" } };
    return times === 1 ? new Response(JSON.stringify(refusal), { status: 404 }) : new Response(JSON.stringify(view));
  });
  const root = mount(<TracePage id={view.id} />);
  await vi.waitFor(() => expect(root.textContent).toContain("No such trace is stored"));
  act(() => button(root, "Try again").click());
  await vi.waitFor(() => expect(rows(root)).toHaveLength(4));
});

test("traces are ordered as asked, and a sample is called one", () => {
  const trace = (id: string, start: string, ms: number, failed: number) => ({ id, start, ms, failed, service: "gateway", operation: "GET /", spans: 1, services: ["gateway"] });
  const traces = [trace("a/b", "2026-11-22T03:00:00Z", 10, 2), trace("b", "2026-11-22T03:02:00Z", 99, 0), trace("c", "2026-11-22T03:01:00Z", 50, 1)];
  const ids = (...how: [Parameters<typeof sorted>[1], boolean]) => sorted(traces, ...how).map(({ id }) => id);
  expect(ids("failed", false)).toEqual(["c", "a/b", "b"]);
  expect(ids("duration", false)).toEqual(["b", "c", "a/b"]);
  expect(ids("time", true)).toEqual(["a/b", "c", "b"]);
  const root = mount(<TraceList view={{ from: "2026-11-22T03:00:00Z", to: "2026-11-22T03:15:00Z", query: "", traces, left_out: 3, sampled: true }} />);
  const links = () => [...root.querySelectorAll("a")].map((link) => link.getAttribute("href"));
  expect(links()).toEqual(["/trace/c", "/trace/a%2Fb", "/trace/b"]);
  act(() => button(root, "Slowest first").click());
  expect(links()).toEqual(["/trace/b", "/trace/c", "/trace/a%2Fb"]);
  act(() => button(root, "Slowest first").click());
  expect(links()).toEqual(["/trace/a%2Fb", "/trace/c", "/trace/b"]);
  for (const part of ["A sample", "3 traces", "2 failed", "3 more are not listed", "times in UTC", "✗ 2 failed"]) expect(root.textContent).toContain(part);
});
