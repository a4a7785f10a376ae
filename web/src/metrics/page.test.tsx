import { render } from "preact";
import { beforeEach, expect, test, vi } from "vitest";
import { go, place } from "../route";
import type { MetricsView, SeriesView } from "../wire.gen";
import { MetricChart } from "./chart";
import { MetricsPage } from "./page";
import { matching } from "./picker";
import { keyed } from "./usekeys";

const drawn = vi.hoisted(() => ({ data: [] as unknown[], hooks: [] as { setCursor: ((self: unknown) => void)[]; setSelect: ((self: unknown) => void)[] }[], gone: 0 }));
vi.mock("uplot", () => ({
  default: class {
    static pxRatio = 1;
    constructor(options: { hooks: (typeof drawn.hooks)[number] }, data: unknown) {
      drawn.data.push(data);
      drawn.hooks.push(options.hooks);
    }
    over = { clientHeight: 100 };
    valToPos = () => 0;
    setCursor = () => undefined;
    setSelect = () => undefined;
    setSize = () => undefined;
    redraw = () => undefined;
    destroy = () => (drawn.gone += 1);
  },
}));

const hostile = `<img src=x onerror="alert(1)">\u202e`;
const [before, from, to] = ["2026-11-22T02:00:00Z", "2026-11-22T03:00:00Z", "2026-11-22T04:00:00Z"];
const minute = (number: number) => Date.parse(before) + number * 60_000;

const series = (name: string): SeriesView => ({
  name, unit: "ms", service: "checkout", pod: null, labels: [["route", hostile]],
  points: Array.from({ length: 121 }, (_, index): [number, number] => [minute(index), index < 100 ? 15 : 40]), usual: [12, 18],
});

const view = (count: number): MetricsView => ({
  from, to, before_from: before, query: "metrics", names: Array.from({ length: 3000 }, (_, index) => `metric.${index}`),
  series: Array.from({ length: count }, (_, index) => series(`series.${index}`)), left_out: 3,
  markers: [{ at: "2026-11-22T03:35:00Z", kind: "deploy", title: hostile, service: "checkout", before: "v1", after: "v2", actor: null }],
});

function mount(what: Parameters<typeof render>[0]): HTMLElement {
  const root = document.createElement("div");
  document.body.append(root);
  render(what, root);
  return root;
}

const asked: string[] = [];
beforeEach(() => {
  asked.length = 0;
  document.body.replaceChildren();
});

function serve(answer: () => Response): void {
  vi.stubGlobal("fetch", async (path: string) => {
    asked.push(path);
    return answer();
  });
}

test("the page shows the first charts, writes the server's time into the address and asks once for it", async () => {
  serve(() => Response.json(view(20)));
  go("/metrics?service=checkout");
  const root = mount(<MetricsPage />);
  await vi.waitFor(() => expect(root.querySelectorAll(".mt-chart")).toHaveLength(12));
  await vi.waitFor(() => expect(place.value.parameters.get("from")).toBe(from));
  expect(place.value.parameters.get("to")).toBe(to);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(asked).toEqual(["/v1/metrics?service=checkout"]);
  expect(root.querySelector("img")).toBeNull();
  expect(root.textContent).toContain("‹U+202E›");
  expect(root.querySelectorAll(".mt-markers ol")).toHaveLength(1);
  [...root.querySelectorAll("button")].find(({ textContent }) => textContent?.startsWith("Show 8 more"))?.click();
  await vi.waitFor(() => expect(root.querySelectorAll(".mt-chart")).toHaveLength(20));
  render(null, root);
});

test("another time is asked for, and going to the newest asks anew", async () => {
  serve(() => Response.json(view(1)));
  go(`/metrics?from=${from}&to=${to}&q=fresh`);
  const root = mount(<MetricsPage />);
  const press = (text: string) => [...root.querySelectorAll("button")].find(({ textContent }) => textContent === text)?.click();
  await vi.waitFor(() => expect(root.querySelector(".mt-chart")).not.toBeNull());
  press("15 min");
  await vi.waitFor(() => expect(asked[1]).toContain("from=2026-11-22T03%3A45%3A00Z"));
  press("Latest");
  await vi.waitFor(() => expect(asked[2]).toBe("/v1/metrics?q=fresh"));
  await vi.waitFor(() => expect(place.value.parameters.get("from")).toBe(from));
  press("Latest");
  await vi.waitFor(() => expect(asked[3]).toBe("/v1/metrics?q=fresh"));
  render(null, root);
});

test("a failure is said and can be tried again", async () => {
  let isAway = true;
  serve(() => (isAway ? Response.json({ error: { message: hostile } }, { status: 400 }) : Response.json(view(1))));
  go("/metrics?q=failing");
  const root = mount(<MetricsPage />);
  await vi.waitFor(() => expect(root.querySelector("[role=alert]")?.textContent).toContain("<img"));
  isAway = false;
  root.querySelector<HTMLButtonElement>("[role=alert] button")?.click();
  await vi.waitFor(() => expect(root.querySelector(".mt-chart")).not.toBeNull());
  render(null, root);
});

test("a chart is told in words, drawn as two lines, read by keys and chosen from", async () => {
  const chosen: string[][] = [];
  const [only] = view(1).series;
  if (!only) throw new Error("no series");
  const root = mount(<MetricChart series={only} from={from} to={to} beforeFrom={before} markers={view(1).markers} onRange={(...stretch) => chosen.push(stretch)} />);
  expect(root.querySelector(".mt-words")?.textContent).toContain("usual 12 ms – 18 ms");
  expect(root.querySelector(".mt-words")?.textContent).toContain("▲ above what is usual in 21 of 61 points");
  expect(root.querySelector(".mt-markers")?.textContent).toContain("v1 → v2");
  drawn.data.length = drawn.hooks.length = 0;
  await vi.waitFor(() => expect(drawn.data).toHaveLength(1));
  const [times, early, late] = drawn.data[0] as [number[], (number | null)[], (number | null)[]];
  expect(times).toHaveLength(121);
  expect([early[59], early[60], late[59], late[60]]).toEqual([15, null, null, 15]);
  const slider = root.querySelector<HTMLElement>("[role=slider]");
  const press = async (key: string, shiftKey = false) => {
    slider?.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true }));
    await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await press("ArrowLeft");
  expect(slider?.getAttribute("aria-valuetext")).toBe("2026-11-22 04:00:00 UTC: 40 ms, above usual, before 15 ms");
  await press("ArrowLeft", true);
  await press("ArrowLeft", true);
  await press("Enter");
  expect(chosen).toEqual([["2026-11-22T03:58:00Z", "2026-11-22T04:00:00Z"]]);
  drawn.hooks[0]?.setCursor[0]?.({ cursor: { left: 3 }, posToVal: () => minute(30) + 4000 });
  await vi.waitFor(() => expect(root.querySelector(".mt-reading")?.textContent).toBe("2026-11-22 02:30:00 UTC: 15 ms, as usual, time before"));
  drawn.hooks[0]?.setSelect[0]?.({ select: { left: 70, width: 10 }, posToVal: (left: number) => minute(left), setSelect: () => undefined });
  expect(chosen[1]).toEqual(["2026-11-22T03:10:00Z", "2026-11-22T03:20:00Z"]);
  root.querySelector<HTMLButtonElement>("header button")?.click();
  await vi.waitFor(() => expect(root.querySelectorAll("tbody tr")).toHaveLength(121));
  expect(root.querySelector("tbody tr")?.textContent).toBe("2026-11-22 04:00:0040 msabovethis time");
  expect(drawn.gone).toBeGreaterThan(0);
});

test("keys lead to values and not beyond them", () => {
  expect([keyed("ArrowLeft", undefined, 9), keyed("ArrowLeft", 0, 9), keyed("ArrowRight", 9, 9), keyed("PageUp", 3, 9), keyed("Home", 3, 9), keyed("a", 3, 9)]).toEqual([9, 0, 9, 9, 0, undefined]);
});

test("of thousands of names only some that match are offered", () => {
  const names = ["http.server.duration", "rpc.server.http", "process.memory"];
  expect(matching(names, "http")).toEqual({ found: ["http.server.duration", "rpc.server.http"], more: 0 });
  expect(matching(names, "SERVER rpc").found).toEqual(["rpc.server.http"]);
  expect(matching(view(0).names, "").more).toBe(2960);
});
