// The test beds themselves: the stand-in for KV behaves as KV and fails as it is told, in both places where it is
// used, and a killed workerd comes back with what it had.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startPostern } from "../support/harness.mjs";
import { startWorkerd } from "../support/workerd.mjs";

/** What both beds must show. @param {() => {kv: any, faults: any}} bed */
function behavesAsKv(bed) {
  test("what was put is read, with its metadata, until it is deleted", async () => {
    const { kv } = bed();
    assert.equal(await kv("get", "a"), null);
    await kv("put", "a", "one", { metadata: { seq: 1 }, expirationTtl: 60 });
    assert.equal(await kv("get", "a"), "one");
    const { value, metadata } = await kv("getWithMetadata", "a");
    assert.deepEqual({ value, metadata }, { value: "one", metadata: { seq: 1 } });
    const { keys } = await kv("list", { prefix: "a" });
    assert.deepEqual(keys.map((/** @type {any} */ key) => [key.name, key.metadata]), [["a", { seq: 1 }]]);
    assert.ok(keys[0].expiration > Date.now() / 1000 + 50);
    await kv("delete", "a");
    assert.equal(await kv("get", "a"), null);
  });

  test("a life below 60 s is refused, as KV refuses it", async () => {
    await assert.rejects(bed().kv("put", "a", "one", { expirationTtl: 10 }), /400/);
  });

  test("a refused write changes nothing, one whose answer is lost does", async () => {
    const { kv, faults } = bed();
    await kv("put", "a", "one");
    await faults("setFaults", [{ operations: ["put"], outcome: "rate", times: 1 }, { operations: ["put"], outcome: "lost answer", times: 1 }]);
    await assert.rejects(kv("put", "a", "two"), /429/);
    assert.equal(await kv("get", "a"), "one");
    await assert.rejects(kv("put", "a", "three"), /500/);
    assert.equal(await kv("get", "a"), "three");
  });

  test("a lagging write is accepted, and seen later", async () => {
    const { kv, faults } = bed();
    await kv("put", "a", "one");
    await faults("setFaults", [{ operations: ["put"], lagMs: 300 }]);
    await kv("put", "a", "two");
    assert.equal(await kv("get", "a"), "one");
    assert.equal((await faults("entries")).a.value, "two");
    await new Promise((resolve) => setTimeout(resolve, 350));
    assert.equal(await kv("get", "a"), "two");
  });

  test("a miss is remembered where the test says so", async () => {
    const { kv, faults } = bed();
    await faults("setFaults", [{ operations: ["get"], cacheMissMs: 300 }]);
    assert.equal(await kv("get", "missing"), null);
    await kv("put", "missing", "now there");
    assert.equal(await kv("get", "missing"), null);
    await new Promise((resolve) => setTimeout(resolve, 350));
    assert.equal(await kv("get", "missing"), "now there");
  });

  test("calls are counted", async () => {
    const { kv, faults } = bed();
    await faults("clear");
    await kv("get", "a");
    await kv("delete", "a");
    assert.deepEqual((await faults("calls")).map((/** @type {any} */ call) => call.operation), ["get", "delete"]);
  });
}

describe("in wrangler's harness, bound as a service", () => {
  /** @type {Awaited<ReturnType<typeof startPostern>>} */
  let postern;
  before(async () => {
    postern = await startPostern({ faultyKv: true });
  });
  after(() => postern.close());
  behavesAsKv(() => ({
    kv: async (/** @type {string} */ method, /** @type {unknown[]} */ ...args) => (await postern.kv())[method](...args),
    faults: async (/** @type {string} */ method, /** @type {unknown[]} */ ...args) => postern.faults[method](...args),
  }));
});

describe("on raw workerd, behind a KV binding", () => {
  /** @type {Awaited<ReturnType<typeof startWorkerd>>} */
  let workerd;
  const caller = { name: "kv-caller", path: "tests/support/kv-caller-worker.mjs", bindings: { KV: { kv: "fault-kv" } } };
  const kv = async (/** @type {string} */ method, /** @type {unknown[]} */ ...args) => {
    const answer = await fetch(`${workerd.url("kv-caller")}/${method}`, { method: "POST", body: JSON.stringify(args) });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  };
  before(async () => {
    workerd = await startWorkerd({ callers: [caller] });
  });
  after(() => workerd.close());
  behavesAsKv(() => ({ kv, faults: workerd.faults }));

  test("Postern answers there", async () => {
    const response = await workerd.fetch("/no/such/path");
    assert.equal(response.status, 404);
    await response.text();
  });

  test("a killed process comes back on the same port with what it had accepted", async () => {
    await kv("put", "kept", "through a kill");
    const before = workerd.url();
    await workerd.kill();
    await assert.rejects(workerd.fetch("/"));
    await workerd.start();
    assert.equal(workerd.url(), before);
    assert.equal(await kv("get", "kept"), "through a kill");
  });
});
