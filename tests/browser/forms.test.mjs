// @ts-check
// People with a real Chromium at a site without the SDK: forms, redirects, and an hour that passes. The rules are the
// sample of gateway.toml, uncommented as its comment says.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import { startWithCaller } from "../support/rpc.mjs";
import { launch } from "./support/chromium.mjs";
import { formOrigins } from "./support/form-origins.mjs";

const sample = readFileSync(new URL("../../gateway.toml", import.meta.url), "utf8").replace(/^#(?=[a-z[])/gm, "");
const LIFE = 2_000;
const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @type {(() => unknown)[]} */
const closing = [];
after(async () => {
  for (const close of closing.reverse()) await close();
});

/** Postern with the sample in front of an origin, and a browser. @param {() => Promise<{url: string, close: () => unknown}>} start */
async function siteOf(start) {
  const origin = await start();
  closing.push(() => origin.close());
  const gateway = sample.replace("http://127.0.0.1:9000", origin.url);
  assert.notEqual(gateway, sample);
  const postern = await startWithCaller({ ACCESS_TOKEN_VALIDITY: `${LIFE / 1000}s`, ACCESS_TOKEN_VALIDITY_JITTER: "0", FRESHNESS: "within 1s" }, { gateway });
  closing.push(() => postern.close());
  const { port } = new URL(postern.url());
  const browser = await launch(Number(port));
  closing.push(() => browser.close());
  assert.deepEqual(postern.output().match(/unwise_setting|bad_setting/g), null);
  return { postern, browser, port };
}

/** @param {import("playwright-core").Page} page @param {string} base */
function person(page, base) {
  const self = {
    open: (/** @type {string} */ path) => page.goto(base + path),
    /** Sends a form of the page. @param {string} action @param {string} [name] */
    async send(action, name = "") {
      const form = page.locator(`form[action$="${action}"]`);
      if (name) await form.locator("input[name=name]").fill(name);
      const [answer] = await Promise.all([page.waitForNavigation(), form.locator("button").click()]);
      return answer;
    },
    user: () => page.locator("#user").textContent(),
    path: () => new URL(page.url()).pathname,
    /** The handle of the session in the jar. */
    async handle() {
      const token = (await page.context().cookies(base)).find(({ name }) => name === "sAccessToken")?.value ?? "";
      return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString() || "{}").sessionHandle;
    },
  };
  return self;
}

for (const [name, start] of Object.entries(formOrigins)) {
  describe(`the sample of gateway.toml in front of ${name}`, { timeout: 120_000, concurrency: 3 }, () => {
    /** @type {Promise<Awaited<ReturnType<typeof siteOf>>>} */
    let site;
    // Browsers tell what a request is for only where the connection is safe, as loopback is; `site.test` is not.
    for (const [host, javaScriptEnabled] of /** @type {const} */ ([["127.0.0.1", false], ["site.test", false], ["site.test", true]])) {
      test(`${host}, ${javaScriptEnabled ? "with" : "without"} scripts`, async () => {
        const { postern, browser, port } = await (site ??= siteOf(start));
        const isLive = async (/** @type {string} */ handle) => (await postern.call("SESSIONS", "getSessionData", { handle, freshness: "strict" })).status === "OK";
        const context = await browser.newContext({ javaScriptEnabled });
        const visitor = person(await context.newPage(), `http://${host}:${port}`);

        // Sent to log in, and in.
        await visitor.open("/account");
        assert.equal(visitor.path(), "/login");
        await visitor.send("login", "alice");
        assert.deepEqual([visitor.path(), await visitor.user()], ["/account", "alice"]);
        const first = await visitor.handle();

        // An hour later the page is still hers, and the session the same.
        await pause(LIFE + 300);
        await visitor.open("/account?x=1&y=%26");
        assert.deepEqual([await visitor.user(), await visitor.handle()], ["alice", first]);

        // An hour later she logs in again, and out.
        await visitor.open("/login");
        await pause(LIFE + 300);
        await visitor.send("login", "Ève");
        assert.deepEqual([visitor.path(), decodeURIComponent((await visitor.user()) ?? "")], ["/account", "Ève"]);
        const second = await visitor.handle();
        assert.notEqual(second, first);
        await pause(LIFE + 300);
        const answer = await visitor.send("logout");
        assert.deepEqual([answer?.status(), visitor.path(), await visitor.user()], [200, "/", "nobody"]);
        assert.equal(await isLive(second), false);
        await visitor.open("/account");
        assert.equal(visitor.path(), "/login");

        // A session that was ended elsewhere, and one without a way back.
        await visitor.send("login", "carol");
        await postern.admin("revokeSession", { handle: await visitor.handle() });
        await pause(1_200);
        await visitor.open("/login");
        await visitor.send("login", "dave");
        assert.deepEqual([visitor.path(), await visitor.user()], ["/account", "dave"]);
        await context.clearCookies({ name: "sRefreshToken" });
        await pause(LIFE + 300);
        await visitor.open("/account");
        assert.equal(visitor.path(), "/login");
        await visitor.send("login", "erin");
        assert.equal(await visitor.user(), "erin");
        await context.close();
      });
    }
  });
}
