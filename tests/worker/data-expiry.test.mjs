// One real wait: sessions that live for a second, and the platform's own expiry and alarms.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { startPostern } from "../support/harness.mjs";
import { until } from "../support/until.mjs";

let postern;
let admin;
before(async () => {
  const vars = { ACCESS_TOKEN_VALIDITY: "1s", REFRESH_TOKEN_VALIDITY: "1s", FRESHNESS: "within 1s" };
  postern = await startPostern({ vars, entrypoints: ["SessionsAdmin"] });
  admin = postern.entrypoint("SessionsAdmin");
});
after(() => postern?.close());

const create = async (userId) => (await admin.createNewSession({ userId, sessionData: { of: userId } })).session.handle;
const listed = async () => (await (await postern.kv()).list()).keys;
const names = async () => (await listed()).map(({ name }) => name);

test("alarms delete what ended; KV forgets by itself what no alarm could delete", { timeout: 120_000 }, async () => {
  const created = Date.now();
  const [alice, bob] = [await create("alice"), await create("bob")];
  const byName = new Map((await listed()).map((key) => [key.name, key]));
  for (const handle of [alice, bob]) {
    const { expiration, metadata } = byName.get(handle);
    const margin = expiration * 1_000 - metadata.sessionExpires;
    assert.ok(margin >= 60_000 && margin < 65_000, `${margin}`);
  }
  // Bob's object forgets him, as if it had been destroyed: nobody is left to delete his copy.
  for (const table of ["session", "outbox", "session_data"]) {
    await postern.sql("UserSessions", { name: bob.split(".")[0] }, `DELETE FROM ${table}`);
  }
  await until("alice's copy is deleted by the alarm", async () => !(await names()).includes(alice));
  assert.ok(Date.now() - created < 20_000);
  assert.deepEqual(await names(), [bob]);
  for (const handle of [alice, bob]) {
    for (const freshness of ["strict", "within 1s", "within 60s"]) {
      assert.equal((await postern.rpc.getSessionData({ handle, freshness })).status, "UNAUTHORISED");
    }
  }
  await sleep(55_000 - (Date.now() - created));
  assert.deepEqual(await names(), [bob]);
  await until("bob's copy expires", async () => !(await names()).includes(bob), 20_000);
  assert.ok(Date.now() - created >= 60_000);
});
