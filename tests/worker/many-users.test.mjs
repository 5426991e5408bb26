// @ts-check
// Many users with sessions: listing, giving out and erasing one of them asks one object, however many there are. MANY_USERS=10000 is the
// long form, of 100,000 sessions; of those one user in ten is asked about.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWithCaller } from "../support/rpc.mjs";

const USERS = Number(process.env.MANY_USERS ?? 20);
const SESSIONS_EACH = 10;
/** Calls at a time. */
const AT_ONCE = 8;

/** @type {Awaited<ReturnType<typeof startWithCaller>>} */
let postern;
before(async () => void (postern = await startWithCaller()));
after(() => postern?.close());

/** Does something for each, some at a time. @template T @param {T[]} list @param {(one: T) => Promise<void>} run */
async function forEach(list, run) {
  const rest = list.values();
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (const one of rest) await run(one);
  }));
}

test(`${USERS} users with ${SESSIONS_EACH} sessions each: list, page and erase stay as small as for one`, { timeout: 3_600_000 }, async (t) => {
  const users = Array.from({ length: USERS }, (_, n) => `one of many ${n}`);
  /** @type {Record<string, number[]>} */
  const times = {};
  /** @param {string} method @param {string} userId */
  const timed = async (method, userId) => {
    const started = performance.now();
    const answer = await postern.admin(method, { userId });
    (times[method] ??= []).push(performance.now() - started);
    assert.equal(answer.status, "OK", JSON.stringify(answer));
    return answer;
  };
  await forEach(users, async (userId) => {
    for (let n = 0; n < SESSIONS_EACH; n += 1) await timed("createNewSession", userId);
  });
  const asked = users.filter((_, n) => USERS <= 100 || n % 10 === 0);
  await forEach(asked, async (userId) => {
    assert.equal((await timed("listSessions", userId)).sessions.length, SESSIONS_EACH);
    assert.equal((await timed("exportUser", userId)).records.length, SESSIONS_EACH);
    const { erased, more } = await timed("eraseUser", userId);
    assert.deepEqual([erased, more], [SESSIONS_EACH, false]);
    assert.equal((await timed("listSessions", userId)).sessions.length, 0);
  });
  for (const [what, measured] of Object.entries(times)) {
    const sorted = measured.sort((a, b) => a - b);
    t.diagnostic(`${what}: ${sorted.length} calls, median ${sorted[sorted.length >> 1]?.toFixed(1)} ms, slowest ${sorted.at(-1)?.toFixed(0)} ms`);
    assert.ok((sorted.at(-1) ?? 0) < 20_000, what);
  }
});
