// Variables of two releases side by side: what isolates and objects must agree on is published, and each goes by that.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { decodeProtectedHeader } from "jose";
import { setTimeout as sleep } from "node:timers/promises";
import { apiKey } from "../support/harness.mjs";
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

test("Changing settings, step 2: isolates and objects whose REVOCATION_SHARDS differ honour no ended session beyond the bound, in every phase", async () => {
  await endedAreRefused("one", 6);
  // The objects want four, some isolates know of one.
  await deploy({ postern: { REVOCATION_SHARDS: "4" } });
  await endedAreRefused("objects-four", 8);
  await deploy({ "postern-2": { REVOCATION_SHARDS: "4" } });
  await endedAreRefused("isolates-four", 8);
  await deploy({ postern: { REVOCATION_SHARDS: "2" }, "postern-2": { REVOCATION_SHARDS: "16" }, "postern-3": { REVOCATION_SHARDS: "4" } });
  await endedAreRefused("all-different", 8);
});

test("Changing settings, step 3: isolates and objects whose SIGNING_ALGORITHM differ sign what everybody verifies, and refuse nobody", async () => {
  for (const varsOf of [{ postern: { SIGNING_ALGORITHM: "ES256" } }, { "postern-2": { SIGNING_ALGORITHM: "EdDSA" } }, {}]) {
    await deploy(varsOf);
    for (const it of bed.isolates) {
      const created = await it.admin("createNewSession", { userId: "signer" });
      assert.equal(created.status, "OK", created.message);
      const refreshed = await it.admin("refreshSession", { refreshToken: created.refreshToken.token });
      assert.equal(refreshed.status, "OK", refreshed.message);
      const { kid } = decodeProtectedHeader(refreshed.accessToken.token);
      for (const other of bed.isolates) {
        assert.equal(await other.verdict(refreshed.accessToken.token, "strict"), "OK");
        const { keys } = /** @type {any} */ (await (await other.fetch("/auth/jwt/jwks.json")).json());
        assert.ok(keys.some((/** @type {any} */ key) => key.kid === kid), `${kid} is not published`);
      }
    }
  }
});

test("Changing settings, step 4: with the new key beside the old one both are good wherever it is known, and the old one everywhere", async () => {
  const added = `${apiKey}-of-tomorrow`;
  await deploy({ "postern-2": { API_KEYS: `${apiKey},${added}` } });
  const asks = async (/** @type {number} */ n, /** @type {string} */ key) =>
    (await at(n).fetch("/core/recipe/session/user?userId=nobody", { headers: { "api-key": key, "cdi-version": "5.6", rid: "session" } })).status;
  for (const n of [0, 1, 2]) assert.equal(await asks(n, apiKey), 200);
  assert.deepEqual([await asks(1, added), await asks(2, added)], [200, 401]);
});

/** For how long each isolate's new access tokens are good, at most, in seconds. */
async function lives() {
  const created = await Promise.all(bed.isolates.map((it) => it.admin("createNewSession", { userId: "short-lived" })));
  return Math.max(...created.map(({ accessToken }) => (accessToken.expiry - accessToken.createdTime) / 1_000));
}

test("Changing settings, step 1: of lifetimes, FRESHNESS and CLOCK_TOLERANCE the lesser counts at once and the greater later, whatever variables isolates have", async () => {
  await deploy({ postern: { ACCESS_TOKEN_VALIDITY: "2h" }, "postern-2": { ACCESS_TOKEN_VALIDITY: "2h" } });
  assert.ok((await lives()) <= 3_600, "a greater lifetime counts only later");
  // The objects' variables say what is wanted; an isolate's own say nothing.
  await deploy({ postern: { ACCESS_TOKEN_VALIDITY: "10s", FRESHNESS: "strict" }, "postern-2": { ACCESS_TOKEN_VALIDITY: "2h", CLOCK_TOLERANCE: "300s", FRESHNESS: "within 300s" } });
  assert.ok((await lives()) <= 10, "the lesser lifetime counts at once");
  const [going, staying] = await Promise.all(["going", "staying"].map((userId) => at(1).admin("createNewSession", { userId })));
  assert.equal(await at(1).verdict(going.accessToken.token), "OK");
  assert.equal((await at(0).admin("revokeSession", { handle: going.session.handle })).status, "OK");
  for (const it of bed.isolates) assert.equal(await it.verdict(going.accessToken.token), "UNAUTHORISED", `${it.name} goes by a bound of its own`);
  await sleep(Math.max(0, staying.accessToken.expiry - Date.now()) + 500);
  for (const it of bed.isolates) assert.equal(await it.verdict(staying.accessToken.token), "TRY_REFRESH_TOKEN", `${it.name} goes by a tolerance of its own`);
});

test("Changing settings, step 6: a change is taken back before it has had its effect", async () => {
  await deploy({});
  const life = await lives();
  assert.ok(life > 10 && life <= 3_600, `${life} s`);
  await endedAreRefused("taken-back", 4);
});
