// The unmodified browser SDK in a real Chromium, on a website whose host is the gateway's own: whatever the browser sends
// along, for pictures and pages too, no token reaches the origin behind it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { HOST, startGatewaySite } from "./support/gateway-site.mjs";

const LIFE_MILLISECONDS = 6_000;
let site;
before(async () => {
  const vars = { ACCESS_TOKEN_VALIDITY: `${LIFE_MILLISECONDS / 1000}s` };
  site = await startGatewaySite(vars, [
    { path: "/picture.png", origin: "app", session: "none" },
    { path: "/api/me", origin: "app", session: "required" },
    { path: "/**", origin: "app", session: "optional" },
  ]);
});
after(() => site?.close());

/** The page's call of a method of `app`. */
const app = (tab, method, ...args) => tab.evaluate(([method, args]) => globalThis.app[method](...args), [method, args]);

describe("no token reaches an origin", () => {
  for (const mode of ["header", "cookie"]) {
    test(`${mode} mode`, async () => {
      const context = await site.browser.newContext({ ignoreHTTPSErrors: true });
      const tab = await context.newPage();
      const url = (path) => `https://${HOST}${path}`;
      const from = site.received.length;
      await tab.goto(url("/"));
      await app(tab, "start", { name: "supertokens-website", mode, apiDomain: `https://${HOST}` });
      assert.equal((await app(tab, "call", "fetch", url("/login"), { method: "POST", json: { name: "alice" } })).status, 200);
      const names = (await context.cookies()).map(({ name }) => name);
      assert.ok(names.includes(mode === "header" ? "st-refresh-token" : "sAccessToken"), names.join());
      const me = async () => assert.deepEqual(await app(tab, "call", "fetch", url("/api/me")), { status: 200, body: { user: "alice" } });
      await me();
      const given = site.tokens.size;
      await new Promise((resolve) => setTimeout(resolve, LIFE_MILLISECONDS + 500));
      await me();
      assert.ok(site.tokens.size > given, "it was refreshed");
      // A page with a picture and a style, with all that the browser has by now.
      await tab.goto(url("/"), { waitUntil: "load" });
      await tab.evaluate(() => Promise.all(["/picture.png?2", "/other.png"].map((source) => new Promise((resolve) => {
        const image = new Image();
        image.onload = image.onerror = resolve;
        image.src = source;
      }))));
      await app(tab, "start", { name: "supertokens-website", mode, apiDomain: `https://${HOST}` });
      await me();
      assert.deepEqual(await app(tab, "ask", "signOut"), { value: undefined });
      await context.close();

      const seen = site.received.slice(from);
      for (const path of ["/", "/picture.png", "/style.css", "/app.js", "/login", "/api/me", "/other.png"]) assert.ok(seen.some((request) => request.url.split("?")[0] === path), path);
      assert.ok(site.tokens.size >= 4, "there are tokens to look for");
      for (const { method, url, text } of seen) {
        const decoded = [text, decodeURIComponent(text.replaceAll("%", "%25")), text.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)))].join("\n");
        for (const token of site.tokens) {
          const secret = token.split(".").at(-1);
          assert.ok(!decoded.includes(token) && !decoded.includes(secret.slice(0, 12)), `${method} ${url} carried a token`);
        }
        assert.doesNotMatch(text, /st-(access|refresh)-token|sAccessToken|sRefreshToken|sFrontToken|st-last-access/i);
      }
    });
  }
});
