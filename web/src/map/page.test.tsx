import { render } from "preact";
import { expect, test, vi } from "vitest";
import { go, place } from "../route";
import type { ServiceRow, ServicesView } from "../wire.gen";
import { ServicesPage } from "./page";

const hostile = `<img src=x onerror="alert(1)">`;
const none = { requests: 0, failed: 0, p50_ms: null, p95_ms: null };
const row = (name: string, more: Partial<ServiceRow> = {}): ServiceRow => ({
  name, state: "fine", why: "", dependency: false, now: { requests: 100, failed: 0, p50_ms: 4, p95_ms: 20 }, before: none, log_records: 1, errors_logged: 0, pods: ["p"], owner: null, ...more,
});
const view: ServicesView = {
  from: "2026-11-22T03:00:00Z", to: "2026-11-22T04:00:00Z", before_from: "2026-11-22T02:00:00Z",
  services: [row("checkout", { state: "failing", why: hostile, now: { requests: 100, failed: 40, p50_ms: 4, p95_ms: 900 } }), row("a&b=c"), row("db", { dependency: true }), row("web")],
  edges: [{ caller: "web", callee: "checkout", calls: 100, failed: 40 }, { caller: "checkout", callee: "db", calls: 100, failed: 0 }, { caller: "web", callee: "a&b=c", calls: 5, failed: 0 }],
};

async function mount(path: string): Promise<HTMLElement> {
  vi.stubGlobal("fetch", async () => Response.json(view));
  go(path);
  const root = document.createElement("div");
  document.body.replaceChildren(root);
  render(<ServicesPage />, root);
  await vi.waitFor(() => expect(root.querySelector("[role=tabpanel]")).not.toBeNull());
  return root;
}

const names = (root: HTMLElement) => [...root.querySelectorAll("tbody th")].map((cell) => cell.firstChild?.textContent);

test("unwell services come first, columns sort, links lead to the same time", async () => {
  const root = await mount("/services");
  expect(names(root)).toEqual(["checkout", "a&b=c", "db", "web"]);
  expect(root.querySelector("tbody tr")?.textContent).toContain("✖ failing");
  expect(root.querySelector("img")).toBeNull();
  expect(root.querySelectorAll("tbody tr")[1]?.querySelector("a")?.getAttribute("href")).toBe("/logs?service=a%26b%3Dc&from=2026-11-22T03%3A00%3A00Z&to=2026-11-22T04%3A00%3A00Z");
  const heading = [...root.querySelectorAll<HTMLButtonElement>("thead button")].find(({ textContent }) => textContent === "Service");
  heading?.click();
  await vi.waitFor(() => expect(names(root)[0]).toBe("a&b=c"));
  heading?.click();
  await vi.waitFor(() => expect(names(root)[0]).toBe("web"));
  expect(heading?.closest("th")?.getAttribute("aria-sort")).toBe("descending");
  render(null, root);
});

test("the map names each service and its state, and the focus says who feels it", async () => {
  const root = await mount("/services?tab=map");
  const nodes = () => [...root.querySelectorAll<SVGGElement>("[data-name]")];
  expect(nodes().map(({ dataset }) => dataset.name)).toEqual(["web", "a&b=c", "checkout", "db"]);
  expect(nodes()[2]?.getAttribute("aria-label")).toBe("checkout, failing, 100 requests, 40 % failed");
  expect(nodes()[3]?.getAttribute("aria-label")).toContain("dependency without telemetry");
  expect(root.querySelector(".mp-label")?.textContent).toContain("✖ 40 %");
  nodes()[3]?.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  await vi.waitFor(() => expect(place.value.parameters.get("focus")).toBe("db"));
  await vi.waitFor(() => expect(root.querySelector(".mp-blast")?.textContent).toBe("When db fails, 2 services may feel it; calling it: checkout; 2 calls away: web."));
  expect(nodes().map((node) => node.classList.contains("mp-away"))).toEqual([true, false, true, false]);
  [...root.querySelectorAll<HTMLButtonElement>(".mp-tools button")].find(({ textContent }) => textContent === "Table")?.click();
  await vi.waitFor(() => expect(root.querySelectorAll("table")).toHaveLength(2));
  expect(root.querySelectorAll("table")[1]?.textContent).toContain("✖ 40 %");
  render(null, root);
});

test("a focus that nobody heard of is said, and a tab is in the address", async () => {
  const root = await mount("/services?tab=map&focus=gone");
  expect(root.querySelector(".notice")?.textContent).toContain("gone");
  root.querySelector<HTMLButtonElement>("#mp-tab-table")?.click();
  await vi.waitFor(() => expect(root.querySelector("tbody")).not.toBeNull());
  expect(place.value.parameters.get("tab")).toBeNull();
  render(null, root);
});
