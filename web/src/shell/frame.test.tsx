import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { go, place } from "../route";
import { shortcuts, theme, zone } from "../settings";
import type { SearchHit } from "../wire.gen";
import { closeDialog } from "./dialogs";
import { Frame } from "./frame";
import { key, mount, serve, type, unmountAll } from "./testing";

let root: HTMLElement;

beforeEach(async () => {
  vi.useFakeTimers();
  go("/logs");
  serve(() => ({ hits: [] }));
  root = mount(
    <Frame>
      <button type="button">inside</button>
      <a href="/traces">to traces</a>
    </Frame>,
  );
  await settle();
});

afterEach(async () => {
  unmountAll();
  closeDialog();
  shortcuts.value = true;
  // What waits to be drawn must not be lost with the timers.
  await settle();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Long enough to draw, too short for a search to be sent. */
const settle = () => vi.advanceTimersByTimeAsync(60);
const dialog = () => root.querySelector("dialog");
const box = () => root.querySelector<HTMLInputElement>("[role=combobox]");
const options = () => [...root.querySelectorAll("[role=option] .sh-entry-title")].map((option) => option.textContent);
const chosen = () => root.querySelector('[role=option][aria-selected="true"] .sh-entry-title')?.textContent;
const hit = (title: string, path: string): SearchHit => ({ kind: "service", title, detail: "", path });

test("the place one is at is marked, named in the title, and gets the focus", async () => {
  expect(document.title).toBe("Logs · Groundcrew");
  expect(root.querySelector("[aria-current=page]")?.textContent).toBe("Logs");
  expect(document.activeElement).not.toBe(root.querySelector("main"));
  root.querySelector<HTMLAnchorElement>("main a")?.click();
  await settle();
  expect(place.value.parts).toEqual(["traces"]);
  expect(document.title).toBe("Traces · Groundcrew");
  expect(root.querySelector("[aria-current=page]")?.textContent).toBe("Traces");
});

test("chords go to places, but not while one writes, nor when single keys are off", async () => {
  key(document.body, "g");
  key(document.body, "m");
  expect(place.value.parts).toEqual(["charts"]);
  await settle();
  expect(document.activeElement).toBe(root.querySelector("main"));
  const field = document.createElement("input");
  root.append(field);
  key(field, "g");
  key(field, "i");
  shortcuts.value = false;
  key(document.body, "g");
  key(document.body, "i");
  key(document.body, "?");
  await settle();
  expect(place.value.parts).toEqual(["charts"]);
  expect(dialog()).toBeNull();
});

test("the letter of a chord is no shortcut of the page as well", () => {
  const other = vi.fn();
  document.addEventListener("keydown", other);
  key(document.body, "g");
  key(document.body, "s");
  expect(other).not.toHaveBeenCalled();
  key(document.body, "s");
  expect(other).toHaveBeenCalledOnce();
  document.removeEventListener("keydown", other);
});

test("Escape closes a dialog, goes no further, and the focus goes back", async () => {
  const button = root.querySelector<HTMLButtonElement>("main button");
  button?.focus();
  key(button, "?");
  await settle();
  expect(dialog()?.textContent).toContain("Next sentence with evidence");
  const stop = vi.fn();
  document.addEventListener("keydown", stop);
  key(dialog()?.querySelector("button"), "Escape");
  await settle();
  document.removeEventListener("keydown", stop);
  expect(dialog()).toBeNull();
  expect(stop).not.toHaveBeenCalled();
  expect(document.activeElement).toBe(button);
});

test("settings take effect at once", async () => {
  [...root.querySelectorAll("button")].find((button) => button.textContent === "Settings")?.click();
  await settle();
  dialog()?.querySelector<HTMLInputElement>("input[value=dark]")?.click();
  dialog()?.querySelector<HTMLInputElement>("input[value=local]")?.click();
  expect(theme.value).toBe("dark");
  expect(document.documentElement.dataset.theme).toBe("dark");
  expect(zone.value).toBe("local");
  dialog()?.querySelector<HTMLInputElement>("input[type=checkbox]")?.click();
  expect(shortcuts.value).toBe(false);
  [theme.value, zone.value] = ["auto", "utc"];
});

test("the palette is walked with the arrows and Enter goes", async () => {
  serve(() => ({ hits: [hit("checkout", "/services?service=checkout"), hit("evil", "//evil.example"), hit("cart", "/services?service=cart")] }));
  key(root.querySelector("main button"), "k", { ctrlKey: true });
  await settle();
  expect(document.activeElement).toBe(box());
  expect(options()).toEqual(["Ask", "Overview", "Incidents", "Services", "Logs", "Traces", "Metrics", "Runbooks"]);
  type(box(), " c ");
  await vi.waitFor(() => expect(options()).toEqual(["Ask: c", "Ask", "Metrics", "Runbooks", "checkout", "cart"]));
  expect(chosen()).toBe("Ask: c");
  for (let step = 0; step < 4; step += 1) {
    expect(key(box(), "ArrowDown").defaultPrevented).toBe(true);
    await settle();
  }
  expect(chosen()).toBe("checkout");
  expect(box()?.getAttribute("aria-activedescendant")).toBe(root.querySelector('[aria-selected="true"]')?.id);
  key(box(), "Enter");
  await settle();
  expect(dialog()).toBeNull();
  expect(`${location.pathname}${location.search}`).toBe("/services?service=checkout");
});

test("up from the first is the last, and the question comes first of all", async () => {
  key(document.body, "k", { metaKey: true });
  await settle();
  key(box(), "ArrowUp");
  await settle();
  expect(chosen()).toBe("Runbooks");
  type(box(), "why is it slow?");
  await settle();
  key(box(), "Enter");
  expect(place.value.parts).toEqual(["ask"]);
  expect(place.value.parameters.get("q")).toBe("why is it slow?");
});

test("answers to what was typed before are dropped, and late ones move no choice", async () => {
  const waiting = new Map<string, (body: unknown) => void>();
  const asked = serve((url) => new Promise((done) => waiting.set(url.searchParams.get("q") ?? "", done)));
  key(document.body, "k", { ctrlKey: true });
  await settle();
  type(box(), "l");
  await settle();
  type(box(), "lo");
  await vi.waitFor(() => expect(waiting.has("lo")).toBe(true));
  expect(asked).toEqual(["/v1/search?q=lo"]);
  type(box(), "log");
  await vi.waitFor(() => expect(waiting.has("log")).toBe(true));
  key(box(), "ArrowDown");
  await settle();
  expect(chosen()).toBe("Logs");
  waiting.get("log")?.({ hits: [hit("login", "/services?service=login")] });
  await vi.waitFor(() => expect(options()).toContain("login"));
  expect(chosen()).toBe("Logs");
  waiting.get("lo")?.({ hits: [hit("load", "/services?service=load")] });
  await settle();
  expect(options()).toEqual(["Ask: log", "Logs", "login"]);
});

test("a search that fails says so, and the rest still works", async () => {
  serve(() => new Response(JSON.stringify({ error: { message: "no index" } }), { status: 503 }));
  key(document.body, "k", { ctrlKey: true });
  await settle();
  type(box(), "logs");
  await vi.waitFor(() => expect(dialog()?.querySelector("[role=alert]")?.textContent).toContain("no index"));
  expect(options()).toEqual(["Ask: logs", "Logs"]);
});
