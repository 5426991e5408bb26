// `readyz` is anybody's to ask: its verdict is kept for a few seconds.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { apiKey, startPostern } from "../support/harness.mjs";
import { until } from "../support/until.mjs";

let postern;
before(async () => {
  postern = await startPostern({ secrets: { API_KEYS: apiKey }, faultyKv: true });
});
after(() => postern.close());

const ready = async () => (await postern.fetch("/auth/readyz")).status;
const calls = async () => (await postern.faults.calls()).length;

test("many questions are few storage calls, and an outage is noticed all the same", async () => {
  await until("it is ready", async () => (await ready()) === 200, 20_000);
  const before = await calls();
  const start = Date.now();
  for (let i = 0; i < 5; i++) assert.deepEqual(await Promise.all(Array.from({ length: 20 }, ready)), Array(20).fill(200));
  const periods = Math.ceil((Date.now() - start) / 5_000) + 1;
  assert.ok((await calls()) - before <= periods, `${(await calls()) - before} calls for 100 questions`);
  await postern.faults.setFaults([{ operations: ["get"], outcome: "refuse" }]);
  await until("the outage is noticed", async () => (await ready()) === 503, 20_000);
  await postern.faults.setFaults([]);
  await until("its end is noticed", async () => (await ready()) === 200, 20_000);
});
