import { afterEach, expect, test, vi } from "vitest";
import { go, place } from "../route";
import type { CoverageRow, DocumentRow } from "../wire.gen";
import { byNeed, coverageWords } from "./coverage";
import { marked, snippet } from "./highlight";
import { matchWords, openedRow, RunbooksPage } from "./runbooks";
import { hostile, mount, serve, unmountAll } from "./testing";

const row: DocumentRow = {
  document: "r/pool.md", kind: "runbook", title: "No connections left", heading: ["No connections left", "What to do"], text: `The pool is used up ${hostile}`, line_start: 12, line_end: 31,
  services: ["checkout"], alerts: ["CheckoutErrorRate"], date: null, confidence: 0.8,
};
const bare: CoverageRow = { alert: "A", service: null, count: 3, runbook: null, document: null };
const covered: CoverageRow = { alert: "B", service: "cart", count: 9, runbook: "No connections left", document: "r/pool.md" };

afterEach(() => {
  vi.unstubAllGlobals();
  unmountAll();
});

const hits = (text: string, query: string) => marked(text, query).filter(({ hit }) => hit).map((piece) => piece.text);

test("words of the query are marked where a word begins, whatever characters it has", () => {
  expect(hits("Pools and the pool, no spool", "pool")).toEqual(["Pool", "pool"]);
  expect(hits("db.pool.in_use, dbxpool", "db.pool")).toEqual(["db.pool"]);
  expect(hits("a ( b [ c", "( [ a* .+")).toEqual([]);
  expect(hits("größe der größen", "größe")).toEqual(["größe", "größe"]);
  expect(marked("x pool y", "pool").map(({ text }) => text).join("")).toBe("x pool y");
});

test("a snippet shows the stretch where most words of the query meet", () => {
  const text = `${"pool. ".repeat(3)}${"filler ".repeat(100)}here the pool timed out at checkout ${"filler ".repeat(100)}`;
  const found = snippet(text, "pool timed out checkout", 120);
  expect(found).toContain("pool timed out at checkout");
  expect(found.length).toBeLessThanOrEqual(122);
  expect(found.startsWith("…") && found.endsWith("…")).toBe(true);
  expect(snippet("short\n\ntext", "pool")).toBe("short text");
  expect(snippet("x".repeat(1_000_000), "pool").length).toBeLessThan(300);
});

test("a link to a document opens the section of its line, or else its best", () => {
  const rows = [{ ...row, line_start: 40 }, row, { ...row, document: "other" }];
  expect(openedRow(rows, "r/pool.md", "12")).toBe(rows[1]);
  expect(openedRow(rows, "r/pool.md", undefined)).toBe(rows[0]);
  expect(openedRow(rows, "gone", undefined)).toBeUndefined();
});

test("how sure a match is comes in words", () => {
  expect([0.9, 0.6, 0.3, 0.1].map(matchWords)).toEqual(["very likely answers", "probably answers", "may answer", "a weak match"]);
});

test("alerts without a runbook come first, and are counted", () => {
  expect(byNeed([covered, { ...bare, count: 1, alert: "C" }, bare]).map(({ alert }) => alert)).toEqual(["A", "C", "B"]);
  expect(coverageWords([covered, bare])).toBe("1 of 2 alerts of the last week has no runbook.");
  expect(coverageWords([covered, covered])).toBe("All 2 alerts of the last week have a runbook.");
  expect(coverageWords([])).toContain("No alert");
});

test("a deep link shows the whole section as text; closing it takes it out of the address", async () => {
  const asked = serve((url) => ({ query: url.searchParams.get("q") ?? "", documents: [row], indexed: 42, runbooks: 9, incidents: 31, coverage: [covered, bare] }));
  go("/runbooks?q=used%20pool&doc=r%2Fpool.md&line=12");
  const root = mount(<RunbooksPage />);
  await vi.waitFor(() => expect(root.querySelector("pre")?.textContent).toContain("The pool is used up <img"));
  expect(asked).toEqual(["/v1/documents?q=used+pool"]);
  expect(root.querySelector("img")).toBeNull();
  expect([...root.querySelectorAll("mark")].map((mark) => mark.textContent)).toEqual(["pool", "used"]);
  expect([...root.querySelectorAll("a")].map((link) => link.getAttribute("href"))).toContain("/runbooks?q=No%20connections%20left&doc=r%2Fpool.md");
  root.querySelector<HTMLButtonElement>(".sh-open")?.click();
  await vi.waitFor(() => expect(root.querySelector("pre")).toBeNull());
  expect(place.value.parameters.toString()).toBe("q=used+pool");
  const box = root.querySelector<HTMLInputElement>("input[type=search]");
  if (box) box.value = "disk full";
  root.querySelector("form")?.dispatchEvent(new Event("submit", { cancelable: true, bubbles: true }));
  await vi.waitFor(() => expect(asked).toEqual(["/v1/documents?q=used+pool", "/v1/documents?q=disk+full"]));
});
