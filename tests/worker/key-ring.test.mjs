// The object that makes the keys, asked as isolates ask it.
import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startPostern } from "../support/harness.mjs";

const object = { name: "key-ring" };

/** @param {Record<string, unknown>} [vars] */
async function startRing(vars) {
  const postern = await startPostern({ vars });
  const namespace = await postern.namespace("KEY_RING");
  /** @param {string} path @param {unknown} [body] */
  const ask = async (path, body) => {
    const stub = namespace.get(namespace.idFromName(object.name));
    const response = await stub.fetch(`https://key-ring.internal/${path}`, { method: "POST", body: JSON.stringify(body) });
    return { status: response.status, body: /** @type {any} */ (await response.json()) };
  };
  const kids = async () => (await ask("ring")).body.ring.keys.map((/** @type {any} */ key) => key.kid).sort();
  return { postern, ask, kids, close: () => postern.close() };
}

test("twenty first questions at once get one set of keys and secrets", async () => {
  const ring = await startRing({ SIGNING_ALGORITHM: "ES256" });
  try {
    const answers = await Promise.all(Array.from({ length: 20 }, () => ring.ask("ring")));
    const distinct = new Set(answers.map(({ body }) => JSON.stringify(body.ring)));
    assert.equal(distinct.size, 1);
    const { keys } = answers[0]?.body.ring;
    const count = (/** @type {string} */ algorithm, /** @type {string} */ kind) =>
      keys.filter((/** @type {any} */ key) => key.algorithm === algorithm && key.kind === kind).length;
    assert.deepEqual(
      [count("RS256", "dynamic"), count("RS256", "static"), count("ES256", "dynamic"), count("ES256", "static")],
      [1, 1, 1, 1],
    );
  } finally {
    await ring.close();
  }
});

test("keys and secrets outlive the object's instance", async () => {
  const ring = await startRing();
  try {
    const before = (await ring.ask("ring")).body.ring;
    await ring.postern.evict("KeyRing", object);
    assert.deepEqual((await ring.ask("ring")).body.ring, before);
  } finally {
    await ring.close();
  }
});

test("a question that is none leaves the object without storage", async () => {
  const ring = await startRing();
  try {
    assert.equal((await ring.ask("nothing")).status, 400);
    assert.equal((await ring.ask("withdraw", { key: 1 })).status, 400);
    const tables = await ring.postern.sql("KeyRing", object, "SELECT name FROM sqlite_master WHERE name IN ('ring', 'signing_keys')");
    assert.equal(JSON.stringify(tables), "[]");
  } finally {
    await ring.close();
  }
});

test("a withdrawn key is gone at once and replaced; an unknown one is 404", async () => {
  const ring = await startRing();
  try {
    const before = await ring.kids();
    for (const kid of before) {
      const { status, body } = await ring.ask("withdraw", { kid });
      assert.equal(status, 200);
      assert.equal(body.ring.keys.some((/** @type {any} */ key) => key.kid === kid), false);
    }
    assert.equal((await ring.kids()).length, 2);
    assert.equal((await ring.ask("withdraw", { kid: "d-1" })).status, 404);
  } finally {
    await ring.close();
  }
});

test("rotation on demand adds a key that signs only after the overlap", async () => {
  const ring = await startRing();
  try {
    const before = await ring.kids();
    const { body } = await ring.ask("rotate");
    const added = body.ring.keys.filter((/** @type {any} */ key) => !before.includes(key.kid));
    assert.equal(added.length, 1);
    assert.equal(added[0].signs_from, added[0].created + 60_000);
  } finally {
    await ring.close();
  }
});

test("the alarm makes the next key in time, once, and not for ever", async () => {
  const ring = await startRing({ SIGNING_KEY_ROTATION_INTERVAL: "2s" });
  try {
    await ring.ask("ring");
    // Nobody asks; due after 1.6 s, and again 1.6 s later if the handler re-armed.
    await sleep(4_000);
    const rows = await ring.postern.sql("KeyRing", object, "SELECT kid FROM signing_keys WHERE kid LIKE 'd-%' ORDER BY kid");
    const [first, second, ...more] = rows.map((/** @type {any} */ row) => Number(row.kid.slice(2)));
    assert.deepEqual(more, []);
    const age = Number(second) - Number(first);
    assert.ok(age >= 1_600 && age < 2_600, `made after ${age} ms`);
  } finally {
    await ring.close();
  }
});

test("storage of a newer version is left alone and answered with a fault", async () => {
  const ring = await startRing();
  try {
    await ring.ask("ring");
    await ring.postern.sql("KeyRing", object, "UPDATE ring SET record = json_set(record, '$.schema', 99)");
    const { status, body } = await ring.ask("ring");
    assert.deepEqual([status, body], [503, { fault: "NewerSchema" }]);
    const rows = await ring.postern.sql("KeyRing", object, "SELECT json_extract(record, '$.schema') AS schema FROM ring");
    assert.equal(/** @type {any} */ (rows)[0].schema, 99);
  } finally {
    await ring.close();
  }
});
