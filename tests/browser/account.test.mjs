// The example page of one's own sessions, in a real Chromium behind the gateway: with the keyboard, and looked over by axe-core.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { bodyOf, startOrigin } from "../support/origin.mjs";
import { launch } from "./support/chromium.mjs";

const root = new URL("../../", import.meta.url);
const types = { html: "text/html", js: "text/javascript", mjs: "text/javascript", css: "text/css" };
const axe = readFileSync(new URL("node_modules/axe-core/axe.min.js", root), "utf8");
const file = (name) => (name === "bowser.mjs" ? new URL("node_modules/bowser/bowser.mjs", root) : new URL(`examples/account/public/account/${name}`, root));

let origin, gateway, browser;
before(async () => {
  origin = await startOrigin(async (request, response) => {
    await bodyOf(request);
    if (request.url === "/login") {
      response.setHeader("postern-directive-key", request.headers["postern-directive-key"] ?? "");
      response.setHeader("postern-create-session", Buffer.from(JSON.stringify({ userId: "alice" })).toString("base64url"));
      return void response.end("{}");
    }
    const name = (request.url ?? "").replace("/account/", "") || "index.html";
    response.setHeader("content-type", types[name.split(".").at(-1)] ?? "text/plain");
    response.end(readFileSync(file(name)));
  });
  gateway = await startGateway({
    origins: { app: { url: origin.url } },
    rules: [
      { path: "/login", methods: ["POST"], origin: "app", session: "optional", directives: true },
      { path: "/account/**", origin: "app", session: "none" },
    ],
  });
  browser = await launch(Number(new URL(gateway.url()).port));
});
after(async () => {
  await browser?.close();
  await gateway?.close();
  await origin?.close();
});

/** A browser that is signed in, on the page. @param {object} [options] */
async function signedIn(options = {}) {
  const context = await browser.newContext(options);
  const tab = await context.newPage();
  await tab.goto(new URL("/account/", gateway.url()).href);
  await tab.evaluate(() => fetch("/login", { method: "POST", headers: { "st-auth-mode": "cookie" } }).then((response) => response.text()));
  await tab.reload();
  await tab.waitForSelector("#sessions li");
  return tab;
}
const violations = async (tab) => {
  await tab.evaluate(axe);
  const { violations } = await tab.evaluate(() => globalThis.axe.run(document));
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
};
const list = (tab, id) => tab.$$eval(`#${id} li`, (items) => items.map((item) => item.innerText));

test("a person sees devices by name, ends one by keyboard, then all others, and signs out", async () => {
  const phone = await signedIn({ userAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1" });
  const strange = await signedIn({ userAgent: "<img src=x onerror=alert(1)>" });
  await gateway.admin("createNewSession", { userId: "alice", device: { country: "DE", ip: "203.0.113.9" } });
  const tab = await signedIn({ viewport: { width: 400, height: 800 } });
  const shown = await list(tab, "sessions");
  assert.equal(shown.length, 4);
  assert.match(shown[0], /Chrom.*on Linux[\s\S]*This session[\s\S]*Sign out/);
  assert.match(shown[1], /Unknown device[\s\S]*Germany, network 203\.0\.113\.0\/24/);
  assert.match(shown[3], /Safari on iOS/);
  assert.equal(await tab.$$eval("#sessions img", (images) => images.length), 0);
  assert.deepEqual(await violations(tab), []);
  assert.ok(await tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is cut off at 400 pixels");

  const buttons = tab.getByRole("button", { name: /^End: Safari on iOS/ });
  await buttons.focus();
  await tab.keyboard.press("Enter");
  await tab.getByRole("status").filter({ hasText: "The session has ended." }).waitFor();
  assert.equal((await list(tab, "sessions")).length, 3);
  assert.match((await list(tab, "ended"))[0], /Safari on iOS[\s\S]*It was ended by you, from another session/);
  await phone.reload();
  await phone.getByRole("status").filter({ hasText: "You are not signed in." }).waitFor();

  await tab.getByRole("button", { name: "Sign out everywhere else" }).click();
  await tab.getByRole("status").filter({ hasText: "All other sessions have ended." }).waitFor();
  assert.equal((await list(tab, "sessions")).length, 1);
  assert.equal(await tab.getByRole("button", { name: "Sign out everywhere else" }).isVisible(), false);
  assert.deepEqual(await violations(tab), []);
  await strange.reload();
  await strange.getByRole("status").filter({ hasText: "You are not signed in." }).waitFor();

  await tab.getByRole("button", { name: /^Sign out:/ }).click();
  await tab.getByRole("status").filter({ hasText: "You are signed out." }).waitFor();
  assert.deepEqual((await tab.context().cookies()).filter(({ name }) => /sAccessToken|sRefreshToken/.test(name)), []);
});
