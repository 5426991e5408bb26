// An overwrite while KV refuses, delays, loses or lags: what the writer is told, and what readers see (invariant I1).
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { startWithCaller } from "../support/rpc.mjs";
import { until } from "../support/until.mjs";

const OLD = { value: "old", filler: "o".repeat(2_000) };
const NEW = { value: "new", filler: "n".repeat(2_000) };

let postern;
before(async () => {
  postern = await startWithCaller();
});
after(() => postern?.close());
beforeEach(() => postern.faults("setFaults", []));

const session = async (sessionData) => (await postern.admin("createNewSession", { userId: "alice", sessionData })).session.handle;
const update = (handle, sessionData) => postern.call("SESSIONS", "updateSessionData", { handle, sessionData });
const read = async (handle, freshness) => {
  const { status, sessionData } = await postern.call("SESSIONS", "getSessionData", { handle, freshness });
  assert.equal(status, "OK");
  return sessionData;
};
const inKv = async (handle) => {
  const { [handle]: entry } = await postern.faults("entries");
  return entry && JSON.parse(entry.value);
};
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

const FAULTS = {
  "KV refuses": { operations: ["put"], outcome: "refuse", times: 1 },
  "KV refuses for rate": { operations: ["put"], outcome: "rate", times: 1 },
  "KV never answers": { operations: ["put"], outcome: "hang", times: 1 },
  "KV's answer is lost": { operations: ["put"], outcome: "lost answer", times: 1 },
};

for (const [kind, fault] of Object.entries(FAULTS)) {
  test(`when ${kind}, the writer hears GENERAL_ERROR, and soon every reader sees the new value`, async () => {
    const handle = await session(OLD);
    await sleep(1_100); // the copy's own write is over, and its second has passed
    await postern.faults("setFaults", [{ ...fault, key: handle }]);
    const answer = await update(handle, NEW);
    assert.equal(answer.status, "GENERAL_ERROR");
    assert.ok(answer.retryAfterSeconds >= 1 && typeof answer.message === "string");
    for (const freshness of ["within 60s", "stateless", "strict"]) {
      const seen = await read(handle, freshness);
      assert.ok(same(seen, OLD) || same(seen, NEW), `a mixture at ${freshness}`);
    }
    assert.deepEqual(await read(handle, "strict"), NEW);
    await until("the copy is the new value", async () => same(await inKv(handle), NEW));
    for (const freshness of ["within 60s", "stateless", "strict"]) assert.deepEqual(await read(handle, freshness), NEW);
  });

  test(`when ${kind}, the service API answers 503 with Retry-After`, async () => {
    const handle = await session(OLD);
    await sleep(1_100);
    await postern.faults("setFaults", [{ ...fault, key: handle }]);
    const put = await postern.core("PUT", "/recipe/session/data", { sessionHandle: handle, userDataInDatabase: NEW });
    assert.equal(put.status, 503);
    assert.match(put.headers.get("retry-after"), /^[1-9]\d*$/);
  });
}

test("an outage of KV that outlasts several attempts loses nothing once it ends", async () => {
  const handle = await session(OLD);
  await postern.faults("setFaults", [{ operations: ["put"], outcome: "refuse" }]);
  assert.equal((await update(handle, { value: "lost?" })).status, "GENERAL_ERROR");
  assert.equal((await update(handle, NEW)).status, "GENERAL_ERROR");
  await sleep(2_500);
  await postern.faults("setFaults", []);
  await until("the copy is the new value", async () => same(await inKv(handle), NEW), 30_000);
});

test("what the outbox owes survives a crash of the process", async () => {
  const handle = await session(OLD);
  await postern.faults("setFaults", [{ operations: ["put"], outcome: "refuse" }]);
  assert.equal((await update(handle, NEW)).status, "GENERAL_ERROR");
  await postern.kill();
  await postern.start();
  await postern.faults("setFaults", []);
  assert.deepEqual(await read(handle, "strict"), NEW);
  await until("the copy is the new value", async () => same(await inKv(handle), NEW), 30_000);
});

test("an overwrite that is refused changes nothing and writes nothing", async () => {
  const handle = await session(OLD);
  await postern.faults("setFaults", [{ outcome: "refuse" }]);
  const calls = (await postern.faults("calls")).length;
  await assert.rejects(update(handle, { text: "x".repeat(1024 * 1024) }), { name: "RangeError" });
  await assert.rejects(update(handle, "text"), { name: "TypeError" });
  assert.equal((await postern.faults("calls")).length, calls);
  assert.deepEqual(await read(handle, "strict"), OLD);
});

test("reads go on while KV refuses, and while it never answers", { timeout: 30_000 }, async () => {
  const handle = await session(OLD);
  await read(handle, "within 60s"); // from now on this isolate knows the session, and asks KV first
  for (const outcome of ["refuse", "hang"]) {
    await postern.faults("setFaults", [{ operations: ["get"], outcome }]);
    const calls = (await postern.faults("calls")).length;
    assert.deepEqual(await read(handle, "within 60s"), OLD);
    assert.equal((await postern.faults("calls")).length, calls + 1);
  }
});

test("a session is made and its data is readable while KV is out", async () => {
  await postern.faults("setFaults", [{ outcome: "refuse" }]);
  const handle = await session(OLD);
  assert.deepEqual(await read(handle, "within 60s"), OLD);
  await postern.faults("setFaults", []);
  await until("the copy is there", async () => same(await inKv(handle), OLD));
});

test("a lagging KV shows the whole old or the whole new value, and the writer's isolate the new one", async () => {
  const handle = await session(OLD);
  await sleep(1_100);
  await postern.faults("setFaults", [{ operations: ["put"], lagMs: 1_500 }]);
  assert.equal((await update(handle, NEW)).status, "OK");
  assert.deepEqual(await read(handle, "within 60s"), NEW);
  const seen = await read(handle, "stateless");
  assert.ok(same(seen, OLD) || same(seen, NEW));
  await sleep(1_600);
  assert.deepEqual(await read(handle, "stateless"), NEW);
});

test("a miss that KV remembers does not hide a value written since", async () => {
  const handle = await session();
  await postern.faults("setFaults", [{ operations: ["get"], cacheMissMs: 60_000 }]);
  assert.deepEqual(await read(handle, "within 60s"), {});
  assert.equal((await update(handle, NEW)).status, "OK");
  for (const freshness of ["within 60s", "stateless", "strict"]) assert.deepEqual(await read(handle, freshness), NEW);
});

test("a burst on one handle becomes about one KV write a second, and each writer is answered by its value or a newer one", async () => {
  const handle = await session({ n: 0 });
  await sleep(1_100);
  await postern.faults("clear");
  const started = Date.now();
  const answers = [];
  let n = 0;
  while (Date.now() - started < 2_500) {
    const mine = (n += 1);
    answers.push(
      update(handle, { n: mine }).then(async ({ status }) => {
        assert.equal(status, "OK");
        const copy = await inKv(handle);
        assert.ok(copy.n >= mine, `answered ${mine} while KV held ${copy.n}`);
      }),
    );
    // The next one only after the object has this one: their order is known.
    await until("the object has it", async () => (await read(handle, "strict")).n >= mine);
  }
  await Promise.all(answers);
  const puts = (await postern.faults("calls")).filter(({ operation, key }) => operation === "put" && key === handle);
  const seconds = (Date.now() - started) / 1_000;
  assert.ok(n > 10, `${n} writes are no burst`);
  assert.ok(puts.length >= 2 && puts.length <= seconds + 1, `${puts.length} KV writes in ${seconds} s`);
  for (const [index, { at }] of puts.entries()) {
    if (index > 0) assert.ok(at - puts[index - 1].at >= 900, "two KV writes within a second");
  }
  assert.deepEqual(await inKv(handle), { n });
});

for (const text of ["{", "", "null", "7", '"text"']) {
  test(`what somebody else put in KV, ${JSON.stringify(text)}, is not taken for session data: the object answers`, async () => {
    const handle = await session(OLD);
    const { metadata } = await until("the copy is there", async () => (await postern.faults("entries"))[handle]);
    await postern.faults("store", handle, text, metadata);
    for (const freshness of ["within 60s", "stateless"]) assert.deepEqual(await read(handle, freshness), OLD);
  });
}
