// A trace of 20,000 spans and 100,000 lines: what is in the page stays little, whatever is scrolled through.
import assert from "node:assert/strict";
import { otlp, test, url } from "./harness.mjs";

const SPANS = 20_000;
const LINES = 100_000;
const TRACE = "00000000000000000000000000c0ffee";
const now = Date.now() - 5_000;
const resource = { attributes: [{ key: "service.name", value: { stringValue: "large" } }] };

async function send(signal, body) {
  const response = await fetch(`${otlp}/v1/${signal}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  assert.equal(response.status, 200, await response.text());
}

/** Scrolls a list to its end and back; rows that were in the page at most, and the median frame in milliseconds. */
function scrolled(page, selector) {
  return page.evaluate(async (selector) => {
    const list = document.querySelector(selector);
    const frames = [];
    let rows = 0;
    let before = performance.now();
    for (let step = 0; step <= 120; step += 1) {
      list.scrollTop = step < 100 ? step * 240 : list.scrollHeight * ((step - 100) / 20);
      await new Promise((done) => requestAnimationFrame(done));
      const at = performance.now();
      frames.push(at - before);
      before = at;
      rows = Math.max(rows, list.firstElementChild.childElementCount);
    }
    frames.sort((a, b) => a - b);
    return { rows, median: frames[frames.length >> 1], slow: frames[Math.floor(frames.length * 0.95)] };
  }, selector);
}

if (!otlp) console.log("skipped: GROUNDCREW_OTLP_URL does not name a receiver, so nothing large can be sent");
else {
  await test("a trace of 20,000 spans is drawn and scrolled", { viewport: { width: 1280, height: 800 } }, async (page) => {
    const id = (number) => (number + 1).toString(16).padStart(16, "0");
    const span = (number) => ({
      traceId: TRACE, spanId: id(number), parentSpanId: number === 0 ? "" : id(Math.floor((number - 1) / 8)), name: `step ${number % 40}`, kind: 1,
      startTimeUnixNano: `${now}${String(number * 40).padStart(6, "0")}`, endTimeUnixNano: `${now + 900}000000`,
    });
    for (let start = 0; start < SPANS; start += 4_000) {
      const spans = Array.from({ length: 4_000 }, (_, index) => span(start + index));
      await send("traces", { resourceSpans: [{ resource, scopeSpans: [{ scope: {}, spans }] }] });
    }
    await page.goto(`${url}/trace/${TRACE}`);
    await page.getByRole("tree").waitFor({ timeout: 60_000 });
    assert.match(await page.locator("main").innerText(), /20,000 spans/);
    const { rows, median, slow } = await scrolled(page, "[role=tree]");
    console.log(`        frame ${median.toFixed(1)} ms, one in twenty above ${slow.toFixed(1)} ms, at most ${rows} rows in the page`);
    assert.ok(rows < 150, `${rows} rows`);
    await page.getByRole("tree").focus();
    await page.keyboard.press("End");
    await page.keyboard.press("]");
    await page.locator("[role=treeitem]").first().waitFor();
    assert.equal(await page.locator("[role=treeitem]").count(), 1, "collapsed to its root");
  });

  await test("100,000 lines are read page by page and scrolled", { viewport: { width: 1280, height: 800 } }, async (page) => {
    for (let start = 0; start < LINES; start += 10_000) {
      const logRecords = Array.from({ length: 10_000 }, (_, index) => ({ timeUnixNano: `${now + Math.floor((start + index) / 100)}${String((start + index) % 100).padStart(6, "0")}`, severityNumber: 9, body: { stringValue: `line ${start + index} of many` } }));
      await send("logs", { resourceLogs: [{ resource, scopeLogs: [{ scope: {}, logRecords }] }] });
    }
    await page.goto(`${url}/logs?service=large`);
    const list = page.locator(".lg-list");
    await list.waitFor();
    assert.match(await page.locator("main").innerText(), /100,000 lines/);
    const heapBefore = await page.evaluate(() => performance.memory?.usedJSHeapSize ?? 0);
    for (let turn = 0; turn < 6; turn += 1) {
      await list.evaluate((element) => (element.scrollTop = element.scrollHeight));
      await page.waitForTimeout(300);
    }
    const { rows, median, slow } = await scrolled(page, ".lg-list");
    const heap = await page.evaluate(() => performance.memory?.usedJSHeapSize ?? 0);
    console.log(`        frame ${median.toFixed(1)} ms, one in twenty above ${slow.toFixed(1)} ms, at most ${rows} rows in the page, heap ${(heapBefore / 1e6).toFixed(0)} to ${(heap / 1e6).toFixed(0)} MB`);
    assert.ok(rows < 150, `${rows} rows`);
  });
}
