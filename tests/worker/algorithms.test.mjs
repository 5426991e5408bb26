// Every algorithm in both directions against npm jose: its tokens verified here, ours verified there.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { createLocalJWKSet, createRemoteJWKSet, exportJWK, generateKeyPair, generateSecret, jwtVerify, SignJWT } from "jose";

import { startPostern } from "../support/harness.mjs";
import { startWithCaller } from "../support/rpc.mjs";

const SYMMETRIC = ["HS256", "HS384", "HS512"];
const ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"];

/** Keys by algorithm, each as jose signs with it and as a JWK that others verify with. */
const keys = new Map();
let postern;
/** On raw workerd: in the harness a call blocks this process, which has to serve the keys. */
let fetching;
let server;

before(async () => {
  for (const alg of [...ASYMMETRIC, ...SYMMETRIC]) {
    const isShared = SYMMETRIC.includes(alg);
    const pair = isShared ? await generateSecret(alg, { extractable: true }) : await generateKeyPair(alg, { extractable: true });
    const jwk = { ...(await exportJWK(isShared ? pair : pair.publicKey)), kid: `key-${alg}`, alg };
    keys.set(alg, { signing: isShared ? pair : pair.privateKey, jwk });
  }
  const jwks = (algorithms) => ({ keys: algorithms.map((alg) => keys.get(alg).jwk) });
  server = createServer((_, response) => response.end(JSON.stringify(jwks(ASYMMETRIC)))).listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = (id, algorithms, source) => ({ id, issuer: `https://${id}.example`, audience: ["postern"], algorithms, ...source });
  const issuers = [
    issuer("inline", ASYMMETRIC, { jwks: jwks(ASYMMETRIC) }),
    issuer("shared", SYMMETRIC, { jwks: jwks(SYMMETRIC) }),
    issuer("binding", ASYMMETRIC, { jwks_binding: "ISSUER" }),
    issuer("narrow", ["ES256"], { jwks: jwks(["ES256", "RS256"]) }),
  ];
  const config = { name: "issuer", main: "support/issuer-worker.mjs", compatibility_date: "2026-01-01", vars: { JWKS: jwks(ASYMMETRIC) } };
  postern = await startPostern({
    vars: { TRUSTED_ISSUERS: JSON.stringify(issuers) },
    workers: [{ config }],
    services: [{ binding: "ISSUER", service: "issuer" }],
  });
  const uri = issuer("uri", ASYMMETRIC, { jwks_uri: `http://127.0.0.1:${server.address().port}/keys` });
  fetching = await startWithCaller({ TRUSTED_ISSUERS: [uri] });
});
after(async () => {
  await postern?.close();
  await fetching?.close();
  server?.closeAllConnections();
  server?.close();
});

const token = (id, alg, { header = {}, key = keys.get(alg).signing, claims = {} } = {}) =>
  new SignJWT({ sid: `session-${alg}`, role: "editor", ...claims })
    .setProtectedHeader({ alg, kid: `key-${alg}`, ...header })
    .setIssuer(`https://${id}.example`)
    .setAudience("postern")
    .setSubject("alice")
    .setIssuedAt()
    .setExpirationTime("10m")
    .sign(key);

const getSession = (id, accessToken) => (id === "uri" ? fetching.call("SESSIONS", "getSession", { accessToken }) : postern.rpc.getSession({ accessToken }));

const sources = { inline: ASYMMETRIC, shared: SYMMETRIC, uri: ASYMMETRIC, binding: ASYMMETRIC };

for (const [id, algorithms] of Object.entries(sources)) {
  for (const alg of algorithms) {
    test(`a jose token with ${alg} is verified by keys from ${id}, and only unaltered`, async () => {
      const accessToken = await token(id, alg);
      const { status, session, message } = await getSession(id, accessToken);
      assert.equal(status, "OK", message);
      assert.equal(session.userId, "alice");
      assert.equal(session.jwtPayload.role, "editor");
      const [header, payload, signature] = accessToken.split(".");
      const other = (await token(id, alg, { claims: { role: "admin" } })).split(".");
      for (const altered of [`${header}.${other[1]}.${signature}`, `${header}.${payload}.${signature.slice(0, -8)}AAAAAAAA`, `${header}.${payload}.`]) {
        assert.equal((await getSession(id, altered)).status, "UNAUTHORISED");
      }
    });
  }
}

test("a token without kid is verified by the one key that fits", async () => {
  assert.equal((await postern.rpc.getSession({ accessToken: await token("inline", "ES384", { header: { kid: undefined } }) })).status, "OK");
});

test("an algorithm that the issuer is not trusted with is refused, also with a good signature", async () => {
  assert.equal((await postern.rpc.getSession({ accessToken: await token("narrow", "ES256") })).status, "OK");
  assert.equal((await postern.rpc.getSession({ accessToken: await token("narrow", "RS256") })).status, "UNAUTHORISED");
});

test("a key is good for one algorithm of its family only", async () => {
  const { signing } = keys.get("RS256");
  const mixed = await crypto.subtle.exportKey("jwk", signing);
  for (const alg of ["RS384", "PS256"]) {
    const key = await (await import("jose")).importJWK({ ...mixed, alg, key_ops: ["sign"] }, alg);
    const accessToken = await token("inline", alg, { key, header: { kid: "key-RS256" } });
    assert.equal((await postern.rpc.getSession({ accessToken })).status, "UNAUTHORISED", alg);
  }
});

test("two issuers never share a handle, whatever their claims; one issuer's is always the same", async () => {
  const handleOf = async (id) => (await postern.rpc.getSession({ accessToken: await token(id, "ES256") })).session.handle;
  const [first, again, other] = [await handleOf("inline"), await handleOf("inline"), await handleOf("binding")];
  assert.equal(first, again);
  assert.notEqual(first, other);
  assert.equal((await postern.rpc.updateSessionData({ handle: first, sessionData: { of: "inline" } })).status, "OK");
  assert.deepEqual((await postern.rpc.getSessionData({ handle: first })).sessionData, { of: "inline" });
  assert.deepEqual((await postern.rpc.getSessionData({ handle: other })).sessionData, {});
});

for (const alg of ["RS256", "ES256", "EdDSA"]) {
  test(`our own ${alg} tokens are verified by jose with our key set`, async () => {
    const own = await startWithCaller({ SIGNING_ALGORITHM: alg });
    try {
      const { accessToken } = await own.admin("createNewSession", { userId: "alice", jwtPayload: { role: "editor" } });
      const response = await own.fetch("/auth/jwt/jwks.json");
      const jwks = await response.json();
      for (const jwk of jwks.keys) assert.deepEqual(["d", "p", "q", "dp", "dq", "qi", "k"].filter((name) => name in jwk), []);
      const options = { issuer: "http://127.0.0.1:8787/auth", algorithms: [alg], typ: "JWT" };
      for (const keySet of [createLocalJWKSet(jwks), createRemoteJWKSet(new URL(`${own.url()}/auth/jwt/jwks.json`))]) {
        const { payload, protectedHeader } = await jwtVerify(accessToken.token, keySet, options);
        assert.equal(payload.sub, "alice");
        assert.equal(payload.role, "editor");
        assert.equal(protectedHeader.alg, alg);
      }
      const body = { userId: "bob", userDataInJWT: {}, userDataInDatabase: {}, enableAntiCsrf: false };
      const created = await own.core("POST", "/recipe/session", body);
      const { protectedHeader } = await jwtVerify(created.body.accessToken.token, createLocalJWKSet(jwks));
      assert.equal(protectedHeader.alg, "RS256", "backend SDKs verify RS256 only");
    } finally {
      await own.close();
    }
  });
}
