// @ts-check
// Many users' sessions through the service API, what was acknowledged of them, and whether storage agrees.
import assert from "node:assert/strict";

/**
 * @typedef {object} Known a session as far as acknowledgements go
 * @property {string} userId
 * @property {string} handle
 * @property {string[]} tokens refresh tokens that may be presented next, the newest last
 * @property {string[]} written values that were sent and may be the stored one; the acknowledged one first
 * @property {"live" | "ended" | "unknown"} state `unknown`: a revocation was sent and its answer lost
 */

/** A small generator: the same operations in every run. @param {number} seed */
export function randomFrom(seed) {
  let state = seed;
  return (/** @type {number} */ limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/**
 * Runs operations, several at a time, each session by one worker only.
 * @param {object} run
 * @param {(path: string, body: unknown, method?: string) => Promise<{status: number, body: any}>} run.ask throws when no answer comes
 * @param {number} run.operations
 * @param {number} run.users
 * @param {number} run.seed
 * @param {number} [run.atOnce]
 * @param {() => boolean} [run.stopped]
 */
export async function operate({ ask, operations, users, seed, atOnce = 16, stopped = () => false }) {
  /** @type {Known[]} */
  const sessions = [];
  let begun = 0;
  let acknowledged = 0;
  /** Why no answer came. @type {unknown[]} */
  const unanswered = [];
  const worker = async (/** @type {number} */ which) => {
    const random = randomFrom(seed + which);
    /** @type {Known[]} */
    const mine = [];
    while (begun < operations && !stopped()) {
      begun += 1;
      const known = mine[random(mine.length)];
      const choice = random(10);
      try {
        if (!known || choice < 4) await create(mine, random(users));
        else if (choice < 7) await refresh(known);
        else if (choice < 9) await write(known, begun);
        else await revoke(known);
        acknowledged += 1;
      } catch (error) {
        // No answer: what was sent may have been done. An answer that is wrong is another matter.
        if (error instanceof assert.AssertionError) throw error;
        unanswered.push(error);
      }
    }
  };
  /** @param {Known[]} mine @param {number} user */
  async function create(mine, user) {
    const userId = `user-${user}`;
    const data = user % 2 ? { at: "creation" } : {};
    const { status, body } = await ask("/recipe/session", { userId, userDataInJWT: {}, userDataInDatabase: data, enableAntiCsrf: false });
    assert.equal(status, 200);
    const known = { userId, handle: body.session.handle, tokens: [body.refreshToken.token], written: [JSON.stringify(data)], state: /** @type {const} */ ("live") };
    mine.push(known);
    sessions.push(known);
  }
  /** @param {Known} known */
  async function refresh(known) {
    const token = known.tokens.at(-1);
    const { body } = await ask("/recipe/session/refresh", { refreshToken: token, enableAntiCsrf: false, useDynamicSigningKey: true });
    if (known.state === "live") assert.equal(body.status, "OK");
    if (body.status === "OK") known.tokens.push(body.refreshToken.token);
  }
  /** @param {Known} known @param {number} n */
  async function write(known, n) {
    const value = JSON.stringify({ n });
    if (known.state === "live") known.written.push(value);
    const { status, body } = await ask("/recipe/session/data", { sessionHandle: known.handle, userDataInDatabase: { n } }, "PUT");
    assert.equal(status, 200);
    if (known.state === "live") assert.equal(body.status, "OK");
    if (body.status === "OK") known.written = [value];
  }
  /** @param {Known} known */
  async function revoke(known) {
    if (known.state === "live") known.state = "unknown";
    const { body } = await ask("/recipe/session/remove", { sessionHandles: [known.handle] });
    assert.equal(body.status, "OK");
    known.state = "ended";
  }
  await Promise.all(Array.from({ length: atOnce }, (_, which) => worker(which)));
  return { sessions, acknowledged, unanswered };
}
