// Versions 1.0 and 2.0 on their un-prefixed paths, and what every version shares: who is let in, in which version, and
// how wrong input is answered.
import assert from "node:assert/strict";
import http from "node:http";
import { after, before, test } from "node:test";
import { apiKey } from "../support/harness.mjs";
import { startCore } from "./support/core.mjs";
import { decode, signerOf, spki } from "./support/tokens.mjs";

let core;
let jwks;
before(async () => {
  core = await startCore({ ANTI_CSRF: "VIA_TOKEN", COOKIE_DOMAIN: "127.0.0.1", SESSION_EXPIRED_STATUS_CODE: 440 });
  jwks = (await core.call(undefined, "GET", "/.well-known/jwks.json")).json.keys;
});
after(() => core.close());

const isText = (answer, status, text) => assert.deepEqual([answer.status, answer.type, answer.text], [status, "text/html; charset=UTF-8", `${text}\n`]);
const fields = (object, expected) => assert.deepEqual(Object.keys(object).sort(), [...expected].sort());
const KEYS = ["jwtSigningPublicKey", "jwtSigningPublicKeyExpiryTime"];
const TOKEN = ["token", "expiry", "createdTime"];
const COOKIE = [...TOKEN, "cookiePath", "cookieSecure", "domain"];

for (const cdi of ["1.0", "2.0"]) {
  const second = cdi === "2.0";
  const options = () => ({ base: `http://localhost:${core.port}`, headers: {} });
  // 1.0 is what a request without a version means.
  const ask = (method, path, body) => core.call(second ? cdi : undefined, method, path, body, options());
  const good = (answer, status = "OK") => {
    assert.deepEqual([answer.status, answer.type, answer.json?.status], [200, "application/json; charset=UTF-8", status], answer.text);
    return answer.json;
  };
  const create = async (userId = "u") => good(await ask("POST", "/session", { userId, userDataInJWT: { a: 1 }, userDataInDatabase: { b: 1 }, deviceDriverInfo: {} }));
  const cookie = second ? [...COOKIE, "sameSite"] : COOKIE;

  test(`${cdi}: the handshake`, async () => {
    const shake = good(await ask("POST", "/handshake", {}));
    const more = second ? ["cookieSameSite", "idRefreshTokenPath", "sessionExpiredStatusCode"] : [];
    fields(shake, ["status", ...KEYS, "cookieDomain", "cookieSecure", "accessTokenPath", "refreshTokenPath", "enableAntiCsrf", "accessTokenBlacklistingEnabled", ...more]);
    assert.match(jwks.find((jwk) => spki(jwk) === shake.jwtSigningPublicKey).kid, /^d-/);
    assert.deepEqual(
      [shake.cookieDomain, shake.cookieSecure, shake.accessTokenPath, shake.refreshTokenPath, shake.enableAntiCsrf, shake.accessTokenBlacklistingEnabled],
      ["127.0.0.1", false, "/", "/auth/session/refresh", true, false],
    );
    if (second) assert.deepEqual([shake.cookieSameSite, shake.idRefreshTokenPath, shake.sessionExpiredStatusCode], ["lax", "/", 440]);
  });

  test(`${cdi}: create, verify, refresh`, async () => {
    const created = await create();
    fields(created, ["status", "session", "accessToken", "refreshToken", "idRefreshToken", "antiCsrfToken", ...KEYS]);
    fields(created.session, ["handle", "userId", "userDataInJWT"]);
    fields(created.accessToken, cookie);
    fields(created.refreshToken, cookie);
    fields(created.idRefreshToken, second ? cookie : TOKEN);
    assert.deepEqual([created.accessToken.cookiePath, created.refreshToken.cookiePath], ["/", "/auth/session/refresh"]);
    assert.equal(decode(created.accessToken.token).header.version, second ? "2" : "1");
    assert.match(signerOf(created.accessToken.token, jwks) ?? "", /^d-/);
    const verify = (token, more) => ask("POST", "/session/verify", { accessToken: token, doAntiCsrfCheck: true, antiCsrfToken: created.antiCsrfToken, ...more });
    fields(good(await verify(created.accessToken.token)), ["status", "session", ...KEYS]);
    fields(good(await verify(created.accessToken.token, { antiCsrfToken: "wrong" }), "TRY_REFRESH_TOKEN"), ["status", "message"]);
    good(await verify(created.accessToken.token, { antiCsrfToken: "wrong", doAntiCsrfCheck: false }));
    const refreshed = good(await ask("POST", "/session/refresh", { refreshToken: created.refreshToken.token }));
    fields(refreshed, ["status", "session", "accessToken", "refreshToken", "idRefreshToken", "antiCsrfToken"]);
    fields(refreshed.refreshToken, cookie);
    const promoted = good(await verify(refreshed.accessToken.token, { antiCsrfToken: refreshed.antiCsrfToken }));
    fields(promoted, ["status", "session", "accessToken", ...KEYS]);
    fields(promoted.accessToken, cookie);
    const { handle } = created.session;
    const theft = good(await ask("POST", "/session/refresh", { refreshToken: created.refreshToken.token }), "TOKEN_THEFT_DETECTED");
    assert.deepEqual(theft.session, { handle, userId: "u" });
    fields(good(await verify(refreshed.accessToken.token, { antiCsrfToken: refreshed.antiCsrfToken }), "UNAUTHORISED"), ["status", "message"]);
    good(await ask("POST", "/session/refresh", { refreshToken: refreshed.refreshToken.token }), "UNAUTHORISED");
  });

  test(`${cdi}: removal`, async () => {
    const userId = `remover ${cdi}`;
    const handles = [];
    for (let n = 0; n < 4; n += 1) handles.push((await create(userId)).session.handle);
    const list = async () => good(await ask("GET", `/session/user?userId=${encodeURIComponent(userId)}`)).sessionHandles.sort();
    assert.deepEqual(await list(), [...handles].sort());
    if (second) {
      assert.equal((await ask("DELETE", "/session", { userId })).status, 400);
      assert.deepEqual(good(await ask("POST", "/session/remove", { sessionHandles: [handles[0], "nothing"] })).sessionHandlesRevoked, [handles[0]]);
      assert.deepEqual(good(await ask("POST", "/session/remove", { userId })).sessionHandlesRevoked.sort(), handles.slice(1).sort());
    } else {
      assert.equal((await ask("POST", "/session/remove", { userId })).status, 400);
      const remove = async (body) => good(await ask("DELETE", "/session", body)).numberOfSessionsRevoked;
      assert.deepEqual([await remove({ sessionHandle: handles[0] }), await remove({ sessionHandle: handles[0] })], [1, 0]);
      assert.equal(await remove({ sessionHandles: [handles[0], handles[1]] }), 1);
      assert.equal(await remove({ userId }), 2);
      assert.equal((await ask("DELETE", "/session", { userId, sessionHandle: "x" })).status, 400);
    }
    assert.deepEqual(await list(), []);
  });

  test(`${cdi}: data, payload, regenerate`, async () => {
    const { session, accessToken } = await create();
    const data = `/session/data?sessionHandle=${session.handle}`;
    assert.deepEqual(good(await ask("GET", data)).userDataInDatabase, { b: 1 });
    good(await ask("PUT", "/session/data", { sessionHandle: session.handle, userDataInDatabase: { c: 1 } }));
    assert.deepEqual(good(await ask("GET", data)).userDataInDatabase, { c: 1 });
    const jwtData = await ask("GET", `/jwt/data?sessionHandle=${session.handle}`);
    const put = await ask("PUT", "/jwt/data", { sessionHandle: session.handle, userDataInJWT: { d: 1 } });
    const regenerated = await ask("POST", "/session/regenerate", { accessToken: accessToken.token, userDataInJWT: { e: 1 } });
    if (!second) return assert.deepEqual([jwtData, put, regenerated].map(({ status }) => status), [400, 400, 400]);
    assert.deepEqual(good(jwtData).userDataInJWT, { a: 1 });
    good(put);
    fields(good(regenerated).accessToken, cookie);
    assert.deepEqual(decode(regenerated.json.accessToken.token).payload.userData, { e: 1 });
    // The whole token object in place of its text, as this version's SDK sends it at a second update.
    assert.equal((await ask("POST", "/session/regenerate", { accessToken: regenerated.json.accessToken, userDataInJWT: {} })).status, 400);
  });

  test(`${cdi}: the paths of other versions do not exist`, async () => {
    for (const path of ["/recipe/session", "/recipe/handshake"]) assert.equal((await core.call(cdi, "POST", path, {})).status, 404);
    for (const path of ["/blue/session", "/blue/handshake"]) assert.equal((await ask("POST", path, {})).status, 404);
    for (const path of ["/session", "/handshake"]) assert.equal((await core.call("5.4", "POST", path, {})).status, 404);
    assert.ok((await ask("GET", "/apiversion")).json.versions.includes(cdi));
  });
}

const body = { userId: "u", userDataInJWT: {}, userDataInDatabase: {}, enableAntiCsrf: false };

test("a key is asked for first, in either header; some questions need none", async () => {
  for (const headers of [{}, { "api-key": "x".repeat(30) }, { "api-key": `${apiKey}x` }, { authorization: "Bearer no" }]) {
    for (const [cdi, method, path] of [["5.4", "POST", "/recipe/session"], ["0.1", "POST", "/recipe/session"], ["5.4", "GET", "/apiversion"], ["5.4", "POST", "/appid-x/recipe/session"]]) {
      isText(await core.call(cdi, method, path, body, { headers }), 401, "Invalid API key");
    }
    for (const path of ["/hello", "/", "/.well-known/jwks.json", "/config?pid=1"]) {
      assert.equal((await core.call(undefined, "GET", path, undefined, { headers })).status, 200, path);
    }
  }
  for (const headers of [{ "api-key": ` ${apiKey} ` }, { authorization: `bearer ${apiKey}` }, { authorization: apiKey }]) {
    assert.equal((await core.call("5.4", "POST", "/recipe/session", body, { headers })).status, 200);
  }
});

test("the version that a request speaks", async () => {
  for (const header of ["x", "5.", ".4", "5.4.x", "-1"]) {
    for (const path of ["/recipe/session", "/apiversion", "/hello"]) {
      isText(await core.call(header, path === "/recipe/session" ? "POST" : "GET", path, body), 400, "cdi-version header is invalid");
    }
  }
  for (const header of ["5.4.0", "2.1", "2.6", "5.7", "99.0"]) {
    isText(await core.call(header, "POST", "/recipe/session", body), 400, `cdi-version ${header} not supported`);
    assert.equal((await core.call(header, "GET", "/apiversion")).status, 200);
  }
  const unsaid = (await core.call(undefined, "POST", "/recipe/session", body)).json;
  assert.deepEqual([unsaid.session.tenantId, unsaid.session.recipeUserId], ["public", "u"]);
  const { versions } = (await core.call(undefined, "GET", "/apiversion?apiDomain=a&websiteDomain=b")).json;
  for (const needed of ["1.0", "2.0", "5.4"]) assert.ok(versions.includes(needed));
});

test("wrong input", async () => {
  const raw = (text) =>
    fetch(`http://127.0.0.1:${core.port}/core/recipe/session`, { method: "POST", body: text, headers: { "api-key": apiKey, "cdi-version": "5.4" } }).then(async (answer) => ({
      status: answer.status,
      type: answer.headers.get("content-type"),
      text: await answer.text(),
    }));
  for (const text of ["", "{", "[]", "null", "1", '"x"', "{} {}"]) isText(await raw(text), 400, "Invalid Json Input");
  for (const [field, wrong] of [["userId", [1, null, undefined]], ["userDataInJWT", [null, [], "x", undefined]], ["userDataInDatabase", [null, [], 1, undefined]], ["enableAntiCsrf", ["true", null, undefined]], ["useDynamicSigningKey", [null, "x"]]]) {
    for (const value of wrong) {
      isText(await core.call("5.4", "POST", "/recipe/session", { ...body, [field]: value }), 400, `Field name '${field}' is invalid in JSON input`);
    }
  }
  assert.equal((await core.call("5.4", "POST", "/recipe/session", { ...body, userId: "", unknown: 1 })).status, 200, "an empty user id and an unknown field");
  isText(await core.call("5.4", "GET", "/recipe/session/user"), 400, "Field name 'userId' is missing in GET request");
  const remove = (more) => core.call("5.4", "POST", "/recipe/session/remove", more);
  for (const more of [{}, { userId: "u", sessionHandles: [] }]) isText(await remove(more), 400, "Invalid JSON input - use one of userId or sessionHandles array");
  for (const name of ["revokeAcrossAllTenants", "revokeSessionsForLinkedAccounts"]) assert.equal((await remove({ sessionHandles: [], [name]: true })).status, 400);
  for (const [method, path] of [["PUT", "/recipe/session/verify"], ["GET", "/recipe/session/refresh"], ["DELETE", "/recipe/session"], ["OPTIONS", "/recipe/session"]]) {
    isText(await core.call("5.4", method, path), 405, "Method not supported");
  }
  for (const path of ["/recipe", "/recipe/session/x", "/a/b/recipe/session", "/recipe/session//"]) assert.equal((await core.call("5.4", "POST", path, body)).status, 404, path);
});

test("the JWK Set says how long it is good, and shows no secret", async () => {
  const answer = await new Promise((resolve) => http.get(`http://127.0.0.1:${core.port}/core/appid-public/.well-known/jwks.json`, resolve));
  answer.resume();
  assert.match(answer.headers["cache-control"], /^max-age=\d+, must-revalidate$/);
  for (const jwk of jwks) {
    fields(jwk, ["kty", "kid", "n", "e", "alg", "use"]);
    assert.deepEqual([jwk.kty, jwk.alg, jwk.use], ["RSA", "RS256", "sig"]);
    assert.equal(Buffer.from(jwk.n, "base64url").length, 256);
  }
  assert.deepEqual(jwks.map(({ kid }) => kid.slice(0, 2)), ["d-", "s-"], "dynamic keys first");
});
