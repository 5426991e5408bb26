// How soon an ended session is refused, in real seconds, by isolates that share nothing but the objects (invariant I8).
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { startIsolates } from "../support/isolates.mjs";
import { until } from "../support/until.mjs";

const BOUND_MS = 10_000;
const WITHIN = "within 10s";
const vars = { FRESHNESS: WITHIN, ACCESS_TOKEN_VALIDITY_JITTER: "0", WEBSITE_ORIGINS: ["http://127.0.0.1:3000"] };

/** A group of tests on a process of its own. @param {number} isolates @param {Record<string, unknown>} more */
function running(isolates, more = {}) {
  /** @type {Awaited<ReturnType<typeof startIsolates>>} */
  let postern;
  before(async () => {
    postern = await startIsolates(isolates, { ...vars, ...more });
    // Every isolate is awake and has a copy.
    for (const isolate of postern.isolates) await isolate.admin("createNewSession", { userId: `of ${isolate.name}` });
  });
  after(() => postern?.close());
  return {
    get it() {
      return postern;
    },
    get one() {
      return postern.isolates[0];
    },
    get others() {
      return postern.isolates.slice(1);
    },
    create: async (userId = "alice", more = {}) => {
      const created = await postern.isolates[0].admin("createNewSession", { userId, ...more });
      assert.equal(created.status, "OK");
      return { handle: created.session.handle, access: created.accessToken.token, refresh: created.refreshToken.token };
    },
  };
}

const revocationsOut = { className: "Revocations", outcome: "refuse" };
const usersOut = { className: "UserSessions", outcome: "refuse" };

describe("in real seconds", { concurrency: true }, () => {
  describe("an ended session, with everything in order", { concurrency: true }, () => {
    const at = running(3, { REFRESH_GRACE_PERIOD: "0s" });

    test("is refused by every isolate within the bound, however it ended, and no live one is", { timeout: 40_000 }, async () => {
      const { one, others } = at;
      const live = await Promise.all([at.create("live"), at.create("bob", { tenantId: "blue" }), at.create("carol")]);
      const alone = await at.create();
      const two = [await at.create(), await at.create("mallory")];
      const everywhere = [await at.create("bob"), await at.create("bob", { tenantId: "acme" }), await at.create("bob", { tenantId: "acme" })];
      const inTenant = [await at.create("carol", { tenantId: "acme" })];
      const signedOut = await at.create();
      const stolen = await at.create();
      const withData = await at.create("dora", { sessionData: { kept: 1 } });
      live.splice(1, 1); // bob's third tenant ends as well
      const ended = [alone, ...two, ...everywhere, ...inTenant, signedOut, stolen, withData];
      for (const isolate of at.it.isolates) {
        for (const { access } of [...live, ...ended]) assert.equal(await isolate.verdict(access), "OK");
      }
      const blue = (await one.admin("getAllSessionHandlesForUser", { userId: "bob", tenantId: "blue" })).handles;
      assert.equal(blue.length, 1);
      /** When the OK came. @type {Map<string, number>} */
      const told = new Map();
      const tell = (/** @type {{handle: string}[]} */ ...sessions) => sessions.forEach(({ handle }) => told.set(handle, Date.now()));
      const parted = await one.admin("refreshSession", { refreshToken: stolen.refresh });
      assert.equal((await one.admin("refreshSession", { refreshToken: parted.refreshToken.token })).status, "OK");

      const revoked = await one.admin("revokeSession", { handle: alone.handle });
      assert.deepEqual(revoked.revoked, [alone.handle]);
      tell(alone);
      const multiple = await one.admin("revokeMultipleSessions", { handles: [...two.map(({ handle }) => handle), withData.handle] });
      assert.equal(multiple.revoked.length, 3);
      tell(...two, withData);
      const all = await one.admin("revokeAllSessionsForUser", { userId: "bob" });
      assert.deepEqual(all.revoked.toSorted(), [...everywhere.map(({ handle }) => handle), ...blue].sort());
      tell(...everywhere);
      assert.deepEqual((await one.admin("revokeAllSessionsForUser", { userId: "carol", tenantId: "acme" })).revoked, [inTenant[0].handle]);
      tell(...inTenant);
      const out = await one.fetch("/auth/signout", { method: "POST", headers: { authorization: `Bearer ${signedOut.access}`, rid: "anti-csrf" } });
      assert.equal(out.status, 200);
      tell(signedOut);
      assert.equal((await one.admin("refreshSession", { refreshToken: stolen.refresh })).status, "TOKEN_THEFT_DETECTED");
      tell(stolen);

      // The isolate that ended them knows at once.
      for (const { access } of ended) assert.equal(await one.verdict(access), "UNAUTHORISED");
      const lastHonoured = new Map();
      const start = Date.now();
      while (Date.now() < start + BOUND_MS + 500) {
        for (const isolate of others) {
          for (const { handle, access } of ended) {
            const asked = Date.now();
            const verdict = await isolate.verdict(access);
            if (verdict !== "OK") assert.equal(verdict, "UNAUTHORISED");
            else lastHonoured.set(handle, Math.max(asked - (told.get(handle) ?? 0), lastHonoured.get(handle) ?? 0));
          }
          for (const { access } of live) assert.equal(await isolate.verdict(access), "OK", "a live session is refused");
          const read = await isolate.ask("getSessionData", { handle: withData.handle });
          if (read.status === "OK") assert.ok(Date.now() - (told.get(withData.handle) ?? 0) < BOUND_MS + 200);
          // At strict, at once.
          assert.equal(await isolate.verdict(alone.access, "strict"), "UNAUTHORISED");
        }
        await sleep(100);
      }
      const late = [...lastHonoured.values()].filter((delay) => delay >= BOUND_MS);
      assert.deepEqual(late, [], "honoured beyond the bound");
      for (const isolate of others) {
        for (const { access } of ended) assert.equal(await isolate.verdict(access), "UNAUTHORISED");
        assert.equal((await isolate.ask("getSessionData", { handle: withData.handle })).status, "UNAUTHORISED");
        // Stateless honours what it promises to honour.
        assert.equal(await isolate.verdict(alone.access, "stateless"), "OK");
      }
    });

    test("a repeated call reports the same handles; the backend protocol reports them once", async () => {
      const [first, second] = [await at.create("eve"), await at.create("eve")];
      for (let round = 0; round < 2; round += 1) {
        for (const isolate of at.it.isolates) {
          assert.deepEqual((await isolate.admin("revokeSession", { handle: first.handle })).revoked, [first.handle]);
          assert.deepEqual((await isolate.admin("revokeAllSessionsForUser", { userId: "eve" })).revoked, [second.handle]);
        }
      }
      const third = await at.create("eve");
      const remove = () => at.one.core("/recipe/session/remove", { sessionHandles: [third.handle, first.handle] });
      assert.deepEqual((await remove()).body.sessionHandlesRevoked, [third.handle]);
      assert.deepEqual((await remove()).body.sessionHandlesRevoked, []);
    });

    test("a copy answers thousands of verifications with a few polls, and no user's object is asked", async () => {
      const { access } = await at.create("busy");
      const isolate = at.others[0];
      await until("it has a copy", async () => {
        await at.it.clearCalls();
        await isolate.verdict(access);
        return (await at.it.calls("UserSessions")).length === 0;
      });
      await at.it.clearCalls();
      for (let round = 0; round < 20; round += 1) {
        const verdicts = await Promise.all(Array.from({ length: 50 }, () => isolate.verdict(access)));
        assert.ok(verdicts.every((verdict) => verdict === "OK"));
      }
      const asked = (await at.it.calls("UserSessions")).filter(({ name }) => access.includes(name));
      assert.equal(asked.length, 0);
    });
  });

  describe("while the authority on revocations is out", () => {
    const at = running(2);

    test("what is owed to it is delivered by the alarm, with nobody asking", { timeout: 60_000 }, async () => {
      const session = await at.create("owed");
      const route = session.handle.split(".")[0];
      await at.it.out({ ...revocationsOut, call: "report" });
      assert.equal((await at.one.admin("revokeSession", { handle: session.handle })).status, "GENERAL_ERROR");
      await at.it.out();
      await at.it.clearCalls();
      await until("the report arrives", async () => (await at.it.calls("Revocations")).some(({ call }) => call === "report"));
      assert.equal((await at.it.calls("UserSessions")).filter(({ name }) => name === route).length, 0);
    });

    test("revoking says so, isolates ask the users' objects once the bound is spent, and it recovers by itself", { timeout: 60_000 }, async () => {
      const { one } = at;
      const [other] = at.others;
      const kept = await at.create("kept", { sessionData: { kept: 1 } });
      const lost = await at.create("lost");
      for (const isolate of at.it.isolates) assert.equal(await isolate.verdict(lost.access), "OK");
      await at.it.out(revocationsOut);
      const begun = Date.now();
      const refused = await one.admin("revokeSession", { handle: lost.handle });
      assert.equal(refused.status, "GENERAL_ERROR");
      assert.ok(refused.retryAfterSeconds >= 1);
      const core = await one.core("/recipe/session/remove", { sessionHandles: [lost.handle] });
      assert.equal(core.status, 503);
      // The user's object refuses it already.
      for (const isolate of at.it.isolates) assert.equal(await isolate.verdict(lost.access, "strict"), "UNAUTHORISED");
      assert.equal((await one.admin("refreshSession", { refreshToken: lost.refresh })).status, "UNAUTHORISED");
      while (Date.now() < begun + BOUND_MS) {
        const verdict = await other.verdict(lost.access);
        assert.ok(["OK", "UNAUTHORISED"].includes(verdict));
        assert.equal(await other.verdict(kept.access), "OK");
        await sleep(250);
      }
      await sleep(200);
      assert.equal(await other.verdict(lost.access), "UNAUTHORISED");
      // An outage costs one question per session, isolate and bound.
      await at.it.clearCalls();
      for (let n = 0; n < 40; n += 1) assert.equal(await other.verdict(kept.access, "within 60s"), "OK");
      const route = kept.handle.split(".")[0];
      assert.ok((await at.it.calls("UserSessions")).filter(({ name }) => name === route).length <= 1);
      assert.deepEqual((await other.ask("getSessionData", { handle: kept.handle })).sessionData, { kept: 1 });

      await at.it.out();
      assert.deepEqual((await one.admin("revokeSession", { handle: lost.handle })).revoked, [lost.handle]);
      await until("its copy answers again", async () => {
        await other.verdict(kept.access);
        await at.it.clearCalls();
        await other.verdict((await at.create("new")).access);
        return (await at.it.calls("UserSessions")).filter(({ call }) => call === "check").length === 0;
      });
      assert.equal(await other.verdict(lost.access), "UNAUTHORISED");
    });
  });

  describe("while a user's object is out", { concurrency: true }, () => {
    const at = running(2);

    test("a fresh copy answers; strict is 503; with the authority out too, 503 once the bound is spent; all recovers by itself", { timeout: 60_000 }, async () => {
      const [other] = at.others;
      const session = await at.create("alice", { sessionData: { kept: 1 } });
      for (const isolate of at.it.isolates) assert.equal(await isolate.verdict(session.access), "OK");
      await at.it.out(usersOut);
      for (let n = 0; n < 10; n += 1) {
        for (const isolate of at.it.isolates) {
          assert.equal(await isolate.verdict(session.access), "OK");
          assert.equal(await isolate.verdict(session.access, "stateless"), "OK");
          assert.equal(await isolate.verdict(session.access, "strict"), "GENERAL_ERROR");
          assert.deepEqual((await isolate.ask("getSessionData", { handle: session.handle })).sessionData, { kept: 1 });
          assert.equal((await isolate.ask("getSessionData", { handle: session.handle, freshness: "strict" })).status, "GENERAL_ERROR");
        }
        await sleep(200);
      }
      assert.equal((await at.one.admin("revokeSession", { handle: session.handle })).status, "GENERAL_ERROR");
      const begun = Date.now();
      await at.it.out(usersOut, revocationsOut);
      await until("the bound is spent", async () => (await other.verdict(session.access)) === "GENERAL_ERROR", BOUND_MS + 1_000);
      assert.ok(Date.now() - begun <= BOUND_MS + 1_000);
      const response = await other.fetch("/auth/session", { headers: { authorization: `Bearer ${session.access}` } });
      assert.equal(response.status, 503);
      assert.match(response.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
      assert.equal(await other.verdict(session.access, "stateless"), "OK");
      await at.it.out();
      assert.equal(await other.verdict(session.access), "OK");
      assert.equal(await other.verdict(session.access, "strict"), "OK");
      await at.it.faults("setFaults", [{ outcome: "refuse" }]);
      // KV out: verification does not notice, data comes from the object, and revoking is acknowledged.
      for (const isolate of at.it.isolates) {
        assert.equal(await isolate.verdict(session.access), "OK");
        assert.deepEqual((await isolate.ask("getSessionData", { handle: session.handle })).sessionData, { kept: 1 });
      }
      assert.deepEqual((await at.one.admin("revokeSession", { handle: session.handle })).revoked, [session.handle]);
      await at.it.faults("setFaults", []);
      await until("the copy is deleted", async () => !(await at.it.faults("entries"))[session.handle], 30_000);
    });
  });

  describe("the whole process is killed", { concurrency: true }, () => {
    const at = running(2);

    test("an acknowledged revocation holds, an owed one is delivered, and copies deleted, by those that come after", { timeout: 60_000 }, async () => {
      const sessions = [];
      for (let n = 0; n < 4; n += 1) sessions.push(await at.create(`user ${n}`, { sessionData: { n } }));
      const [acknowledged, owed, live, all] = sessions;
      assert.equal((await at.one.admin("revokeSession", { handle: acknowledged.handle })).status, "OK");
      await at.it.faults("setFaults", [{ operations: ["delete"], outcome: "refuse" }]);
      assert.equal((await at.one.admin("revokeAllSessionsForUser", { userId: "user 3" })).status, "OK");
      await at.it.out(revocationsOut);
      assert.equal((await at.one.admin("revokeSession", { handle: owed.handle })).status, "GENERAL_ERROR");
      for (let round = 0; round < 2; round += 1) {
        await at.it.kill();
        await at.it.start();
        for (const isolate of at.it.isolates) {
          for (const { access, handle } of [acknowledged, all]) {
            assert.equal(await isolate.verdict(access), "UNAUTHORISED");
            assert.equal((await isolate.ask("getSessionData", { handle })).status, "UNAUTHORISED");
          }
          assert.equal(await isolate.verdict(live.access), "OK");
          assert.equal(await isolate.verdict(owed.access, "strict"), "UNAUTHORISED");
        }
      }
      for (const isolate of at.it.isolates) await until("the owed one arrives", async () => (await isolate.verdict(owed.access)) === "UNAUTHORISED", BOUND_MS + 5_000);
      for (const { handle } of [acknowledged, owed]) assert.deepEqual((await at.one.admin("revokeSession", { handle })).revoked, [handle]);
      await until("the copies are deleted", async () => {
        const entries = await at.it.faults("entries");
        return [acknowledged, owed, all].every(({ handle }) => !entries[handle]);
      }, 30_000);
      assert.deepEqual((await at.one.ask("getSessionData", { handle: live.handle })).sessionData, { n: 2 });
    });
  });

  describe("what concerns everybody", { concurrency: true }, () => {
    const at = running(2);

    test("a withdrawn key's tokens are refused by every isolate within the bound", { timeout: 40_000 }, async () => {
      const [other] = at.others;
      const session = await at.create("alice");
      const { kid } = JSON.parse(Buffer.from(session.access.split(".")[0], "base64url").toString());
      assert.equal(await other.verdict(session.access), "OK");
      const begun = Date.now();
      // While the authority is out the key is withdrawn where keys are kept, and the call says that not everyone knows.
      await at.it.out({ className: "Revocations", outcome: "refuse" });
      assert.equal((await at.one.admin("revokeSigningKey", { kid })).status, "GENERAL_ERROR");
      await at.it.out();
      assert.equal((await at.one.admin("revokeSigningKey", { kid })).status, "OK");
      const told = Date.now();
      let last = begun;
      while (Date.now() < told + BOUND_MS) {
        const asked = Date.now();
        if ((await other.verdict(session.access)) === "OK") last = asked;
        await sleep(100);
      }
      assert.ok(last < told + BOUND_MS - 500, `honoured ${last - told} ms after the OK`);
      assert.equal(await other.verdict(session.access), "TRY_REFRESH_TOKEN");
      const refreshed = await other.admin("refreshSession", { refreshToken: session.refresh });
      assert.equal(refreshed.status, "OK");
      for (const isolate of at.it.isolates) assert.equal(await isolate.verdict(refreshed.accessToken.token), "OK");
    });
  });

  describe("after a breach", { concurrency: true }, () => {
    const at = running(2);

    test("everybody's sessions from before a moment have ended at every level once the call has answered", { timeout: 60_000 }, async () => {
      const [other] = at.others;
      const old = await at.create("alice", { sessionData: { kept: 1 } });
      const bystander = await at.create("bob");
      for (const isolate of at.it.isolates) assert.equal(await isolate.verdict(old.access), "OK");
      await sleep(1_100); // an access token tells whole seconds
      await assert.rejects(at.one.admin("revokeAllSessionsBefore", { time: Date.now() + 60_000 }), { name: "TypeError" });
      await assert.rejects(at.one.admin("revokeAllSessionsBefore", {}), { name: "TypeError" });
      const moment = Date.now();
      const answer = at.one.admin("revokeAllSessionsBefore", { time: moment });
      await sleep(1_100);
      const fresh = await at.create("alice", { sessionData: { fresh: 1 } });
      assert.deepEqual(await answer, { status: "OK", time: moment });
      for (const isolate of [other, at.one]) {
        for (const freshness of ["strict", WITHIN]) {
          for (const { access, handle } of [old, bystander]) {
            assert.equal(await isolate.verdict(access, freshness), "UNAUTHORISED", freshness);
            assert.equal((await isolate.ask("getSessionData", { handle, freshness })).status, "UNAUTHORISED", freshness);
          }
          assert.equal(await isolate.verdict(fresh.access, freshness), "OK", freshness);
          assert.deepEqual((await isolate.ask("getSessionData", { handle: fresh.handle, freshness })).sessionData, { fresh: 1 });
        }
        for (const { refresh } of [old, bystander]) assert.equal((await isolate.admin("refreshSession", { refreshToken: refresh })).status, "UNAUTHORISED");
      }
      assert.deepEqual((await other.admin("getAllSessionHandlesForUser", { userId: "alice" })).handles, [fresh.handle]);
      await until("the copy is deleted", async () => !(await at.it.faults("entries"))[old.handle]);
      await at.it.kill();
      await at.it.start();
      assert.equal(await other.verdict(old.access), "UNAUTHORISED");
      assert.equal(await other.verdict(fresh.access), "OK");
    });
  });
});
