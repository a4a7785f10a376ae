// The panel in a real browser against the real program: GROUNDCREW_URL names it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const url = process.env.GROUNDCREW_URL;
if (!url) {
  console.log("skipped: GROUNDCREW_URL does not name a running server");
  process.exit(0);
}
const axe = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
let passed = 0;
let failed = 0;

/** Runs one test on a page of its own; an error in the page's console fails it. */
async function test(name, options, work) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  try {
    await work(page);
    assert.deepEqual(complaints, [], "the console stays quiet");
    console.log(`ok      ${name}`);
    passed += 1;
  } catch (error) {
    console.log(`FAILED  ${name}\n${error.stack ?? error}`);
    failed += 1;
  }
  if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name.replaceAll(/\W+/g, "-")}.png`, fullPage: true });
  await context.close();
}

const QUESTION = "why are customers unable to pay?";

async function answered(page) {
  await page.goto(url);
  const box = page.getByLabel("Ask about an outage");
  await box.fill(QUESTION);
  await box.press("Enter");
  await page.locator(".claims li").first().waitFor({ timeout: 60_000 });
  await page.locator('.run[aria-busy="false"]').first().waitFor({ timeout: 60_000 });
}

async function violations(page) {
  await page.evaluate(axe);
  const { violations: found } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] }));
  return found.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
}

await test("a question is answered with claims that cite", {}, async (page) => {
  await answered(page);
  for (const claim of await page.locator(".claims li").all()) assert.ok((await claim.locator(".chip").count()) > 0, "every claim has a chip");
  assert.match(await page.locator(".receipt").innerText(), /log records/);
});

await test("the question box is reached with a slash and takes lines", {}, async (page) => {
  await page.goto(url);
  await page.getByText("connected").waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("one");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("two");
  assert.equal(await page.getByLabel("Ask about an outage").inputValue(), "one\ntwo");
});

await test("a time that cannot be read is said, and asking goes on", {}, async (page) => {
  await page.goto(url);
  await page.getByText("When to look").click();
  await page.getByLabel("At", { exact: true }).fill("yesterday");
  await page.getByLabel("Ask about an outage").fill("what changed?");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  assert.match(await page.getByRole("alert").innerText(), /yesterday/);
  await page.getByLabel("At", { exact: true }).fill("");
  await page.getByLabel("How far back").fill("15m");
  await page.getByLabel("Ask about an outage").fill("what changed?");
  await page.getByLabel("Ask about an outage").press("Enter");
  await page.locator(".run").nth(1).locator(".answer h2").waitFor({ timeout: 60_000 });
});

await test("evidence opens by keyboard and closes with Escape", {}, async (page) => {
  await answered(page);
  const chip = page.locator(".claims .chip").first();
  const id = await chip.innerText();
  await chip.focus();
  await page.keyboard.press("Enter");
  const pane = page.getByRole("complementary");
  await pane.waitFor();
  assert.match(await pane.getByRole("heading").innerText(), new RegExp(`^${id} `));
  await page.keyboard.press("Escape");
  await pane.waitFor({ state: "detached" });
  assert.ok(await chip.evaluate((element) => element === document.activeElement), "focus goes back to the chip");
});

await test("a permalink opens exactly the cited item", {}, async (page) => {
  await answered(page);
  await page.locator(".claims .chip").first().click();
  const shown = await page.locator(".evidence pre").innerText();
  await page.getByRole("link", { name: "Link to this evidence" }).click();
  await page.locator(".permalink .evidence pre").waitFor();
  assert.equal(await page.locator(".evidence pre").innerText(), shown);
  await page.getByRole("link", { name: "Ask a question" }).click();
  await page.getByLabel("Ask about an outage").waitFor();
});

await test("a reload goes on with the conversation", {}, async (page) => {
  await answered(page);
  await page.reload();
  await page.locator(".claims li").first().waitFor({ timeout: 20_000 });
  assert.equal(await page.locator(".question").innerText(), QUESTION);
});

await test("a person's word is remembered and seen before the next time", {}, async (page) => {
  await answered(page);
  await page.getByRole("button", { name: "Yes", exact: true }).click();
  await page.getByLabel("What fixed it").fill("rolled it back <b>at once</b>");
  await page.getByLabel("How long it took").fill("23m");
  await page.getByRole("button", { name: "Remember it" }).click();
  const kept = await page.locator(".feedback[role=status]").innerText();
  const code = kept.match(/Remembered as incident (\w+)/)[1];
  await page.getByLabel("Ask about an outage").fill(QUESTION);
  await page.getByLabel("Ask about an outage").press("Enter");
  const seen = page.locator(".run").nth(1).locator("section", { hasText: "Seen before" });
  await seen.waitFor({ timeout: 60_000 });
  const text = await seen.innerText();
  assert.ok(text.includes(code) && text.includes("rolled it back <b>at once</b>") && text.includes("23 min"), text);
});

for (const [name, options] of [
  ["light", {}],
  ["dark", { colorScheme: "dark" }],
  ["narrow", { viewport: { width: 375, height: 740 } }],
]) {
  // The checker itself has to be let in; the other tests run under the page's own policy.
  await test(`no barriers: ${name}`, { ...options, bypassCSP: true }, async (page) => {
    await page.goto(url);
    await page.getByText("connected").waitFor();
    assert.deepEqual(await violations(page), [], "before a question");
    await answered(page);
    await page.getByRole("button", { name: "No", exact: true }).click();
    assert.deepEqual(await violations(page), [], "with an answer");
    await page.locator(".claims .chip").first().click();
    await page.getByRole("complementary").waitFor();
    assert.deepEqual(await violations(page), [], "with evidence open");
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, "nothing sticks out sideways");
    await page.getByRole("link", { name: "Link to this evidence" }).click();
    await page.locator(".permalink .evidence pre").waitFor();
    assert.deepEqual(await violations(page), [], "behind a permalink");
  });
}

await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
