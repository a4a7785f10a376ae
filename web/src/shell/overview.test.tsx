import { afterEach, expect, test, vi } from "vitest";
import { place } from "../route";
import { Overview, OverviewPage } from "./overview";
import { alert, hostile, incident, key, mount, NOW, opened, quiet, serve, service, unmountAll } from "./testing";
import { headline, quietLine, standing, unseen, when } from "./words";

afterEach(() => {
  vi.unstubAllGlobals();
  unmountAll();
});

test("quiet says what is watched, how new that is and since when nothing fired", () => {
  const view = { ...quiet, alerts: [{ ...alert, firing: false, until: "2026-11-22T01:10:30Z" }, { ...alert, firing: false, until: "2026-11-22T02:14:00Z" }] };
  expect(standing(view)).toBe("quiet");
  expect(headline(view)).toBe("All quiet");
  expect(quietLine(view)).toBe("14 services are watched; newest log 4 s ago, span 6 s ago, metric point 12 s ago; no alert has fired since 02:14 UTC, 58 min ago.");
  expect(quietLine(quiet)).toContain("no alert has fired in the last day");
  expect(quietLine({ ...quiet, alerts: [{ ...alert, firing: false, until: "2026-11-21T20:00:00Z" }] })).toContain("since 2026-11-21 20:00 UTC, 7 h ago");
});

test("what is wrong is said in one line, the noun once", () => {
  const view = { ...quiet, alerts: [alert, { ...alert, name: "B" }, { ...alert, firing: false }], unwell: [service, { ...service, name: "cart" }, { ...service, name: "mail", state: "silent" as const }] };
  expect(headline(view)).toBe("2 alerts are firing; 2 services are failing, 1 silent");
  expect(headline({ ...quiet, alerts: [alert] })).toBe("1 alert is firing");
});

test("nobody is told that all is quiet where something cannot be seen", () => {
  const [logs, spans, points] = quiet.signals;
  const blind = { ...quiet, signals: [logs, { name: "spans", count: 0, newest: null }, { name: "metric points", count: 9, newest: "2026-11-22T01:12:00Z" }].filter((row) => row !== undefined) };
  expect(unseen(blind)).toEqual(["no spans yet", "newest metric point 2 h ago"]);
  expect(standing(blind)).toBe("blind");
  expect(headline(blind)).not.toContain("quiet");
  expect(unseen({ ...quiet, signals: [spans, points].filter((row) => row !== undefined) })).toEqual(["no logs yet"]);
  expect(standing({ ...quiet, services: 0, signals: [] })).toBe("unwatched");
  expect(mount(<Overview view={blind} />).textContent).toContain("groundcrew doctor");
  expect(mount(<Overview view={quiet} />).textContent).not.toContain("groundcrew doctor");
});

test("alerts, services, incidents and changes are text with links of the panel only", () => {
  const view = {
    ...quiet, alerts: [{ ...alert, name: hostile, text: hostile, service: "a b" }], unwell: [{ ...service, why: hostile }], incidents: [{ ...incident, code: "../x", title: hostile }],
    changes: [{ at: NOW, kind: "deploy", title: hostile, service: null, before: "1", after: "2", actor: hostile }],
  };
  const root = mount(<Overview view={view} />);
  expect(root.querySelector("img")).toBeNull();
  expect(root.textContent).toContain("‹U+202E›");
  const paths = [...root.querySelectorAll("a")].map((link) => link.getAttribute("href"));
  expect(paths).toContain("/services?focus=a%20b");
  expect(paths).toContain("/i/..%2Fx");
  expect(paths.every((path) => path?.startsWith("/") && !path.startsWith("//"))).toBe(true);
  expect(root.textContent).toContain("×14");
  expect(root.textContent).toContain("38 % of 1,000 requests failed (before 0.2 %)");
});

test("an incident that alerts opened says how it stands and leads to what was found", () => {
  const root = mount(<Overview view={{ ...quiet, opened: [opened, { ...opened, code: "5KD", headline: null, confidence: null }, { ...opened, code: "9AA", until: "2026-11-22T03:10:00Z", firing: 0 }] }} />);
  const [first, fresh, over] = [...root.querySelectorAll(".sh-incident")];
  expect(first?.querySelector("a")?.getAttribute("href")).toBe("/i/7Q2");
  expect(first?.textContent).toContain("3 of 4 alerts fire");
  expect(fresh?.querySelector("a")).toBeNull();
  expect(fresh?.textContent).toContain("It is looked into.");
  expect(over?.textContent).toContain("over");
  expect(over?.textContent).toContain("ended 2 min ago");
});

test("a word of a megabyte is cut, with a way to see more", () => {
  const root = mount(<Overview view={{ ...quiet, alerts: [{ ...alert, name: "n".repeat(1_000_000), text: "t".repeat(1_000_000) }] }} />);
  const before = root.textContent?.length ?? 0;
  expect(before).toBeLessThan(3000);
  const more = [...root.querySelectorAll("button")].find((button) => button.textContent?.startsWith("Show more"));
  more?.click();
  return vi.waitFor(() => expect(root.textContent?.length).toBeGreaterThan(before + 10_000));
});

test("times of another day carry their date", () => {
  const now = Date.parse(NOW);
  expect(when("2026-11-22T03:07:00Z", now)).toBe("03:07:00 UTC, 5 min ago");
  expect(when("2026-11-21T03:12:00Z", now)).toBe("2026-11-21 03:12:00 UTC, 24 h ago");
});

test("a slash leads to the question, and the question to the conversation", async () => {
  const asked = serve(() => quiet);
  const root = mount(<OverviewPage />);
  await vi.waitFor(() => expect(root.querySelector("h1")?.textContent).toContain("All quiet"));
  expect(asked).toEqual(["/v1/overview"]);
  const box = root.querySelector<HTMLInputElement>("#sh-ask");
  await vi.waitFor(() => {
    key(document.body, "/");
    expect(document.activeElement).toBe(box);
  });
  if (box) box.value = " why? & since when ";
  root.querySelector("form")?.dispatchEvent(new Event("submit", { cancelable: true, bubbles: true }));
  expect(place.value.parts).toEqual(["ask"]);
  expect(place.value.parameters.get("q")).toBe("why? & since when");
});

test("a server that went away leaves what is known, and says that it was not renewed", async () => {
  let isAway = false;
  serve(() => (isAway ? new Response("{}", { status: 503 }) : quiet));
  const root = mount(<OverviewPage />);
  await vi.waitFor(() => expect(root.textContent).toContain("All quiet"));
  isAway = true;
  [...root.querySelectorAll("button")].find((button) => button.textContent === "Refresh")?.click();
  await vi.waitFor(() => expect(root.textContent).toContain("not renewed"));
  expect(root.textContent).toContain("All quiet");
});
