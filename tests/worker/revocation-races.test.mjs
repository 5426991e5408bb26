// An ended session cannot come back, whatever runs beside its end (invariant I7); and ending all of a user's sessions
// misses none that existed when it was asked for.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { randomFrom } from "../support/agreement.mjs";
import { startIsolates } from "../support/isolates.mjs";
import { until } from "../support/until.mjs";

const SEED = Number(process.env.RACE_SEED ?? Date.now() % 1_000_000);
const TENANTS = ["public", "acme", "blue"];

/** @type {Awaited<ReturnType<typeof startIsolates>>} */
let postern;
before(async () => {
  postern = await startIsolates(3, { REFRESH_GRACE_PERIOD: "300s" });
});
after(() => postern?.close());

const random = randomFrom(SEED);
const isolate = () => postern.isolates[random(postern.isolates.length)];

/** @param {string} userId @param {Record<string, unknown>} [more] */
async function create(userId, more = {}) {
  const created = await isolate().admin("createNewSession", { userId, sessionData: { n: 0 }, ...more });
  assert.equal(created.status, "OK");
  return { handle: created.session.handle, access: [created.accessToken.token], refresh: [created.refreshToken.token] };
}

/** Nothing of an ended session is good for anything, now or later. @param {Awaited<ReturnType<typeof create>>} session */
async function isOver({ handle, access, refresh }) {
  const by = isolate();
  for (const token of access) assert.equal(await by.verdict(token, "strict"), "UNAUTHORISED");
  for (const refreshToken of refresh) {
    const { status } = await by.admin("refreshSession", { refreshToken });
    assert.equal(status, "UNAUTHORISED", "an ended session was refreshed");
  }
  assert.equal((await by.ask("getSessionData", { handle, freshness: "strict" })).status, "UNAUTHORISED");
  assert.equal((await by.ask("updateSessionData", { handle, sessionData: { late: 1 } })).status, "UNAUTHORISED");
  assert.equal((await by.admin("updateJWTPayload", { handle, jwtPayload: { late: 1 } })).status, "UNAUTHORISED");
}

/** Whether every KV copy of these goes. @param {{handle: string}[]} sessions */
const copiesGo = (sessions) =>
  until("the copies are deleted", async () => {
    const entries = await postern.faults("entries");
    return sessions.every(({ handle }) => !entries[handle]);
  }, 30_000);

test(`hundreds of ends beside refreshes, overwrites and payload changes (seed ${SEED})`, { timeout: 120_000 }, async () => {
  // Writes are slow now and then, so that some are on their way when the session ends.
  await postern.faults("setFaults", [{ operations: ["put"], delayMs: 15 }]);
  const ended = [];
  for (let round = 0; round < 20; round += 1) {
    const userId = `user ${round}`;
    const batch = await Promise.all(Array.from({ length: 10 }, () => create(userId)));
    await Promise.all(
      batch.map(async (session, at) => {
        const { handle } = session;
        const refreshing = async () => {
          const refreshed = await isolate().admin("refreshSession", { refreshToken: session.refresh[0] });
          assert.ok(["OK", "UNAUTHORISED"].includes(refreshed.status));
          if (refreshed.status !== "OK") return;
          session.access.push(refreshed.accessToken.token);
          session.refresh.push(refreshed.refreshToken.token);
        };
        const writing = async () => {
          const { status } = await isolate().ask("updateSessionData", { handle, sessionData: { n: 1 } });
          assert.ok(["OK", "UNAUTHORISED", "GENERAL_ERROR"].includes(status));
        };
        const changing = async () => {
          const { status } = await isolate().admin("updateJWTPayload", { handle, jwtPayload: { n: 1 } });
          assert.ok(["OK", "UNAUTHORISED"].includes(status));
        };
        const ending = async () => {
          const { status, revoked } = await isolate().admin("revokeSession", { handle });
          assert.equal(status, "OK");
          assert.deepEqual(revoked, [handle]);
        };
        const signingOut = async () => {
          const response = await isolate().fetch("/auth/signout", { method: "POST", headers: { authorization: `Bearer ${session.access[0]}` } });
          assert.equal(response.status, 200);
        };
        const acts = [refreshing, writing, changing, refreshing, writing];
        acts.splice(random(acts.length + 1), 0, at % 3 ? ending : signingOut);
        await Promise.all(acts.map((act) => act()));
      }),
    );
    ended.push(...batch);
  }
  await postern.faults("setFaults", []);
  for (let at = 0; at < ended.length; at += 20) await Promise.all(ended.slice(at, at + 20).map(isOver));
  await copiesGo(ended);
});

test(`all sessions of a user in every tenant, while more are made (seed ${SEED})`, { timeout: 120_000 }, async () => {
  for (let round = 0; round < 12; round += 1) {
    const userId = `everywhere ${round}`;
    const before = await Promise.all(TENANTS.flatMap((tenantId) => [create(userId, { tenantId }), create(userId, { tenantId })]));
    const oneTenant = round % 5 === 0 ? TENANTS[random(TENANTS.length)] : undefined;
    const meant = before.filter(({ handle }) => oneTenant === undefined || (handle.split("_")[1] ?? "public") === oneTenant);
    /** @type {Awaited<ReturnType<typeof create>>[]} */
    const beside = [];
    const making = Array.from({ length: 4 }, async (_, n) => void beside.push(await create(userId, { tenantId: TENANTS[n % 3] })));
    const refreshing = before.map(async (session) => {
      const refreshed = await isolate().admin("refreshSession", { refreshToken: session.refresh[0] });
      if (refreshed.status === "OK") session.refresh.push(refreshed.refreshToken.token);
    });
    const ended = isolate().admin("revokeAllSessionsForUser", { userId, tenantId: oneTenant });
    await Promise.all([...making, ...refreshing]);
    const { status, revoked } = await ended;
    assert.equal(status, "OK");
    for (const { handle } of meant) assert.ok(revoked.includes(handle), "a session that existed was missed");
    const kept = [...before, ...beside].filter(({ handle }) => !revoked.includes(handle));
    const { handles } = await isolate().admin("getAllSessionHandlesForUser", { userId });
    assert.deepEqual(handles.toSorted(), kept.map(({ handle }) => handle).sort());
    await Promise.all(meant.map(isOver));
    for (const { access } of kept) assert.equal(await isolate().verdict(access[0], "strict"), "OK");
  }
});
