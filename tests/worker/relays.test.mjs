// Relays between isolates and what they all ask (docs/scale.md): bounds hold as without them, they are asked in place of the one
// object, they store nothing, and one that is lost costs a question to that object (invariants I8, I9 and I12).
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { decodeProtectedHeader } from "jose";

import { startIsolates } from "../support/isolates.mjs";
import { until } from "../support/until.mjs";

const BOUND_MS = 6_000;
const FRESHNESS = "within 6s";
const RELAYS = ["relay-0", "relay-1"];
const EVERYWHERE_OK = Array(5).fill("OK");

/** @type {Awaited<ReturnType<typeof startIsolates>>} */
let postern;
before(async () => {
  // One more isolate has other variables.
  postern = await startIsolates(5, { RELAYS: "2", REVOCATION_SHARDS: "2", FRESHNESS }, { varsOf: { "postern-5": { RELAYS: "0" } } });
});
after(() => postern?.close());
beforeEach(() => postern.out());

const create = async (/** @type {string} */ userId) => {
  const created = await postern.isolates[0].admin("createNewSession", { userId });
  assert.equal(created.status, "OK", created.message);
  return created;
};

/** What every isolate says of a token. @param {any} created */
const verdicts = (created) => Promise.all(postern.isolates.map((isolate) => isolate.verdict(created.accessToken.token, FRESHNESS)));

/** @param {string[]} found @param {string} wanted */
const all = (found, wanted) => found.every((one) => one === wanted);

/** Every isolate has a copy: none asks a user's object. @param {any} created */
async function warm(created) {
  await until("every isolate decides by its copy", async () => {
    await postern.clearCalls();
    assert.ok(all(await verdicts(created), "OK"));
    return (await postern.calls("UserSessions")).length === 0;
  });
}

/** What happens at every isolate while it is asked again and again, until all say `wanted`. @param {any} created @param {string} wanted */
async function felt(created, wanted) {
  const begin = Date.now();
  await until(wanted, async () => all(await verdicts(created), wanted), BOUND_MS);
  assert.ok(Date.now() - begin <= BOUND_MS);
}

/** How often an object of the key ring's class was asked. @param {(call: {name: string, call: string}) => boolean} which */
const asked = async (which) => (await postern.calls("KeyRing")).filter(which).length;

test("a revocation is felt at every isolate within the bound, and relays ask less often than they are asked", async () => {
  const [alice, bob] = [await create("alice"), await create("bob")];
  await warm(bob);
  assert.ok(all(await verdicts(alice), "OK"));
  await postern.clearCalls();
  assert.equal((await postern.isolates[1].admin("revokeSession", { handle: alice.session.handle })).status, "OK");
  await felt(alice, "UNAUTHORISED");
  // For a while at the pace at which isolates of this bound ask.
  for (let n = 0; n < 40; n += 1) {
    assert.ok(all(await verdicts(bob), "OK"));
    await sleep(100);
  }
  const told = await asked(({ name, call }) => RELAYS.includes(name) && call === "polls");
  const polls = (await postern.calls("Revocations")).filter(({ call }) => call === "poll").length;
  // Each question of an isolate is for both shards. The isolate without relays asks as often as each of the others.
  const its = (2 * told) / 4;
  assert.ok(told >= 8 && polls - its < 2 * told, `${polls} polls for ${told} questions`);
  const renewed = await asked(({ name, call }) => RELAYS.includes(name) && call === "ring");
  const rings = await asked(({ name, call }) => name === "key-ring" && call === "");
  assert.ok(rings <= renewed + 2, `${rings} questions to the key ring for ${renewed}`);
});

test("a withdrawn key is refused at every isolate within the bound, and what the new one signed is good within it", async () => {
  const alice = await create("alice");
  await warm(alice);
  const { kid } = decodeProtectedHeader(alice.accessToken.token);
  assert.equal((await postern.isolates[0].admin("revokeSigningKey", { kid })).status, "OK");
  const carol = await create("carol");
  assert.notEqual(decodeProtectedHeader(carol.accessToken.token).kid, kid);
  await Promise.all([felt(alice, "TRY_REFRESH_TOKEN"), felt(carol, "OK")]);
});

for (const outcome of /** @type {const} */ (["refuse", "unknown call", "hang"])) {
  test(`relays that ${outcome === "unknown call" ? "are of a release without" : outcome} cost a question to the objects behind them, and no more`, { timeout: 120_000 }, async () => {
    const alice = await create("alice");
    await warm(alice);
    await postern.out(...RELAYS.map((name) => ({ className: "KeyRing", name, outcome })));
    await postern.clearCalls();
    const end = Date.now() + 2 * BOUND_MS;
    while (Date.now() < end) {
      assert.ok(all(await verdicts(alice), "OK"));
      await sleep(200);
    }
    const past = await asked(({ name, call }) => RELAYS.includes(name) && call === "polls");
    const polls = (await postern.calls("Revocations")).filter(({ call }) => call === "poll").length;
    const its = (2 * past) / 4;
    assert.ok(past > 0 && polls >= past && polls - its <= 2 * past + 8, `${polls} polls past ${past} questions`);
    assert.equal((await postern.isolates[1].admin("revokeSession", { handle: alice.session.handle })).status, "OK");
    await felt(alice, "UNAUTHORISED");
    assert.match(postern.output(), /"event":"relay"/);
  });
}

test("a shard that hangs behind a relay costs the isolates no answer of another one, and a revocation is felt within the bound", { timeout: 120_000 }, async () => {
  // Whatever an isolate has logged of its relay before, it logs at most once a minute.
  await postern.kill();
  await postern.start();
  const users = await Promise.all(Array.from({ length: 10 }, (_, n) => create(`user-${n}`)));
  await warm(users[0]);
  await postern.out({ className: "Revocations", name: "revocations-0", outcome: "hang" });
  await postern.clearCalls();
  const end = Date.now() + 3 * BOUND_MS;
  while (Date.now() < end) {
    for (const user of users) assert.ok(all(await verdicts(user), "OK"));
    await sleep(200);
  }
  const told = await asked(({ name, call }) => RELAYS.includes(name) && call === "polls");
  const polls = (await postern.calls("Revocations")).filter(({ name, call }) => name === "revocations-1" && call === "poll").length;
  // The isolate without relays asks as often as each of the others.
  const its = told / 4;
  assert.ok(told > 0 && polls - its <= told + 2, `${polls} polls of the shard that answers for ${told} questions`);
  assert.doesNotMatch(postern.output(), /"event":"relay"/);
  // A revocation that its shard has not recorded is not acknowledged; any other is felt.
  const acknowledged = await Promise.all(
    users.map(async (user) => {
      const { status } = await postern.isolates[1].admin("revokeSession", { handle: user.session.handle });
      if (status === "OK") await felt(user, "UNAUTHORISED");
      else assert.equal(status, "GENERAL_ERROR");
      return status === "OK";
    }),
  );
  assert.ok(acknowledged.includes(true), String(acknowledged));
  await postern.out();
  await until("the others are felt, too", async () => (await Promise.all(users.map(verdicts))).every((found) => all(found, "UNAUTHORISED")));
});

test("an isolate that has just started works without its relays, and an outage behind a relay is an outage", { timeout: 60_000 }, async () => {
  const alice = await create("alice");
  await postern.kill();
  await postern.start();
  await postern.out(...RELAYS.map((name) => ({ className: "KeyRing", name, outcome: /** @type {const} */ ("refuse") })));
  assert.deepEqual(await verdicts(alice), EVERYWHERE_OK);
  await postern.kill();
  await postern.start();
  await postern.out({ className: "KeyRing", outcome: "refuse" });
  assert.deepEqual(await verdicts(alice), Array(5).fill("GENERAL_ERROR"));
  await postern.out();
  await until("all is well again", async () => all(await verdicts(alice), "OK"));
});

test("a relay stores nothing", async () => {
  await warm(await create("alice"));
  await postern.kill();
  const tables = postern.objectFiles("KeyRing").map((file) => {
    const database = new DatabaseSync(file, { readOnly: true });
    const names = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'").all();
    database.close();
    return names.length;
  });
  assert.equal(tables.filter((count) => count > 0).length, 1, String(tables));
  await postern.start();
});
