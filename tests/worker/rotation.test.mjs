// Rotation through the built Worker: racing, reuse and its kinds, the windows and limits of settings, anti-CSRF tokens.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { posternWith } from "../support/postern-with.mjs";
import { objectOf, serviceApi } from "../support/service-api.mjs";
import { until } from "../support/until.mjs";

/** Moves what is known of a session's tokens into the past. @param {any} at @param {string} handle @param {number} millis */
const age = (at, handle, millis) => {
  const moved = ["first_exchanged", "last_issued", "child_seen"].map((column) => `${column} = ${column} - ${millis}`);
  return at.postern.sql("UserSessions", objectOf(handle), `UPDATE session SET ${moved.join(", ")} WHERE handle = ?`, handle);
};

/** Waits until the object of a session was told that a child of its token is in use. @param {any} at @param {string} handle */
const untilSeen = (at, handle) =>
  until("the note of use", async () => {
    const [row] = await at.postern.sql("UserSessions", objectOf(handle), "SELECT child_seen FROM session WHERE handle = ?", handle);
    return row.child_seen !== null;
  });

const handlesOf = async (/** @type {any} */ at, /** @type {string} */ userId) => (await at.admin.getAllSessionHandlesForUser({ userId })).handles;

describe("at the default settings", () => {
  const at = posternWith();

  test("a hundred refreshes at once with one token all succeed; one answer goes on, another one is theft (service API)", async () => {
    const { session, refreshToken } = await at.api.create("racer");
    const answers = await Promise.all(Array.from({ length: 100 }, () => at.api.refresh(refreshToken.token)));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set(["OK"]));
    const tokens = answers.map((answer) => answer.refreshToken.token);
    assert.equal(new Set(tokens).size, 100);
    const [chosen, other] = [tokens[63], tokens[7]];
    const next = await at.api.refresh(chosen);
    assert.equal(next.status, "OK");
    assert.deepEqual(await at.api.refresh(other), {
      status: "TOKEN_THEFT_DETECTED",
      session: { handle: session.handle, userId: "racer", recipeUserId: "racer" },
      recentTokenReuseSubtype: "ORPHANED_BRANCH",
    });
    assert.deepEqual(await handlesOf(at, "racer"), []);
    assert.equal((await at.api.refresh(next.refreshToken.token)).status, "UNAUTHORISED");
  });

  test("the same at our own endpoints, where answers come back unchanged while the quiet period lasts (RPC)", async () => {
    const { session, refreshToken } = await at.admin.createNewSession({ userId: "tabs" });
    const answers = await Promise.all(Array.from({ length: 100 }, () => at.admin.refreshSession({ refreshToken: refreshToken.token })));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set(["OK"]));
    const tokens = answers.map((answer) => answer.refreshToken.token);
    assert.equal(new Set(tokens).size, 100);
    for (const token of [tokens[99], tokens[0], tokens[50]]) {
      const echoed = await at.admin.refreshSession({ refreshToken: token });
      assert.equal(echoed.refreshToken.token, token);
      assert.equal((await at.admin.getSession({ accessToken: echoed.accessToken.token, freshness: "strict" })).status, "OK");
    }
    await age(at, session.handle, 30_000);
    assert.equal((await at.admin.refreshSession({ refreshToken: tokens[63] })).status, "OK");
    assert.equal((await at.admin.refreshSession({ refreshToken: tokens[7] })).status, "TOKEN_THEFT_DETECTED");
    assert.deepEqual(await handlesOf(at, "tabs"), []);
  });

  test("a token used again after its grace window is RECENT_PREV; within it, it is none", async () => {
    const { session, refreshToken } = await at.api.create();
    await at.api.refresh(refreshToken.token);
    await age(at, session.handle, 25_000);
    assert.equal((await at.api.refresh(refreshToken.token)).status, "OK");
    await age(at, session.handle, 6_000);
    const theft = await at.api.refresh(refreshToken.token);
    assert.deepEqual([theft.status, theft.recentTokenReuseSubtype], ["TOKEN_THEFT_DETECTED", "RECENT_PREV"]);
    assert.equal((await at.api.refresh(refreshToken.token)).status, "UNAUTHORISED");
  });

  const DAY = 86_400_000;

  test("a lost answer may be asked for again days later, at every entry point of our own; once a child was used, the grace window decides", async () => {
    const { session, refreshToken } = await at.admin.createNewSession({ userId: "sleeper" });
    const byRpc = () => at.admin.refreshSession({ refreshToken: refreshToken.token });
    const byBrowser = () =>
      at.postern.fetch("/auth/session/refresh", { method: "POST", headers: { authorization: `Bearer ${refreshToken.token}`, "st-auth-mode": "header" } });
    assert.equal((await byRpc()).status, "OK");
    await age(at, session.handle, 3 * DAY);
    assert.equal((await byBrowser()).status, 200);
    await age(at, session.handle, 3 * DAY);
    const arrived = await byRpc();
    assert.equal(arrived.status, "OK");
    assert.deepEqual(await handlesOf(at, "sleeper"), [session.handle]);
    // Its access token is seen by a verification that asks nobody.
    assert.equal((await at.admin.getSession({ accessToken: arrived.accessToken.token, freshness: "stateless" })).status, "OK");
    await untilSeen(at, session.handle);
    await age(at, session.handle, 10_000);
    assert.equal((await byBrowser()).status, 200);
    await age(at, session.handle, 30_000);
    assert.equal((await byBrowser()).status, 401);
    assert.equal((await byRpc()).status, "UNAUTHORISED");
    assert.deepEqual(await handlesOf(at, "sleeper"), []);
  });

  test("a session of the service API keeps the protocol's rule at the protocol's doors, and ours at ours", async () => {
    const { session, refreshToken } = await at.api.create("mixed");
    await at.api.refresh(refreshToken.token);
    await age(at, session.handle, DAY);
    assert.equal((await at.admin.refreshSession({ refreshToken: refreshToken.token })).status, "OK");
    const theft = await at.api.refresh(refreshToken.token);
    assert.deepEqual([theft.status, theft.recentTokenReuseSubtype], ["TOKEN_THEFT_DETECTED", "RECENT_PREV"]);
  });

  test("a token of an older generation is STALE_LINEAGE at once", async () => {
    const { refreshToken } = await at.api.create();
    const first = await at.api.refresh(refreshToken.token);
    await at.api.refresh(first.refreshToken.token);
    const theft = await at.api.refresh(refreshToken.token);
    assert.deepEqual([theft.status, theft.recentTokenReuseSubtype], ["TOKEN_THEFT_DETECTED", "STALE_LINEAGE"]);
  });

  test("an older protocol is told of theft without a subtype", async () => {
    const api = serviceApi(at.postern, "5.0");
    const { session, refreshToken } = await api.create("older");
    const [kept, lost] = [await api.refresh(refreshToken.token), await api.refresh(refreshToken.token)];
    assert.equal((await api.refresh(kept.refreshToken.token)).status, "OK");
    const theft = await api.refresh(lost.refreshToken.token);
    assert.equal(theft.status, "TOKEN_THEFT_DETECTED");
    assert.equal(theft.session.handle, session.handle);
    assert.equal("recentTokenReuseSubtype" in theft, false);
  });

  test("the anti-CSRF token is one per generation; a neighbour's is accepted, none is refused, and refusing changes nothing", async () => {
    const bound = { enableAntiCsrf: true };
    const created = await at.api.create("bound", bound);
    const refresh = (/** @type {any} */ refreshToken, /** @type {string | undefined} */ antiCsrfToken) => at.api.refresh(refreshToken.token, { ...bound, antiCsrfToken });
    for (const wrong of [undefined, "wrong", `${created.antiCsrfToken}x`]) {
      assert.equal((await refresh(created.refreshToken, wrong)).status, "UNAUTHORISED");
    }
    const one = await refresh(created.refreshToken, created.antiCsrfToken);
    const two = await refresh(created.refreshToken, created.antiCsrfToken);
    assert.equal(one.status, "OK");
    assert.equal(one.antiCsrfToken, two.antiCsrfToken);
    assert.notEqual(one.antiCsrfToken, created.antiCsrfToken);
    // The cookies of one answer, the anti-CSRF token of the one before it.
    const three = await refresh(two.refreshToken, created.antiCsrfToken);
    assert.equal(three.status, "OK");
    const verified = await at.api.verify(three.accessToken.token, { ...bound, doAntiCsrfCheck: true, antiCsrfToken: three.antiCsrfToken });
    assert.equal(verified.status, "OK");
    assert.deepEqual(await handlesOf(at, "bound"), [created.session.handle]);
  });
});

describe("with RECENT_TOKEN_REUSE_BEHAVIOUR = UNAUTHORISED and a grace window of nothing", () => {
  const at = posternWith({ RECENT_TOKEN_REUSE_BEHAVIOUR: "UNAUTHORISED", REFRESH_GRACE_PERIOD: "0s" });

  test("a recent reuse is UNAUTHORISED with its subtype, and the session has ended all the same", async () => {
    const { refreshToken } = await at.api.create("recent");
    await at.api.refresh(refreshToken.token);
    await sleep(5);
    const reuse = await at.api.refresh(refreshToken.token);
    assert.deepEqual([reuse.status, reuse.recentTokenReuseSubtype], ["UNAUTHORISED", "RECENT_PREV"]);
    assert.deepEqual(await handlesOf(at, "recent"), []);
  });

  test("a stale token is theft all the same", async () => {
    const { refreshToken } = await at.api.create("stale");
    const first = await at.api.refresh(refreshToken.token);
    await at.api.refresh(first.refreshToken.token);
    const theft = await at.api.refresh(refreshToken.token);
    assert.deepEqual([theft.status, theft.recentTokenReuseSubtype], ["TOKEN_THEFT_DETECTED", "STALE_LINEAGE"]);
  });

  test("our own endpoints report it as the setting says", async () => {
    const { session, refreshToken } = await at.admin.createNewSession({ userId: "own" });
    const { accessToken } = await at.admin.refreshSession({ refreshToken: refreshToken.token });
    assert.equal((await at.admin.getSession({ accessToken: accessToken.token })).status, "OK");
    await untilSeen(at, session.handle);
    await sleep(5);
    assert.equal((await at.admin.refreshSession({ refreshToken: refreshToken.token })).status, "UNAUTHORISED");
    assert.deepEqual(await handlesOf(at, "own"), []);
  });
});

describe("with REFRESH_TOKEN_SUPERSEDED_BY = time", () => {
  const at = posternWith({ REFRESH_TOKEN_SUPERSEDED_BY: "time" });

  test("the grace window begins with the first exchange, and no object is told of any use", async () => {
    const { session, refreshToken } = await at.admin.createNewSession({ userId: "clock" });
    const { accessToken } = await at.admin.refreshSession({ refreshToken: refreshToken.token });
    assert.equal((await at.admin.getSession({ accessToken: accessToken.token })).status, "OK");
    await sleep(200);
    const [row] = await at.postern.sql("UserSessions", objectOf(session.handle), "SELECT child_seen FROM session WHERE handle = ?", session.handle);
    assert.equal(row.child_seen, null);
    await age(at, session.handle, 31_000);
    assert.equal((await at.admin.refreshSession({ refreshToken: refreshToken.token })).status, "TOKEN_THEFT_DETECTED");
  });
});

describe("with limits", () => {
  const at = posternWith({ SESSION_ABSOLUTE_LIFETIME: "4s", MAX_SESSIONS_PER_USER: "3" });

  test("no refresh carries a session beyond its absolute lifetime", async () => {
    const created = await at.admin.createNewSession({ userId: "mortal" });
    const { session } = await at.admin.getSessionInformation({ handle: created.session.handle });
    const end = session.timeCreated + 4_000;
    assert.equal(session.expiry, end);
    await sleep(1_500);
    const refreshed = await at.admin.refreshSession({ refreshToken: created.refreshToken.token });
    assert.equal(refreshed.refreshToken.expiry, end);
    assert.ok(refreshed.accessToken.expiry <= end);
    await sleep(end - Date.now() + 50);
    assert.equal((await at.admin.refreshSession({ refreshToken: refreshed.refreshToken.token })).status, "UNAUTHORISED");
    assert.deepEqual(await handlesOf(at, "mortal"), []);
  });

  test("the oldest session of a user makes room, and only the oldest", async () => {
    const created = [];
    for (let n = 0; n < 5; n += 1) {
      created.push(await at.admin.createNewSession({ userId: "many", tenantId: n % 2 ? "acme" : "public" }));
      await sleep(3);
    }
    const handles = created.map(({ session }) => session.handle);
    assert.deepEqual(await handlesOf(at, "many"), handles.slice(2));
    assert.equal((await at.admin.getSessionData({ handle: handles[1], freshness: "strict" })).status, "UNAUTHORISED");
  });
});
