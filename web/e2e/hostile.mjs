// Telemetry that wants to be markup, a link, a command or a flood: it stays text, everywhere.
import assert from "node:assert/strict";
import { otlp, test, url } from "./harness.mjs";

const MARKUP = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>`;
const LINKS = "[click](javascript:window.hacked=1) https://evil.example/?q=1";
const BIDI = "\u202egnihton\u2066 \u200b";
const ANSI = "\u001b[31mred\u001b]8;;https://evil.example\u0007";
const HUGE = "A".repeat(1_000_000);
const SERVICE = `evil${MARKUP}`;
const TRACE = "5b8efff798038103d269b633813fc60c";

const resource = { attributes: [{ key: "service.name", value: { stringValue: SERVICE } }, { key: "k8s.pod.name", value: { stringValue: LINKS } }] };
const attributes = [{ key: MARKUP, value: { stringValue: LINKS + BIDI } }];
const now = Date.now() - 1_000;
const at = (offset) => `${now + offset}000000`;

async function send(signal, body) {
  const response = await fetch(`${otlp}/v1/${signal}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  assert.equal(response.status, 200, await response.text());
}

if (!otlp) console.log("skipped: GROUNDCREW_OTLP_URL does not name a receiver, so hostile telemetry cannot be sent");
else {
  const record = (body, offset) => ({ timeUnixNano: at(offset), severityNumber: 17, body: { stringValue: body }, attributes, traceId: TRACE, spanId: "eee19b7ec3c1b174" });
  const bodies = [MARKUP, LINKS, BIDI + ANSI, HUGE, `${MARKUP}${LINKS}${BIDI}`];
  await send("logs", { resourceLogs: [{ resource, scopeLogs: [{ scope: {}, logRecords: bodies.map((body, index) => record(body, index)) }] }] });
  const span = { traceId: TRACE, spanId: "eee19b7ec3c1b174", name: `${MARKUP}${BIDI}`, kind: 2, startTimeUnixNano: at(0), endTimeUnixNano: at(500), status: { code: 2, message: MARKUP + LINKS }, attributes };
  await send("traces", { resourceSpans: [{ resource, scopeSpans: [{ scope: {}, spans: [span] }] }] });
  const dataPoints = [0, 100, 200].map((offset) => ({ timeUnixNano: at(offset), asDouble: offset, attributes }));
  await send("metrics", { resourceMetrics: [{ resource, scopeMetrics: [{ scope: {}, metrics: [{ name: `m${MARKUP}`, unit: MARKUP, gauge: { dataPoints } }] }] }] });

  const from = new Date(now - 60_000).toISOString();
  const to = new Date(now + 60_000).toISOString();
  const times = `from=${encodeURIComponent(from)}&to=${encodeURIComponent(to)}`;
  const name = encodeURIComponent(SERVICE);
  for (const path of [
    `/logs?${times}&service=${name}`,
    `/logs?${times}&service=${name}&tab=patterns`,
    `/logs?q=${encodeURIComponent(MARKUP)}`,
    `/traces?${times}&service=${name}`,
    `/trace/${TRACE}`,
    `/charts?${times}&service=${name}`,
    `/services?${times}`,
    `/services?${times}&tab=map&focus=${name}`,
    `/runbooks?q=${encodeURIComponent(MARKUP)}`,
    `/ask?q=${encodeURIComponent(`why does ${SERVICE} fail? ${LINKS}`)}`,
    "/",
    "/incidents",
    `/i/${encodeURIComponent(MARKUP)}`,
    `/${encodeURIComponent(MARKUP)}`,
  ]) {
    await test(`hostile telemetry stays text: ${path.slice(0, 40)}`, { expected: ["404", "400"] }, async (page) => {
      await page.goto(url + path);
      await page.waitForLoadState("networkidle");
      await page.waitForTimeout(400);
      assert.equal(await page.evaluate(() => window.hacked), undefined, "no script ran");
      const bad = await page.evaluate(() => ({
        images: document.querySelectorAll("main img, main script, main iframe").length,
        links: [...document.querySelectorAll("a[href]")].map((link) => link.href).filter((href) => new URL(href).origin !== location.origin),
        hidden: /[\u202a-\u202e\u2066-\u2069\u200b\u001b]/.test(document.body.innerText),
        wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      }));
      assert.deepEqual(bad, { images: 0, links: [], hidden: false, wide: 0 });
    });
  }
}
