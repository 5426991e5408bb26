// How long session data lives: as long as its session, in spite of a KV that forgets, and not after it (invariants I2, I3).
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { apiKey, startPostern } from "../support/harness.mjs";
import { until } from "../support/until.mjs";

const DATA = { cart: ["book"] };

let postern;
let admin;
before(async () => {
  const vars = { ACCESS_TOKEN_VALIDITY: "30s", REFRESH_TOKEN_VALIDITY: "100s", FRESHNESS: "within 1s", ENDED_SESSION_RETENTION: "1s" };
  postern = await startPostern({ vars, secrets: { API_KEYS: apiKey }, faultyKv: true, entrypoints: ["SessionsAdmin"] });
  admin = postern.entrypoint("SessionsAdmin");
});
after(() => postern?.close());
beforeEach(() => postern.faults.setFaults([]));

const create = async (sessionData = DATA) => {
  const created = await admin.createNewSession({ userId: "alice", sessionData });
  return { ...created, handle: created.session.handle };
};
const read = (handle, freshness) => postern.rpc.getSessionData({ handle, freshness });
const sql = (handle, query, ...values) => postern.sql("UserSessions", { name: handle.split(".")[0] }, query, ...values);
const entry = async (handle) => (await postern.faults.entries())[handle];
const FRESHNESSES = ["strict", "within 60s", "within 1s", "stateless"];

test("a copy whose known life is over is no answer, and is renewed", async () => {
  const { handle } = await create();
  const { metadata } = await entry(handle);
  await postern.faults.store(handle, '{"stale":true}', { ...metadata, sessionExpires: Date.now() - 1 });
  for (const freshness of FRESHNESSES) assert.deepEqual((await read(handle, freshness)).sessionData, DATA);
  const renewed = await until("the copy is renewed", async () => ((await entry(handle))?.metadata.sessionExpires > Date.now() ? entry(handle) : null));
  assert.deepEqual(JSON.parse(renewed.value), DATA);
});

test("a copy that KV lost costs nothing, and is renewed", async () => {
  const { handle } = await create();
  await postern.faults.clear();
  for (const freshness of FRESHNESSES) assert.deepEqual((await read(handle, freshness)).sessionData, DATA);
  await until("the copy is back", () => entry(handle));
});

test("bytes in KV that we did not write are no answer", async () => {
  const { handle } = await create();
  await read(handle, "within 60s");
  for (const metadata of [null, {}, { seq: "1", sessionExpires: 1 }, { seq: 1, sessionExpires: -1 }, []]) {
    await postern.faults.store(handle, "not json", metadata);
    assert.deepEqual((await read(handle, "within 60s")).sessionData, DATA, JSON.stringify(metadata));
  }
});

test("a refreshed session outlives its first copy", async () => {
  const { handle, refreshToken } = await create();
  // As if 90 of the 100 seconds had passed for the record and for what its copy knows.
  const soon = Date.now() + 10_000;
  await sql(handle, "UPDATE session SET expiry = ?, copy_expires = ? WHERE handle = ?", soon, soon, handle);
  const first = (await entry(handle)).metadata;
  await postern.faults.store(handle, JSON.stringify(DATA), { ...first, sessionExpires: soon });
  assert.equal((await admin.refreshSession({ refreshToken: refreshToken.token })).status, "OK");
  const renewed = await until("the copy lives as long as the session", async () => {
    const found = await entry(handle);
    return found?.metadata.sessionExpires > soon + 60_000 && found;
  });
  assert.ok(renewed.expiration * 1_000 >= renewed.metadata.sessionExpires);
  const { session } = await admin.getSessionInformation({ handle });
  assert.equal(renewed.metadata.sessionExpires, session.expiry);
  for (const freshness of FRESHNESSES) assert.deepEqual((await read(handle, freshness)).sessionData, DATA);
});

test("an expired session is UNAUTHORISED everywhere, and its data is deleted", async () => {
  const { handle, accessToken } = await create();
  await sql(handle, "UPDATE session SET expiry = ? WHERE handle = ?", Date.now() - 1, handle);
  assert.equal((await read(handle, "strict")).status, "UNAUTHORISED");
  assert.equal((await postern.rpc.updateSessionData({ handle, sessionData: { late: true } })).status, "UNAUTHORISED");
  assert.equal((await postern.rpc.getSession({ accessToken: accessToken.token, freshness: "strict" })).status, "UNAUTHORISED");
  await sleep(1_100);
  assert.equal((await read(handle, "within 1s")).status, "UNAUTHORISED");
  await create({}); // a call that changes something arms the alarm for what is due: the time of the expiry was moved
  await until("the copy is deleted", async () => !(await entry(handle)));
  const rows = await sql(handle, "SELECT * FROM session_data WHERE handle = ?", handle);
  assert.equal(JSON.stringify(rows), "[]");
});

for (const fault of [{ outcome: "refuse" }, { outcome: "drop" }, { lagMs: 60_000 }]) {
  test(`a revoked session is UNAUTHORISED while KV's delete is late (${JSON.stringify(fault)})`, async () => {
    const { handle, accessToken } = await create();
    await read(handle, "within 60s");
    await postern.faults.setFaults([{ operations: ["delete"], ...fault }]);
    assert.deepEqual((await admin.revokeSession({ handle })).revoked, [handle]);
    assert.equal((await read(handle, "strict")).status, "UNAUTHORISED");
    assert.equal((await postern.rpc.updateSessionData({ handle, sessionData: { late: true } })).status, "UNAUTHORISED");
    await sleep(1_100);
    for (const freshness of ["within 1s", "within 60s"]) {
      assert.equal((await read(handle, freshness)).status, "UNAUTHORISED", freshness);
      assert.equal((await postern.rpc.getSession({ accessToken: accessToken.token, freshness })).status, "UNAUTHORISED", freshness);
    }
    const copy = await entry(handle);
    if (copy) assert.deepEqual(JSON.parse(copy.value), DATA);
  });
}

test("a write on its way when its session ends does not bring the data back", async () => {
  const { handle } = await create();
  await sleep(1_100);
  await postern.faults.setFaults([{ operations: ["put"], key: handle, delayMs: 1_500, times: 1 }]);
  const calls = (await postern.faults.calls()).length;
  // Over HTTP: the harness makes RPC calls one after the other.
  const late = postern.fetch("/core/recipe/session/data", {
    method: "PUT",
    headers: { "api-key": apiKey, "content-type": "application/json" },
    body: JSON.stringify({ sessionHandle: handle, userDataInDatabase: { late: true } }),
  });
  await until("the write is on its way", async () => (await postern.faults.calls()).length > calls);
  await admin.revokeSession({ handle });
  await (await late).text();
  await until("the copy is deleted", async () => !(await entry(handle)));
  assert.equal((await read(handle, "within 60s")).status, "UNAUTHORISED");
});

test("a miss that KV remembers neither ends a session nor hides its data", async () => {
  const { handle } = await create({});
  await postern.faults.setFaults([{ operations: ["get"], cacheMissMs: 30_000 }]);
  for (const freshness of FRESHNESSES) assert.deepEqual((await read(handle, freshness)).sessionData, {});
  await postern.rpc.updateSessionData({ handle, sessionData: DATA });
  for (const freshness of FRESHNESSES) assert.deepEqual((await read(handle, freshness)).sessionData, DATA);
});

test("when nothing is left to remember, the object's storage is gone too", async () => {
  const created = await admin.createNewSession({ userId: "leaver", sessionData: DATA });
  const { handle } = created.session;
  await admin.revokeSession({ handle });
  await until("the copy is deleted", async () => !(await entry(handle)));
  // As if the time until the second delete, the revocation's and the tombstone's had passed.
  await sql(handle, "UPDATE outbox SET due = ? WHERE handle = ?", Date.now(), handle);
  await sql(handle, "UPDATE revocation SET expires = ?1, due = ?1 WHERE handle = ?2", Date.now(), handle);
  await sql(handle, "UPDATE session SET keep_until = ? WHERE handle = ?", Date.now(), handle);
  await admin.revokeSession({ handle }); // a call that may change something arms the alarm for what is due
  const route = { name: handle.split(".")[0] };
  const tables = async () => JSON.stringify(await postern.sql("UserSessions", route, "SELECT name FROM sqlite_master WHERE name NOT LIKE '_cf%'"));
  await until("the object holds nothing", async () => (await tables()) === "[]");
  assert.equal((await read(handle, "strict")).status, "UNAUTHORISED");
});
