// What is stored about one person: given out page by page, and erased, also of a user with very many sessions (ERASE_LONG=1: ten
// thousand). Many users: many-users.test.mjs.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { bearer, browserApi } from "../support/browser.mjs";
import { apiKey } from "../support/harness.mjs";
import { objectOf } from "../support/service-api.mjs";

const OF_ONE = process.env.ERASE_LONG ? 10_000 : 450;

const at = browserApi({ WEBSITE_ORIGINS: "http://127.0.0.1:5173", MAX_SESSIONS_PER_USER: "10000" });
const device = { userAgent: "Mozilla/5.0 (Erased)", ip: "203.0.113.77", country: "DE" };

const create = (/** @type {string} */ userId, more = {}) => at.admin("createNewSession", { userId, ...more });
/** @param {string} userId */
const erase = async (userId) => {
  const { status, erased, more, message } = await at.admin("eraseUser", { userId });
  assert.equal(status, "OK", message);
  return { erased, more };
};

/** Every record. @param {string} userId */
async function exported(userId, more = {}) {
  const records = [];
  for (let cursor; ; ) {
    const page = await at.admin("exportUser", { userId, ...more, ...(cursor && { cursor }) });
    assert.equal(page.status, "OK", JSON.stringify(page));
    records.push(...page.records);
    cursor = page.cursor;
    if (!cursor) return records;
  }
}

/** Everything that the object of a handle has stored, as text. @param {string} handle */
async function textOf(handle) {
  const object = objectOf(handle);
  const tables = ["session", "ended_session", "session_data", "outbox", "revocation", "used_ticket"];
  const rows = [];
  for (const table of tables) rows.push(await at.it.sql("UserSessions", object, `SELECT * FROM ${table}`));
  return JSON.stringify(rows);
}

describe("one person", () => {
  test("everything that is stored is given out, and then nothing of it is left but what refuses tokens", async () => {
    const userId = "alice-who-leaves@example.com";
    const first = await create(userId, { device, jwtPayload: { role: "r-1" }, sessionData: { cart: ["c-1"] } });
    const other = await create(userId, { tenantId: "blue" });
    const over = await create(userId, { device });
    await at.admin("revokeSession", { handle: over.session.handle });
    const records = await exported(userId);
    assert.deepEqual(new Set(records.map(({ type, session }) => `${type} ${session.handle}`)), new Set([
      `session ${first.session.handle}`, `session ${other.session.handle}`, `ended_session ${over.session.handle}`,
    ]));
    const whole = records.find(({ session }) => session.handle === first.session.handle);
    assert.deepEqual([whole.jwtPayload, whole.sessionData, whole.session.device.userAgent], [{ role: "r-1" }, { cart: ["c-1"] }, device.userAgent]);
    const kv = await at.it.kv();
    assert.notEqual(await kv.get(first.session.handle), null);

    assert.deepEqual(await erase(userId), { erased: 2, more: false });
    assert.deepEqual(await exported(userId), []);
    assert.equal(await kv.get(first.session.handle), null);
    const left = await textOf(first.session.handle);
    for (const told of [userId, '"blue"', "r-1", "c-1", "Erased", "203.0.113", '"DE"']) assert.ok(!left.includes(told), `${told} is left: ${left}`);
    assert.ok(left.includes(first.session.handle), "the tombstone stands");
    for (const { accessToken, refreshToken } of [first, other, over]) {
      assert.equal((await at.session(bearer(accessToken.token))).status, 401);
      assert.equal((await at.admin("refreshSession", { refreshToken: refreshToken.token })).status, "UNAUTHORISED");
    }
    assert.deepEqual(await erase(userId), { erased: 0, more: false });
    // The user may come back, as somebody new.
    const again = await create(userId);
    assert.deepEqual((await exported(userId)).map(({ session }) => session.handle), [again.session.handle]);
  });

  test("nobody else loses anything, and a stranger's erasure makes no object", async () => {
    const neighbour = await create("neighbour", { sessionData: { kept: true } });
    const before = (await at.it.objectIds("UserSessions")).length;
    assert.deepEqual(await erase("nobody-knows"), { erased: 0, more: false });
    assert.deepEqual(await exported("nobody-knows"), []);
    assert.equal((await at.session(bearer(neighbour.accessToken.token))).status, 200);
    assert.deepEqual((await exported("neighbour")).map(({ sessionData }) => sessionData), [{ kept: true }]);
    assert.ok((await at.it.objectIds("UserSessions")).length <= before + 1);
  });

  test("large session data is given out in pages that stay small, and a page can be asked for again", async () => {
    const userId = "large";
    const large = "x".repeat(700_000);
    for (let n = 0; n < 4; n += 1) await create(userId, { sessionData: { n, large } });
    const page = await at.admin("exportUser", { userId });
    assert.equal(page.records.length, 2);
    const next = await at.admin("exportUser", { userId, cursor: page.cursor });
    assert.deepEqual((await at.admin("exportUser", { userId, cursor: page.cursor })).records, next.records);
    assert.deepEqual(new Set((await exported(userId)).map(({ sessionData }) => sessionData.n)), new Set([0, 1, 2, 3]));
  });

  test("what is asked for wrongly is refused and changes nothing", async () => {
    const { accessToken } = await create("wrongly");
    for (const method of ["eraseUser", "exportUser"]) {
      await assert.rejects(at.admin(method, {}), /"userId" must be a string/);
      await assert.rejects(at.admin(method, { userId: "wrongly", issuer: "nobody" }), /"issuer" must be the id of a trusted issuer/);
      await assert.rejects(at.admin(method, { userId: "wrongly", tenantId: "t" }), /name the "issuer" as well/);
    }
    for (const cursor of ["x", "live.x", "foreign."]) await assert.rejects(at.admin("exportUser", { userId: "wrongly", cursor }), /"cursor" must be/);
    const post = async (/** @type {string} */ body) =>
      (await at.it.fetch("/core/postern/users/erase", { method: "POST", headers: { "api-key": apiKey }, body })).status;
    for (const body of ["", "{}", '{"userId":1}', "[]", '{"userId":"wrongly","tenantId":"t"}']) assert.equal(await post(body), 400, body);
    assert.equal((await at.it.fetch("/core/postern/users/erase", { headers: { "api-key": apiKey } })).status, 405);
    assert.equal((await at.it.fetch("/core/postern/users/export", { headers: { "api-key": apiKey } })).status, 400);
    assert.equal((await at.session(bearer(accessToken.token))).status, 200);
  });

  test("over the service API it is the same", async () => {
    const userId = "over http ü";
    const { session } = await create(userId);
    const headers = { "api-key": apiKey };
    const got = await at.it.fetch(`/core/postern/users/export?${new URLSearchParams({ userId })}`, { headers });
    const page = /** @type {any} */ (await got.json());
    assert.deepEqual(page.records[0].session.handle, session.handle);
    const posted = await at.it.fetch("/core/postern/users/erase", { method: "POST", headers, body: JSON.stringify({ userId }) });
    assert.deepEqual(await posted.json(), { status: "OK", erased: 1, more: false });
    assert.match(at.it.logs().join("\n"), /"event":"person_erased".*"count":"?1/);
  });
});

describe("many", () => {
  /** Copies of a user's session in its object. @param {string} handle @param {number} count */
  const copies = (handle, count) =>
    at.it.sql(
      "UserSessions", objectOf(handle),
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count - 1})
       INSERT INTO session (handle, user_id, tenant_id, live, created, expiry, access_expires_max, salt, secret_number, generation, used_index,
         children, by_service_api, use_dynamic_key, payload, data_seq, copy_expires)
       SELECT handle || i, user_id, tenant_id, 1, created - i / 3, expiry, access_expires_max, salt, secret_number, 0, 0, 0, 0, 1, payload, 0, 0
       FROM session, n`,
    );

  /** Runs and adds what it took. @param {number[]} times @param {() => Promise<any>} run */
  async function timed(times, run) {
    const started = performance.now();
    const answer = await run();
    times.push(performance.now() - started);
    return answer;
  }

  const told = (/** @type {string} */ what, /** @type {number[]} */ times) => {
    const sorted = [...times].sort((a, b) => a - b);
    return `${what}: ${times.length} calls, median ${sorted[times.length >> 1].toFixed(1)} ms, slowest ${sorted.at(-1)?.toFixed(0)} ms`;
  };

  test(`one user with ${OF_ONE} sessions is listed, given out and erased in bounded calls`, async (t) => {
    const { session } = await create("hoarder");
    await copies(session.handle, OF_ONE);
    const times = /** @type {Record<string, number[]>} */ ({ page: [], erase: [] });
    const page = await timed(times.page, () => at.admin("exportUser", { userId: "hoarder" }));
    assert.ok(page.records.length <= 100 && page.cursor);
    let erased = 0;
    for (let more = true; more; ) {
      const answer = await timed(times.erase, () => erase("hoarder"));
      assert.ok(answer.erased <= 100);
      erased += answer.erased;
      more = answer.more;
    }
    assert.equal(erased, OF_ONE);
    assert.deepEqual(await exported("hoarder"), []);
    assert.ok(times.erase.length <= OF_ONE / 100 + 2);
    assert.ok(Math.max(...times.erase, ...times.page) < 5_000, told("erase", times.erase));
    t.diagnostic(told("export page", times.page));
    t.diagnostic(told("erase", times.erase));
  });
});
