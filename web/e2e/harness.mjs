// What the browser tests share: a real browser, the real program that GROUNDCREW_URL names, and the barriers check.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { chromium } from "playwright-core";

export const url = process.env.GROUNDCREW_URL;
export const otlp = process.env.GROUNDCREW_OTLP_URL;
const axe = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
export const browser =
  url &&
  (await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  }));
const shots = process.env.SCREENSHOTS;
if (shots) mkdirSync(shots, { recursive: true });
let passed = 0;
let failed = 0;

export const test = (name, options, work) => testAt(url, name, options, work);

/** Runs one test on a page of its own; an error in the page's console or a request away from `origin` fails it. */
export async function testAt(origin, name, options, work) {
  const { expected = [], ...context } = options;
  const made = await browser.newContext({ colorScheme: "dark", ...context });
  const page = await made.newPage();
  const complaints = [];
  const note = (text) => expected.some((part) => text.includes(part)) || complaints.push(text);
  page.on("pageerror", (error) => note(String(error)));
  page.on("console", (message) => message.type() === "error" && note(message.text()));
  page.on("request", (request) => new URL(request.url()).origin === origin || request.url().startsWith("data:") || complaints.push(`left the origin: ${request.url()}`));
  try {
    await work(page, made);
    assert.deepEqual(complaints, [], "the console stays quiet and nothing leaves the page's origin");
    console.log(`ok      ${name}`);
    passed += 1;
  } catch (error) {
    console.log(`FAILED  ${name}\n${error.stack ?? error}`);
    failed += 1;
    if (shots) await page.screenshot({ path: `${shots}/failed-${name.replaceAll(/\W+/g, "-")}.png` });
  }
  await made.close();
}

/** A picture of how it looks now, where pictures are wanted. */
export async function picture(page, name) {
  if (shots) await page.screenshot({ path: `${shots}/${name}.png` });
}

export async function violations(page) {
  await page.evaluate(axe);
  const { violations: found } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] }));
  return found.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
}

export async function isWithinTheScreen(page) {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(overflow <= 0, `nothing sticks out sideways: ${overflow} px`);
}

export const QUESTION = "why are customers unable to pay?";

/** Asks and waits until the answer is whole. */
export async function answered(page, question = QUESTION) {
  await page.goto(`${url}/ask`);
  const box = page.getByLabel("Ask about an outage");
  await box.fill(question);
  await box.press("Enter");
  await page.locator(".claims li").first().waitFor({ timeout: 60_000 });
  await page.locator('.run[aria-busy="false"]').first().waitFor({ timeout: 60_000 });
}

export async function finish() {
  await browser.close();
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}
