// Life with device-bound sessions in a real Chromium: whatever may ask while the bound cookie has run out, trouble in between, and what
// was copied to another machine.
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../support/until.mjs";
import { apiKey } from "../support/harness.mjs";
import { boundBrowser, call, skip, url } from "./support/bound-browser.mjs";
import { HOST } from "./support/gateway-site.mjs";

const { another, bound, cookies, profile, signedIn, site } = boundBrowser({ API_KEYS: [apiKey] });

/** The status of a page, and its text. */
const opened = async (tab, path) => {
  const page = await tab.goto(url(path));
  return [page?.status(), await page?.text()];
};
const user = (name) => `{"user":"${name}"}`;

test("no script on any page: a form signs in, the session is bound, and a link works after the cookie has run out", { skip }, async () => {
  const tab = await profile().newPage();
  await tab.route("**/*", (route) => (route.request().resourceType() === "script" ? route.abort() : route.continue()));
  await tab.goto(url("/form"));
  await Promise.all([tab.waitForURL(url("/login")), tab.click("button")]);
  const name = String(await until("the browser has registered its key", bound, 20_000));
  await profile().clearCookies({ name });
  await tab.goto(url("/form"));
  await Promise.all([tab.waitForURL(url("/api/page")), tab.click("a")]);
  assert.equal(await tab.textContent("body"), user("alice"));
  assert.notEqual((await cookies())[name], undefined);
});

test("an image, a chain of redirects and a WebSocket have the browser renew the cookie first", { skip }, async () => {
  const { tab, name } = await signedIn();
  const ranOut = () => profile().clearCookies({ name });
  await ranOut();
  const size = await tab.evaluate(() => new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve(image.naturalWidth);
    image.onerror = () => resolve("refused");
    image.src = "/api/picture.gif";
  }));
  assert.equal(size, 1);
  await ranOut();
  assert.deepEqual(await opened(tab, "/api/hop/3"), [200, user("alice")]);
  await tab.goto(url("/plain"));
  await ranOut();
  const said = await tab.evaluate(() => new Promise((resolve) => {
    const socket = new WebSocket(`wss://${location.host}/api/live`);
    socket.onmessage = ({ data }) => resolve(data);
    socket.onclose = ({ code }) => resolve(`closed ${code}`);
  }));
  assert.equal(said, "alice");
});

test("while the refresh answers 5xx or nothing, requests are answered 503 and nothing is lost; then it goes on; the metrics count it", { skip }, async () => {
  const { tab, name } = await signedIn();
  for (const fault of [500, 503, 0]) {
    await profile().clearCookies({ name });
    site().faults.set("/auth/session/device/refresh", fault);
    assert.equal(await call(tab, "/api/who", "GET"), 503, `${fault}`);
    assert.equal((await cookies())[name], undefined);
    site().faults.clear();
    assert.equal(await until("the browser asks again", async () => (await call(tab, "/api/who", "GET")) === 200 && 200, 30_000), 200, `${fault}`);
  }
  const metrics = await (await site().gateway.fetch("/auth/metrics", { headers: { "api-key": apiKey, host: HOST } })).text();
  assert.match(metrics, /postern_log_events_total\{event="device_skipped"\} [1-9]/);
});

test("two accounts, one after the other in one browser: each has a key and a cookie of its own, and the first is forgotten", { skip }, async () => {
  const { tab, name } = await signedIn();
  assert.equal(await call(tab, "/login?user=bob", "POST"), 200);
  const other = await until("the browser has registered another key", async () => {
    const names = Object.keys(await cookies()).filter((one) => one.startsWith("__Host-sDevice-") && one !== name);
    return names[0];
  }, 20_000);
  for (let round = 0; round < 2; round += 1) {
    assert.deepEqual(await opened(tab, "/api/page"), [200, user("bob")]);
    await profile().clearCookies({ name: String(other) });
  }
  assert.deepEqual(await opened(tab, "/api/page"), [200, user("bob")]);
});

/** Which cookies a thief has, by what they are; and what each of the doors gives in another profile. */
const PARTS = {
  "the access token": [/sAccessToken/],
  "the refresh token": [/sRefreshToken/],
  "the bound cookie": [/^__Host-sDevice-/],
  "access and refresh token": [/sAccessToken/, /sRefreshToken/],
  "all of them, once the bound cookie has run out": [/^(?!__Host-sDevice-)/],
};
for (const [what, patterns] of Object.entries(PARTS)) {
  test(`copied to another profile: ${what} opens no page, and a refresh brings nothing`, { skip }, async () => {
    const { tab, name } = await signedIn();
    const copied = (await profile().cookies()).filter((cookie) => patterns.some((pattern) => pattern.test(cookie.name)));
    assert.ok(copied.length > 0);
    const thief = await another();
    try {
      await thief.addCookies(copied);
      const page = await thief.newPage();
      await page.goto(url("/plain"));
      const before = site().received.length;
      assert.equal(await call(page, "/api/who", "GET"), 401);
      assert.notEqual((await opened(page, "/api/page"))[0], 200);
      await page.goto(url("/plain"));
      assert.equal(await call(page, "/auth/session/refresh", "POST"), 401);
      assert.equal(await call(page, "/api/who", "GET"), 401);
      assert.ok(!site().received.slice(before).some(({ url }) => url.startsWith("/api/")), "no origin sees it");
    } finally {
      await thief.close();
    }
    // Whoever had the refresh token has ended the session by it; else its owner goes on.
    const isEnded = copied.some((cookie) => /sRefreshToken/.test(cookie.name));
    await profile().clearCookies({ name });
    assert.equal(await call(tab, "/api/who", "GET"), isEnded ? 401 : 200);
  });
}

test("all cookies, within the bound cookie's minutes, are worth these minutes and no more", { skip }, async () => {
  const { name } = await signedIn();
  const thief = await another();
  try {
    await thief.addCookies(await profile().cookies());
    const page = await thief.newPage();
    await page.goto(url("/plain"));
    assert.equal(await call(page, "/api/who", "GET"), 200);
    await thief.clearCookies({ name });
    assert.equal(await call(page, "/api/who", "GET"), 401);
  } finally {
    await thief.close();
  }
});

test("a profile whose key is gone is asked to sign in: a page is answered once, and does not go round", { skip }, async () => {
  const { name } = await signedIn();
  const kept = (await profile().cookies()).filter((cookie) => cookie.name !== name);
  // The same cookies, in a browser that has lost its keys.
  const reset = await another();
  try {
    await reset.addCookies(kept);
    const tab = await reset.newPage();
    let requests = 0;
    tab.on("request", () => (requests += 1));
    const page = await tab.goto(url("/api/page"));
    assert.equal(page?.status(), 401);
    assert.ok(requests <= 6, `${requests} requests`);
    await tab.goto(url("/plain"));
    assert.equal(await call(tab, "/login", "POST"), 200);
    const again = await until("the browser has registered a new key", () => bound(reset), 20_000);
    assert.notEqual(again, name);
    assert.equal(await call(tab, "/api/who", "GET"), 200);
  } finally {
    await reset.close();
  }
});
