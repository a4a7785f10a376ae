// The conversation: asking, evidence, permalinks, what a person says.
import assert from "node:assert/strict";
import { answered, QUESTION, test, url } from "./harness.mjs";

await test("a question is answered with claims that cite", {}, async (page) => {
  await answered(page);
  for (const claim of await page.locator(".claims li").all()) assert.ok((await claim.locator(".chip").count()) > 0, "every claim has a chip");
  assert.match(await page.locator(".receipt").innerText(), /log records/);
});

await test("the question box is reached with a slash and takes lines", {}, async (page) => {
  await page.goto(`${url}/ask`);
  await page.getByText("connected").waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("one");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("two");
  assert.equal(await page.getByLabel("Ask about an outage").inputValue(), "one\ntwo");
});

await test("a time that cannot be read is said, and asking goes on", {}, async (page) => {
  await page.goto(`${url}/ask`);
  await page.getByText("Where and when to look").click();
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
  const shown = await page.locator(".evidence pre").first().innerText();
  await page.getByRole("link", { name: "Link to this evidence" }).click();
  await page.locator(".permalink .evidence pre").waitFor();
  assert.equal(await page.locator(".evidence pre").first().innerText(), shown);
  await page.getByRole("link", { name: "Ask", exact: true }).click();
  await page.getByLabel("Ask about an outage").waitFor();
});

await test("a reload goes on with the conversation", {}, async (page) => {
  await answered(page);
  await page.reload();
  await page.locator(".claims li").first().waitFor({ timeout: 20_000 });
  assert.match(await page.locator(".question").innerText(), new RegExp(QUESTION.replace("?", "\\?")));
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
