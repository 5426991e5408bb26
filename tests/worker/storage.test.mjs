// What a user's object stores: shapes of a newer version, cleaning up by alarm, device facts.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { apiKey } from "../support/harness.mjs";
import { posternWith } from "../support/postern-with.mjs";
import { objectOf } from "../support/service-api.mjs";

/** Asks again until `done`, or for `millis` at most. @template T @param {() => Promise<T>} ask @param {(answer: T) => boolean} done @param {number} [millis] */
async function until(ask, done, millis = 10_000) {
  const end = Date.now() + millis;
  for (;;) {
    const answer = await ask();
    if (done(answer) || Date.now() > end) return answer;
    await sleep(100);
  }
}

/** @param {any} at @param {string} handle @returns {Promise<string[]>} */
const tablesOf = async (at, handle) => {
  const query = "SELECT name FROM sqlite_master WHERE name IN ('schema', 'session', 'foreign_session', 'session_data', 'outbox', 'revocation') ORDER BY name";
  return (await at.postern.sql("UserSessions", objectOf(handle), query)).map((/** @type {any} */ row) => row.name);
};

describe("storage that a newer version wrote", () => {
  const at = posternWith();

  test("is a fault at every entry point, never a logged-out user, and is left as it is", async () => {
    const { session, accessToken, refreshToken } = await at.admin.createNewSession({ userId: "future", sessionData: { kept: 1 } });
    const { handle } = session;
    const sql = (/** @type {string} */ query) => at.postern.sql("UserSessions", objectOf(handle), query);
    await sql("UPDATE schema SET version = 99");
    const before = await sql("SELECT * FROM session");
    const calls = {
      getSession: { accessToken: accessToken.token, freshness: "strict" },
      getSessionData: { handle, freshness: "strict" },
      updateSessionData: { handle, sessionData: { lost: 1 } },
      refreshSession: { refreshToken: refreshToken.token },
      revokeSession: { handle },
      revokeAllSessionsForUser: { userId: "future" },
      getAllSessionHandlesForUser: { userId: "future" },
      getSessionInformation: { handle },
      updateJWTPayload: { handle, jwtPayload: {} },
      createNewSession: { userId: "future" },
    };
    for (const [method, argument] of Object.entries(calls)) {
      assert.equal((await at.admin[method](argument)).status, "GENERAL_ERROR", method);
    }
    for (const [path, body] of [
      ["/recipe/session/refresh", { refreshToken: refreshToken.token, enableAntiCsrf: false, useDynamicSigningKey: true }],
      ["/recipe/session/remove", { sessionHandles: [handle] }],
      ["/recipe/session", { userId: "future", userDataInJWT: {}, userDataInDatabase: {}, enableAntiCsrf: false }],
    ]) {
      assert.equal((await at.api.post(/** @type {string} */ (path), body)).status, 503, String(path));
    }
    const browser = await at.postern.fetch("/auth/session/refresh", { method: "POST", headers: { authorization: `Bearer ${refreshToken.token}`, "st-auth-mode": "header" } });
    assert.equal(browser.status, 503);
    assert.equal(browser.headers.get("front-token"), null);
    await browser.text();
    assert.deepEqual(await sql("SELECT * FROM session"), before);
    await sql("UPDATE schema SET version = 2");
    assert.deepEqual((await at.admin.getSessionData({ handle, freshness: "strict" })).sessionData, { kept: 1 });
    assert.equal((await at.admin.refreshSession({ refreshToken: refreshToken.token })).status, "OK");
  });

  test("two first calls for a user at once both succeed", async () => {
    const users = Array.from({ length: 20 }, (_, n) => `first-${n}`);
    const created = await Promise.all(users.flatMap((userId) => [at.admin.createNewSession({ userId }), at.admin.createNewSession({ userId })]));
    assert.deepEqual(new Set(created.map(({ status }) => status)), new Set(["OK"]));
  });
});

describe("storage of version 1, which knew no revocations to report", () => {
  const at = posternWith();

  test("is brought up by the first call, and what ended before is reported", async () => {
    const { session } = await at.admin.createNewSession({ userId: "old", sessionData: { kept: 1 } });
    const ended = await at.admin.createNewSession({ userId: "old" });
    const { handle } = session;
    const sql = (/** @type {string} */ query) => at.postern.sql("UserSessions", objectOf(handle), query);
    assert.deepEqual((await at.admin.revokeSession({ handle: ended.session.handle })).revoked, [ended.session.handle]);
    await sql("DROP TABLE revocation");
    await sql("DROP TABLE used_ticket");
    await sql("DROP TABLE ended_session");
    for (const column of ["last_issued", "child_seen", "seen_generation", "seen_children", "made_by", "last_seen", "bound_key", "bound_thumbprint", "bound_at", "bound_confirmed", "bound_secret_number", "dpop_key", "dpop_secret_number"]) await sql(`ALTER TABLE session DROP COLUMN ${column}`);
    // Step 7 takes these away.
    await sql("CREATE INDEX session_of_user ON session (user_id, tenant_id) WHERE live = 1");
    await sql("CREATE INDEX session_by_expiry ON session (expiry) WHERE live = 1");
    await sql("CREATE INDEX session_by_end ON session (keep_until) WHERE live = 0");
    await sql("CREATE INDEX outbox_by_due ON outbox (due)");
    await sql("ALTER TABLE schema DROP COLUMN step");
    await sql("UPDATE schema SET version = 1");
    await at.postern.evict("UserSessions", objectOf(handle));
    assert.deepEqual((await at.admin.getSessionData({ handle, freshness: "strict" })).sessionData, { kept: 1 });
    assert.equal(JSON.stringify(await sql("SELECT version FROM schema")), '[{"version":2}]');
    assert.equal(JSON.stringify(await sql("SELECT step FROM schema")), '[{"step":7}]');
    const rows = await until(() => sql("SELECT handle, recorded FROM revocation"), ([row]) => row?.recorded === 1);
    assert.equal(rows[0].handle, ended.session.handle);
    assert.deepEqual((await at.admin.revokeSession({ handle })).revoked, [handle]);
  });
});

describe("cleaning up, with lives of a second", () => {
  const at = posternWith({ REFRESH_TOKEN_VALIDITY: "1s", ACCESS_TOKEN_VALIDITY: "1s", ENDED_SESSION_RETENTION: "1s" });

  test("an object whose last session has expired deletes its storage, and can begin again", async () => {
    const { session } = await at.admin.createNewSession({ userId: "brief" });
    assert.equal((await tablesOf(at, session.handle)).length, 6);
    assert.deepEqual(await until(() => tablesOf(at, session.handle), (tables) => tables.length === 0), []);
    const again = await at.admin.createNewSession({ userId: "brief" });
    assert.equal(again.status, "OK");
    assert.deepEqual(await until(() => tablesOf(at, again.session.handle), (tables) => tables.length === 0), []);
  });

  test("expired data goes from the object and from KV, is deleted once more later, and then nothing is left", async () => {
    const { session } = await at.admin.createNewSession({ userId: "data", sessionData: { cart: ["book"] } });
    const { handle } = session;
    const kv = await at.postern.kv();
    const sql = (/** @type {string} */ query) => at.postern.sql("UserSessions", objectOf(handle), query);
    assert.equal(await kv.get(handle), '{"cart":["book"]}');
    await until(() => sql("SELECT action FROM outbox"), ([row]) => row?.action === "delete_again");
    assert.equal(await kv.get(handle), null);
    assert.equal(JSON.stringify(await sql("SELECT * FROM session_data")), "[]");
    const [tombstone] = /** @type {any[]} */ (await sql("SELECT live, payload, ending FROM session"));
    assert.deepEqual({ ...tombstone }, { live: 0, payload: "{}", ending: "expired" });
    const [again] = /** @type {any[]} */ (await sql("SELECT due FROM outbox"));
    assert.ok(again.due - Date.now() > 110_000);
    // A write that was on its way all the while lands now; two minutes pass.
    await kv.put(handle, '{"late":1}');
    await sql("UPDATE outbox SET due = due - 120000");
    await at.postern.evict("UserSessions", objectOf(handle));
    assert.equal((await at.admin.createNewSession({ userId: "data" })).status, "OK");
    assert.deepEqual(await until(() => tablesOf(at, handle), (tables) => tables.length === 0), []);
    assert.equal(await kv.get(handle), null);
  });

  test("asking for what never was leaves no storage behind", async () => {
    const userId = "nobody";
    assert.deepEqual((await at.admin.getAllSessionHandlesForUser({ userId })).handles, []);
    assert.deepEqual((await at.admin.revokeAllSessionsForUser({ userId })).revoked, []);
    const { session } = await at.admin.createNewSession({ userId });
    await until(() => tablesOf(at, session.handle), (tables) => tables.length === 0);
    const { handle } = session;
    assert.equal((await at.admin.updateSessionData({ handle, sessionData: { late: 1 } })).status, "UNAUTHORISED");
    assert.equal((await at.admin.getSessionData({ handle, freshness: "strict" })).status, "UNAUTHORISED");
    assert.deepEqual(await tablesOf(at, handle), []);
    assert.equal(await (await at.postern.kv()).get(handle), null);
  });
});

for (const [setting, ip, kept] of [
  [undefined, "203.0.113.77", "203.0.113.0/24"],
  ["full", "203.0.113.77", "203.0.113.77"],
  ["none", "203.0.113.77", undefined],
]) {
  describe(`device facts with DEVICE_IP ${setting ?? "not set"}`, () => {
    const at = posternWith(setting ? { DEVICE_IP: setting } : {});

    test("are kept as given at creation and listed with the last refresh", async () => {
      const device = { userAgent: "Mozilla/5.0 (ü)", ip };
      const created = await at.admin.createNewSession({ userId: "alice", device });
      const { handle } = created.session;
      const information = async () => (await at.admin.getSessionInformation({ handle })).session;
      const first = await information();
      assert.equal(first.lastRefreshed, undefined);
      assert.equal(first.device.userAgent, device.userAgent);
      assert.equal(first.device.ip, kept);
      const asked = Date.now();
      await at.admin.refreshSession({ refreshToken: created.refreshToken.token });
      const refreshed = await information();
      assert.ok(refreshed.lastRefreshed >= asked && refreshed.lastRefreshed <= Date.now());
      assert.deepEqual(refreshed.device, first.device);
    });
  });
}

describe("where a user's object is made", () => {
  const at = posternWith({ CENTRAL_LOCATION: "weur", USER_LOCATION: "enam" });

  test("is taken as a hint from whoever knows where the user is, and a region that does not exist is refused", async () => {
    assert.equal((await at.admin.createNewSession({ userId: "a", location: "oc" })).status, "OK");
    const request = { headers: {}, cf: { continent: "EU", longitude: "21.01220" } };
    assert.equal((await at.admin.createNewSessionForRequest({ request, userId: "b" })).status, "OK");
    assert.equal((await at.admin.createNewSessionForRequest({ request: { headers: {}, cf: {} }, userId: "c" })).status, "OK");
    await assert.rejects(async () => at.admin.createNewSession({ userId: "d", location: "moon" }), /createNewSession: "location" must be wnam/);
    const badly = { request: { headers: {}, cf: { continent: 7 } }, userId: "d" };
    await assert.rejects(async () => at.admin.createNewSessionForRequest(badly), /createNewSessionForRequest: "(request\.cf\.)?continent"/);
    assert.deepEqual((await at.admin.getAllSessionHandlesForUser({ userId: "d" })).handles, []);
    // Over the service API it is a header, and what is no region is no hint.
    for (const location of ["sam", "moon"]) {
      const response = await at.postern.fetch("/core/recipe/session", {
        method: "POST",
        headers: { "api-key": apiKey, "content-type": "application/json", "postern-location": location },
        body: JSON.stringify({ userId: "e", userDataInJWT: {}, userDataInDatabase: {}, enableAntiCsrf: false }),
      });
      assert.equal(response.status, 200);
      await response.text();
    }
  });
});
