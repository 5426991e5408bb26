// A deployment under load: isolates of both releases, which of them are used changes every second, and objects that change
// their release while sessions are in the middle of their lives. `RELEASES=long` runs 10,000 operations over 500 users.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { randomFrom } from "../support/agreement.mjs";
import { startIsolates } from "../support/isolates.mjs";

const long = process.env.RELEASES === "long";
const OPERATIONS = long ? 10_000 : 400;
const USERS = long ? 500 : 40;
const AT_ONCE = 8;
/** How often the objects change their release. */
const DEPLOYMENTS = long ? 9 : 2;
const BOUND_MS = 10_000;
const SEED = Number(process.env.RELEASES_SEED ?? 20_261_126);
/** Which isolates are of the next release; of the first, the objects. */
const MIXTURES = [["postern-2", "postern-4"], ["postern", "postern-3"], ["postern"], ["postern-2", "postern-3", "postern-4"]];

/**
 * @typedef {object} Held a session as its one holder knows it
 * @property {string} handle
 * @property {string} userId
 * @property {string} access
 * @property {string} refresh
 * @property {unknown} data
 * @property {Record<string, unknown>} payload
 */

/** @type {Awaited<ReturnType<typeof startIsolates>>} */
let bed;
before(async () => {
  bed = await startIsolates(4, { REFRESH_GRACE_PERIOD: "300s", MAX_SESSIONS_PER_USER: "1000", RELAYS: "2" }, { next: MIXTURES[0] });
});
after(() => bed?.close());

test(`${OPERATIONS} operations over ${USERS} users lose nothing, whatever releases they meet`, async () => {
  const random = randomFrom(SEED);
  /** @type {Held[]} */
  const free = [];
  /** @type {{access: string, at: number}[]} */
  const ended = [];
  const counts = { done: 0, unavailable: 0, refreshed: 0, looked: 0 };
  let weights = [1, 1, 1, 1];
  const mixing = setInterval(() => (weights = weights.map(() => random(4))), 1_000);
  const isolate = () => {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let at = random(total || 1);
    const which = total === 0 ? 0 : weights.findIndex((weight) => (at -= weight) < 0);
    return /** @type {(typeof bed.isolates)[number]} */ (bed.isolates[which]);
  };
  /** Asks until it is answered with more than 503. @param {string} method @param {unknown} argument */
  const ask = async (method, argument) => {
    for (let attempt = 0; ; attempt += 1) {
      const answer = await isolate().admin(method, argument);
      counts.done += 1;
      if (answer.status !== "GENERAL_ERROR") return answer;
      counts.unavailable += 1;
      assert.ok(attempt < 20, `${method}: ${answer.message}`);
      await sleep(50);
    }
  };
  const create = async () => {
    const userId = `user-${random(USERS)}`;
    const at = isolate();
    const created = await at.admin("createNewSession", { userId, jwtPayload: {}, sessionData: { n: 0 } });
    counts.done += 1;
    // Refused, it must not exist: the count at the end says so.
    if (created.status !== "OK") return void (counts.unavailable += 1);
    const { session, accessToken, refreshToken } = created;
    free.push({ handle: session.handle, userId, access: accessToken.token, refresh: refreshToken.token, data: { n: 0 }, payload: {} });
  };
  /** What may be done to a session that lives. @type {((held: Held, n: number) => Promise<boolean | void>)[]} */
  const uses = [
    async (held) => {
      const answer = await ask("refreshSession", { refreshToken: held.refresh });
      assert.equal(answer.status, "OK", `a refresh of one holder: ${answer.status} ${answer.message}`);
      counts.refreshed += 1;
      // Now and then the answer is lost, and the same token comes again.
      if (random(5) === 0) return;
      held.refresh = answer.refreshToken.token;
      held.access = answer.accessToken.token;
    },
    async (held, n) => {
      const data = { n };
      assert.equal((await ask("updateSessionData", { handle: held.handle, sessionData: data })).status, "OK");
      held.data = data;
    },
    async (held) => assert.deepEqual((await ask("getSessionData", { handle: held.handle, freshness: "strict" })).sessionData, held.data),
    async (held, n) => {
      assert.equal((await ask("mergeIntoAccessTokenPayload", { handle: held.handle, jwtPayload: { [`k${n % 5}`]: n } })).status, "OK");
      held.payload[`k${n % 5}`] = n;
    },
    async (held) => {
      for (const freshness of ["strict", "within 10s"]) assert.equal((await ask("getSession", { accessToken: held.access, freshness })).status, "OK");
    },
    async (held) => {
      assert.equal((await ask("revokeSession", { handle: held.handle })).status, "OK");
      ended.push({ access: held.access, at: Date.now() });
      return true;
    },
  ];
  let begun = 0;
  const worker = async (/** @type {number} */ until) => {
    while (begun < until) {
      begun += 1;
      const n = begun;
      const known = random(10);
      const gone = ended[random(ended.length)];
      if (known === 0 && gone && Date.now() - gone.at > BOUND_MS) {
        assert.equal((await ask("getSession", { accessToken: gone.access, freshness: "within 10s" })).status, "UNAUTHORISED", "honoured beyond the bound");
        counts.looked += 1;
        continue;
      }
      const held = known < 4 ? undefined : free.splice(random(free.length), 1)[0];
      if (!held) {
        await create();
        continue;
      }
      const use = /** @type {(typeof uses)[number]} */ (uses[random(12) === 0 ? uses.length - 1 : random(uses.length - 1)]);
      if (!(await use(held, n))) free.push(held);
    }
  };
  try {
    for (let deployment = 0; deployment <= DEPLOYMENTS; deployment += 1) {
      const until = Math.ceil((OPERATIONS * (deployment + 1)) / (DEPLOYMENTS + 1));
      await Promise.all(Array.from({ length: AT_ONCE }, () => worker(until)));
      if (deployment === DEPLOYMENTS) break;
      await bed.kill();
      await bed.start({ next: MIXTURES[(deployment + 1) % MIXTURES.length] });
    }
  } finally {
    clearInterval(mixing);
  }
  // Everything acknowledged is there, and nothing else is.
  const handles = new Map();
  for (const { userId, handle } of free) handles.set(userId, [...(handles.get(userId) ?? []), handle]);
  for (let user = 0; user < USERS; user += 1) {
    const userId = `user-${user}`;
    const listed = (await ask("getAllSessionHandlesForUser", { userId })).handles;
    assert.deepEqual([...listed].sort(), (handles.get(userId) ?? []).sort(), userId);
  }
  for (const held of free.slice(0, 200)) {
    assert.deepEqual((await ask("getSessionInformation", { handle: held.handle })).session.jwtPayload, held.payload);
  }
  const share = counts.unavailable / counts.done;
  process.stderr.write(
    `${OPERATIONS} operations, ${counts.done} calls, ${counts.unavailable} answered 503 (${(share * 100).toFixed(2)} %), seed ${SEED}. 0 of ${free.length} sessions lost or unanswered, ` +
      `0 false thefts in ${counts.refreshed} refreshes, 0 of ${counts.looked} looks at ended sessions after the bound honoured them\n`,
  );
  assert.ok(share < 0.01, `${counts.unavailable} of ${counts.done} calls were answered 503`);
});
