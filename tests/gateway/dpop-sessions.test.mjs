// Sessions of our own that are bound to a client's key (DPoP, RFC 9449): at every entry point, at refresh, with nonces, and used once everywhere.
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { SignJWT, calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair } from "jose";
import * as oauth from "oauth4webapi";
import { access, bearer, cookie } from "../support/browser.mjs";
import { startGateway } from "../support/gateway.mjs";
import { apiKey } from "../support/harness.mjs";
import { startOrigin } from "../support/origin.mjs";

let origin;
let gateway;
/** The same with nonces. */
let strict;
before(async () => {
  origin = await startOrigin();
  const start = (vars) =>
    startGateway({
      origins: { app: { url: origin.url } },
      rules: [{ path: "/api/**" }, { path: "/once/**", freshness: "strict" }, { path: "/open/**", session: "optional" }, { path: "/device/**", device_bound: true }],
      vars,
    });
  gateway = await start({});
  strict = await start({ DPOP_NONCE: "true", API_KEYS: [apiKey] });
});
after(async () => {
  await gateway?.close();
  await strict?.close();
  await origin?.close();
});

/** A client with a key and a session that is bound to it. */
async function client(at = gateway, jwtPayload = { role: "admin" }) {
  const pair = await generateKeyPair("ES256", { extractable: true });
  const jwk = await exportJWK(pair.publicKey);
  const jkt = await calculateJwkThumbprint(jwk);
  const made = await at.admin("createNewSession", { userId: "alice", jwtPayload, dpopJkt: jkt });
  assert.equal(made.status, "OK", made.message);
  /** @param {string} method @param {string} path @param {string} [token] whose hash it has @param {object} [more] */
  const proof = (method, path, token, more = {}) =>
    new SignJWT({
      jti: randomUUID(), htm: method, htu: `${at.url()}${path}`, iat: Math.floor(Date.now() / 1000),
      ...(token && { ath: createHash("sha256").update(token).digest("base64url") }), ...more,
    }).setProtectedHeader({ typ: "dpop+jwt", alg: "ES256", jwk }).sign(pair.privateKey);
  return { ...made, token: made.accessToken.token, refresh: made.refreshToken.token, jkt, jwk, proof, pair };
}
async function ask(at, method, path, headers) {
  origin.clear();
  const answer = await at.fetch(path, { method, headers, redirect: "manual" });
  const text = await answer.text();
  const header = (name) => answer.headers.get(name);
  return { status: answer.status, text, challenge: header("www-authenticate"), nonce: header("dpop-nonce"), header, cookies: answer.headers.getSetCookie(), got: origin.last()?.headers };
}
const shown = (token, proof) => ({ authorization: `DPoP ${token}`, dpop: proof });
const isChallenge = (found, error) => {
  assert.equal(found.status, 401, found.text);
  assert.match(found.challenge, new RegExp(`^DPoP error="${error}", algs="ES256 .*EdDSA`));
  assert.equal(found.got, undefined, "no origin sees the request");
};

describe("a session that is bound to a key", () => {
  test("passes with proofs; the token says the key, and the payload stays what it was", async () => {
    const { token, jkt, proof, session } = await client();
    assert.deepEqual(decodeJwt(token).cnf, { jkt });
    assert.deepEqual(session.jwtPayload, { role: "admin" });
    const passed = await ask(gateway, "POST", "/api/x", shown(token, await proof("POST", "/api/x", token)));
    assert.equal(passed.status, 200);
    const assertion = decodeJwt(passed.got["postern-assertion"]);
    assert.deepEqual([assertion.sub, assertion.cnf, passed.got.authorization, passed.got.dpop], ["alice", { jkt }, undefined, undefined]);
    const seen = await ask(gateway, "GET", "/auth/session", shown(token, await proof("GET", "/auth/session", token)));
    assert.deepEqual([seen.status, JSON.parse(seen.text).session.jwtPayload], [200, { role: "admin" }]);
  });

  test("is asked for a new proof by every request, however often one is repeated", async () => {
    const { token, proof } = await client();
    const see = (headers) => ask(gateway, "GET", "/auth/session", headers);
    const once = shown(token, await proof("GET", "/auth/session", token));
    assert.equal((await see(once)).status, 200);
    for (let round = 0; round < 3; round += 1) {
      assert.equal((await see(shown(token, await proof("GET", "/auth/session", token)))).status, 200);
      isChallenge(await see(once), "invalid_dpop_proof");
      isChallenge(await see(bearer(token)), "invalid_token");
    }
  });

  test("is nobody's as Bearer or in a cookie, at any entry point", async () => {
    const { token } = await client();
    for (const headers of [bearer(token), cookie(access(token)), { ...bearer(token), dpop: "x" }]) {
      for (const [method, path] of [["GET", "/api/x"], ["GET", "/open/x"], ["GET", "/once/x"], ["GET", "/auth/session"], ["GET", "/auth/sessions"], ["POST", "/auth/sessions/end"], ["POST", "/auth/session/ticket"], ["POST", "/auth/signout"]]) {
        const found = await ask(gateway, method, path, { ...headers, rid: "session" });
        isChallenge(found, "invalid_token");
      }
    }
    const call = (method, more) => gateway.admin(method, { accessToken: token, ...more });
    assert.equal((await call("getSession")).status, "UNAUTHORISED");
    assert.equal((await call("regenerateAccessToken", { jwtPayload: { role: "owner" } })).status, "UNAUTHORISED");
    const request = { method: "GET", url: `${gateway.url()}/x`, headers: [["authorization", `Bearer ${token}`]] };
    assert.equal((await gateway.admin("getSessionForRequest", { request })).status, "UNAUTHORISED");
  });

  test("is refused without a proof, with another key's, and by a rule that wants a device", async () => {
    const { token, proof } = await client();
    const other = await client();
    isChallenge(await ask(gateway, "GET", "/api/x", { authorization: `DPoP ${token}` }), "invalid_dpop_proof");
    isChallenge(await ask(gateway, "GET", "/open/x", { authorization: `DPoP ${token}` }), "invalid_dpop_proof");
    isChallenge(await ask(gateway, "GET", "/api/x", shown(token, await other.proof("GET", "/api/x", token))), "invalid_dpop_proof");
    const device = await ask(gateway, "GET", "/device/x", shown(token, await proof("GET", "/device/x", token)));
    assert.deepEqual([device.status, JSON.parse(device.text).status], [403, "DEVICE_BINDING_REQUIRED"]);
  });

  test("is regenerated with a proof over RPC, and stays bound", async () => {
    const { token, proof, jkt } = await client();
    const url = `${gateway.url()}/there`;
    const more = { method: "POST", url, dpopProof: await proof("POST", "/there", token) };
    const made = await gateway.admin("regenerateAccessToken", { accessToken: token, jwtPayload: { role: "owner" }, ...more });
    assert.deepEqual([made.status, made.session?.jwtPayload], ["OK", { role: "owner" }]);
    const { cnf, role } = decodeJwt(made.accessToken.token);
    assert.deepEqual([cnf, role], [{ jkt }, "owner"]);
  });

  test("signs out with a proof", async () => {
    const { token, proof } = await client();
    const out = await ask(gateway, "POST", "/auth/signout", { ...shown(token, await proof("POST", "/auth/signout", token)), rid: "session" });
    assert.deepEqual([out.status, out.text], [200, '{"status":"OK"}']);
    isChallenge(await ask(gateway, "GET", "/once/x", shown(token, await proof("GET", "/once/x", token))), "invalid_token");
  });

  test("tells in lists and by its information that it is bound", async () => {
    const { session, jkt } = await client();
    const { sessions } = await gateway.admin("listSessions", { userId: "alice" });
    assert.equal(sessions.find(({ handle }) => handle === session.handle).dpopJkt, jkt);
    const { session: found } = await gateway.admin("getSessionInformation", { handle: session.handle });
    assert.deepEqual([found.dpopJkt, found.jwtPayload], [jkt, { role: "admin" }]);
    const plain = await gateway.admin("createNewSession", { userId: "alice" });
    const { sessions: all } = await gateway.admin("listSessions", { userId: "alice" });
    assert.equal(all.find(({ handle }) => handle === plain.session.handle).dpopJkt, undefined);
  });

  test("is made in header mode only, with a thumbprint, and no payload brings the claim itself", async () => {
    const { jkt, session } = await client();
    const make = (more) => gateway.admin("createNewSession", { userId: "alice", ...more });
    for (const dpopJkt of ["", "short", `${jkt}A`, jkt.replace(/.$/, "="), 1]) await assert.rejects(make({ dpopJkt }), /dpopJkt/);
    await assert.rejects(make({ jwtPayload: { cnf: { jkt } } }), /protected field: cnf/);
    await assert.rejects(gateway.admin("updateJWTPayload", { handle: session.handle, jwtPayload: { cnf: {} } }), /protected field: cnf/);
    await assert.rejects(gateway.admin("mergeIntoAccessTokenPayload", { handle: session.handle, jwtPayload: { cnf: {} } }), /protected field: cnf/);
    const forRequest = (mode) => gateway.admin("createNewSessionForRequest", { userId: "alice", dpopJkt: jkt, request: { headers: { "st-auth-mode": mode } } });
    await assert.rejects(forRequest("cookie"), /header mode/);
    const made = await forRequest("header");
    assert.deepEqual(decodeJwt(Object.fromEntries(made.headers)["st-access-token"]).cnf, { jkt });
  });
});

describe("its refresh", () => {
  const refresh = (at, token, proof, scheme = "Bearer") => ask(at, "POST", "/auth/session/refresh", { authorization: `${scheme} ${token}`, "st-auth-mode": "header", ...(proof && { dpop: proof }) });
  const path = "/auth/session/refresh";

  test("wants a proof of the key, and changes, clears and ends nothing without", async () => {
    const { refresh: token, proof, jkt } = await client();
    const other = await client();
    for (const text of [undefined, "x", await other.proof("POST", path), await proof("GET", path), await proof("POST", "/auth/session"), await proof("POST", path, undefined, { iat: 1 })]) {
      const found = await refresh(gateway, token, text);
      isChallenge(found, "invalid_dpop_proof");
      assert.deepEqual([found.cookies, found.header("st-access-token"), found.header("front-token")], [[], null, null]);
    }
    const once = await proof("POST", path);
    const first = await refresh(gateway, token, once);
    assert.equal(first.status, 200, first.text);
    assert.deepEqual(decodeJwt(first.header("st-access-token")).cnf, { jkt });
    const next = first.header("st-refresh-token");
    isChallenge(await refresh(gateway, next, once), "invalid_dpop_proof");
    assert.equal((await refresh(gateway, next, await proof("POST", path), "DPoP")).status, 200);
  });

  test("in a cookie, over the service API and by an old token that was copied is refused, and ends nothing", async () => {
    const { refresh: token, proof } = await client();
    const inCookie = await ask(gateway, "POST", path, { cookie: `sRefreshToken=${token}`, rid: "session", dpop: await proof("POST", path) });
    assert.deepEqual([inCookie.status, inCookie.cookies], [401, []]);
    const api = await strictly("/core/recipe/session/refresh", { refreshToken: (await client(strict)).refresh, enableAntiCsrf: false, useDynamicSigningKey: true });
    assert.match(api.status, /bound to a key, of which there is no proof/);
    assert.equal((await refresh(gateway, token, await proof("POST", path))).status, 200);
  });
  const strictly = async (where, body) => {
    const answer = await strict.fetch(where, { method: "POST", headers: { "api-key": apiKey, "cdi-version": "5.4", "content-type": "application/json" }, body: JSON.stringify(body) });
    const text = await answer.text();
    return text.startsWith("{") ? JSON.parse(text) : { status: text };
  };

  test("over RPC takes dpopProof", async () => {
    const { refresh: refreshToken, proof, jkt } = await client();
    const call = (more) => gateway.admin("refreshSession", { refreshToken, ...more });
    assert.equal((await call({})).status, "INVALID_DPOP_PROOF");
    const url = `${gateway.url()}/login/refresh`;
    assert.equal((await call({ dpopProof: await proof("POST", "/elsewhere"), method: "POST", url })).status, "INVALID_DPOP_PROOF");
    const made = await call({ dpopProof: await proof("POST", "/login/refresh"), method: "POST", url });
    assert.deepEqual([made.status, decodeJwt(made.accessToken.token).cnf], ["OK", { jkt }]);
  });

  test("of a session that is bound to nothing takes no notice of a proof", async () => {
    const { refreshToken } = await gateway.admin("createNewSession", { userId: "alice" });
    assert.equal((await refresh(gateway, refreshToken.token, "anything")).status, 200);
  });
});

test("an expired token, or one that is none, is challenged by the scheme that it came with", async () => {
  const { token, proof } = await client();
  const broken = `${token.slice(0, -8)}AAAAAAAA`;
  isChallenge(await ask(gateway, "GET", "/api/x", shown(broken, await proof("GET", "/api/x", broken))), "invalid_token");
  const found = await ask(gateway, "GET", "/api/x", bearer(broken));
  assert.match(found.challenge, /^Bearer error="invalid_token"/);
});

test("at strict a proof counts once everywhere, and an object keeps it for as long", async () => {
  const { token, proof } = await client();
  const once = await proof("GET", "/once/x", token);
  assert.equal((await ask(gateway, "GET", "/once/x", shown(token, once))).status, 200);
  isChallenge(await ask(gateway, "GET", "/once/x", shown(token, once)), "invalid_dpop_proof");
  // Another isolate: this one has forgotten, the object has not.
  await gateway.kill();
  await gateway.start();
  isChallenge(await ask(gateway, "GET", "/once/x", shown(token, once)), "invalid_dpop_proof");
  assert.equal((await ask(gateway, "GET", "/once/x", shown(token, await proof("GET", "/once/x", token)))).status, 200);
});

describe("with DPOP_NONCE", () => {
  test("a proof without a nonce is answered with one, which is good at every entry point", async () => {
    const { token, refresh: refreshToken, proof } = await client(strict);
    const found = await ask(strict, "GET", "/api/x", shown(token, await proof("GET", "/api/x", token)));
    isChallenge(found, "use_dpop_nonce");
    const { nonce } = found;
    assert.match(nonce, /^[\x21\x23-\x5b\x5d-\x7e]+$/);
    assert.match(found.header("access-control-expose-headers"), /dpop-nonce/);
    // The client's clock does not matter.
    for (const iat of [1, 4_000_000_000]) {
      assert.equal((await ask(strict, "GET", "/api/x", shown(token, await proof("GET", "/api/x", token, { nonce, iat })))).status, 200);
    }
    for (const wrong of ["x", `${nonce}x`, nonce.replace(/^n1\.\d+\.\d+/, (head) => head.slice(0, -4) + "0000")]) {
      isChallenge(await ask(strict, "GET", "/api/x", shown(token, await proof("GET", "/api/x", token, { nonce: wrong }))), "use_dpop_nonce");
    }
    const refresh = (proof) => ask(strict, "POST", "/auth/session/refresh", { authorization: `Bearer ${refreshToken}`, dpop: proof });
    const asked = await refresh(await proof("POST", "/auth/session/refresh"));
    isChallenge(asked, "use_dpop_nonce");
    assert.deepEqual(asked.cookies, []);
    assert.equal((await refresh(await proof("POST", "/auth/session/refresh", undefined, { nonce: asked.nonce }))).status, 200);
    const url = `${strict.url()}/x`;
    const call = async (more) => strict.admin("getSession", { accessToken: token, method: "GET", url, dpopProof: await proof("GET", "/x", token, more) });
    const told = await call({});
    assert.equal(told.status, "USE_DPOP_NONCE");
    assert.equal((await call({ nonce: told.dpopNonce })).status, "OK");
  });

  test("oauth4webapi gets along with it", async () => {
    const { token, pair } = await client(strict);
    const DPoP = oauth.DPoP({ client_id: "c" }, pair);
    const send = () => oauth.protectedResourceRequest(token, "GET", new URL(`${strict.url()}/api/items`), undefined, undefined, { DPoP, [oauth.allowInsecureRequests]: true });
    const error = await send().then(() => undefined, (error) => error);
    assert.ok(oauth.isDPoPNonceError(error), String(error));
    assert.equal((await send()).status, 200);
    assert.equal((await send()).status, 200);
  });
});
