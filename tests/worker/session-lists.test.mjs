// Lists of a user's sessions with their facts, at every entry point, and people who end their own.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { access, bearer, browserApi, cookie, read } from "../support/browser.mjs";
import { apiKey } from "../support/harness.mjs";
import { objectOf, serviceApi } from "../support/service-api.mjs";

const WEBSITE = "http://127.0.0.1:5173";
const at = browserApi({ WEBSITE_ORIGINS: WEBSITE, MAX_SESSIONS_PER_USER: "10000" });
const device = { userAgent: "Mozilla/5.0 (Test)", ip: "203.0.113.77", country: "DE" };

let users = 0;
/** A user that no other test has. */
const newUser = () => `user ${(users += 1)} ü&=`;

const create = (/** @type {string} */ userId, more = {}) => at.admin("createNewSession", { userId, ...more });
const list = (/** @type {string} */ userId, more = {}) => at.admin("listSessions", { userId, ...more });
/** Who and why, of each ended session. @param {string} userId */
const endings = async (userId) =>
  Object.fromEntries((await list(userId, { ended: true })).sessions.map((/** @type {any} */ { handle, ended }) => [handle, [ended.reason, ended.by]]));

/** @param {string} path @param {Record<string, string>} headers @param {unknown} [body] */
const ask = async (path, headers, body) =>
  read(await fetch(new URL(`/auth${path}`, at.it.url), { method: body === undefined ? "GET" : "POST", headers, ...(body !== undefined && { body: JSON.stringify(body) }) }));

describe("operators and backends", () => {
  test("a live session is told with its facts, over RPC and over the service API alike", async () => {
    const userId = newUser();
    const first = await create(userId, { device });
    const before = Date.now();
    const second = (await serviceApi(at.it).create(userId)).session;
    const refreshed = await at.admin("refreshSession", { refreshToken: first.refreshToken.token });
    assert.equal(refreshed.status, "OK");
    const overRpc = await list(userId);
    assert.equal(overRpc.status, "OK");
    assert.equal(overRpc.cursor, undefined);
    const [newer, older] = overRpc.sessions;
    assert.deepEqual([newer.handle, newer.madeBy, newer.device, newer.lastRefreshed], [second.handle, "service_api", undefined, undefined]);
    const { handle, issuer, tenantId, timeCreated, lastRefreshed, lastSeen, expiry, ...rest } = older;
    assert.deepEqual([handle, issuer, tenantId], [first.session.handle, "own", "public"]);
    assert.deepEqual(rest, { userId, device: { ...device, ip: "203.0.113.0/24" }, madeBy: "rpc" });
    assert.ok(timeCreated <= before && lastRefreshed >= before && lastSeen >= lastRefreshed && expiry > lastSeen, JSON.stringify(older));
    const query = new URLSearchParams({ userId });
    const overHttp = await fetch(new URL(`/core/postern/sessions?${query}`, at.it.url), { headers: { "api-key": apiKey } });
    assert.deepEqual(await overHttp.json(), JSON.parse(JSON.stringify({ status: overRpc.status, sessions: overRpc.sessions })));
  });

  test("an ended session is told with when, why and by whom", async () => {
    const userId = newUser();
    const started = Date.now();
    const made = [];
    for (let n = 0; n < 5; n += 1) made.push(await create(userId, { device }));
    const [rpc, core, signedOut, stolen, rest] = made.map(({ session }) => session.handle);
    await at.admin("revokeSession", { handle: rpc });
    await serviceApi(at.it).post("/recipe/session/remove", { sessionHandles: [core] });
    assert.equal((await at.signOut(bearer(made[2].accessToken.token))).status, 200);
    const second = await serviceApi(at.it).refresh(made[3].refreshToken.token);
    await serviceApi(at.it).refresh(second.refreshToken.token);
    const theft = await serviceApi(at.it).refresh(made[3].refreshToken.token);
    assert.equal(theft.status, "TOKEN_THEFT_DETECTED");
    await at.admin("revokeAllSessionsForUser", { userId });
    assert.deepEqual(await endings(userId), {
      [rpc]: ["revoked", "rpc"], [core]: ["revoked", "service_api"], [signedOut]: ["signed_out", undefined], [stolen]: ["theft", undefined],
      [rest]: ["revoked_with_all", "rpc"],
    });
    assert.deepEqual((await list(userId)).sessions, []);
    for (const session of (await list(userId, { ended: true })).sessions) {
      assert.ok(session.ended.time >= started && session.ended.time <= Date.now());
      assert.equal(session.device.country, "DE");
    }
  });

  test("what is asked for wrongly is refused, and without a key there is nothing", async () => {
    await assert.rejects(list(newUser(), { cursor: "x" }), /listSessions: "cursor" must be one that an earlier page gave/);
    await assert.rejects(list(newUser(), { ended: "true" }), /listSessions: "ended" must be a boolean/);
    const get = async (/** @type {string} */ query, headers = { "api-key": apiKey }, method = "GET") =>
      (await fetch(new URL(`/core/postern/${query}`, at.it.url), { headers, method })).status;
    assert.equal(await get("sessions?userId=a", { "api-key": "wrong-key-wrong-key-wrong-key" }), 401);
    assert.equal(await get("sessions"), 400);
    assert.equal(await get("sessions?userId=a&cursor=x"), 400);
    assert.equal(await get("sessions?userId=a&ended=maybe"), 400);
    assert.equal(await get("sessions?userId=a", undefined, "POST"), 405);
    assert.equal(await get("other"), 404);
    assert.equal(await get("sessions?userId=a"), 200);
  });

  // That every page of many is right is crates/core/tests/user_sessions/listing.rs.
  test("of ten thousand sessions of one user, each page comes in time", async () => {
    const userId = newUser();
    const { session } = await create(userId);
    const object = objectOf(session.handle);
    await at.it.sql(
      "UserSessions", object,
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
       INSERT INTO session (handle, user_id, tenant_id, live, created, expiry, access_expires_max, salt, secret_number, generation, used_index,
         children, by_service_api, use_dynamic_key, payload, data_seq, copy_expires)
       SELECT handle || i, user_id, tenant_id, 1, created - i / 3, expiry, access_expires_max, salt, secret_number, 0, 0, 0, 0, 1, payload, 0, 0
       FROM session, n`,
    );
    const seen = new Set();
    let slowest = 0;
    for (let cursor, pages = 0; pages < 10; pages += 1) {
      const started = performance.now();
      const page = await list(userId, cursor === undefined ? {} : { cursor });
      slowest = Math.max(slowest, performance.now() - started);
      assert.ok(page.sessions.length <= 100);
      for (const { handle } of page.sessions) seen.add(handle);
      cursor = page.cursor;
      assert.ok(cursor);
    }
    assert.equal(seen.size, 1_000);
    assert.ok(slowest < 2_000, `the slowest page took ${slowest} ms`);
  });
});

describe("people", () => {
  /** Sessions of one person by cookie. @param {string} userId @param {number} count */
  const signedIn = (userId, count) => Promise.all(Array.from({ length: count }, () => at.byCookie({ userId, device })));
  const by = (/** @type {{accessToken: string}} */ session, more = {}) => ({ ...cookie(access(session.accessToken)), origin: WEBSITE, rid: "session", ...more });
  const handles = (/** @type {any} */ answer) => answer.body.sessions.map((/** @type {any} */ session) => session.handle);

  test("a person sees their own sessions, of their own tenant, and which one asks", async () => {
    const userId = newUser();
    const mine = await signedIn(userId, 3);
    await create(userId, { tenantId: "t2" });
    await create(newUser());
    for (const headers of [by(mine[1]), bearer(mine[1].accessToken)]) {
      const answer = await ask("/sessions", headers);
      assert.equal(answer.status, 200);
      assert.deepEqual(handles(answer).sort(), mine.map(({ session }) => session.handle).sort());
      const current = answer.body.sessions.filter((/** @type {any} */ session) => session.current);
      assert.deepEqual(current.map((/** @type {any} */ session) => session.handle), [mine[1].session.handle]);
      assert.equal(answer.response.headers.get("cache-control"), "no-store");
    }
    assert.equal((await ask("/sessions", {})).status, 401);
    const readable = await ask("/sessions", by(mine[0]));
    assert.equal(readable.response.headers.get("access-control-allow-origin"), WEBSITE);
    const foreign = await ask("/sessions", by(mine[0], { origin: "https://evil.test" }));
    assert.equal(foreign.response.headers.get("access-control-allow-origin"), null);
  });

  test("a person ends one session, and then all others; the list says so", async () => {
    const userId = newUser();
    const [asking, one, two, three] = await signedIn(userId, 4);
    const ended = await ask("/sessions/end", by(asking), { handle: one.session.handle });
    assert.deepEqual([ended.status, ended.body], [200, { status: "OK", revoked: [one.session.handle] }]);
    assert.deepEqual(ended.headers.cookies, [], "the asking session goes on");
    const others = await ask("/sessions/end", by(asking), { others: true });
    assert.deepEqual(others.body.revoked.sort(), [two.session.handle, three.session.handle].sort());
    assert.deepEqual(handles(await ask("/sessions", by(asking))), [asking.session.handle]);
    const why = await ask("/sessions?ended=true", by(asking));
    assert.deepEqual(new Set(why.body.sessions.map((/** @type {any} */ { ended }) => `${ended.reason} ${ended.by}`)), new Set(["revoked user", "revoked_with_all user"]));
    // The ended one ends nobody, although its access token is young.
    const stale = await ask("/sessions/end", by(two), { others: true });
    assert.equal(stale.status, 401);
    assert.equal((await ask("/sessions", by(asking))).status, 200);
  });

  test("ending the session that asks is signing out of it", async () => {
    const userId = newUser();
    const [asking] = await signedIn(userId, 1);
    const ended = await ask("/sessions/end", by(asking), { handle: asking.session.handle });
    assert.deepEqual(ended.body, { status: "OK", revoked: [asking.session.handle] });
    assert.equal(ended.headers.cookies.length, 2);
    assert.equal((await endings(userId))[asking.session.handle][0], "signed_out");
  });

  test("nobody ends anybody else's session, and is told nothing about it", async () => {
    const [mine] = await signedIn(newUser(), 1);
    const theirs = await create(newUser());
    const otherTenant = await create(/** @type {any} */ (mine.session).userId, { tenantId: "t2" });
    for (const handle of [theirs.session.handle, otherTenant.session.handle, "no.such.handle", ""]) {
      const answer = await ask("/sessions/end", by(mine), { handle });
      assert.deepEqual([answer.status, answer.body], [200, { status: "OK", revoked: [] }], handle);
    }
    for (const { accessToken } of [theirs, otherTenant]) assert.equal((await at.session(bearer(accessToken.token))).status, 200);
  });

  test("another website ends nothing, and a body that says two things is refused", async () => {
    const userId = newUser();
    const [mine, other] = await signedIn(userId, 2);
    for (const more of [{ origin: "https://evil.test" }, { origin: "null" }, { "sec-fetch-site": "cross-site", origin: "https://evil.test" }]) {
      const answer = await ask("/sessions/end", by(mine, more), { others: true });
      assert.deepEqual([answer.status, answer.body.status], [403, "FOREIGN_WEBSITE"]);
    }
    for (const body of [{}, { others: false }, { others: true, handle: "a" }, { handle: 1 }, [], "x"]) {
      assert.equal((await ask("/sessions/end", by(mine), body)).status, 400, JSON.stringify(body));
    }
    assert.equal((await at.session(cookie(access(other.accessToken)))).status, 200);
    assert.equal(handles(await ask("/sessions", by(mine))).length, 2);
  });
});
