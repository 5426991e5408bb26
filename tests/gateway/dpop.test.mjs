// Tokens of an issuer that are bound to a client's key (DPoP, RFC 9449), at every entry point: with proofs made by jose and by
// oauth4webapi, and with one thing wrong in each.
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import * as oauth from "oauth4webapi";
import { access, bearer, cookie } from "../support/browser.mjs";
import { startGateway } from "../support/gateway.mjs";
import { apiKey } from "../support/harness.mjs";
import { startIssuer } from "../support/issuer.mjs";
import { startOrigin } from "../support/origin.mjs";

let origin;
let gateway;
let issuer;
before(async () => {
  issuer = await startIssuer("idp");
  origin = await startOrigin();
  gateway = await startGateway({
    origins: { app: { url: origin.url } },
    rules: [{ path: "/api/**", issuers: ["idp"] }, { path: "/open/**", issuers: ["idp"], session: "optional" }],
    vars: { TRUSTED_ISSUERS: [issuer.setting] },
  });
});
after(async () => {
  await gateway?.close();
  await origin?.close();
});

/** A client with a key of its own, and a token that is bound to it. */
async function client(alg = "ES256", claims = {}) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(publicKey);
  const jkt = await calculateJwkThumbprint(jwk);
  const token = await issuer.token({ sub: "alice", sid: `s-${randomUUID()}`, cnf: { jkt }, ...claims });
  const ath = createHash("sha256").update(token).digest("base64url");
  /** A proof, with members of header or claims that are others. */
  const proof = (path, { header = {}, key = privateKey, ...more } = {}) =>
    new SignJWT({ jti: randomUUID(), htm: "GET", htu: `${gateway.url()}${path}`, iat: Math.floor(Date.now() / 1000), ath, ...more })
      .setProtectedHeader({ typ: "dpop+jwt", alg, jwk, ...header })
      .sign(key);
  return { token, jwk, jkt, proof, publicKey, privateKey };
}
const shown = (token, proof) => ({ authorization: `DPoP ${token}`, dpop: proof });
async function ask(path, headers, method = "GET") {
  origin.clear();
  const answer = await gateway.fetch(path, { headers, method, redirect: "manual" });
  await answer.text();
  return { status: answer.status, challenge: answer.headers.get("www-authenticate"), got: origin.last()?.headers };
}
const refused = (error) => (found) => {
  assert.equal(found.status, 401);
  assert.match(found.challenge, new RegExp(`^DPoP error="${error}", algs="ES256 .*EdDSA`));
  assert.equal(found.got, undefined, "no origin sees the request");
};

describe("a token that is bound to a key", () => {
  for (const alg of ["ES256", "EdDSA", "PS256", "RS256", "ES384"]) {
    test(`passes with a proof by ${alg}, which the origin does not see`, async () => {
      const { token, proof, jkt } = await client(alg);
      const { status, got } = await ask("/api/x?q=1", shown(token, await proof("/api/x")));
      assert.equal(status, 200);
      assert.deepEqual([got.dpop, got.authorization, got["postern-subject"]], [undefined, undefined, "alice"]);
      const assertion = JSON.parse(Buffer.from(got["postern-assertion"].split(".")[1], "base64url").toString());
      assert.deepEqual(assertion.cnf, { jkt });
    });
  }

  test("passes with the requests of oauth4webapi", async () => {
    const { token, publicKey, privateKey } = await client();
    const DPoP = oauth.DPoP({ client_id: "c" }, { publicKey, privateKey });
    for (const method of ["GET", "POST", "GET"]) {
      const answer = await oauth.protectedResourceRequest(token, method, new URL(`${gateway.url()}/api/items?page=2`), undefined, undefined, { DPoP, [oauth.allowInsecureRequests]: true });
      assert.equal(answer.status, 200, await answer.text());
    }
  });

  test("is nobody's without the proof: as Bearer, in a cookie, in a WebSocket's subprotocol, and where a session is optional", async () => {
    const { token } = await client();
    for (const headers of [bearer(token), cookie(access(token))]) refused("invalid_token")(await ask("/api/x", headers));
    refused("invalid_dpop_proof")(await ask("/api/x", { authorization: `DPoP ${token}` }));
    refused("invalid_token")(await ask("/open/x", bearer(token)));
  });

  test("counts once with each proof", async () => {
    const { token, proof } = await client();
    const once = await proof("/api/x");
    assert.equal((await ask("/api/x", shown(token, once))).status, 200);
    refused("invalid_dpop_proof")(await ask("/api/x", shown(token, once)));
  });

  test("takes two spellings of one URL for the same", async () => {
    const { token, proof } = await client();
    const base = gateway.url();
    for (const htu of [`${base.toUpperCase()}/api/%78`, `${base}/api/y/../x?other=1#part`, `${base.replace("http", "ws")}/api/x`]) {
      assert.equal((await ask("/api/x", shown(token, await proof("/api/x", { htu })))).status, 200, htu);
    }
  });

  test("is refused with anything wrong in its proof", async () => {
    const { token, proof, jwk } = await client();
    const other = await client();
    const now = Math.floor(Date.now() / 1000);
    const path = "/api/x";
    const good = await proof(path);
    const wrong = {
      "another key's": await other.proof(path, { ath: createHash("sha256").update(token).digest("base64url") }),
      "another key in the header": await proof(path, { header: { jwk: other.jwk } }),
      "a private key": await proof(path, { header: { jwk: { ...jwk, d: "AAAA" } } }),
      "no key": await proof(path, { header: { jwk: undefined } }),
      "another type": await proof(path, { header: { typ: "JWT" } }),
      "another method": await proof(path, { htm: "POST" }),
      "the method in lower case": await proof(path, { htm: "get" }),
      "another path": await proof("/api/y"),
      "another host": await proof(path, { htu: "http://other.example/api/x" }),
      "another scheme": await proof(path, { htu: `${gateway.url().replace("http", "https")}${path}` }),
      "a user in its URL": await proof(path, { htu: `${gateway.url().replace("http://", "http://a@")}${path}` }),
      "an old time": await proof(path, { iat: now - 61 }),
      "a time to come": await proof(path, { iat: now + 30 }),
      "no time": await proof(path, { iat: undefined }),
      "no id": await proof(path, { jti: undefined }),
      "another token's hash": await proof(path, { ath: createHash("sha256").update("other").digest("base64url") }),
      "no hash": await proof(path, { ath: undefined }),
      "two of them": `${good}, ${await proof(path)}`,
      "too long": await proof(path, { more: "x".repeat(5000) }),
      "a spoiled signature": `${good.slice(0, -8)}AAAAAAAA`,
      "no signature": `${good.split(".").slice(0, 2).join(".")}.`,
      "no form": "x",
    };
    for (const [what, text] of Object.entries(wrong)) {
      const found = await ask(path, shown(token, text));
      assert.equal(found.status, 401, what);
      refused("invalid_dpop_proof")(found);
    }
    assert.equal((await ask(path, shown(token, good))).status, 200, "what failed used nothing up");
  });

  test("of another kind than a key's thumbprint is refused with every proof", async () => {
    for (const cnf of [{ "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" }, {}, null, { jkt: "short" }]) {
      const { token, proof } = await client("ES256", { cnf });
      assert.equal((await ask("/api/x", shown(token, await proof("/api/x")))).status, 401);
    }
  });
});

test("a token that is bound to nothing is refused under the scheme DPoP, and good as Bearer beside any DPoP header", async () => {
  const { proof } = await client();
  const token = await issuer.token({ sub: "alice", sid: "s" });
  refused("invalid_token")(await ask("/api/x", shown(token, await proof("/api/x"))));
  assert.equal((await ask("/api/x", { ...bearer(token), dpop: "anything" })).status, 200);
});

test("GET {base}/session and getSession over RPC ask for the proof of the request that they are asked about", async () => {
  const { token, proof, jkt } = await client();
  const session = async (headers) => {
    const answer = await gateway.fetch("/auth/session", { headers });
    return { status: answer.status, body: await answer.json() };
  };
  assert.equal((await session(bearer(token))).status, 401);
  const found = await session(shown(token, await proof("/auth/session")));
  assert.deepEqual([found.status, found.body.session?.jwtPayload?.cnf], [200, { jkt }]);
  const url = "https://api.example/things";
  const call = (more) => gateway.admin("getSession", { accessToken: token, ...more });
  assert.equal((await call({})).status, "UNAUTHORISED");
  const dpopProof = await proof("", { htu: url, htm: "PUT" });
  assert.equal((await call({ dpopProof, method: "POST", url })).status, "INVALID_DPOP_PROOF");
  assert.equal((await call({ dpopProof, method: "PUT", url: `${url}?x=1` })).status, "OK");
  assert.equal((await call({ dpopProof, method: "PUT", url })).status, "INVALID_DPOP_PROOF", "used before");
  const request = { method: "GET", url, headers: [["Authorization", `DPoP ${token}`], ["DPoP", await proof("", { htu: url })]] };
  assert.equal((await gateway.admin("getSessionForRequest", { request })).status, "OK");
});

test("an explanation uses no proof up", async () => {
  const { token, proof } = await client();
  const text = await proof("/api/x");
  const described = { url: `${gateway.url()}/api/x`, headers: { ...shown(token, text) } };
  const answer = await gateway.fetch("/auth/explain", { method: "POST", headers: { "api-key": apiKey }, body: JSON.stringify(described) });
  const told = await answer.json();
  assert.deepEqual([told.decision, told.withIdentity], ["forward", true]);
  assert.equal((await ask("/api/x", shown(token, text))).status, 200);
});
