// Device-bound sessions in a real Chromium with software keys, over https, on pages without any script of ours. The npm
// package's browser cannot bind sessions: these tests want an installed one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../support/until.mjs";
import { boundBrowser, call, skip, url } from "./support/bound-browser.mjs";
import { HOST } from "./support/gateway-site.mjs";

const { another, bound, cookies, profile, signedIn, site } = boundBrowser();

test("a login binds the session, the browser renews its cookie before a request, and copied cookies are worth nothing", { skip }, async () => {
  const { tab, name } = await signedIn();
  const who = () => tab.evaluate(() => fetch("/api/who").then(async (answer) => [answer.status, await answer.text()]));
  assert.deepEqual(await who(), [200, '{"user":"alice"}']);
  // The bound cookie has run out: the browser holds the request back, proves that it has the key, and sends it.
  const first = (await cookies())[name];
  await profile().clearCookies({ name });
  assert.deepEqual(await who(), [200, '{"user":"alice"}']);
  assert.notEqual((await cookies())[name], undefined);
  assert.notEqual((await cookies())[name], first);
  await profile().clearCookies({ name });
  const page = await tab.goto(url("/api/page"));
  assert.deepEqual([page?.status(), await page?.text()], [200, '{"user":"alice"}']);
  // Everything but the key, on another machine.
  const copied = Object.entries(await cookies()).filter(([cookie]) => cookie !== name).map(([cookie, value]) => `${cookie}=${value}`).join("; ");
  assert.equal((await site().gateway.fetch("/api/who", { headers: { cookie: copied, host: HOST } })).status, 401);
});

test("when the cookie has run out, a POST arrives once with its body, and two tabs go on at once", { skip }, async () => {
  const { tab, name } = await signedIn();
  const other = await profile().newPage();
  await other.goto(url("/plain"));
  await profile().clearCookies({ name });
  const before = site().received.length;
  assert.deepEqual(await Promise.all([call(tab, "/api/order", "POST", "one pizza"), call(other, "/api/who", "GET")]), [200, 200]);
  const orders = site().received.slice(before).filter((request) => request.url === "/api/order");
  assert.deepEqual(orders.map(({ text }) => text.endsWith("\none pizza")), [true]);
});

test("a sign-out takes the cookie away, and the next login is bound anew", { skip }, async () => {
  const { tab, name } = await signedIn();
  assert.equal(await call(tab, "/auth/signout", "POST"), 200);
  assert.equal(await bound(), undefined);
  assert.equal(await call(tab, "/api/who", "GET"), 401);
  assert.equal(await call(tab, "/login", "POST"), 200);
  assert.notEqual(await until("the browser has registered another key", bound, 20_000), name);
  assert.equal(await call(tab, "/api/who", "GET"), 200);
});

test("a browser that has the cookies and not the key is refused, without a loop, and a login mends it", { skip }, async () => {
  const { name } = await signedIn();
  const copied = (await profile().cookies(url("/"))).filter((cookie) => cookie.name !== name);
  const thief = await another();
  try {
    await thief.addCookies(copied);
    const tab = await thief.newPage();
    await tab.goto(url("/plain"));
    const before = site().received.length;
    assert.equal(await call(tab, "/api/who", "GET"), 401);
    assert.equal(await call(tab, "/auth/session/refresh", "POST"), 401);
    assert.equal(await call(tab, "/api/who", "GET"), 401);
    assert.ok(!site().received.slice(before).some((request) => request.url === "/api/who"), "no origin sees it");
    assert.equal(await call(tab, "/login", "POST"), 200);
    assert.equal(await call(tab, "/api/who", "GET"), 200);
  } finally {
    await thief.close();
  }
});
