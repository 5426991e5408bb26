// Thousands of operations on bare workerd: what was acknowledged stands, and listing, records, KV and alarms agree.
// Storage is read from the disk of the stopped process, not through the product.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { apiKey } from "../support/harness.mjs";
import { operate, randomFrom } from "../support/agreement.mjs";
import { readObjects } from "../support/stored.mjs";
import { until } from "../support/until.mjs";
import { startWorkerd } from "../support/workerd.mjs";

// A slow machine takes its time between two presentations of one token.
const vars = { API_KEYS: apiKey, REFRESH_GRACE_PERIOD: "300s" };

/** While an alarm is at work, the next one is set to so much later, in case the process ends meanwhile. */
const ALARM_AGAIN_MS = 15_000;

/** With `CONSISTENCY=long` 10,000 operations over 1,000 users, which take minutes on a slow machine. */
const [OPERATIONS, USERS] = process.env.CONSISTENCY === "long" ? [10_000, 1_000] : [5_000, 500];

/** @param {any} postern */
function asking(postern) {
  const headers = { "api-key": apiKey, "content-type": "application/json", "cdi-version": "5.6", rid: "session" };
  return {
    ask: async (/** @type {string} */ path, /** @type {unknown} */ body, method = "POST") => {
      const response = await postern.fetch(`/core${path}`, { method, headers, body: JSON.stringify(body) });
      return { status: response.status, body: await response.json() };
    },
    listed: async (/** @type {string} */ userId) => {
      const response = await postern.fetch(`/core/recipe/session/user?userId=${userId}`, { headers });
      return (await response.json()).sessionHandles;
    },
  };
}

/**
 * What must hold when nothing is under way: between what was acknowledged, the objects' tables, their alarms, and KV.
 * @param {Awaited<ReturnType<typeof startWorkerd>>} postern @param {import("../support/agreement.mjs").Known[]} sessions
 * @param {number} users how many there were; one may have sessions whose creation nobody was told of
 */
async function agrees(postern, sessions, users) {
  const { listed } = asking(postern);
  /** @type {Map<string, string[]>} */
  const handlesOf = new Map();
  for (let user = 0; user < users; user += 1) handlesOf.set(`user-${user}`, await listed(`user-${user}`));
  const entries = await postern.faults("entries");
  await postern.kill();
  const killed = Date.now();
  const { tables, alarms } = readObjects(postern.directory);
  assert.ok(tables.nextDue.length > 0);
  const stored = new Map(tables.sessions.map((row) => [row.handle, row]));
  for (const known of sessions) {
    const isListed = handlesOf.get(known.userId)?.includes(known.handle);
    if (known.state !== "unknown") assert.equal(isListed, known.state === "live", "an acknowledged creation or revocation is lost");
    if (!isListed) continue;
    assert.equal(stored.get(known.handle)?.user_id, known.userId);
    assert.ok(known.written.includes(tables.data.get(known.handle) ?? "{}"), "an acknowledged value is lost");
  }
  const live = tables.sessions.filter((row) => row.live === 1);
  assert.deepEqual(live.map((row) => row.handle).sort(), [...handlesOf.values()].flat().sort());
  for (const { handle, data_seq, copy_expires } of live) {
    const entry = entries[handle];
    assert.equal(entry?.value, tables.data.get(handle), "KV and the object differ");
    assert.equal(entry !== undefined, data_seq > 0);
    if (entry) assert.deepEqual(entry.metadata, { seq: data_seq, sessionExpires: copy_expires });
  }
  const isLive = new Set(live.map((row) => row.handle));
  for (const handle of Object.keys(entries)) assert.ok(isLive.has(handle), "an ended session's data is left in KV");
  for (const handle of tables.data.keys()) assert.ok(isLive.has(handle), "an ended session's data is left in its object");
  for (const row of tables.outbox) {
    assert.equal(row.action, "delete_again", "something is still to be written");
    assert.equal(stored.get(row.handle)?.live, 0);
  }
  for (const row of tables.revocations) {
    assert.equal(row.recorded, 1, "the authority on revocations was not told");
    assert.equal(stored.get(row.handle)?.live, 0);
  }
  for (const { object, due } of tables.nextDue) {
    // One that was at work when the process ended goes off again.
    const latest = due <= killed ? killed + ALARM_AGAIN_MS : due;
    assert.ok((alarms.get(object) ?? Infinity) <= latest, `an object is due at ${due} and its alarm is set to ${alarms.get(object)}`);
  }
}

describe(`${OPERATIONS} operations over ${USERS} users`, () => {
  /** @type {Awaited<ReturnType<typeof startWorkerd>>} */
  let postern;
  before(async () => {
    postern = await startWorkerd({ vars });
  });
  after(() => postern.close());

  test("leave listing, records, KV and alarms in agreement", async () => {
    const { sessions, acknowledged, unanswered } = await operate({ ask: asking(postern).ask, operations: OPERATIONS, users: USERS, seed: 1 });
    assert.deepEqual(unanswered.map((error) => `${error} ${/** @type {any} */ (error).cause ?? ""}`), []);
    assert.equal(acknowledged, OPERATIONS);
    await sleep(2_000);
    await agrees(postern, sessions, USERS);
  });
});

describe("workerd is killed again and again", () => {
  /** @type {Awaited<ReturnType<typeof startWorkerd>>} */
  let postern;
  before(async () => {
    postern = await startWorkerd({ vars });
  });
  after(() => postern.close());

  test("and nothing that was acknowledged is lost, and KV comes to agree with the objects by itself", async () => {
    const random = randomFrom(Date.now());
    /** @type {import("../support/agreement.mjs").Known[]} */
    const sessions = [];
    let acknowledged = 0;
    for (let round = 0; round < 6; round += 1) {
      // KV is slow, so that a kill finds writes on their way.
      await postern.faults("setFaults", [{ operations: ["put", "delete"], delayMs: 20 }]);
      let killed = false;
      let answered = 0;
      /** @param {[string, unknown, string?]} question */
      const ask = async (...question) => {
        const answer = await asking(postern).ask(...question);
        answered += 1;
        return answer;
      };
      const run = operate({ ask, operations: 100_000, users: 60, seed: 100 + round * 100, stopped: () => killed });
      await sleep(random(1_600));
      await until("enough answers to lose some", async () => answered > 60, 60_000);
      killed = true;
      await postern.kill();
      const done = await run;
      sessions.push(...done.sessions);
      acknowledged += done.acknowledged;
      await postern.start();
    }
    assert.ok(acknowledged > 200, `only ${acknowledged} operations were acknowledged`);
    const { ask } = asking(postern);
    for (const known of sessions.filter(({ state }) => state === "live")) {
      const { body } = await ask("/recipe/session/refresh", { refreshToken: known.tokens.at(-1), enableAntiCsrf: false, useDynamicSigningKey: true });
      assert.equal(body.status, "OK", "an acknowledged refresh token is lost");
    }
    // A write that the kill interrupted is taken over 10 s after it began, and an alarm that it interrupted after 15 s.
    await sleep(20_000);
    await agrees(postern, sessions, 60);
  });
});
