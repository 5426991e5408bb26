// The built Worker starts, answers, and is reachable in each way that the other tests rely on.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startPostern } from "../support/harness.mjs";

/** @type {Awaited<ReturnType<typeof startPostern>>} */
let postern;
before(async () => {
  postern = await startPostern();
});
after(() => postern.close());

test("an unknown path is 404", async () => {
  const response = await postern.fetch("/no/such/path");
  assert.equal(response.status, 404);
  await response.text();
});

test("the key-value store starts empty and can be read by a test", async () => {
  const kv = await postern.kv();
  assert.deepEqual((await kv.list()).keys, []);
});

test("Postern sees the settings that a test gives, and none of the developer's own", async () => {
  const { API_DOMAIN, API_KEYS } = await postern.env();
  assert.deepEqual({ API_DOMAIN, API_KEYS }, { API_DOMAIN: "http://127.0.0.1:8787", API_KEYS: undefined });
});

test("no object has storage before anything is stored", async () => {
  assert.deepEqual(await postern.objectIds("UserSessions"), []);
});

test("an object's storage can be read and changed by a test, and outlives the object's instance", async () => {
  const which = { name: "someone" };
  await postern.sql("UserSessions", which, "CREATE TABLE probe (value TEXT)");
  await postern.sql("UserSessions", which, "INSERT INTO probe VALUES (?)", "kept");
  await postern.evict("UserSessions", which);
  assert.deepEqual(await postern.sql("UserSessions", which, "SELECT value FROM probe"), [{ value: "kept" }]);
  assert.equal((await postern.objectIds("UserSessions")).length, 1);
});

test("an unknown method on the default entrypoint is an ordinary fault", async () => {
  await assert.rejects(async () => await postern.rpc.noSuchMethod({}), TypeError);
});
