// The operator's console in a real Chromium, with real sessions: found, ended, keys, freshness, explained; by keyboard, looked over by
// axe-core in light and dark at two widths. CONSOLE_PICTURES=1 writes docs/pictures anew.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { apiKey, startPostern } from "../support/harness.mjs";
import { startOrigin } from "../support/origin.mjs";
import { objectOf } from "../support/service-api.mjs";
import { launch } from "./support/chromium.mjs";

const root = new URL("../../", import.meta.url);
const axe = readFileSync(new URL("node_modules/axe-core/axe.min.js", root), "utf8");
const pictures = fileURLToPath(new URL("docs/pictures", root));
const PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";
const LAPTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const STRANGE = "<img src=x onerror=alert(1)>";
const DESKTOP = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/153.0.0.0 Safari/537.36";

let postern, admin, browser, base, origin;
before(async () => {
  origin = await startOrigin();
  postern = await startPostern({
    vars: { CONSOLE: "api_key", ACCESS_TOKEN_VALIDITY_JITTER: "0", MAX_SESSIONS_PER_USER: "3" },
    secrets: { API_KEYS: apiKey },
    entrypoints: ["SessionsAdmin"],
    gateway: `[origins.app]\nurl = "${origin.url}"\n[[rules]]\npath = "/account/**"\norigin = "app"\nsession = "required"\nname = "accounts"\n`,
    bindings: { assets: { directory: "../target/console", binding: "ASSETS", run_worker_first: true, html_handling: "none", not_found_handling: "none" } },
  });
  admin = postern.entrypoint("SessionsAdmin");
  const { port } = new URL(postern.url);
  base = `http://localhost:${port}/auth/console/`;
  browser = await launch(Number(port));
});
after(async () => {
  await browser?.close();
  await postern?.close();
  await origin?.close();
});

/** Sessions that were created, displaced, revoked, stolen, and expired. @param {string} userId */
async function sessionsOf(userId) {
  const create = async (device) => admin.createNewSession({ userId, device, jwtPayload: { note: "of the application" } });
  const expired = await create({ userAgent: PHONE, ip: "198.51.100.4", country: "FR" });
  const { handle } = expired.session;
  await postern.sql("UserSessions", objectOf(handle), "UPDATE session SET expiry = ? WHERE handle = ?", Date.now() - 1_000, handle);
  const displaced = await create({ userAgent: LAPTOP, ip: "198.51.100.4", country: "FR" });
  const stolen = await create({ userAgent: LAPTOP, ip: "203.0.113.9", country: "DE" });
  const revoked = await create({ userAgent: PHONE, ip: "203.0.113.9", country: "DE" });
  await admin.revokeSession({ handle: revoked.session.handle });
  const live = [await create({ userAgent: STRANGE, country: "DE" })];
  live.push(await create({ userAgent: PHONE, ip: "203.0.113.9", country: "DE" }));
  const refresh = (refreshToken) => postern.fetch("/core/recipe/session/refresh", {
    method: "POST", headers: { "api-key": apiKey, "cdi-version": "5.6", rid: "session" }, body: JSON.stringify({ refreshToken, enableAntiCsrf: false, useDynamicSigningKey: true }),
  }).then((response) => response.json());
  const second = await refresh(stolen.refreshToken.token);
  await refresh(second.refreshToken.token);
  assert.equal((await refresh(stolen.refreshToken.token)).status, "TOKEN_THEFT_DETECTED");
  return { live, displaced, stolen, revoked, expired };
}

/** @param {object} [options] */
async function opened(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, locale: "en-GB", timezoneId: "UTC", ...options });
  const tab = await context.newPage();
  const faults = [];
  tab.on("pageerror", (error) => faults.push(String(error)));
  tab.on("console", (message) => message.type() === "error" && !/status of 40[01]/.test(message.text()) && faults.push(message.text()));
  await tab.goto(base);
  await tab.getByLabel("API key").waitFor();
  return { tab, faults, context };
}

async function signedIn(options) {
  const it = await opened(options);
  await it.tab.getByLabel("API key").fill(apiKey);
  await it.tab.keyboard.press("Enter");
  await it.tab.getByRole("button", { name: "Sign out" }).waitFor();
  return it;
}
const section = async (tab, name) => {
  await tab.getByRole("link", { name, exact: true }).click();
  await tab.locator(`nav a[aria-current]:text-is("${name}")`).waitFor();
};
const find = async (tab, who) => {
  await tab.getByLabel("User id, or handle of a session").fill(who);
  await tab.keyboard.press("Enter");
  await tab.getByRole("heading", { name: /^Live sessions of/ }).waitFor();
};
const said = (tab, text) => tab.getByRole("status").filter({ hasText: text }).waitFor();
const violations = async (tab) => {
  await tab.evaluate(axe);
  const { violations } = await tab.evaluate(() => globalThis.axe.run(document));
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
};
const audited = () => postern.logs().flatMap((line) => line.split("\n")).filter((line) => line.includes('"console_action"')).map((line) => JSON.parse(line.slice(line.indexOf("{"))));

test("who has no key sees a form and nothing else, and a wrong key is refused", async () => {
  const { tab, faults } = await opened();
  await tab.getByLabel("API key").fill("wrong-key-wrong-key-wrong-key");
  await tab.keyboard.press("Enter");
  await said(tab, "The API key is not accepted.");
  assert.equal(await tab.locator("nav a").count(), 0);
  assert.deepEqual(await violations(tab), []);
  assert.deepEqual(faults, []);
});

test("a person is found by user and by handle; one session and all of them are ended, by keyboard, and it is noted who did it", async () => {
  const userId = "Zoë <b> & co";
  const { live, stolen, revoked, displaced, expired } = await sessionsOf(userId);
  const { tab, faults } = await signedIn();
  await find(tab, userId);
  const text = await tab.locator("main").innerText();
  for (const { session } of live) assert.ok(text.includes(session.handle));
  assert.ok(text.includes(STRANGE), "shown as text");
  assert.equal(await tab.locator("main img, main b").count(), 0);
  const why = async (handle) => (await tab.locator("tr", { hasText: handle }).innerText()).replace(/\s+/g, " ");
  assert.match(await why(stolen.session.handle), /a refresh token was stolen/);
  assert.match(await why(revoked.session.handle), /ended, by a Worker/);
  assert.match(await why(displaced.session.handle), /displaced by newer ones/);
  assert.match(await why(expired.session.handle), /expired/);
  assert.ok(!text.includes("of the application"), "payloads are the application's");

  await find(tab, live[0].session.handle);
  const end = tab.locator("tr", { hasText: live[0].session.handle }).getByRole("button", { name: "End" });
  await end.focus();
  await tab.keyboard.press("Enter");
  await tab.getByRole("dialog").waitFor();
  await tab.keyboard.press("Escape");
  assert.equal((await admin.getSessionInformation({ handle: live[0].session.handle })).status, "OK", "nothing without a yes");
  await end.focus();
  await tab.keyboard.press("Enter");
  await tab.getByRole("button", { name: "End the session" }).click();
  await said(tab, "The session has ended.");
  assert.match(await why(live[0].session.handle), /ended, by an operator here/);
  assert.equal((await admin.getSessionInformation({ handle: live[0].session.handle })).status, "UNAUTHORISED");

  await tab.getByRole("button", { name: "End all of this user's" }).click();
  await tab.getByRole("button", { name: "End all sessions" }).click();
  await said(tab, /sessions? ha(s|ve) ended/);
  assert.deepEqual((await admin.getAllSessionHandlesForUser({ userId })).handles.length, 0);
  const actions = audited();
  for (const reason of ["signed_in", "sessions_ended", "all_sessions_ended"]) assert.ok(actions.some((line) => line.reason === reason), reason);
  assert.equal(new Set(actions.map(({ message }) => message.match(/^operator ([0-9a-f]{16})/)?.[1])).size, 1);
  assert.deepEqual(faults, []);
});

test("devices have the names that people know, which open what was sent; what the library does not know is shown as it was sent", async () => {
  const userId = "devices";
  // The limit of three sessions of this deployment leaves the first three among the ended ones, which have names too.
  const sent = [DESKTOP, PHONE, LAPTOP, `${DESKTOP} ${STRANGE}`, "curl/8.5.0", `${STRANGE}/1 Generic/2`];
  const handles = [];
  for (const userAgent of sent) handles.push((await admin.createNewSession({ userId, device: { userAgent, ip: "203.0.113.9", country: "DE" } })).session.handle);
  handles.push((await admin.createNewSession({ userId: "no-device" })).session.handle);
  const { tab, faults } = await signedIn();
  await find(tab, userId);
  const cell = (handle) => tab.locator("tr", { hasText: handle }).locator('td[data-name="Device"]');
  const named = { 0: "Chrome 153 on Windows", 1: "Safari 18 on iOS", 2: "Firefox 140 on Linux", 3: "Chrome 153 on Windows" };
  for (const [at, name] of Object.entries(named)) {
    const device = cell(handles[at]);
    const summary = device.locator("summary");
    assert.equal(await summary.innerText(), name);
    assert.ok(!(await device.innerText()).includes("Mozilla"), "the rest is closed");
    await summary.focus();
    await tab.keyboard.press("Enter");
    assert.equal(await device.locator(".code").innerText(), sent[at]);
    assert.match(await device.innerText(), /DE, 203\.0\.113\.0/);
  }
  for (const at of [4, 5]) {
    assert.equal(await cell(handles[at]).locator("summary").count(), 0);
    assert.ok((await cell(handles[at]).innerText()).startsWith(sent[at]));
  }
  assert.equal(await tab.locator("main img").count(), 0);
  assert.deepEqual(await violations(tab), []);
  await find(tab, "no-device");
  await cell(handles[6]).filter({ hasText: "not known" }).waitFor();
  assert.deepEqual(faults, []);
});

test("keys are shown, rotated and withdrawn", async () => {
  const { accessToken } = await admin.createNewSession({ userId: "keys" });
  const { kid } = JSON.parse(Buffer.from(accessToken.token.split(".")[0], "base64url").toString());
  const { tab, faults } = await signedIn();
  await section(tab, "Keys");
  assert.match(await tab.locator("tr", { hasText: kid }).innerText(), /signs/);
  await tab.getByRole("button", { name: "Rotate now" }).click();
  await said(tab, "A new key signs from now on.");
  await tab.locator("tr", { hasText: kid }).getByRole("button", { name: "Withdraw" }).click();
  await tab.getByRole("button", { name: "Withdraw the key" }).click();
  await said(tab, "The key is withdrawn.");
  assert.equal(await tab.locator("tr", { hasText: kid }).count(), 0);
  assert.equal((await postern.fetch("/auth/session", { headers: { authorization: `Bearer ${accessToken.token}` } })).status, 401);
  assert.deepEqual(faults, []);
});

test("freshness, counts, settings without secrets, and what becomes of a request", async () => {
  const { tab, faults } = await signedIn();
  await section(tab, "State");
  const state = await tab.locator("main").innerText();
  assert.match(state, /Age of this isolate's copy\s+[\d.]+ seconds?/);
  assert.match(state, /postern_sessions_created_total/);
  await section(tab, "Settings");
  const settings = await tab.locator("main").innerText();
  assert.match(settings, /MAX_SESSIONS_PER_USER\s+3\s+set/);
  assert.match(settings, /API_KEYS\s+set; not shown/);
  assert.ok(!settings.includes(apiKey));
  await section(tab, "Explain");
  await tab.getByLabel("URL").fill("http://app.example/account/x");
  await tab.getByRole("button", { name: "Explain", exact: true }).click();
  await tab.locator("#explanation pre").waitFor();
  assert.match(await tab.locator("#explanation").innerText(), /accounts|\/account/);
  assert.deepEqual(faults, []);
});

test("beside a real origin: what its rule makes of a request is what becomes of it, and the console is nobody's path", async () => {
  const { accessToken } = await admin.createNewSession({ userId: "erin" });
  const headers = { authorization: `Bearer ${accessToken.token}` };
  const { tab, faults } = await signedIn();
  await section(tab, "Explain");
  const explained = async (token, decision) => {
    await tab.getByLabel("URL").fill(new URL("/account/orders", postern.url).href);
    await tab.getByLabel("Access token").fill(token);
    await tab.getByRole("button", { name: "Explain", exact: true }).click();
    await tab.locator("#explanation pre", { hasText: `"decision": "${decision}"` }).waitFor();
    return tab.locator("#explanation").innerText();
  };
  assert.match(await explained(accessToken.token, "forward"), /"name": "accounts"/);
  assert.equal(origin.received.length, 0, "an explanation goes nowhere");
  const answer = await postern.fetch("/account/orders", { headers });
  assert.deepEqual([answer.status, (await answer.json()).headers["postern-user-id"]], [200, "erin"]);
  await admin.revokeAllSessionsForUser({ userId: "erin" });
  assert.match(await explained("a.b.c", "refuse"), /"httpStatus": 401/);
  assert.equal((await postern.fetch("/account/orders")).status, 401);
  assert.equal(origin.received.length, 1);
  assert.deepEqual(faults, []);
});

test("everybody's sessions from before a moment end", async () => {
  const { accessToken } = await admin.createNewSession({ userId: "before" });
  const { tab } = await signedIn();
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await tab.getByLabel("Created before").fill(new Date(Math.floor(Date.now() / 1_000) * 1_000).toISOString().slice(0, 19));
  await tab.getByRole("button", { name: "End everybody's" }).click();
  await tab.getByRole("button", { name: "End everybody's sessions" }).click();
  await tab.getByRole("status").filter({ hasText: "from before that moment have ended" }).waitFor({ timeout: 60_000 });
  assert.equal((await postern.fetch("/auth/session", { headers: { authorization: `Bearer ${accessToken.token}` } })).status, 401);
});

test("signed out, the page asks for the key again", async () => {
  const { tab } = await signedIn();
  await tab.getByRole("button", { name: "Sign out" }).click();
  await said(tab, "You are signed out.");
  await tab.reload();
  await tab.getByLabel("API key").waitFor();
});

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1400, 400]) {
    test(`${colorScheme} at ${width} pixels: no violation, nothing is cut off`, async () => {
      const userId = `alice@example.com ${colorScheme} ${width}`;
      await sessionsOf(userId);
      const { tab } = await signedIn({ viewport: { width, height: 780 }, colorScheme });
      await find(tab, userId);
      const look = async (name) => {
        assert.deepEqual(await violations(tab), [], name);
        assert.ok(await tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name}: nothing is cut off`);
        if (!process.env.CONSOLE_PICTURES || name === "settings") return;
        mkdirSync(pictures, { recursive: true });
        await tab.screenshot({ path: `${pictures}/console-${name}-${colorScheme}-${width}.png` });
      };
      await look("people");
      await tab.getByRole("heading", { name: /^Ended sessions of/ }).evaluate((heading) => heading.scrollIntoView());
      await look("ended");
      for (const name of ["Keys", "State", "Explain", "Settings"]) {
        await section(tab, name);
        if (name === "Explain") {
          await tab.getByLabel("URL").fill("http://app.example/account/orders");
          await tab.getByRole("button", { name: "Explain", exact: true }).click();
          await tab.locator("#explanation pre").waitFor();
        }
        await look(name.toLowerCase());
      }
    });
  }
}
