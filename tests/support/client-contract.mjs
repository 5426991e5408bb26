// What a caller of the client sees of Postern, whatever it is: the real one over both transports, or the one in memory.
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { test } from "node:test";
import { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import * as client from "../../client/index.js";

const { UNAUTHORISED, TRY_REFRESH_TOKEN, INVALID_DPOP_PROOF } = client.Error;
export const LIMIT = 65_536;

const OBJECTS = {
  "nested maps and arrays": { a: { b: [1, [2, { c: [] }], {}], d: {} } },
  "null and booleans": { n: null, yes: true, no: false, list: [null] },
  "integers to 2^53": { most: Number.MAX_SAFE_INTEGER, least: Number.MIN_SAFE_INTEGER, power: 2 ** 53, zero: 0 },
  floats: { tenth: 0.1, tiny: 5e-324, huge: 1.7976931348623157e308, third: 1 / 3, negative: -2.5 },
  "the empty object": {},
  "Unicode of every plane": { "ключ": "ü 漢 😀 𝄞 \u0000 \u2028 \u{10ffff}", "": "empty name" },
  "names with a meaning": JSON.parse('{"__proto__": {"x": 1}, "constructor": 2, "toString": null, "hasOwnProperty": []}'),
};

/** @param {string} where @param {(name: string, ...args: any[]) => Promise<any>} call of a Postern whose data may have `LIMIT` bytes */
export function contract(where, call) {
  for (const [kind, object] of Object.entries(OBJECTS)) {
    test(`${kind} come back equal as payload and as data over ${where}`, async () => {
      const { session, accessToken } = await call("createNewSession", "alice", object, object);
      assert.deepEqual((await call("getSession", accessToken.token)).session, {
        handle: session.handle,
        issuer: "own",
        userId: "alice",
        tenantId: "public",
        jwtPayload: object,
      });
      assert.deepEqual(await call("getSessionData", session.handle), object);
      await call("updateSessionData", session.handle, { replaced: true });
      await call("updateSessionData", session.handle, object);
      assert.deepEqual(await call("getSessionData", session.handle), object);
    });
  }

  test(`a session that never stored data has {} over ${where}`, async () => {
    const { session } = await call("createNewSession", "alice");
    assert.deepEqual(await call("getSessionData", session.handle), {});
  });

  test(`an unknown handle is UNAUTHORISED over ${where}`, async () => {
    for (const handle of ["", "no-such-handle", "a.b.c", "x".repeat(10_000)]) {
      await assert.rejects(call("getSessionData", handle), { errType: UNAUTHORISED });
      await assert.rejects(call("updateSessionData", handle, { a: 1 }), { errType: UNAUTHORISED });
      await assert.rejects(call("getSessionInformation", handle), { errType: UNAUTHORISED });
      assert.equal(await call("revokeSession", handle), false);
    }
  });

  test(`a token that is none, or not to be trusted, is refused over ${where}`, async () => {
    const { accessToken } = await call("createNewSession", "alice");
    const broken = `${accessToken.token.slice(0, -20)}${"A".repeat(20)}`;
    await assert.rejects(call("getSession", ""), { errType: UNAUTHORISED });
    for (const token of [broken, "not.a.token", "nothing"]) {
      await assert.rejects(call("getSession", token), { errType: TRY_REFRESH_TOKEN });
    }
  });

  test(`data above the limit is refused with both numbers, and nothing is changed, over ${where}`, async () => {
    const { session } = await call("createNewSession", "alice", {}, { kept: true });
    const largest = { text: "x".repeat(LIMIT - '{"text":""}'.length) };
    const larger = { text: `${largest.text}x` };
    await assert.rejects(call("updateSessionData", session.handle, larger), (/** @type {Error} */ err) => {
      assert.match(err.name, /^(TypeError|RangeError)$/);
      for (const number of [LIMIT, LIMIT + 1]) assert.ok(err.message.includes(String(number)), err.message);
      return true;
    });
    assert.deepEqual(await call("getSessionData", session.handle), { kept: true });
    await call("updateSessionData", session.handle, largest);
    assert.deepEqual(await call("getSessionData", session.handle), largest);
  });

  test(`a payload that no cookie could hold is refused with both numbers over ${where}`, async () => {
    await assert.rejects(call("createNewSession", "alice", { text: "x".repeat(5_000) }), (/** @type {Error} */ err) => {
      assert.match(err.name, /^(TypeError|RangeError)$/);
      assert.match(err.message, /\d{4}.*\d{4}/);
      return true;
    });
  });

  test(`a user's sessions are listed and ended, and stay ended, over ${where}`, async () => {
    const user = `user-${crypto.randomUUID()}`;
    const made = [];
    for (let count = 0; count < 3; count += 1) made.push((await call("createNewSession", user)).session.handle);
    const [first, second] = made;
    assert.deepEqual(new Set(await call("getAllSessionHandlesForUser", user)), new Set(made));
    assert.equal(await call("revokeSession", first), true);
    await assert.rejects(call("getSessionData", first), { errType: UNAUTHORISED });
    await assert.rejects(call("updateSessionData", first, {}), { errType: UNAUTHORISED });
    assert.deepEqual(await call("revokeMultipleSessions", [second, "unknown"]), [second]);
    assert.deepEqual(await call("revokeAllSessionsForUser", user), [made[2]]);
    assert.deepEqual(await call("getAllSessionHandlesForUser", user), []);
  });

  test(`a refresh goes on with the same session, and an ended one has none, over ${where}`, async () => {
    const created = await call("createNewSession", "alice", { role: "editor" }, { kept: true });
    const child = await call("refreshSession", created.refreshToken.token);
    assert.equal(child.session.handle, created.session.handle);
    assert.deepEqual((await call("getSession", child.accessToken.token)).session.jwtPayload, { role: "editor" });
    // A lost answer: the same token again.
    const sibling = await call("refreshSession", created.refreshToken.token);
    assert.deepEqual(await call("getSessionData", sibling.session.handle), { kept: true });
    assert.equal(await call("revokeSession", created.session.handle), true);
    await assert.rejects(call("refreshSession", child.refreshToken.token), { errType: UNAUTHORISED });
    await assert.rejects(call("refreshSession", "nothing"), { errType: UNAUTHORISED });
    await assert.rejects(call("refreshSession", undefined), { errType: UNAUTHORISED });
  });

  test(`a payload is replaced and merged, and comes with the next token, over ${where}`, async () => {
    const { session, accessToken } = await call("createNewSession", "alice", { a: 1, b: 2 });
    await call("mergeIntoAccessTokenPayload", session.handle, { b: null, c: 3 });
    assert.deepEqual((await call("getSessionInformation", session.handle)).session.jwtPayload, { a: 1, c: 3 });
    assert.deepEqual((await call("getSession", accessToken.token)).session.jwtPayload, { a: 1, b: 2 });
    const regenerated = await call("regenerateAccessToken", accessToken.token, { d: 4 });
    assert.deepEqual((await call("getSession", regenerated.accessToken.token)).session.jwtPayload, { d: 4 });
    await call("updateJWTPayload", session.handle, { e: 5 });
    const { session: stored, sessionData } = await call("getSessionInformation", session.handle);
    assert.deepEqual([stored.jwtPayload, sessionData], [{ e: 5 }, {}]);
    assert.ok(stored.expiry > stored.timeCreated);
  });

  test(`tenants have sessions of their own over ${where}`, async () => {
    const user = `user-${crypto.randomUUID()}`;
    const { session: blue } = await call("createNewSession", user, {}, {}, { tenantId: "blue" });
    const { session: own } = await call("createNewSession", user);
    assert.deepEqual([blue.tenantId, own.tenantId], ["blue", "public"]);
    assert.deepEqual(await call("getAllSessionHandlesForUser", user, "blue"), [blue.handle]);
    assert.deepEqual(await call("revokeAllSessionsForUser", user, "blue"), [blue.handle]);
    assert.deepEqual(await call("getAllSessionHandlesForUser", user), [own.handle]);
  });
}

/** A client with a key, whose proofs `jose` makes. @param {string} [algorithm] */
export async function provingClient(algorithm = "ES256") {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(publicKey);
  return {
    jkt: await calculateJwkThumbprint(jwk),
    /** @param {string} method @param {string} url @param {string} [token] @param {object} [more] further claims */
    proof: (method, url, token, more = {}) =>
      new SignJWT({ jti: randomUUID(), htm: method, htu: url, iat: Math.floor(Date.now() / 1_000), ...(token && { ath: createHash("sha256").update(token).digest("base64url") }), ...more })
        .setProtectedHeader({ typ: "dpop+jwt", alg: algorithm, jwk })
        .sign(privateKey),
  };
}

/** What a caller sees of sessions that are bound to a key; over a binding, or of the one in memory. @param {string} where @param {(name: string, ...args: any[]) => Promise<any>} call */
export function boundContract(where, call) {
  const url = "https://api.example/orders";
  const asked = { method: "GET", url };
  for (const algorithm of ["ES256", "ES384", "ES512", "EdDSA", "RS256", "PS256"]) {
    test(`a session is bound to a key of ${algorithm}: its token and its refresh need proofs, over ${where}`, async () => {
      const holder = await provingClient(algorithm);
      const { session, accessToken, refreshToken } = await call("createNewSession", `bound-${randomUUID()}`, { role: "editor" }, {}, { dpopJkt: holder.jkt });
      assert.deepEqual(session.jwtPayload, { role: "editor" });
      const { token } = accessToken;
      await assert.rejects(call("getSession", token), { errType: UNAUTHORISED });
      const dpopProof = await holder.proof("GET", url, token);
      assert.equal((await call("getSession", token, undefined, { ...asked, dpopProof })).session.handle, session.handle);
      await assert.rejects(call("getSession", token, undefined, { ...asked, dpopProof }), { errType: INVALID_DPOP_PROOF }, "once");
      assert.equal((await call("getSessionInformation", session.handle)).session.dpopJkt, holder.jkt);
      assert.equal((await call("listSessions", session.userId)).sessions[0].dpopJkt, holder.jkt);

      const refreshUrl = "https://api.example/auth/session/refresh";
      await assert.rejects(call("refreshSession", refreshToken.token), { errType: INVALID_DPOP_PROOF });
      const thief = await provingClient(algorithm);
      const stolen = { method: "POST", url: refreshUrl, dpopProof: await thief.proof("POST", refreshUrl) };
      await assert.rejects(call("refreshSession", refreshToken.token, undefined, stolen), { errType: INVALID_DPOP_PROOF });
      const good = { ...stolen, dpopProof: await holder.proof("POST", refreshUrl) };
      const refreshed = await call("refreshSession", refreshToken.token, undefined, good);
      assert.equal(refreshed.session.handle, session.handle, "nothing had ended");
      await assert.rejects(call("getSession", refreshed.accessToken.token), { errType: UNAUTHORISED });
    });
  }

  test(`a proof is for one key, method, URL, token and time over ${where}`, async () => {
    const [holder, thief] = [await provingClient(), await provingClient()];
    const { accessToken } = await call("createNewSession", "alice", {}, {}, { dpopJkt: holder.jkt });
    const { token } = accessToken;
    const now = Math.floor(Date.now() / 1_000);
    const parts = (await holder.proof("GET", url, token)).split(".");
    const bad = {
      "another key": await thief.proof("GET", url, token),
      "another method": await holder.proof("POST", url, token),
      "another host": await holder.proof("GET", "https://other.example/orders", token),
      "another path": await holder.proof("GET", "https://api.example/other", token),
      "another token": await holder.proof("GET", url, `${token}x`),
      "no token": await holder.proof("GET", url),
      "too old": await holder.proof("GET", url, token, { iat: now - 120 }),
      "from the future": await holder.proof("GET", url, token, { iat: now + 120 }),
      "no jti": await holder.proof("GET", url, token, { jti: undefined }),
      "another signature": [...parts.slice(0, 2), (await thief.proof("GET", url, token)).split(".")[2]].join("."),
      "none": "",
      "nonsense": "a.b.c",
    };
    for (const [what, dpopProof] of Object.entries(bad)) {
      await assert.rejects(call("getSession", token, undefined, { ...asked, dpopProof }), { errType: INVALID_DPOP_PROOF }, what);
    }
    const dpopProof = await holder.proof("GET", `${url}?page=2#top`, token);
    assert.equal((await call("getSession", token, undefined, { method: "GET", url: `${url}?page=3`, dpopProof })).session.userId, "alice");
    const loose = await call("createNewSession", "alice");
    assert.equal((await call("getSession", loose.accessToken.token)).session.userId, "alice");
  });
}
