// What the tests of these pages share: a page to stand in, a server that answers, and made-up views.
import { type ComponentChild, render } from "preact";
import { vi } from "vitest";
import type { AlertRow, IncidentRow, OpenedRow, OverviewView, ServiceRow } from "../wire.gen";

export const hostile = `<img src=x onerror="alert(1)">\u202e`;

const roots = new Set<HTMLElement>();

export function mount(view: ComponentChild): HTMLElement {
  const root = document.createElement("div");
  document.body.append(root);
  roots.add(root);
  render(view, root);
  return root;
}

/** Takes away what was mounted, with its listeners. */
export function unmountAll(): void {
  for (const root of roots) {
    render(null, root);
    root.remove();
  }
  roots.clear();
}

/** A server that answers every path with what `answer` gives; what was asked is in the result. */
export function serve(answer: (url: URL) => unknown): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (path: string) => {
    asked.push(path);
    const body = await answer(new URL(path, "http://server"));
    return body instanceof Response ? body : new Response(JSON.stringify(body));
  });
  return asked;
}

export function key(target: EventTarget | null | undefined, name: string, more: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more });
  target?.dispatchEvent(event);
  return event;
}

export function type(box: HTMLInputElement | null, text: string): void {
  if (!box) return;
  box.value = text;
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

export const NOW = "2026-11-22T03:12:00Z";

export const alert: AlertRow = { name: "CheckoutErrorRate", severity: "critical", service: "checkout", firing: true, since: "2026-11-22T03:07:00Z", until: null, count: 14, text: "too many fail" };

export const service: ServiceRow = {
  name: "checkout", state: "failing", why: "38 % of requests fail", dependency: false, log_records: 10, errors_logged: 5, pods: [], owner: null,
  now: { requests: 1000, failed: 380, p50_ms: 100, p95_ms: 2100 }, before: { requests: 1000, failed: 2, p50_ms: 50, p95_ms: 180 },
};

export const incident: IncidentRow = {
  code: "7Q2", title: "v2.31 lowers the pool", question: "why are customers unable to pay?", at: NOW, verdict: "likely_cause", confidence: "medium", services: ["checkout"], said: null,
};

export const opened: OpenedRow = {
  code: "7Q2", title: "CheckoutErrorRate: too many fail", headline: "v2.31 lowers the pool", confidence: "medium", since: "2026-11-22T03:07:00Z", until: null, firing: 3, alerts: 4, services: ["checkout", "cart"],
};

export const quiet: OverviewView = {
  now: NOW, from: "2026-11-22T02:42:00Z", to: NOW, alerts: [], opened: [], incidents: [], changes: [], unwell: [], services: 14,
  signals: [
    { name: "logs", count: 1000, newest: "2026-11-22T03:11:56Z" },
    { name: "spans", count: 1000, newest: "2026-11-22T03:11:54Z" },
    { name: "metric points", count: 1000, newest: "2026-11-22T03:11:48Z" },
  ],
};
