// Fails when the first load grew beyond what a phone on a bad line should wait for.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const limits = { js: 45_000, css: 10_000 };
const sizes = { js: 0, css: 0 };
for (const name of readdirSync("dist/assets")) {
  const kind = name.endsWith(".js") ? "js" : name.endsWith(".css") ? "css" : undefined;
  if (kind) sizes[kind] += gzipSync(readFileSync(`dist/assets/${name}`), { level: 9 }).length;
}
console.log(`first load: ${sizes.js} B of JavaScript, ${sizes.css} B of CSS, gzipped`);
for (const kind of ["js", "css"]) {
  if (sizes[kind] > limits[kind]) {
    console.error(`${kind} is over its limit of ${limits[kind]} B`);
    process.exit(1);
  }
}
