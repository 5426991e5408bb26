// Tokens of trusted issuers become sessions of our own: POST {base}/session/exchange and `exchangeToken`. Off unless an entry says so, once
// for each token, and never for another website, another audience or another issuer's users.
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { SignJWT, calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair } from "jose";

import { NOTHING, access, bearer, cookie, read } from "../support/browser.mjs";
import { startWithCaller } from "../support/rpc.mjs";
import { until } from "../support/until.mjs";

const API = "https://api.example.com";
const WEBSITE = "https://www.example.com";
const TENANT = "11111111-2222-3333-4444-555555555555";

let key;
let postern;
/** The same without an entry that says so. */
let off;
before(async () => {
  key = await generateKeyPair("ES256", { extractable: true });
  const jwks = { keys: [{ ...(await exportJWK(key.publicKey)), kid: "k", alg: "ES256", use: "sig" }] };
  const issuer = (id, more) => ({ id, issuer: `https://${id}.example`, audience: ["api"], algorithms: ["ES256"], jwks, ...more });
  const vars = { API_DOMAIN: API, WEBSITE_ORIGINS: [WEBSITE], LOG_LEVEL: "debug" };
  const entries = [
    issuer("idp", { exchange: "prefixed", exchange_claims: ["roles", "email"] }),
    issuer("main", { exchange: "subject", handle_claim: "sub" }),
    issuer("many", { issuer: "https://many.example/{tenantid}", tenants: "any", exchange: "prefixed" }),
    issuer("placed", { exchange: "prefixed", token_from: { headers: ["X-Id-Token"], cookies: ["id_session"] } }),
    issuer("closed", {}),
  ];
  postern = await startWithCaller({ ...vars, TRUSTED_ISSUERS: entries });
  off = await startWithCaller({ ...vars, TRUSTED_ISSUERS: [issuer("closed", {})] });
});
after(async () => {
  await postern?.close();
  await off?.close();
});

const now = () => Math.floor(Date.now() / 1_000);
let users = 0;
const someone = () => `user-${(users += 1)}`;
/** A token. @param {string} id @param {Record<string, unknown>} [claims] @param {{iss?: string, kid?: string, key?: any}} [more] */
const token = (id, claims = {}, more = {}) =>
  new SignJWT({ aud: "api", sub: someone(), iat: now() - 1, exp: now() + 600, jti: randomUUID(), ...claims })
    .setProtectedHeader({ alg: "ES256", kid: more.kid ?? "k" })
    .setIssuer(more.iss ?? `https://${id}.example`)
    .sign(more.key ?? key.privateKey);
const exchange = async (headers, at = postern) => read(await at.fetch("/auth/session/exchange", { method: "POST", headers }));
const refused = (answer, status, code) => {
  assert.deepEqual([answer.status, answer.body.status, answer.headers], [status, code, NOTHING], JSON.stringify(answer.body));
};
const shown = async (headers) => (await read(await postern.fetch("/auth/session", { headers }))).body;

describe("a token of an issuer whose entry says so", () => {
  test("becomes a session of our own, in headers, with the claims that the entry names", async () => {
    const sub = someone();
    const made = await exchange(bearer(await token("idp", { sub, roles: ["a"], email: "ada@example.com", secret: 1 })));
    assert.equal(made.status, 200, JSON.stringify(made.body));
    const { handle, ...session } = made.body.session;
    const expected = { issuer: "own", userId: `idp:${sub}`, tenantId: "public", jwtPayload: { roles: ["a"], email: "ada@example.com" } };
    assert.deepEqual([made.body.status, session], ["OK", expected]);
    assert.equal(made.response.headers.get("cache-control"), "no-store");
    assert.deepEqual(made.headers.cookies, []);
    assert.deepEqual(await shown(bearer(made.accessToken)), { session: { handle, ...expected } });
    // It has a life of its own.
    const again = await postern.admin("refreshSession", { refreshToken: made.refreshToken });
    assert.deepEqual([again.status, again.session.handle], ["OK", handle]);
    const { sessions } = await postern.admin("listSessions", { userId: `idp:${sub}` });
    assert.deepEqual(sessions.map((listed) => [listed.handle, listed.madeBy]), [[handle, "exchange"]]);
  });

  test("becomes one in cookies when the SDK asks for that, and takes the place of the issuer's token there", async () => {
    const foreign = await token("main");
    for (const headers of [{ ...bearer(foreign) }, cookie(access(await token("main")))]) {
      const made = await exchange({ ...headers, "st-auth-mode": "cookie", rid: "session", origin: WEBSITE, "sec-fetch-site": "same-site" });
      assert.equal(made.status, 200, JSON.stringify(made.body));
      assert.ok(made.headers.cookies.some((line) => line.startsWith("sRefreshToken=") && /HttpOnly/i.test(line)));
      const { session } = await shown(cookie(access(made.accessToken)));
      assert.deepEqual([session.issuer, session.handle], ["own", made.body.session.handle]);
    }
  });

  test("is called as its entry says, with its tenant", async () => {
    const userOf = async (id, sub, more) => {
      const { body } = await exchange(bearer(await token(id, { sub }, more)));
      return [body.session?.userId, body.session?.tenantId];
    };
    assert.deepEqual(await userOf("idp", "ada"), ["idp:ada", "public"]);
    assert.deepEqual(await userOf("main", "ada"), ["ada", "public"]);
    assert.deepEqual(await userOf("many", "ada", { iss: `https://many.example/${TENANT}` }), [`many:${TENANT}:ada`, TENANT]);
  });

  test("comes where its entry says", async () => {
    const [inHeader, inCookie] = [await token("placed"), await token("placed")];
    // A proxy may have made the header from a cookie: what comes so is a page's of ours by the usual sign only.
    refused(await exchange({ "x-id-token": inHeader }), 401, "TRY_REFRESH_TOKEN");
    assert.equal((await exchange({ "x-id-token": inHeader, rid: "session" })).status, 200);
    assert.equal((await exchange({ ...cookie(`id_session=${inCookie}`), rid: "session" })).status, 200);
    refused(await exchange(bearer(await token("placed"))), 401, "UNAUTHORISED");
  });

  test("is exchanged beside a session that is there, which is nobody's token", async () => {
    const { accessToken } = await postern.admin("createNewSession", { userId: "before" });
    const both = { ...bearer(await token("idp")), ...cookie(access(accessToken.token)), "st-auth-mode": "cookie", rid: "session" };
    const made = await exchange(both);
    assert.equal(made.status, 200);
    assert.match((await shown(cookie(access(made.accessToken)))).session.userId, /^idp:/);
    assert.equal((await shown(bearer(accessToken.token))).session.userId, "before");
    refused(await exchange(bearer(accessToken.token)), 401, "UNAUTHORISED");
  });
});

describe("no session comes of", () => {
  test("a token that was exchanged before: of many requests at once one gets it", async () => {
    const sub = someone();
    const mine = await token("main", { sub });
    const answers = await Promise.all(Array.from({ length: 8 }, () => exchange(bearer(mine))));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array(7).fill(401)]);
    refused(await exchange(bearer(mine)), 401, "UNAUTHORISED");
    assert.equal((await postern.admin("exchangeToken", { accessToken: mine })).status, "UNAUTHORISED");
    // The same claims with another of the signatures that are good for them.
    refused(await exchange(bearer(await token("main", decodeJwt(mine)))), 401, "UNAUTHORISED");
    const { handles } = await postern.admin("getAllSessionHandlesForUser", { userId: sub });
    assert.equal(handles.length, 1);
    assert.equal((await exchange(bearer(await token("main", { sub })))).status, 200, "a new token makes a new session");
  });

  test("an entry that does not say so; and where none does, there is no such path", async () => {
    refused(await exchange(bearer(await token("closed"))), 401, "UNAUTHORISED");
    assert.equal((await postern.admin("exchangeToken", { accessToken: await token("closed") })).status, "UNAUTHORISED");
    const missing = await off.fetch("/auth/session/exchange", { method: "POST", headers: bearer(await token("closed")) });
    assert.equal(missing.status, 404);
    assert.equal((await postern.fetch("/auth/session/exchange")).status, 405);
  });

  test("a token that is not good, or not new", async () => {
    const another = await generateKeyPair("ES256");
    const bad = [
      [token("idp", { aud: "another" }), "UNAUTHORISED"],
      [token("idp", { exp: now() - 60 }), "TRY_REFRESH_TOKEN"],
      [token("idp", { iat: now() - 302 }), "TRY_REFRESH_TOKEN"],
      [token("idp", { iat: undefined }), "UNAUTHORISED"],
      [token("idp", { iat: now() + 3_600 }), "UNAUTHORISED"],
      [token("idp", { sub: "" }), "UNAUTHORISED"],
      [token("idp", {}, { key: another.privateKey }), "UNAUTHORISED"],
      [token("idp", {}, { kid: "unknown" }), "UNAUTHORISED"],
      [token("idp", { events: {} }), "UNAUTHORISED"],
      [token("idp", { cnf: { "x5t#S256": "A".repeat(43) } }), "UNAUTHORISED"],
      [token("stranger"), "UNAUTHORISED"],
      [token("many", {}, { iss: "https://many.example/none" }), "UNAUTHORISED"],
    ];
    for (const [made, expected] of bad) {
      const answer = await exchange(bearer(await made));
      assert.equal(answer.status, 401, JSON.stringify(answer.body));
      assert.deepEqual(answer.headers, NOTHING);
      const { status } = await postern.admin("exchangeToken", { accessToken: await made });
      assert.ok([expected, "TRY_REFRESH_TOKEN", "UNAUTHORISED"].includes(status), status);
      assert.equal(answer.body.status, expected, JSON.stringify(decodeJwt(await made)));
    }
    for (const headers of [{}, bearer("opaque"), bearer(""), { authorization: "Basic YTpi" }]) refused(await exchange(headers), 401, "UNAUTHORISED");
  });

  test("a subject that is called as users of another issuer are", async () => {
    for (const sub of ["idp:ada", "many:x", "main:ada"]) refused(await exchange(bearer(await token("main", { sub }))), 401, "UNAUTHORISED");
    const { handles } = await postern.admin("getAllSessionHandlesForUser", { userId: "many:x" });
    assert.deepEqual(handles, []);
  });

  test("a session that has ended here", async () => {
    const mine = await token("main");
    const { session } = await postern.call("SESSIONS", "getSession", { accessToken: mine, freshness: "strict" });
    assert.deepEqual((await postern.admin("revokeSession", { handle: session.handle })).status, "OK");
    refused(await exchange(bearer(mine)), 401, "UNAUTHORISED");
  });

  test("a page of another website, however the token came; and the token can be used after that", async () => {
    const [inHeader, inCookie] = [await token("main"), await token("placed")];
    for (const sender of [{ origin: "https://evil.example" }, { "sec-fetch-site": "cross-site" }, { origin: "null" }, { origin: "https://blog.example.com", "sec-fetch-site": "same-site" }]) {
      for (const headers of [bearer(inHeader), cookie(access(inHeader)), cookie(`id_session=${inCookie}`), {}]) {
        refused(await exchange({ ...headers, ...sender, "st-auth-mode": "cookie", rid: "session" }), 403, "FOREIGN_WEBSITE");
      }
    }
    const preflight = await postern.fetch("/auth/session/exchange", { method: "OPTIONS", headers: { origin: "https://evil.example", "access-control-request-method": "POST", "access-control-request-headers": "authorization" } });
    assert.equal(preflight.headers.get("access-control-allow-origin"), null);
    assert.equal((await exchange({ ...bearer(inHeader), origin: WEBSITE })).status, 200);
    assert.equal((await exchange({ ...cookie(`id_session=${inCookie}`), rid: "session" })).status, 200);
  });
});

describe("a token that is bound to a key", () => {
  async function bound(more = {}) {
    const pair = await generateKeyPair("ES256", { extractable: true });
    const jwk = await exportJWK(pair.publicKey);
    const jkt = await calculateJwkThumbprint(jwk);
    const mine = await token("idp", { cnf: { jkt }, ...more });
    const proof = (method, url, ath = mine) =>
      new SignJWT({ jti: randomUUID(), htm: method, htu: url, iat: now(), ath: createHash("sha256").update(ath).digest("base64url") })
        .setProtectedHeader({ typ: "dpop+jwt", alg: "ES256", jwk })
        .sign(pair.privateKey);
    return { mine, jkt, proof };
  }
  const url = () => `${postern.url()}/auth/session/exchange`;

  test("needs its proof, and its session is bound to the same key", async () => {
    const { mine, jkt, proof } = await bound();
    const other = await bound();
    for (const headers of [bearer(mine), { authorization: `DPoP ${mine}` }, { authorization: `DPoP ${mine}`, dpop: await other.proof("POST", url(), mine) }]) {
      assert.equal((await exchange(headers)).status, 401);
    }
    // A cookie would come without a proof: refused before the token is used up.
    const inCookies = await exchange({ authorization: `DPoP ${mine}`, dpop: await proof("POST", url()), "st-auth-mode": "cookie" });
    assert.equal(inCookies.status, 400, JSON.stringify(inCookies.body));
    const made = await exchange({ authorization: `DPoP ${mine}`, dpop: await proof("POST", url()) });
    assert.equal(made.status, 200, JSON.stringify(made.body));
    assert.deepEqual([decodeJwt(made.accessToken).cnf, made.body.session.jwtPayload], [{ jkt }, {}]);
    assert.equal((await read(await postern.fetch("/auth/session", { headers: bearer(made.accessToken) }))).status, 401);
  });

  test("is exchanged over RPC with its proof", async () => {
    const { mine, jkt, proof } = await bound();
    assert.equal((await postern.admin("exchangeToken", { accessToken: mine })).status, "UNAUTHORISED");
    const made = await postern.admin("exchangeToken", { accessToken: mine, method: "POST", url: url(), dpopProof: await proof("POST", url()) });
    assert.equal(made.status, "OK", made.message);
    assert.deepEqual(decodeJwt(made.accessToken.token).cnf, { jkt });
  });
});

test("over RPC the caller may give payload, data and device", async () => {
  const sub = someone();
  const argument = { accessToken: await token("idp", { sub, roles: ["a"] }), jwtPayload: { plan: "pro" }, sessionData: { cart: [1] }, device: { userAgent: "test" } };
  const made = await postern.admin("exchangeToken", argument);
  assert.deepEqual([made.status, made.session.userId, made.session.jwtPayload], ["OK", `idp:${sub}`, { plan: "pro" }]);
  assert.ok(made.accessToken.token && made.refreshToken.token && made.frontToken);
  const found = await postern.admin("getSessionInformation", { handle: made.session.handle });
  assert.deepEqual([found.sessionData, found.session.device], [{ cart: [1] }, { userAgent: "test" }]);
  // A payload that cannot be is refused by name, and uses nothing up.
  const again = { accessToken: await token("idp") };
  await assert.rejects(postern.admin("exchangeToken", { ...again, jwtPayload: { sub: "x" } }), /protected field: sub/);
  assert.equal((await postern.admin("exchangeToken", again)).status, "OK");
});

test("the log says whose tokens were exchanged, and nothing of them", async () => {
  const mine = await token("idp", { sub: "logged-nowhere" });
  assert.equal((await exchange(bearer(mine))).status, 200);
  await exchange(bearer(mine));
  const lines = () => postern.output().split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  const digest = () => lines().filter(({ event }) => event === "session_created").at(-1)?.session;
  const line = () => lines().find(({ event, session }) => event === "token_exchanged" && session === digest());
  await until("the exchange is logged", async () => line() !== undefined);
  assert.equal(line().issuer, "idp");
  await until("the refusal is logged", async () => lines().some(({ message }) => message === "the token was exchanged before"));
  assert.ok(!postern.output().includes("logged-nowhere"));
});
