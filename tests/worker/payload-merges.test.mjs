// Members merged into a stored payload by many callers at once, in isolates of their own: every change that was answered OK
// is there, a role that was taken away among them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { startIsolates } from "../support/isolates.mjs";

/** @type {Awaited<ReturnType<typeof startIsolates>>} */
let bed;
before(async () => {
  bed = await startIsolates(3);
});
after(() => bed?.close());

/** @param {Record<string, unknown>} jwtPayload @param {string} [userId] */
async function session(jwtPayload, userId = "alice") {
  const created = await bed.isolates[0].admin("createNewSession", { userId, jwtPayload });
  assert.equal(created.status, "OK");
  return created.session.handle;
}
/** @param {string} handle */
const stored = async (handle) => (await bed.isolates[0].admin("getSessionInformation", { handle })).session.jwtPayload;
/** @param {string} handle @param {unknown} jwtPayload */
const merge = (handle, jwtPayload, n = 0) =>
  bed.isolates[n % bed.isolates.length].admin("mergeIntoAccessTokenPayload", { handle, jwtPayload });

for (const count of [2, 8, 40]) {
  test(`${count} merges at once through three isolates are all there, and a member that one takes away is gone`, async () => {
    const handle = await session({ role: "admin", kept: "ü" });
    const changes = Array.from({ length: count }, (_, n) => (n === 1 ? { role: null } : { [`k${n}`]: { n } }));
    const answers = await Promise.all(changes.map((change, n) => merge(handle, change, n)));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set(["OK"]));
    const expected = Object.assign({ kept: "ü" }, ...changes);
    delete expected.role;
    assert.deepEqual(await stored(handle), expected);
  });
}

test("merges beside overwrites leave the last overwrite with every merge that came after it", async () => {
  const handle = await session({ role: "admin" });
  await Promise.all([
    bed.isolates[1].admin("updateJWTPayload", { handle, jwtPayload: { base: 1 } }),
    ...Array.from({ length: 6 }, (_, n) => merge(handle, { role: null, [`k${n}`]: n }, n)),
  ]);
  const payload = await stored(handle);
  // Whatever the order, the overwrite is there, and so nothing of what it replaced.
  assert.equal(payload.base, 1);
  assert.equal("role" in payload, false);
});

test("merges that together would not fit are refused one by one, and what fitted is there", async () => {
  const handle = await session({});
  const changes = Array.from({ length: 12 }, (_, n) => ({ [`k${n}`]: "x".repeat(400) }));
  const answers = await Promise.allSettled(changes.map((change, n) => merge(handle, change, n)));
  const taken = changes.filter((_, n) => answers[n]?.status === "fulfilled");
  const refused = answers.filter(({ status }) => status === "rejected");
  assert.ok(taken.length > 0 && refused.length > 0, `${taken.length} taken, ${refused.length} refused`);
  for (const { reason } of /** @type {PromiseRejectedResult[]} */ (refused)) {
    assert.match(reason.message, /access token of \d+ bytes; the limit is \d+ bytes/);
  }
  assert.deepEqual(await stored(handle), Object.assign({}, ...taken));
  // As long as an overwrite may be, and no longer.
  assert.equal((await bed.isolates[0].admin("updateJWTPayload", { handle, jwtPayload: await stored(handle) })).status, "OK");
});

test("a merge holds no claim of the protocol's, and none of a session that there is not", async () => {
  const handle = await session({ a: 1 });
  await assert.rejects(merge(handle, { sub: "mallory" }), /protected field: sub/);
  await assert.rejects(merge(handle, { b: 2, antiCsrfToken: "x" }), /protected field: antiCsrfToken/);
  assert.deepEqual(await stored(handle), { a: 1 });
  await bed.isolates[0].admin("revokeSession", { handle });
  assert.equal((await merge(handle, { b: 2 }, 1)).status, "UNAUTHORISED");
  assert.equal((await merge("nothing", { b: 2 }, 1)).status, "UNAUTHORISED");
});
