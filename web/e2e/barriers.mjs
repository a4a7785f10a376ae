// Nobody is shut out: every page by the rules of WCAG 2.2 AA, dark, light, narrow and at 200 %.
import assert from "node:assert/strict";
import { answered, isWithinTheScreen, picture, test, url, violations } from "./harness.mjs";

const PAGES = ["/", "/incidents", "/services", "/services?tab=map", "/logs", "/logs?tab=patterns", "/traces", "/charts", "/runbooks?q=pool"];

for (const [name, options] of [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["narrow", { viewport: { width: 375, height: 740 } }],
  // What a window of 1280 by 800 has left at 200 %.
  ["200 percent", { viewport: { width: 640, height: 400 } }],
]) {
  // The checker itself has to be let in; the other tests run under the page's own policy.
  await test(`no barriers: ${name}`, { ...options, bypassCSP: true }, async (page) => {
    await page.goto(`${url}/ask`);
    await page.getByText("connected").waitFor();
    assert.deepEqual(await violations(page), [], "before a question");
    await answered(page);
    await picture(page, `answer-${name.replace(" ", "-")}`);
    await page.getByRole("button", { name: "No", exact: true }).click();
    assert.deepEqual(await violations(page), [], "with an answer");
    await page.locator(".claims .chip").first().click();
    await page.getByRole("complementary").waitFor();
    await page.waitForLoadState("networkidle");
    assert.deepEqual(await violations(page), [], "with evidence open");
    await isWithinTheScreen(page);
    await page.getByRole("link", { name: "Link to this evidence" }).click();
    await page.locator(".permalink .evidence pre").waitFor();
    assert.deepEqual(await violations(page), [], "behind a permalink");
    for (const path of PAGES) {
      await page.goto(url + path);
      await page.waitForLoadState("networkidle");
      assert.deepEqual(await violations(page), [], path);
      await isWithinTheScreen(page);
      await picture(page, `${path.replaceAll(/\W+/g, "-")}-${name.replace(" ", "-")}`);
    }
    await page.goto(`${url}/traces?only=failed`);
    await page.locator('a[href^="/trace/"]').first().click();
    await page.waitForLoadState("networkidle");
    assert.deepEqual(await violations(page), [], "a trace");
    await isWithinTheScreen(page);
  });
}
