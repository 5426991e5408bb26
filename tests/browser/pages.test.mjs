// @ts-check
// The pages that people see in place of JSON, in a real Chromium.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { bodyOf, startOrigin } from "../support/origin.mjs";
import { launch } from "./support/chromium.mjs";

/** @type {Awaited<ReturnType<typeof startOrigin>>} */
let origin;
/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {string} */
let base;

before(async () => {
  origin = await startOrigin(async (request, response) => {
    const body = (await bodyOf(request)).toString();
    response.setHeader("content-type", "text/html");
    if (request.method === "POST" && request.url === "/login") {
      const session = Buffer.from(JSON.stringify({ userId: "alice" })).toString("base64url");
      response.setHeader("postern-directive-key", request.headers["postern-directive-key"] ?? "").setHeader("postern-create-session", session);
      return response.end("welcome");
    }
    if (request.method === "POST") return response.end(`<p id=got>${request.headers["postern-user-id"]} ${body}</p>`);
    const action = request.url?.startsWith("/login") ? "/login" : "/save";
    response.end(`<!doctype html><form method=post action=${action}><input name=text><button>send</button></form>`);
  });
  gateway = await startGateway({
    origins: { app: { url: origin.url }, dead: { url: "http://127.0.0.1:1" } },
    rules: [
      { path: "/login", methods: ["POST"], origin: "app", session: "optional", directives: true },
      { path: ["/login", "/write"], origin: "app", session: "none" },
      { path: "/dead", origin: "dead", session: "none" },
      { path: "/save", origin: "app", refuse: "/login" },
      { path: "/**", origin: "app" },
    ],
  });
  const { port } = new URL(gateway.url());
  browser = await launch(Number(port));
  base = `http://127.0.0.1:${port}`;
});
after(async () => {
  await browser?.close();
  await gateway?.close();
  await origin?.close();
});

test("a page fits small and large screens, follows the visitor's scheme, and breaks no rule of its own", async () => {
  const seen = new Set();
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    for (const width of [320, 400, 1400]) {
      const context = await browser.newContext({ colorScheme, viewport: { width, height: 700 } });
      const page = await context.newPage();
      /** @type {string[]} */
      const told = [];
      page.on("console", (message) => told.push(message.text()));
      for (const [path, title] of [["/members", "Please sign in"], ["/dead", "The server behind this page does not answer"]]) {
        await page.goto(base + path);
        assert.equal(await page.title(), title);
        assert.equal(await page.getByRole("heading", { level: 1 }).textContent(), title);
        assert.equal(await page.getByRole("main").count(), 1);
        const [wide, background] = await page.evaluate(() => {
          const { document, getComputedStyle } = /** @type {any} */ (globalThis);
          return [document.documentElement.scrollWidth, getComputedStyle(document.body).backgroundColor];
        });
        assert.ok(wide <= width, `${path} ${width} ${wide}`);
        seen.add(`${colorScheme} ${background}`);
      }
      // Chromium reports the status of a page that failed, and nothing else: no style was refused.
      assert.deepEqual(told.filter((text) => !/status of (401|502)/.test(text)), []);
      await context.close();
    }
  }
  assert.deepEqual([...seen], ["light rgb(243, 244, 247)", "dark rgb(18, 21, 27)"]);
});

test("what was typed is not lost: sign in in another tab, reload, and the form arrives", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${base}/write`);
  await page.fill("input", "an hour of typing");
  await Promise.all([page.waitForNavigation(), page.click("button")]);
  assert.equal(await page.getByRole("heading", { level: 1 }).textContent(), "Your form was not sent");
  const [tab] = await Promise.all([context.waitForEvent("page"), page.getByRole("link").click()]);
  await tab.waitForLoadState();
  assert.equal(new URL(tab.url()).pathname, "/login");
  await Promise.all([tab.waitForNavigation(), tab.click("button")]);
  await page.reload();
  assert.equal(await page.locator("#got").textContent(), "alice text=an+hour+of+typing");
  await context.close();
});
