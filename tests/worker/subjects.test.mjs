// Issuers that have no name for a session (`handle_claim = "sub"`): a sign-out ends what was before it, everywhere within the
// bound, and a later login is a new session with empty data.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SignJWT, exportJWK, generateKeyPair } from "jose";

import { startWithCaller } from "../support/rpc.mjs";

let postern;
let key;
before(async () => {
  key = await generateKeyPair("ES256", { extractable: true });
  const jwks = { keys: [{ ...(await exportJWK(key.publicKey)), kid: "k", alg: "ES256" }] };
  const issuer = (id, more) => ({ id, issuer: `https://${id}.example`, audience: ["api"], algorithms: ["ES256"], jwks, ...more });
  postern = await startWithCaller({ TRUSTED_ISSUERS: [issuer("subjects", { handle_claim: "sub" }), issuer("sessions", {})], FRESHNESS: "within 3s" });
});
after(() => postern?.close());

const now = () => Math.floor(Date.now() / 1_000);
const token = (id, sub, iat, more = {}) =>
  new SignJWT({ iat, exp: iat + 3_600, ...more }).setProtectedHeader({ alg: "ES256", kid: "k" }).setIssuer(`https://${id}.example`).setAudience("api").setSubject(sub).sign(key.privateKey);
const status = async (accessToken, freshness) => (await postern.call("SESSIONS", "getSession", { accessToken, freshness })).status;
const session = async (accessToken) => {
  const answer = await postern.call("SESSIONS", "getSession", { accessToken });
  assert.equal(answer.status, "OK", answer.message);
  return answer.session;
};
const data = (handle, freshness) => postern.call("SESSIONS", "getSessionData", { handle, freshness });
/** Signed in later than now: the clock of a token tells whole seconds. */
const nextSecond = async () => {
  const at = now();
  while (now() === at) await sleep(20);
  return now();
};

for (const [name, end] of Object.entries({
  "POST /auth/signout": async (accessToken) => {
    const answer = await postern.fetch("/auth/signout", { method: "POST", headers: { authorization: `Bearer ${accessToken}` } });
    assert.equal(answer.status, 200, await answer.text());
  },
  revokeSession: async (_, handle) => assert.deepEqual((await postern.admin("revokeSession", { handle })).revoked, [handle]),
  "the service API": async (_, handle) => {
    const { body } = await postern.core("POST", "/recipe/session/remove", { sessionHandles: [handle] });
    assert.deepEqual(body.sessionHandlesRevoked, [handle]);
  },
})) {
  test(`after ${name} older tokens are refused, and a new login is good and has no data`, async () => {
    const sub = `user of ${name}`;
    const laptop = await token("subjects", sub, now() - 10);
    const phone = await token("subjects", sub, now() - 5);
    const { handle } = await session(laptop);
    assert.equal((await session(phone)).handle, handle);
    assert.equal((await postern.call("SESSIONS", "updateSessionData", { handle, sessionData: { cart: ["book"] } })).status, "OK");
    assert.deepEqual((await data(handle)).sessionData, { cart: ["book"] });
    await end(laptop, handle);
    for (const old of [laptop, phone, await token("subjects", sub, now() - 1)]) {
      for (const freshness of ["within 3s", "strict"]) assert.equal(await status(old, freshness), "UNAUTHORISED");
    }
    assert.equal((await data(handle, "strict")).status, "UNAUTHORISED");

    const again = await token("subjects", sub, await nextSecond());
    for (const freshness of ["within 3s", "strict", "within 3s"]) assert.equal(await status(again, freshness), "OK");
    const page = await postern.fetch("/auth/session", { headers: { authorization: `Bearer ${again}` } });
    assert.equal(page.status, 200, await page.text());
    for (const freshness of ["within 3s", "strict"]) assert.deepEqual((await data(handle, freshness)).sessionData, {});
    assert.equal((await postern.call("SESSIONS", "updateSessionData", { handle, sessionData: { cart: ["pen"] } })).status, "OK");
    for (const freshness of ["within 3s", "strict"]) {
      assert.deepEqual((await data(handle, freshness)).sessionData, { cart: ["pen"] });
      for (const old of [laptop, phone]) assert.equal(await status(old, freshness), "UNAUTHORISED");
      assert.equal(await status(again, freshness), "OK");
    }
    // Beyond the bound, when isolates go by what the authority told them.
    await sleep(3_500);
    for (const old of [laptop, phone]) assert.equal(await status(old, "within 3s"), "UNAUTHORISED");
    assert.equal(await status(again, "within 3s"), "OK");
  });
}

test("it is remembered over a restart", async () => {
  const old = await token("subjects", "traveller", now() - 10);
  const { handle } = await session(old);
  await postern.admin("revokeSession", { handle });
  const again = await token("subjects", "traveller", await nextSecond());
  assert.equal(await status(again, "strict"), "OK");
  await postern.kill();
  await postern.start();
  for (const freshness of ["within 3s", "strict"]) {
    assert.equal(await status(old, freshness), "UNAUTHORISED");
    assert.equal(await status(again, freshness), "OK");
  }
});

test("a handle that names a session stays ended, whatever its issuer goes on signing", async () => {
  const { handle } = await session(await token("sessions", "alice", now() - 5, { sid: "one" }));
  await postern.admin("revokeSession", { handle });
  const later = await token("sessions", "alice", await nextSecond(), { sid: "one" });
  for (const freshness of ["within 3s", "strict"]) assert.equal(await status(later, freshness), "UNAUTHORISED");
  assert.equal(await status(await token("sessions", "alice", now(), { sid: "two" }), "strict"), "OK");
});

test("an issuer's user is given out and erased: tokens from before are refused, also of a session without data, and others stay", async () => {
  const [subject, other] = ["erased person", "other person"];
  const before = await token("subjects", subject, now() - 10);
  const neighbour = await token("subjects", other, now() - 10);
  const { handle } = await session(before);
  for (const it of [before, neighbour]) {
    await postern.call("SESSIONS", "updateSessionData", { handle: (await session(it)).handle, sessionData: { cart: [1] } });
  }
  const person = { userId: subject, issuer: "subjects" };
  const records = [];
  for (let cursor; ; ) {
    const page = await postern.admin("exportUser", { ...person, ...(cursor && { cursor }) });
    records.push(...page.records);
    cursor = page.cursor;
    if (!cursor) break;
  }
  assert.deepEqual(records, [{ type: "issuer_session", session: { handle, issuer: "subjects", userId: subject }, sessionData: { cart: [1] } }]);
  assert.deepEqual(await postern.admin("eraseUser", person), { status: "OK", erased: 1, more: false });
  assert.deepEqual((await postern.admin("exportUser", person)).records, []);
  for (const freshness of ["within 3s", "strict"]) assert.equal(await status(before, freshness), "UNAUTHORISED");
  assert.equal(await status(await token("subjects", subject, now() - 1), "strict"), "UNAUTHORISED");
  assert.deepEqual((await data((await session(neighbour)).handle, "strict")).sessionData, { cart: [1] });
  await nextSecond();
  const later = await token("subjects", subject, now());
  assert.deepEqual((await data((await session(later)).handle, "strict")).sessionData, {});
  // Of an issuer whose handles name sessions, nothing was stored: its tokens are refused all the same.
  const sid = await token("sessions", "sid person", now() - 5, { sid: "s-1" });
  assert.equal(await status(sid, "strict"), "OK");
  assert.deepEqual(await postern.admin("eraseUser", { userId: "sid person", issuer: "sessions" }), { status: "OK", erased: 0, more: false });
  assert.equal(await status(sid, "strict"), "UNAUTHORISED");
});
