// A server that goes away and comes back at the same address: the panel goes on, and says what was lost.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testAt } from "./harness.mjs";

const binary = process.env.GROUNDCREW_BINARY;

function freePort() {
  return new Promise((done) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });
}

async function serve(data, port) {
  const ports = { GROUNDCREW__SERVER__LISTEN: `127.0.0.1:${port}`, GROUNDCREW__SERVER__OTLP_GRPC: "127.0.0.1:0", GROUNDCREW__SERVER__OTLP_HTTP: "127.0.0.1:0" };
  const server = spawn(binary, ["serve", "--data-dir", data], { env: { ...process.env, ...ports }, stdio: "ignore" });
  for (let turn = 0; turn < 100; turn += 1) {
    const isUp = await fetch(`http://127.0.0.1:${port}/readyz`).then((response) => response.ok, () => false);
    if (isUp) return server;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error("the server did not start");
}

function ended(server, signal) {
  return new Promise((done) => {
    server.once("exit", done);
    server.kill(signal);
  });
}

if (!binary) console.log("skipped: GROUNDCREW_BINARY does not name the program, so it cannot be restarted");
else {
  const data = mkdtempSync(join(tmpdir(), "groundcrew-restart-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let server = await serve(data, port);
  await testAt(url, "a server that is killed and comes back is found again, and asking goes on", { expected: ["WebSocket", "ERR_CONNECTION_REFUSED", "Failed to load", "ERR_EMPTY_RESPONSE"] }, async (page) => {
    await page.goto(`${url}/ask`);
    const ask = async (question) => {
      await page.getByLabel("Ask about an outage").fill(question);
      await page.getByLabel("Ask about an outage").press("Enter");
    };
    await ask("what broke?");
    await page.locator('.run[aria-busy="false"] .answer h2').first().waitFor();
    await ended(server, "SIGKILL");
    await page.getByText("trying again").waitFor({ timeout: 20_000 });
    await ask("what changed?");
    server = await serve(data, port);
    await page.getByText("connected").waitFor({ timeout: 40_000 });
    await page.locator('.run[aria-busy="false"] .answer h2').nth(1).waitFor({ timeout: 40_000 });
    assert.equal(await page.locator(".run").count(), 2, "nothing is lost and nothing doubled");
  });
  await ended(server, "SIGTERM");
  rmSync(data, { recursive: true, force: true });
}
