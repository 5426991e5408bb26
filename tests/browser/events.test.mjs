// What happens to sessions, in a real Chromium: tabs, sign-out everywhere, revocation, new claims, forged requests,
// wrong clocks, a change of the cookie domain, and other people's 401s.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { CROSS_SITE, REFRESH, SAME_SITE, useSite } from "./support/site.mjs";

const site = useSite();

/** A visitor with a page, logged in. */
async function loggedIn({ api = SAME_SITE, mode, options, ...more } = {}) {
  const visitor = await site().visitor(options);
  const tab = await visitor.open({ api, mode, ...more });
  assert.equal((await tab.logIn()).status, 200);
  const { session } = (await tab.call()).body;
  return { visitor, tab, session, refreshes: () => visitor.calls(REFRESH).length };
}

describe("in a browser of its own", { concurrency: 4 }, () => {
  for (const mode of ["cookie", "header"]) {
    test(`two tabs refresh once between them, and see each other's sign-out, in ${mode} mode`, async () => {
      const { visitor, tab, refreshes } = await loggedIn({ mode });
      const second = await visitor.open({ api: SAME_SITE, mode });
      assert.equal((await second.call()).status, 200);
      const before = refreshes();
      await tab.untilExpiry();
      const answers = await Promise.all([tab.many(5), second.many(5)]);
      assert.deepEqual(answers.flat().map(({ status }) => status), Array(10).fill(200));
      assert.equal(refreshes(), before + 1);
      await tab.ask("signOut");
      assert.equal((await second.ask("doesSessionExist")).value, false);
      assert.equal((await second.call()).status, 401);
      assert.equal(refreshes(), before + 1);
      await visitor.context.close();
    });

    test(`claims that change are seen by the page with its next token, in ${mode} mode`, async () => {
      const { visitor, tab, session } = await loggedIn({ mode });
      assert.equal((await tab.ask("getAccessTokenPayloadSecurely")).value.role, "editor");
      await site().api(SAME_SITE).admin("mergeIntoAccessTokenPayload", { handle: session.handle, jwtPayload: { role: "owner", name: "Łucja" } });
      assert.equal((await tab.ask("attemptRefreshingSession")).value, true);
      const payload = (await tab.ask("getAccessTokenPayloadSecurely")).value;
      assert.deepEqual([payload.role, payload.name], ["owner", "Łucja"]);
      assert.ok((await tab.events()).includes("ACCESS_TOKEN_PAYLOAD_UPDATED"));
      assert.deepEqual((await tab.call()).body.session.jwtPayload, { role: "owner", name: "Łucja" });
      await visitor.context.close();
    });

    test(`a session revoked elsewhere is over for the page at its next call, without a loop, in ${mode} mode`, async () => {
      const { visitor, tab, session, refreshes } = await loggedIn({ mode });
      await site().api(SAME_SITE).admin("revokeSession", { handle: session.handle });
      const before = refreshes();
      assert.equal((await tab.call()).status, 401);
      assert.ok((await tab.events()).includes("UNAUTHORISED"));
      assert.equal((await tab.ask("doesSessionExist")).value, false);
      assert.equal((await tab.call()).status, 401);
      assert.ok(refreshes() <= before + 1);
      assert.equal((await tab.logIn()).status, 200);
      assert.equal((await tab.call()).status, 200);
      await visitor.context.close();
    });
  }

  test("a forged request of another website is refused, cannot be read, and does the session no harm", async () => {
    const { visitor, tab, refreshes } = await loggedIn({ api: CROSS_SITE });
    const evil = await visitor.context.newPage();
    await evil.goto("https://evil.test/");
    const before = refreshes();
    const from = site().calls.length;
    await evil.evaluate(async (api) => {
      const form = { method: "POST", mode: "no-cors", credentials: "include", body: "x=1" };
      await fetch(`https://${api}/api/cart`, /** @type {RequestInit} */ (form));
      await fetch(`https://${api}/auth/signout`, /** @type {RequestInit} */ (form));
    }, CROSS_SITE);
    const forged = [...visitor.calls("/api/cart", from), ...visitor.calls("/auth/signout", from)];
    assert.deepEqual(forged.map(({ status }) => status), [401, 403]);
    for (const { headers } of forged) assert.match(headers.cookie, /sAccessToken=ey/);

    const read = await evil.evaluate(async (api) => {
      const attempts = [{}, { method: "POST", headers: { rid: "anti-csrf" } }, { headers: { authorization: "Bearer x" } }];
      const answers = attempts.map((attempt) => fetch(`https://${api}/api/me`, { credentials: "include", ...attempt }).then(() => "read", () => "refused"));
      return Promise.all(answers);
    }, CROSS_SITE);
    assert.deepEqual(read, ["refused", "refused", "refused"]);
    assert.deepEqual(visitor.calls("/api/me", from).map(({ method }) => method), ["GET"], "what needs a preflight is never sent");

    assert.equal((await tab.call("fetch", "/api/cart", { method: "POST", json: {} })).status, 200);
    assert.equal(refreshes(), before);
    await visitor.context.close();
  });

  for (const [what, shift] of [["an hour fast", 3_600_000], ["an hour slow", -3_600_000]]) {
    test(`a clock that is ${what} neither refreshes too often nor too late`, async () => {
      const visitor = await site().visitor();
      await visitor.context.addInitScript((shift) => {
        const Real = Date;
        // @ts-expect-error A stand-in for the page's clock.
        globalThis.Date = class extends Real {
          constructor(...args) {
            // @ts-expect-error As the real one takes them.
            super(...(args.length === 0 ? [Real.now() + shift] : args));
          }
          static now() {
            return Real.now() + shift;
          }
        };
      }, shift);
      const tab = await visitor.open({ api: SAME_SITE });
      assert.equal((await tab.logIn()).status, 200);
      const before = visitor.calls(REFRESH).length;
      for (let i = 0; i < 3; i++) assert.equal((await tab.ask("getAccessTokenPayloadSecurely")).value.role, "editor");
      assert.equal((await tab.ask("doesSessionExist")).value, true);
      assert.equal(visitor.calls(REFRESH).length, before);
      await tab.untilExpiry();
      // The page may take the token for good by up to a second: `iat` is in whole seconds.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      assert.equal((await tab.ask("getAccessTokenPayloadSecurely")).value.role, "editor");
      assert.equal(visitor.calls(REFRESH).length, before + 1);
      await visitor.context.close();
    });
  }

  test("after a change of the cookie domain one refresh repairs the doubled cookies", async () => {
    const { visitor, tab, session, refreshes } = await loggedIn();
    const held = async () => (await visitor.context.cookies()).filter(({ name }) => /^s(Access|Refresh)Token$/.test(name));
    const before = refreshes();
    // As the deployment before the change left them: for the API's host alone.
    const old = (await held()).map(({ name, value, path }) => `${name}=${value}; Path=${path}; HttpOnly; Secure; SameSite=Lax`);
    const end = site().disturb(async (call, forward) => {
      const answer = await forward();
      const more = call.path === "/api/old" ? old.map((line) => ["set-cookie", line]) : [];
      return { ...answer, headers: [...answer.headers, ...more] };
    });
    await tab.call("fetch", "/api/old");
    end();
    assert.equal((await held()).length, 4);
    const { status, body } = await tab.call();
    assert.equal(status, 200);
    assert.equal(body.session.handle, session.handle);
    assert.equal(refreshes(), before + 1);
    assert.deepEqual((await held()).map(({ domain }) => domain), [".example.test", ".example.test"]);
    assert.equal((await tab.call()).status, 200);
    assert.equal(refreshes(), before + 1);
    await visitor.context.close();
  });

  test("another party's 401 starts no refresh", async () => {
    for (const transport of ["fetch", "XMLHttpRequest", "axios"]) {
      const { visitor, tab, refreshes } = await loggedIn();
      const before = refreshes();
      assert.equal((await tab.call(transport, "https://third.test/data")).status, 401);
      assert.equal(refreshes(), before);
      assert.equal(visitor.calls("/data").length, 1);
      assert.equal((await tab.call(transport)).status, 200);
      await visitor.context.close();
    }
  });
});

// Not beside the others: it ends their sessions too.
test("signing out everywhere reaches every browser of the user", async () => {
  const [first, second] = [await loggedIn(), await loggedIn({ mode: "header" })];
  await site().api(SAME_SITE).admin("revokeAllSessionsForUser", { userId: "alice" });
  for (const { visitor, tab } of [first, second]) {
    assert.equal((await tab.call()).status, 401);
    assert.equal((await tab.ask("doesSessionExist")).value, false);
    await visitor.context.close();
  }
});
