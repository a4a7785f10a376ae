// What people look at by hand: every page, its keyboard, its address.
import assert from "node:assert/strict";
import { answered, picture, test, url } from "./harness.mjs";

await test("the first page says what is wrong and leads on", {}, async (page) => {
  await page.goto(url);
  await page.getByRole("heading", { name: /firing/ }).waitFor();
  assert.match(await page.locator("main").innerText(), /checkout/);
  await picture(page, "overview-dark");
  await page.getByLabel("Ask what is wrong").fill("what changed?");
  await page.keyboard.press("Enter");
  await page.locator(".run .answer h2").waitFor({ timeout: 60_000 });
  assert.ok(page.url().endsWith("/ask"), "a reload would not ask again");
});

await test("an incident has a page whose address names the evidence", { viewport: { width: 1440, height: 900 } }, async (page) => {
  await answered(page);
  await page.locator(".standing-line .code").click();
  await page.locator(".incident h1").waitFor();
  await page.locator(".claims .chip").nth(1).click();
  await page.getByRole("complementary").waitFor();
  const id = await page.locator(".evidence .id").first().innerText();
  assert.equal(new URL(page.url()).searchParams.get("e"), id);
  await page.reload();
  assert.equal(await page.locator(".evidence .id").first().innerText(), id);
  await page.getByRole("button", { name: "Next evidence" }).click();
  assert.notEqual(await page.locator(".evidence .id").first().innerText(), id);
  await page.keyboard.press("Escape");
  await page.getByRole("complementary").waitFor({ state: "detached" });
  assert.equal(new URL(page.url()).searchParams.get("e"), null);
});

await test("sentences are walked with j and k, previewed, and opened with e", { viewport: { width: 1440, height: 900 } }, async (page) => {
  await answered(page);
  await page.locator("body").click({ position: { x: 5, y: 300 } });
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  const first = page.locator(".claims li").first().locator(".chip").first();
  assert.ok(await first.evaluate((chip) => chip === document.activeElement), "the second stop is the first claim");
  await page.getByRole("tooltip").waitFor();
  assert.match(await page.getByRole("tooltip").innerText(), new RegExp(await first.innerText()));
  await page.keyboard.press("Escape");
  await page.getByRole("tooltip").waitFor({ state: "detached" });
  await page.keyboard.press("e");
  await page.getByRole("complementary").waitFor();
});

await test("behind a log pattern are its lines and their histogram", { viewport: { width: 1440, height: 900 } }, async (page) => {
  await answered(page);
  const chips = page.locator(".claims li", { hasText: "writes a line" }).locator(".chip");
  await chips.first().click();
  await page.locator(".evidence .lg-plot").waitFor();
  assert.ok((await page.locator(".evidence .lg-list [role=listitem], .evidence .lg-list [role=option]").count()) > 0, "lines are there");
  await picture(page, "evidence-dark");
  await page.getByRole("link", { name: "These lines in the logs" }).click();
  await page.getByRole("heading", { name: "Logs" }).waitFor();
  assert.match(page.url(), /template=t[0-9a-f]{16}/);
});

await test("logs are narrowed by severity and words, and every state has an address", { viewport: { width: 1440, height: 900 } }, async (page) => {
  await page.goto(`${url}/logs`);
  await page.locator(".lg-plot").waitFor();
  assert.match(page.url(), /from=.*to=/);
  await page.getByLabel("Words").fill("HikariPool");
  await page.getByLabel("Words").press("Enter");
  await page.waitForURL(/q=HikariPool/);
  await page.locator("mark").first().waitFor();
  const address = page.url();
  const shown = await page.locator(".lg-list").innerText();
  await page.goto("about:blank");
  await page.goto(address);
  await page.locator("mark").first().waitFor();
  assert.equal((await page.locator(".lg-list").innerText()).slice(0, 400), shown.slice(0, 400));
  await page.getByRole("tab", { name: "Patterns" }).click();
  await page.getByText("new since").first().waitFor();
  await picture(page, "patterns-dark");
});

await test("a failing trace is found and walked by keyboard", { viewport: { width: 1440, height: 900 } }, async (page) => {
  await page.goto(`${url}/traces?only=failed`);
  await page.locator('a[href^="/trace/"]').first().click();
  const tree = page.getByRole("treegrid").or(page.getByRole("tree"));
  await tree.waitFor();
  await tree.focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByText("Attributes", { exact: false }).first().waitFor();
  await picture(page, "trace-dark");
  await page.getByRole("button", { name: "Critical path only" }).click();
});

await test("a metric is drawn with its usual band, and has a table", { viewport: { width: 1440, height: 900 } }, async (page) => {
  await page.goto(`${url}/charts?service=checkout`);
  await page.locator("canvas").first().waitFor();
  await picture(page, "charts-dark");
  await page.getByRole("button", { name: "Table" }).first().click();
  await page.getByRole("table").first().waitFor();
});

await test("services stand in a table and on a map with who may feel it", { viewport: { width: 1440, height: 900 } }, async (page) => {
  await page.goto(`${url}/services?focus=checkout&tab=map`);
  await page.locator(".mp-blast").getByText(/may feel it/).waitFor();
  await picture(page, "map-dark");
  await page.getByRole("tab", { name: "Table" }).click();
  const row = page.getByRole("row", { name: /checkout/ }).first();
  assert.match(await row.innerText(), /failing/);
  await row.getByRole("link", { name: "logs" }).click();
  await page.waitForURL(/\/logs\?.*service=checkout/);
  for (const [name, found] of [["metrics", "canvas"], ["traces", 'a[href^="/trace/"]']]) {
    await page.goBack();
    await page.getByRole("row", { name: /checkout/ }).first().getByRole("link", { name }).click();
    await page.locator(found).first().waitFor();
  }
});

await test("runbooks are found by what is wrong, and say which alerts they cover", {}, async (page) => {
  await page.goto(`${url}/runbooks`);
  await page.getByText("OrdersFailing").first().waitFor();
  await page.getByRole("searchbox").or(page.getByLabel("Search", { exact: true })).first().fill("no connections left");
  await page.keyboard.press("Enter");
  await page.getByText("Checkout has no database connections left").first().waitFor();
});

await test("everything is found with Ctrl-K, by keyboard alone", {}, async (page) => {
  await page.goto(url);
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.keyboard.press("Control+k");
  const box = page.getByRole("combobox");
  await box.waitFor();
  await box.fill("checkout");
  await page.getByRole("option", { name: /checkout/ }).nth(1).waitFor();
  await picture(page, "palette-dark");
  await page.keyboard.press("Escape");
  await box.waitFor({ state: "hidden" });
  await page.keyboard.press("g");
  await page.keyboard.press("i");
  await page.waitForURL(/\/incidents$/);
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
});

await test("single keys can be turned off, times read in local time", { timezoneId: "Asia/Kolkata" }, async (page) => {
  await page.goto(`${url}/logs`);
  await page.locator(".lg-plot").waitFor();
  await page.getByRole("button", { name: "Settings" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel(/local/i).check();
  await dialog.getByLabel(/single/i).uncheck();
  await page.keyboard.press("Escape");
  await page.getByText("UTC+05:30").first().waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("i");
  assert.match(page.url(), /\/logs/);
});

await test("an incident stands in a frame of this origin, to be read", {}, async (page) => {
  await answered(page);
  const code = await page.locator(".standing-line .code").innerText();
  await page.goto(`${url}/embed/i/${code}`);
  await page.locator(".claims li").first().waitFor();
  assert.equal(await page.locator("nav").count(), 0, "no way to the rest of the panel");
  await page.locator(".claims .chip").first().click();
  await page.locator(".evidence pre").first().waitFor();
});

await test("no link of any page leads nowhere", {}, async (page) => {
  const seen = new Set();
  for (const path of ["/", "/incidents", "/services", "/services?tab=map&focus=checkout", "/logs", "/logs?tab=patterns", "/traces", "/charts", "/runbooks?q=pool"]) {
    await page.goto(url + path);
    await page.waitForLoadState("networkidle");
    for (const address of await page.locator("a[href]").evaluateAll((links) => links.map((link) => new URL(link.href).pathname))) seen.add(`/${address.split("/")[1]}`);
  }
  assert.ok(seen.size > 6, [...seen].join(" "));
  for (const first of seen) assert.ok((await fetch(url + (first === "/i" || first === "/trace" ? `${first}/x` : first))).ok, `${first} is a page`);
});
