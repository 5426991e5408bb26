import assert from "node:assert/strict";
import { test } from "node:test";

import * as postern from "postern";
import { memoryPostern } from "postern/testing";
import { API_KEY, wire } from "./harness.mjs";

const OUTAGE = { status: 503, text: "out of reach" };
const DATA = { json: { status: "OK", userDataInDatabase: { a: 1 } } };

test("an outage is met again for calls that may be repeated, and for no others", async (t) => {
  let left = 2;
  const { url, requests } = await wire(t, () => (left-- > 0 ? OUTAGE : DATA));
  postern.init({ url, apiKey: API_KEY });
  assert.deepEqual(await postern.getSessionData("h"), { a: 1 });
  assert.equal(requests.length, 3);
  left = 100;
  for (const call of [() => postern.createNewSession("u"), () => postern.refreshSession("r")]) {
    const before = requests.length;
    await assert.rejects(call(), { errType: postern.Error.GENERAL_ERROR });
    assert.equal(requests.length, before + 1);
  }
  postern.init({ url, apiKey: API_KEY, retries: 0 });
  const before = requests.length;
  await assert.rejects(postern.getSessionData("h"), { errType: postern.Error.GENERAL_ERROR });
  assert.equal(requests.length, before + 1);
});

test("only 503 is repeated: a refused key, a missing service and a fault of another kind are not", async (t) => {
  for (const status of [400, 401, 404, 413, 500, 502]) {
    const { url, requests } = await wire(t, () => ({ status, text: "no" }));
    postern.init({ url, apiKey: API_KEY });
    await assert.rejects(postern.getSessionData("h"));
    assert.equal(requests.length, 1, String(status));
  }
});

test("a pause is at least what was asked for, and one that is longer than the call may take is not begun", async (t) => {
  let retryAfter = "1";
  const times = [];
  const { url, requests } = await wire(t, () => (times.push(Date.now()), times.length === 2 ? DATA : { ...OUTAGE, headers: { "retry-after": retryAfter } }));
  postern.init({ url, apiKey: API_KEY });
  await postern.getSessionData("h");
  assert.ok(times[1] - times[0] >= 999, String(times[1] - times[0]));
  retryAfter = "11";
  const before = requests.length;
  await assert.rejects(postern.getSessionData("h"), { errType: postern.Error.GENERAL_ERROR, retryAfterSeconds: 11 });
  assert.equal(requests.length, before + 1);
});

test("over a binding, where a call has no limit of its own, a long pause is told and not waited for", async () => {
  let asked = 0;
  const busy = { getSessionData: async () => (asked++, { status: "GENERAL_ERROR", message: "busy", retryAfterSeconds: 3_600 }) };
  postern.init({ binding: busy });
  await assert.rejects(postern.getSessionData("h"), { errType: postern.Error.GENERAL_ERROR, retryAfterSeconds: 3_600 });
  assert.equal(asked, 1);
});

test("an export is a reading, and is repeated as one", async (t) => {
  let left = 1;
  const { url, requests } = await wire(t, () => (left-- > 0 ? OUTAGE : { json: { status: "OK", records: [] } }));
  postern.init({ url, apiKey: API_KEY });
  assert.deepEqual((await postern.exportUser("alice")).records, []);
  assert.equal(requests.length, 2);
});

test("when Postern is in trouble its callers do not multiply the load", async (t) => {
  const { url, requests } = await wire(t, () => OUTAGE);
  postern.init({ url, apiKey: API_KEY, retries: 1 });
  const calls = 60;
  await Promise.allSettled(Array.from({ length: calls }, () => postern.getSessionData("h")));
  assert.ok(requests.length > calls && requests.length <= calls + 16, String(requests.length));
});

test("a call ends when it is aborted, with the reason, over both transports", async (t) => {
  const { url, requests } = await wire(t, () => undefined);
  const slow = { getSessionData: () => new Promise(() => {}) };
  for (const where of [{ url, apiKey: API_KEY }, { binding: slow }]) {
    postern.init(where);
    const controller = new AbortController();
    const reason = new Error("the user left");
    setTimeout(() => controller.abort(reason), 30);
    await assert.rejects(postern.getSessionData("h", { signal: controller.signal }), reason);
    await assert.rejects(postern.getSessionData("h", { signal: AbortSignal.abort(reason) }), reason);
    await assert.rejects(postern.getSessionData("h", { timeoutMilliseconds: 30 }), { errType: postern.Error.GENERAL_ERROR, message: /no answer within 30 ms/ });
    await assert.rejects(postern.getSessionData("h", { timeoutMilliseconds: 0 }), TypeError);
  }
  assert.equal(requests.length, 2);
});

test("an outage over a binding is met again, too", async () => {
  const memory = memoryPostern();
  postern.init({ binding: memory.binding, adminBinding: memory.adminBinding });
  const { session } = await postern.createNewSession("alice", {}, { a: 1 });
  memory.fail("the storage is out of reach");
  setTimeout(() => memory.fail(undefined), 500);
  assert.deepEqual(await postern.getSessionData(session.handle), { a: 1 });
});
