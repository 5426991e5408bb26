// Races, theft and outages, in a real Chromium: nobody is logged out by a race or an outage, and a stolen token is found.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { REFRESH, SAME_SITE, useSite } from "./support/site.mjs";

const site = useSite();
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function loggedIn(visitor) {
  const tab = await visitor.open({ api: SAME_SITE });
  assert.equal((await tab.logIn()).status, 200);
  return { tab, session: (await tab.call()).body.session };
}

/** Holds the answers to a visitor's next two refreshes until both are there; `lost` of them never arrive. */
function race(visitor, { reversed, lost }) {
  const answers = [];
  const end = site().disturb(async (call, forward) => {
    if (call.visitor !== visitor.name || call.path !== REFRESH || call.method !== "POST" || answers.length === 2) return forward();
    const place = answers.length;
    const answer = forward();
    answers.push(answer);
    const deadline = Date.now() + 3_000;
    while (answers.length < 2 && Date.now() < deadline) await pause(10);
    await Promise.all(answers);
    if (reversed === (place === 0)) await pause(150);
    return lost.includes(place) ? undefined : answer;
  });
  return { end, both: async () => (await Promise.all(answers)).map(({ status }) => status) };
}

describe("in browsers of their own", { concurrency: 4 }, () => {
  test("two subdomains of one cookie jar, without a lock between them, refresh at once: never a logout", async () => {
    const visitor = await site().visitor();
    const { tab: app, session } = await loggedIn(visitor);
    const www = await visitor.open({ host: "www.example.test", api: SAME_SITE });
    assert.equal((await www.call()).status, 200);
    for (const how of [
      { reversed: false, lost: [] },
      { reversed: true, lost: [] },
      { reversed: true, lost: [0] },
      { reversed: false, lost: [1] },
      { reversed: false, lost: [0, 1] },
    ]) {
      await app.untilExpiry();
      await www.untilExpiry();
      const { end, both } = race(visitor, how);
      const answers = await Promise.all([app.call(), www.call()]);
      end();
      assert.deepEqual(await both(), [200, 200], "both refreshed, with one token");
      // A call whose refresh lost its answer may fail; none is told that there is no session.
      for (const { status, failed } of answers) assert.ok(status === 200 || failed, `${status} ${failed}`);
      for (const tab of [app, www]) {
        const { status, body } = await tab.call();
        assert.equal(status, 200);
        assert.equal(body.session.handle, session.handle);
        assert.equal((await tab.ask("doesSessionExist")).value, true);
      }
    }
    await app.untilExpiry();
    for (const tab of [app, www]) assert.equal((await tab.call()).status, 200);
    await visitor.context.close();
  });

  test("of two jars with one token, both are answered, and the second to refresh again is theft and ends the session", async () => {
    const victim = await site().visitor();
    const { tab, session } = await loggedIn(victim);
    const thief = await site().visitor();
    await thief.context.addCookies(await victim.context.cookies());
    const stolen = await thief.open({ api: SAME_SITE });
    await tab.untilExpiry();
    assert.deepEqual([(await tab.call()).status, (await stolen.call()).status], [200, 200]);
    assert.equal(thief.calls(REFRESH).length, 1);
    await stolen.untilExpiry();
    assert.equal((await tab.call()).status, 200);
    const caught = await stolen.call();
    assert.deepEqual([caught.status, caught.body.status], [401, "TOKEN_THEFT_DETECTED"]);
    assert.equal((await stolen.ask("doesSessionExist")).value, false);
    const ended = await site().api(SAME_SITE).admin("getSessionInformation", { handle: session.handle });
    assert.equal(ended.status, "UNAUTHORISED");
    assert.equal((await tab.call()).status, 401);
    for (const { context } of [victim, thief]) await context.close();
  });

  test("a superseded token after the window is theft", async () => {
    const victim = await site().visitor();
    const { tab } = await loggedIn(victim);
    const thief = await site().visitor();
    await thief.context.addCookies(await victim.context.cookies());
    const stolen = await thief.open({ api: SAME_SITE });
    await tab.untilExpiry();
    assert.equal((await tab.call()).status, 200);
    await pause(4_600);
    const caught = await stolen.call();
    assert.deepEqual([caught.status, caught.body.status], [401, "TOKEN_THEFT_DETECTED"]);
    assert.equal((await tab.call()).status, 401);
    for (const { context } of [victim, thief]) await context.close();
  });

  for (const expired of [false, true]) {
    test(`a second visit with a revoked session, its token ${expired ? "expired" : "not yet expired"}, recovers by itself`, async () => {
      const visitor = await site().visitor();
      const { tab, session } = await loggedIn(visitor);
      await site().api(SAME_SITE).admin("revokeSession", { handle: session.handle });
      if (expired) await tab.untilExpiry();
      await tab.tab.close();
      const before = visitor.calls(REFRESH).length;
      const again = await visitor.open({ api: SAME_SITE });
      assert.equal((await again.call()).status, 401);
      assert.equal((await again.call()).status, 401);
      assert.equal((await again.ask("doesSessionExist")).value, false);
      assert.ok(visitor.calls(REFRESH).length <= before + 1);
      assert.equal((await again.logIn()).status, 200);
      assert.equal((await again.call()).status, 200);
      await visitor.context.close();
    });
  }

  for (const rotated of [false, true]) {
    test(`a 503 in the middle of a refresh, ${rotated ? "after" : "before"} the token was exchanged, logs nobody out`, async () => {
      const visitor = await site().visitor();
      const { tab, session } = await loggedIn(visitor);
      await tab.untilExpiry();
      const end = site().disturb(async (call, forward) => {
        if (call.visitor !== visitor.name || call.path !== REFRESH || call.method !== "POST") return forward();
        if (rotated) await forward();
        const cors = [["access-control-allow-origin", String(call.headers.origin)], ["access-control-allow-credentials", "true"]];
        return { status: 503, headers: [...cors, ["retry-after", "1"]], body: "" };
      });
      assert.equal((await tab.call()).status, 503);
      end();
      const { status, body } = await tab.call();
      assert.equal(status, 200);
      assert.equal(body.session.handle, session.handle);
      assert.ok(!(await tab.events()).includes("UNAUTHORISED"));
      await visitor.context.close();
    });
  }
});

// Not beside the others: these are outages for everybody.
test("an outage of KV logs nobody out and stops no login", async () => {
  const { postern } = site().api(SAME_SITE);
  const visitor = await site().visitor();
  const { tab, session } = await loggedIn(visitor);
  await postern.faults.setFaults([{ outcome: "refuse" }]);
  try {
    await tab.untilExpiry();
    const { status, body } = await tab.call();
    assert.equal(status, 200);
    assert.equal(body.session.handle, session.handle);
    const other = await site().visitor();
    assert.equal((await (await loggedIn(other)).tab.call()).status, 200);
    const refused = (await postern.faults.calls()).filter(({ outcome }) => outcome === "refuse");
    assert.ok(refused.length > 0, "KV was asked, and refused");
    await other.context.close();
  } finally {
    await postern.faults.setFaults([]);
  }
  assert.equal((await tab.call()).status, 200);
  await visitor.context.close();
});

test("an outage of the user's object is 503, and the page goes on when it is over", async () => {
  const { postern } = site().api(SAME_SITE);
  const visitor = await site().visitor();
  const { tab, session } = await loggedIn(visitor);
  const object = { name: session.handle.split(".")[0] };
  await tab.untilExpiry();
  await postern.sql("UserSessions", object, "ALTER TABLE session RENAME TO out_of_reach");
  try {
    assert.equal((await tab.call()).status, 503);
    assert.equal((await tab.call()).status, 503);
  } finally {
    await postern.sql("UserSessions", object, "ALTER TABLE out_of_reach RENAME TO session");
  }
  const { status, body } = await tab.call();
  assert.equal(status, 200);
  assert.equal(body.session.handle, session.handle);
  assert.ok(!(await tab.events()).includes("UNAUTHORISED"));
  await visitor.context.close();
});
