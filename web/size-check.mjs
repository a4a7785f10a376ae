// Fails when the first load, or any part that is loaded later, grew beyond what a phone on a bad line should wait for.
import { readFileSync, rmSync } from "node:fs";
import { gzipSync } from "node:zlib";

const limits = { js: 45_000, css: 10_000 };
const manifest = JSON.parse(readFileSync("dist/.vite/manifest.json", "utf8"));

/** The files of a part and of all that it cannot do without. */
function files(name, known = new Set()) {
  const part = manifest[name];
  if (known.has(part.file)) return known;
  known.add(part.file);
  for (const sheet of part.css ?? []) known.add(sheet);
  for (const other of part.imports ?? []) files(other, known);
  return known;
}

function sizes(names) {
  const found = { js: 0, css: 0 };
  for (const name of names) {
    const kind = name.endsWith(".js") ? "js" : "css";
    found[kind] += gzipSync(readFileSync(`dist/${name}`), { level: 9 }).length;
  }
  return found;
}

const entry = Object.keys(manifest).find((name) => manifest[name].isEntry);
const first = files(entry);
const wholes = [["first load", first], ...Object.keys(manifest).filter((name) => manifest[name].isDynamicEntry).map((name) => [name, files(name)])];
// The list of parts is for this check, not for the server.
rmSync("dist/.vite", { recursive: true });
let isOver = false;
for (const [name, all] of wholes) {
  const found = sizes(name === "first load" ? all : [...all].filter((file) => !first.has(file)));
  console.log(`${name}: ${found.js} B of JavaScript, ${found.css} B of CSS, gzipped`);
  isOver ||= found.js > limits.js || found.css > limits.css;
}
if (isOver) {
  console.error(`over the limit of ${limits.js} B of JavaScript and ${limits.css} B of CSS`);
  process.exit(1);
}
