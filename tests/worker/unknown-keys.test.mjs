// Many tokens at once whose `kid` an isolate does not know: one question to the key ring answers for all of them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { startWithCaller } from "../support/rpc.mjs";

/** A sixth of the overlap, which is a fifth of the interval: up to this age a copy of the ring needs no question. */
const INTERVAL = 60_000;
const TRUSTED_FOR = INTERVAL / 5 / 6;
const COUNT = 100;

let postern;
let good;
before(async () => {
  postern = await startWithCaller({ SIGNING_KEY_ROTATION_INTERVAL: `${INTERVAL / 1_000}s` }, { faultyObjects: true });
  good = (await postern.admin("createNewSession", { userId: "alice" })).accessToken.token;
});
after(() => postern?.close());

const [encode, decode] = [(value) => Buffer.from(JSON.stringify(value)).toString("base64url"), (part) => JSON.parse(Buffer.from(part, "base64url").toString())];
const status = async (accessToken) => (await postern.call("SESSIONS", "getSession", { accessToken, freshness: "stateless" })).status;

/** The different statuses of as many invented tokens at once. @param {"slow" | "refuse"} outcome how it answers */
async function burst(outcome) {
  const [header, payload, signature] = good.split(".");
  await postern.objectFaults("setFaults", [{ className: "KeyRing", outcome }]);
  await sleep(TRUSTED_FOR + 100);
  await postern.objectFaults("clearCalls");
  const tokens = Array.from({ length: COUNT }, (_, number) => `${encode({ ...decode(header), kid: `d-${number}` })}.${payload}.${signature}`);
  const began = Date.now();
  const statuses = await Promise.all(tokens.map(status));
  /** One, and one more for every time that the answer to it became too old while a slow machine went on. */
  const most = 1 + Math.floor((Date.now() - began) / TRUSTED_FOR);
  const calls = (await postern.objectFaults("calls")).filter(({ className }) => className === "KeyRing");
  await postern.objectFaults("setFaults", []);
  assert.ok(calls.length >= 1 && calls.length <= most, `asked ${calls.length} times`);
  return [...new Set(statuses)];
}

test("a ring that takes its time: all are refused, none is told of an outage", async () => {
  assert.deepEqual(await burst("slow"), ["TRY_REFRESH_TOKEN"]);
  assert.equal(await status(good), "OK");
});

test("a ring out of reach: nobody can tell, so none is refused, and known keys go on verifying", async () => {
  assert.deepEqual(await burst("refuse"), ["GENERAL_ERROR"]);
  assert.equal(await status(good), "OK");
});
