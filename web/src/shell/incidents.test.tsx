import { afterEach, expect, test, vi } from "vitest";
import { go, parameter } from "../route";
import { filtered, Incidents, isOpen } from "./incidents";
import { incident, mount, NOW, type, unmountAll } from "./testing";
import type { IncidentRow } from "../wire.gen";

const rows: IncidentRow[] = [
  incident,
  { ...incident, code: "5KD", title: "provider answers late", question: "", services: ["payments", "checkout"], confidence: "high", said: "confirmed" },
  { ...incident, code: "9AB", title: "3 new errors", question: "show the new errors", services: ["mail"], verdict: "lookup", confidence: null },
];
const codes = (text: string) => filtered(rows, text).map(({ code }) => code);

afterEach(() => {
  vi.useRealTimers();
  unmountAll();
});

test("every word must be found, in whatever is known of an incident", () => {
  expect(codes("")).toEqual(["7Q2", "5KD", "9AB"]);
  expect(codes("CHECKOUT")).toEqual(["7Q2", "5KD"]);
  expect(codes("checkout confirmed")).toEqual(["5KD"]);
  expect(codes("likely cause medium")).toEqual(["7Q2"]);
  expect(codes("unable to pay")).toEqual(["7Q2"]);
  expect(codes("5kd")).toEqual(["5KD"]);
  expect(codes("nothing-like-it")).toEqual([]);
});

test("open is what nobody has judged for a day; facts that were looked up never are", () => {
  const now = Date.parse(NOW);
  expect(rows.map((row) => isOpen(row, now))).toEqual([true, false, false]);
  expect(isOpen(incident, now + 25 * 3_600_000)).toBe(false);
});

test("the filter stands in the address and in both lists; what people said is a word", async () => {
  vi.useFakeTimers({ now: Date.parse(NOW), toFake: ["Date"] });
  go("/incidents");
  const root = mount(<Incidents rows={rows} />);
  const list = (name: string) => [...root.querySelectorAll(`[aria-label=${name}] a`)].map((link) => link.getAttribute("href"));
  expect(list("Open")).toEqual(["/i/7Q2"]);
  expect(list("Past")).toEqual(["/i/5KD", "/i/9AB"]);
  expect(root.textContent).toContain("✓ confirmed");
  type(root.querySelector("input"), "payments");
  expect(parameter("q")).toBe("payments");
  await vi.waitFor(() => expect(list("Open")).toEqual([]));
  expect(list("Past")).toEqual(["/i/5KD"]);
  expect(root.querySelector("[role=status]")?.textContent).toBe("1 of 3");
});

test("a thousand incidents come by the piece", () => {
  go("/incidents");
  const root = mount(<Incidents rows={Array.from({ length: 1000 }, (_, index) => ({ ...incident, code: `C${index}`, said: "struck" }))} />);
  expect(root.querySelectorAll("li")).toHaveLength(100);
  expect(root.textContent).toContain("Show 100 more");
});
