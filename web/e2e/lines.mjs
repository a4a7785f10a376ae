// Lines that break, are slow or let no WebSocket through; and how fast it is.
import assert from "node:assert/strict";
import { answered, QUESTION, test, url } from "./harness.mjs";

await test("where no WebSocket gets through it works by events, also after a reload", { expected: ["WebSocket"] }, async (page, context) => {
  await context.routeWebSocket(/.*/, (socket) => socket.close());
  await page.goto(`${url}/ask`);
  await page.getByText("connected").waitFor({ timeout: 30_000 });
  await page.getByLabel("Ask about an outage").fill(QUESTION);
  await page.getByLabel("Ask about an outage").press("Enter");
  await page.locator('.run[aria-busy="false"] .claims li').first().waitFor({ timeout: 60_000 });
  const headline = await page.locator(".answer h2").innerText();
  await page.reload();
  await page.locator(".claims li").first().waitFor({ timeout: 30_000 });
  assert.equal(await page.locator(".answer h2").innerText(), headline);
  assert.equal(await page.locator(".run").count(), 1, "nothing is doubled");
});

await test("a connection that is cut comes back with nothing lost or doubled", { expected: ["WebSocket", "Failed to fetch", "ERR_INTERNET_DISCONNECTED"] }, async (page, context) => {
  await answered(page);
  await context.setOffline(true);
  await page.evaluate(() => window.dispatchEvent(new Event("online")));
  await page.getByText("trying again").or(page.getByText("connecting")).first().waitFor({ timeout: 20_000 });
  await page.getByLabel("Ask about an outage").fill("what changed?");
  await page.getByLabel("Ask about an outage").press("Enter");
  await context.setOffline(false);
  await page.locator(".run").nth(1).locator(".answer h2").waitFor({ timeout: 60_000 });
  assert.equal(await page.locator(".run").count(), 2);
});

await test("on a slow line the question is there at once and the answer comes", {}, async (page, context) => {
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", { offline: false, latency: 400, downloadThroughput: 50_000, uploadThroughput: 20_000 });
  await page.goto(`${url}/ask`);
  await page.getByLabel("Ask about an outage").fill(QUESTION);
  await page.getByLabel("Ask about an outage").press("Enter");
  assert.match(await page.locator(".question").innerText(), /unable to pay/);
  await page.locator(".claims li").first().waitFor({ timeout: 60_000 });
});

await test("nothing jumps once the answer stands, and typing is never held up", {}, async (page) => {
  await page.addInitScript(() => {
    window.jumps = 0;
    window.tasks = [];
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => !entry.hadRecentInput && document.querySelector(".claims") && (window.jumps += entry.value))).observe({ type: "layout-shift", buffered: true });
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => window.tasks.push([entry.startTime, entry.duration]))).observe({ type: "longtask", buffered: true });
  });
  await page.goto(`${url}/ask`);
  await page.getByText("connected").waitFor();
  await page.waitForTimeout(300);
  const asked = await page.evaluate(() => performance.now());
  await page.getByLabel("Ask about an outage").fill(QUESTION);
  await page.getByLabel("Ask about an outage").press("Enter");
  await page.locator('.run[aria-busy="false"] .claims li').first().waitFor({ timeout: 60_000 });
  await page.waitForTimeout(500);
  const { jumps, tasks } = await page.evaluate(() => ({ jumps: window.jumps, tasks: window.tasks }));
  const longest = Math.max(0, ...tasks.filter(([start]) => start > asked).map(([, duration]) => duration));
  console.log(`        layout shift after the first card ${jumps.toFixed(3)}, longest task while it is answered ${longest.toFixed(0)} ms`);
  assert.ok(jumps < 0.1, `what stands moved by ${jumps}`);
});

await test("an incident paints soon and a citation opens soon", { viewport: { width: 1440, height: 900 } }, async (page, context) => {
  await answered(page);
  const path = await page.locator(".standing-line .code").getAttribute("href");
  // A page of its own with a cold cache.
  const fresh = await context.browser().newContext();
  const incident = await fresh.newPage();
  await incident.goto(`${url}${path}`);
  await incident.locator(".claims li").first().waitFor();
  const painted = await incident.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);
  const opened = await incident.evaluate(async () => {
    const started = performance.now();
    document.querySelector(".claims .chip").click();
    while (!document.querySelector(".evidence pre")) await new Promise((done) => requestAnimationFrame(done));
    return performance.now() - started;
  });
  console.log(`        first contentful paint ${painted.toFixed(0)} ms, chip to evidence ${opened.toFixed(0)} ms`);
  assert.ok(painted < 3_000 && opened < 1_000, "an order of magnitude of room: the machine may be busy");
  await fresh.close();
});
