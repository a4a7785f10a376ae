// Asks a server of the Model Context Protocol with the official TypeScript SDKs and prints what came, as JSON.
//
//     node ask_mcp.mjs PACKAGES MODE END (URL | COMMAND ARGUMENT...)
//
// PACKAGES is the directory whose node_modules has them. MODE is `v1` for the SDK of the revision with a handshake, `v2`
// for the one of 2026-07-28.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [packages, mode, end, ...target] = process.argv.slice(2);
const require = createRequire(join(packages, "package.json"));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const version = { name: "ask_mcp", version: "1" };
const isUrl = target[0].startsWith("http");
const command = { command: target[0], args: target.slice(1), env: process.env };

let client, transport;
if (mode === "v1") {
  const { Client } = await load("@modelcontextprotocol/sdk/client/index.js");
  client = new Client(version);
  if (isUrl) {
    const { StreamableHTTPClientTransport } = await load("@modelcontextprotocol/sdk/client/streamableHttp.js");
    transport = new StreamableHTTPClientTransport(new URL(target[0]));
  } else {
    const { StdioClientTransport } = await load("@modelcontextprotocol/sdk/client/stdio.js");
    transport = new StdioClientTransport(command);
  }
} else {
  const { Client, StreamableHTTPClientTransport } = await load("@modelcontextprotocol/client");
  client = new Client(version, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
  if (isUrl) {
    transport = new StreamableHTTPClientTransport(new URL(target[0]));
  } else {
    const { StdioClientTransport } = await load("@modelcontextprotocol/client/stdio");
    transport = new StdioClientTransport(command);
  }
}
await client.connect(transport);
const { tools } = await client.listTools();
const progress = [];
const call = (name, args, options) =>
  mode === "v1"
    ? client.callTool({ name, arguments: args }, undefined, options)
    : client.callTool({ name, arguments: args }, options);
// The SDKs check structured content against the output schema by themselves.
const answer = await call("investigate", { question: "why is checkout failing?", to: end }, {
  onprogress: (told) => progress.push([told.progress, told.message]),
});
const results = {};
for (const [name, args] of [
  ["what_changed", { to: end }],
  ["search_logs", { service: "checkout", query: "pool", limit: 3, to: end }],
  ["log_patterns", { to: end }],
  ["search_traces", { to: end }],
  ["get_trace", { trace_id: "0af7651916cd43dd8448eb211c80319c" }],
  ["query_metric", { to: end }],
  ["service_map", { to: end }],
  ["search_knowledge", { query: "pool exhausted" }],
  ["get_incident", { code: answer.structuredContent.incident }],
  ["cost_of", { service: "checkout" }],
]) {
  const result = await call(name, args);
  results[name] = { error: result.isError ?? false, structured: result.structuredContent };
}
const wrong = await call("search_logs", { from: "yesterday" });
const link = answer.content.find((block) => block.type === "resource_link" && block.uri.startsWith("evidence:"));
const read = await client.readResource({ uri: link.uri });
const prompt = await client.getPrompt({ name: "triage-alert", arguments: { alert: "CheckoutFails" } });
console.log(JSON.stringify({
  server: client.getServerVersion()?.name,
  tools: tools.map((tool) => [tool.name, tool.annotations.readOnlyHint]),
  answer: { error: answer.isError ?? false, structured: answer.structuredContent, text: answer.content[0].text },
  progress,
  results,
  wrong: [wrong.isError, wrong.content[0].text],
  read: read.contents[0].text,
  prompt: prompt.messages[0].content.text,
}));
await client.close();
