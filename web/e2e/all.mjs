// Every browser test, against the program that GROUNDCREW_URL names.
import { finish, url } from "./harness.mjs";

if (!url) {
  console.log("skipped: GROUNDCREW_URL does not name a running server");
  process.exit(0);
}
await import("./panel.mjs");
await import("./views.mjs");
await import("./lines.mjs");
await import("./restart.mjs");
await import("./hostile.mjs");
await import("./barriers.mjs");
// Last: what is sent here stands in every list.
await import("./large.mjs");
await finish();
