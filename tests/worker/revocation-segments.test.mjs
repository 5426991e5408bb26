// The authority on revocations with more entries than are told one by one: real SQLite, real bytes, the form that
// docs/freshness.md publishes, and an isolate that takes them.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";

import { apiKey } from "../support/harness.mjs";
import { until } from "../support/until.mjs";
import { startWorkerd } from "../support/workerd.mjs";

const COUNT = 36_000;
const ROUTE = "abcdefghijklmnopqrstuvwxyz";
const LETTERS = "abcdefghijklmnopqrstuvwxyz234567";

const expires = Date.now() + 3_600_000;

/** @type {Awaited<ReturnType<typeof startWorkerd>>} */
let postern;

before(async () => {
  postern = await startWorkerd({
    vars: { API_KEYS: apiKey },
    faultyObjects: true,
    callers: [
      { name: "authority", path: "tests/support/object-requests-worker.mjs", bindings: { OBJECTS: { objects: "Revocations", service: "postern" } } },
      { name: "caller", path: "tests/support/rpc-caller-worker.mjs", bindings: { SESSIONS: { service: "postern" }, ADMIN: { service: "postern", entrypoint: "SessionsAdmin" } } },
    ],
  });
  for (let from = 0; from < COUNT; from += 5_000) await report(from, Math.min(from + 5_000, COUNT));
});
after(() => postern?.close());

/** The `n`th key, and the handle that has it. @param {number} n */
function entry(n) {
  const key = createHash("sha256").update(`handle ${n}`).digest().readBigUInt64BE();
  // 64 bits and one more: thirteen letters.
  const bits = key << 1n;
  const letters = Array.from({ length: 13 }, (_, at) => LETTERS[Number((bits >> BigInt(60 - 5 * at)) & 31n)]);
  return { key, handle: `${ROUTE}.${letters.join("")}aaaaaaaaaaaaa.tag` };
}

/** @param {string} path @param {string} [body] */
const ask = (path, body = "") => fetch(`${postern.url("authority")}/revocations-0/${path}`, { method: "POST", body });

/** What the authority answers to a call. @param {unknown} call */
async function say(call) {
  const response = await ask("", JSON.stringify({ protocol: 1, call }));
  assert.equal(response.status, 200);
  return /** @type {any} */ (await response.json()).reply;
}

/** @param {number} from @param {number} to */
async function report(from, to) {
  const entries = Array.from({ length: to - from }, (_, n) => ({ handle: entry(from + n).handle, expires }));
  const reply = await say({ report: { live: 1, entries } });
  assert.ok(reply.recorded, "the report was refused");
}

async function poll(since = 0) {
  const { answer } = await say({ poll: { since } });
  const bytes = Buffer.from(answer.tail, "base64url");
  const tail = Array.from({ length: bytes.length / 8 }, (_, at) => bytes.readBigUInt64BE(8 * at));
  return { asOf: answer.as_of, seq: answer.seq, sealed: answer.sealed, tailAfter: answer.tail_after, tail, segments: answer.segments };
}

/** A segment, as docs/freshness.md describes it. @param {string} name */
async function segment(name) {
  const response = await ask(`segment/${name}`);
  assert.equal(response.status, 200);
  const bytes = Buffer.from(await response.arrayBuffer());
  assert.equal(createHash("sha256").update(bytes).digest("hex").slice(0, 32), name);
  assert.equal(bytes.toString("latin1", 0, 4), "pfs1");
  const seed = bytes.readBigUInt64LE(4);
  const [block, slots] = [bytes.readUInt32LE(12), bytes.readUInt32LE(16)];
  assert.equal(bytes.length, 24 + slots + 2 * block);
  const mask = BigInt(block - 1);
  return (/** @type {bigint} */ key) => {
    let h = BigInt.asUintN(64, key + seed);
    h ^= h >> 33n;
    h = BigInt.asUintN(64, h * 0xff51afd7ed558ccdn);
    h ^= h >> 33n;
    h = BigInt.asUintN(64, h * 0xc4ceb9fe1a85ec53n);
    h ^= h >> 33n;
    const first = (h * BigInt(slots)) >> 64n;
    const second = (first + BigInt(block)) ^ ((h >> 18n) & mask);
    const third = (first + 2n * BigInt(block)) ^ (h & mask);
    const print = Number((h ^ (h >> 32n)) & 255n);
    const at = (/** @type {bigint} */ position) => bytes[24 + Number(position)];
    return (at(first) ^ at(second) ^ at(third)) === print;
  };
}

/** @param {"SESSIONS" | "ADMIN"} service @param {string} method @param {unknown} argument @returns {Promise<any>} */
async function call(service, method, argument) {
  const response = await fetch(postern.url("caller"), { method: "POST", body: JSON.stringify({ service, method, args: [argument] }) });
  return /** @type {any} */ (await response.json()).value;
}

test("tens of thousands of entries are told in a few segments of the published form, and outlive the process", async () => {
  const told = await poll();
  assert.ok(told.segments.length >= 1 && told.segments.length <= 4, `${told.segments.length} segments`);
  assert.ok(told.tail.length <= 4_096);
  assert.ok(told.seq >= COUNT);

  const tail = new Set(told.tail);
  const holds = await Promise.all(told.segments.map(segment));
  const isTold = (/** @type {bigint} */ key) => tail.has(key) || holds.some((held) => held(key));
  for (let n = 0; n < COUNT; n += 1) assert.ok(isTold(entry(n).key), `entry ${n} is missing`);
  let chance = 0;
  for (let n = COUNT; n < COUNT + 10_000; n += 1) chance += Number(isTold(entry(n).key));
  assert.ok(chance < 250, `${chance} of 10,000 others`);

  // What is told again changes nothing; only news is told to whoever knows the rest.
  await report(COUNT - 10, COUNT);
  await report(COUNT, COUNT + 3);
  const news = await poll(told.seq);
  assert.ok(news.seq <= told.seq + 13);
  assert.ok(news.tail.length <= 13);

  const before = await poll();
  await postern.kill();
  await postern.start();
  const again = await poll();
  assert.deepEqual({ ...again, asOf: 0 }, { ...before, asOf: 0 });
  for (const name of again.segments) await segment(name);
  assert.equal((await ask("segment/00000000000000000000000000000000")).status, 404);
});

/** What the objects of a class were asked. @param {string} className @returns {Promise<{call: string}[]>} */
async function calls(className) {
  const all = /** @type {any[]} */ (await postern.objectFaults("calls"));
  return all.filter((call) => call.className === className);
}

test("an isolate takes each segment once, and then asks no user's object", async () => {
  const create = async (/** @type {string} */ userId) => (await call("ADMIN", "createNewSession", { userId })).accessToken.token;
  const verdict = async (/** @type {string} */ accessToken) =>
    (await call("SESSIONS", "getSession", { accessToken, freshness: "within 60s", doAntiCsrfCheck: false })).status;
  assert.equal(await verdict(await create("alice")), "OK");
  // A request for a segment has no body.
  const fetches = async () => (await calls("Revocations")).filter(({ call }) => call === "").length;
  const { segments } = await poll();
  await until("the segments are fetched", async () => (await fetches()) === segments.length);
  const token = await create("bob");
  await postern.objectFaults("clearCalls");
  for (let n = 0; n < 50; n += 1) assert.equal(await verdict(token), "OK");
  // Unless the filters take it for one of theirs: then once.
  assert.ok((await calls("UserSessions")).length <= 1);
  assert.equal(await fetches(), 0);
  assert.doesNotMatch(postern.output(), /came to nothing|RuntimeError|panicked/);
});
