// Keys that rotate while sessions live: every token that was ever good stays good until it expires.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";

import { startWithCaller } from "../support/rpc.mjs";
import { until } from "../support/until.mjs";

const kid = (created) => decodeProtectedHeader(created.accessToken.token).kid;
const create = (postern) => postern.admin("createNewSession", { userId: "alice", sessionData: { a: 1 } });
const jwks = async (postern) => (await postern.fetch("/auth/jwt/jwks.json")).json();
const published = async (postern) => (await jwks(postern)).keys.map((key) => key.kid).sort();

test("first requests at once, over every entry point, all see the same keys", async () => {
  const postern = await startWithCaller();
  try {
    const [sets, sessions] = await Promise.all([
      Promise.all(Array.from({ length: 20 }, () => published(postern))),
      Promise.all(Array.from({ length: 20 }, () => create(postern))),
    ]);
    assert.equal(new Set(sets.map(String)).size, 1);
    assert.deepEqual([...new Set(sessions.map(kid))].filter((name) => !sets[0].includes(name)), []);
    for (const { accessToken } of sessions) {
      assert.equal((await postern.call("VERIFY", "getSession", { accessToken: accessToken.token })).status, "OK");
    }
  } finally {
    await postern.close();
  }
});

test("keys of 3.6 s: each is published before it signs, and no good token is ever refused", { timeout: 60_000 }, async () => {
  const postern = await startWithCaller({ SIGNING_KEY_ROTATION_INTERVAL: "3.6s", ACCESS_TOKEN_VALIDITY: "60s", SIGNING_ALGORITHM: "ES256" });
  try {
    const end = Date.now() + 11_500;
    const live = [];
    const signers = new Set();
    /** When a verifier elsewhere last saw a set without each key. */
    const lastAbsent = new Map();
    let looked = Date.now();
    while (Date.now() < end) {
      const before = looked;
      looked = Date.now();
      const set = await jwks(postern);
      for (const key of set.keys) if (!lastAbsent.has(key.kid)) lastAbsent.set(key.kid, before);
      const created = await create(postern);
      assert.equal(created.status, "OK");
      const name = kid(created);
      // Against the set fetched before the token was made: a verifier that polls is never caught out.
      await jwtVerify(created.accessToken.token, createLocalJWKSet(set));
      if (!signers.has(name) && signers.size > 0) assert.ok(Date.now() - lastAbsent.get(name) > 300, "signed as soon as it was published");
      signers.add(name);
      live.push(created);
      for (const { accessToken } of [live[0], live[Math.floor(live.length / 2)], created]) {
        const verified = await postern.call("SESSIONS", "getSession", { accessToken: accessToken.token });
        assert.equal(verified.status, "OK", verified.message);
        const response = await postern.fetch("/auth/session", { headers: { authorization: `Bearer ${accessToken.token}` } });
        assert.equal(response.status, 200);
      }
      await sleep(100);
    }
    assert.ok(signers.size >= 3, `${signers.size} keys signed`);
    for (const { accessToken } of live) {
      assert.equal((await postern.call("VERIFY", "getSession", { accessToken: accessToken.token, freshness: "strict" })).status, "OK");
    }
    const refreshed = await postern.admin("refreshSession", { refreshToken: live[0].refreshToken.token });
    assert.equal(refreshed.status, "OK");
    assert.notEqual(kid(refreshed), kid(live[0]));
    const now = await published(postern);
    for (const name of signers) assert.ok(now.includes(name), "an old key is published as long as its tokens live");
  } finally {
    await postern.close();
  }
});

test("emergency rotation: the next key is published at once, signs after the overlap, and nothing is refused", { timeout: 60_000 }, async () => {
  const postern = await startWithCaller({ SIGNING_KEY_ROTATION_INTERVAL: "10s", ACCESS_TOKEN_VALIDITY: "60s" });
  try {
    const first = await create(postern);
    const before = await published(postern);
    assert.deepEqual(await postern.admin("rotateSigningKeys", {}), { status: "OK" });
    const added = (await published(postern)).filter((name) => !before.includes(name));
    assert.equal(added.length, 1);
    assert.equal(kid(await create(postern)), kid(first), "the overlap has not passed");
    await until("the new key signs", async () => kid(await create(postern)) === added[0], 8_000);
    assert.equal((await postern.call("VERIFY", "getSession", { accessToken: first.accessToken.token })).status, "OK");
  } finally {
    await postern.close();
  }
});

test("a withdrawn key is refused at once and leaves the key set; its sessions live on by refreshing", async () => {
  const postern = await startWithCaller();
  try {
    const created = await create(postern);
    const accessToken = created.accessToken.token;
    const verify = () => postern.call("SESSIONS", "getSession", { accessToken });
    assert.equal((await verify()).status, "OK");
    assert.deepEqual(await postern.admin("revokeSigningKey", { kid: kid(created) }), { status: "OK" });
    assert.equal((await verify()).status, "TRY_REFRESH_TOKEN");
    const response = await postern.fetch("/auth/session", { headers: { authorization: `Bearer ${accessToken}` } });
    assert.equal(response.status, 401);
    assert.equal((await response.json()).message, "try refresh token");
    assert.ok(!(await published(postern)).includes(kid(created)));
    const refreshed = await postern.admin("refreshSession", { refreshToken: created.refreshToken.token });
    assert.equal(refreshed.status, "OK");
    assert.notEqual(kid(refreshed), kid(created));
    assert.equal(refreshed.session.handle, created.session.handle);
    const verified = await postern.call("SESSIONS", "getSession", { accessToken: refreshed.accessToken.token });
    assert.equal(verified.status, "OK");
    assert.deepEqual((await postern.call("SESSIONS", "getSessionData", { handle: created.session.handle })).sessionData, { a: 1 });
    // Once more is no fault; a name that no key ever had is.
    assert.deepEqual(await postern.admin("revokeSigningKey", { kid: kid(created) }), { status: "OK" });
    await assert.rejects(postern.admin("revokeSigningKey", { kid: "d-1" }), { name: "TypeError", message: /"kid"/ });
    assert.equal((await create(postern)).status, "OK");
  } finally {
    await postern.close();
  }
});

test("keys and sessions survive a crash of the process", async () => {
  const postern = await startWithCaller();
  try {
    const created = await create(postern);
    const before = await published(postern);
    await postern.kill();
    await postern.start();
    assert.deepEqual(await published(postern), before);
    const verified = await postern.call("SESSIONS", "getSession", { accessToken: created.accessToken.token, freshness: "strict" });
    assert.equal(verified.status, "OK");
    assert.deepEqual((await postern.call("SESSIONS", "getSessionData", { handle: created.session.handle })).sessionData, { a: 1 });
  } finally {
    await postern.close();
  }
});
