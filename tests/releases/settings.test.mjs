// Variables of two releases side by side: what isolates and objects must agree on is published, and each goes by that.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startIsolates } from "../support/isolates.mjs";
import { until } from "../support/until.mjs";

const BOUND = 10;

/** @type {Awaited<ReturnType<typeof startIsolates>>} */
let bed;
before(async () => {
  bed = await startIsolates(3);
});
after(() => bed?.close());

const at = (/** @type {number} */ n) => /** @type {(typeof bed.isolates)[number]} */ (bed.isolates[n]);

/** Sessions of so many users, ended at one isolate, are refused by all within the bound. @param {string} name @param {number} count */
async function endedAreRefused(name, count) {
  const created = await Promise.all(Array.from({ length: count }, (_, n) => at(n % 3).admin("createNewSession", { userId: `${name}-${n}` })));
  const verdicts = async () => Promise.all(bed.isolates.flatMap((it) => created.map(({ accessToken }) => it.verdict(accessToken.token, `within ${BOUND}s`))));
  assert.deepEqual(new Set(await verdicts()), new Set(["OK"]));
  for (const [n, { session }] of created.entries()) {
    const ended = await at((n + 1) % 3).admin("revokeSession", { handle: session.handle });
    assert.deepEqual(ended, { status: "OK", revoked: [session.handle] });
  }
  const acknowledged = Date.now();
  await until(`${name}: all isolates refuse them`, async () => new Set(await verdicts()).size === 1 && (await verdicts())[0] === "UNAUTHORISED");
  assert.ok(Date.now() - acknowledged < (BOUND + 2) * 1_000, `${Date.now() - acknowledged} ms`);
}

/** Starts it again with these variables. @param {Record<string, Record<string, unknown>>} varsOf */
async function deploy(varsOf) {
  await bed.kill();
  await bed.start({ varsOf });
}

test("isolates and objects whose REVOCATION_SHARDS differ honour no ended session beyond the bound, in every phase", async () => {
  await endedAreRefused("one", 6);
  // The objects want four, some isolates know of one.
  await deploy({ postern: { REVOCATION_SHARDS: "4" } });
  await endedAreRefused("objects-four", 8);
  await deploy({ "postern-2": { REVOCATION_SHARDS: "4" } });
  await endedAreRefused("isolates-four", 8);
  await deploy({ postern: { REVOCATION_SHARDS: "2" }, "postern-2": { REVOCATION_SHARDS: "16" }, "postern-3": { REVOCATION_SHARDS: "4" } });
  await endedAreRefused("all-different", 8);
});

test("isolates and objects whose SIGNING_ALGORITHM differ sign what everybody verifies, and refuse nobody", async () => {
  for (const varsOf of [{ postern: { SIGNING_ALGORITHM: "ES256" } }, { "postern-2": { SIGNING_ALGORITHM: "EdDSA" } }, {}]) {
    await deploy(varsOf);
    for (const it of bed.isolates) {
      const created = await it.admin("createNewSession", { userId: "signer" });
      assert.equal(created.status, "OK", created.message);
      const refreshed = await it.admin("refreshSession", { refreshToken: created.refreshToken.token });
      assert.equal(refreshed.status, "OK", refreshed.message);
      for (const other of bed.isolates) assert.equal(await other.verdict(refreshed.accessToken.token, "strict"), "OK");
    }
  }
});
