import assert from "node:assert/strict";
import { test } from "node:test";

import * as postern from "postern";
import { API_KEY, tokenWith, wire } from "./harness.mjs";

const wireSession = { handle: "h", userId: "u", recipeUserId: "u", tenantId: "public", userDataInJWT: { a: 1 } };
const session = { handle: "h", issuer: "own", userId: "u", tenantId: "public", jwtPayload: { a: 1 } };
const token = { token: "t", expiry: 2000, createdTime: 1000 };

async function withAnswer(test, json, options = {}) {
  const { url, requests } = await wire(test, () => ({ json }));
  postern.init({ url, apiKey: API_KEY, ...options });
  return requests;
}

const sent = ({ method, path, body }) => [method, path, body];

test("getSession verifies at strict freshness unless told otherwise", async (t) => {
  const requests = await withAnswer(t, { status: "OK", session: wireSession, accessToken: token });
  assert.deepEqual(await postern.getSession("a.b.c"), { session, accessToken: token });
  await postern.getSession("a.b.c", undefined, { freshness: "stateless", doAntiCsrfCheck: false });
  const body = { accessToken: "a.b.c", doAntiCsrfCheck: true, enableAntiCsrf: false, checkDatabase: true };
  assert.deepEqual(requests.map(sent), [
    ["POST", "/core/recipe/session/verify", body],
    ["POST", "/core/recipe/session/verify", { ...body, doAntiCsrfCheck: false, checkDatabase: false }],
  ]);
  assert.equal(requests[0].headers["api-key"], API_KEY);
  assert.equal(requests[0].headers["cdi-version"], "5.6");
});

test("the anti-CSRF check is asked for if and only if the token is bound to one", async (t) => {
  const requests = await withAnswer(t, { status: "OK", session: wireSession });
  // A payload whose base64url form has "-" and "_", and the padded standard base64 of tokens of the first versions.
  const bound = tokenWith({ antiCsrfToken: "csrf", name: "~~~???ü>>>" });
  assert.match(bound.split(".")[1], /-.*_|_.*-/);
  const oldForm = bound.replaceAll("-", "+").replaceAll("_", "/");
  for (const accessToken of [bound, oldForm, tokenWith({ antiCsrfToken: null }), "not a token"]) {
    await postern.getSession(accessToken, "csrf");
  }
  assert.deepEqual(requests.map(({ body }) => body.enableAntiCsrf), [true, true, false, false]);
  assert.ok(requests.every(({ body }) => body.antiCsrfToken === "csrf" && body.doAntiCsrfCheck));
});

test("session data is read and overwritten under its handle", async (t) => {
  const requests = await withAnswer(t, { status: "OK", userDataInDatabase: { cart: ["book"] } });
  assert.deepEqual(await postern.getSessionData("a.b_blue&x=1"), { cart: ["book"] });
  assert.equal(await postern.updateSessionData("h", { gone: undefined, kept: null }), undefined);
  assert.deepEqual(requests.map(sent), [
    ["GET", "/core/recipe/session/data?sessionHandle=a.b_blue%26x%3D1", ""],
    ["PUT", "/core/recipe/session/data", { sessionHandle: "h", userDataInDatabase: { kept: null } }],
  ]);
});

test("creating and refreshing give out tokens", async (t) => {
  const answer = { status: "OK", session: wireSession, accessToken: token, refreshToken: token, antiCsrfToken: "csrf" };
  const requests = await withAnswer(t, answer, { enableAntiCsrf: true });
  const issued = { session, accessToken: token, refreshToken: token, antiCsrfToken: "csrf" };
  assert.deepEqual(await postern.createNewSession("u", { a: 1 }, { b: 2 }, { tenantId: "blue" }), issued);
  assert.deepEqual(await postern.refreshSession("r", "csrf"), issued);
  assert.deepEqual(requests.map(sent), [
    [
      "POST",
      "/core/blue/recipe/session",
      { userId: "u", userDataInJWT: { a: 1 }, userDataInDatabase: { b: 2 }, enableAntiCsrf: true },
    ],
    [
      "POST",
      "/core/recipe/session/refresh",
      { refreshToken: "r", antiCsrfToken: "csrf", enableAntiCsrf: true, useDynamicSigningKey: true },
    ],
  ]);
});

test("a tenant cannot lead out of the path, and a device cannot be dropped in silence", async (t) => {
  const requests = await withAnswer(t, { status: "OK" });
  for (const tenantId of ["..", "a/b", "", "A", "%2e"]) {
    await assert.rejects(postern.createNewSession("u", {}, {}, { tenantId }), TypeError);
    await assert.rejects(postern.revokeAllSessionsForUser("u", tenantId), TypeError);
  }
  await assert.rejects(postern.createNewSession("u", {}, {}, { device: { ip: "192.0.2.1" } }), TypeError);
  assert.deepEqual(requests, []);
});

test("sessions are listed and revoked, in one tenant or in all", async (t) => {
  const requests = await withAnswer(t, { status: "OK", sessionHandlesRevoked: ["h"], sessionHandles: ["h"] });
  assert.equal(await postern.revokeSession("h"), true);
  assert.deepEqual(await postern.revokeAllSessionsForUser("u"), ["h"]);
  assert.deepEqual(await postern.revokeAllSessionsForUser("u", "blue"), ["h"]);
  assert.deepEqual(await postern.getAllSessionHandlesForUser("u"), ["h"]);
  assert.deepEqual(await postern.getAllSessionHandlesForUser("u", "blue"), ["h"]);
  assert.deepEqual(requests.map(sent), [
    ["POST", "/core/recipe/session/remove", { sessionHandles: ["h"] }],
    ["POST", "/core/recipe/session/remove", { userId: "u", revokeAcrossAllTenants: true }],
    ["POST", "/core/blue/recipe/session/remove", { userId: "u", revokeAcrossAllTenants: false }],
    ["GET", "/core/recipe/session/user?userId=u&fetchAcrossAllTenants=true", ""],
    ["GET", "/core/blue/recipe/session/user?userId=u&fetchAcrossAllTenants=false", ""],
  ]);
});

test("merging keeps, replaces and removes members of the stored payload", async (t) => {
  const stored = {
    sessionHandle: "h", userId: "u", recipeUserId: "u", tenantId: "public", expiry: 9, timeCreated: 1,
    userDataInDatabase: { b: 2 }, userDataInJWT: JSON.parse('{"kept": null, "removed": 1, "replaced": 1, "__proto__": 7}'),
  };
  const requests = await withAnswer(t, { status: "OK", ...stored });
  assert.deepEqual(await postern.getSessionInformation("h"), {
    session: { handle: "h", issuer: "own", userId: "u", tenantId: "public", jwtPayload: stored.userDataInJWT, expiry: 9, timeCreated: 1 },
    sessionData: { b: 2 },
  });
  await postern.mergeIntoAccessTokenPayload("h", { removed: null, replaced: 2, added: { c: 3 } });
  const merged = JSON.parse('{"kept": null, "replaced": 2, "__proto__": 7, "added": {"c": 3}}');
  assert.deepEqual(sent(requests.at(-1)), ["PUT", "/core/recipe/jwt/data", { sessionHandle: "h", userDataInJWT: merged }]);
});

test("regenerating keeps the stored payload when none is given", async (t) => {
  const requests = await withAnswer(t, { status: "OK", session: wireSession });
  assert.deepEqual(await postern.regenerateAccessToken("a.b.c"), { session });
  assert.deepEqual(sent(requests[0]), ["POST", "/core/recipe/session/regenerate", { accessToken: "a.b.c" }]);
});

test("theft says whose session ended", async (t) => {
  await withAnswer(t, { status: "TOKEN_THEFT_DETECTED", session: { handle: "h", userId: "u", recipeUserId: "u" } });
  await assert.rejects(postern.refreshSession("r"), (err) => {
    assert.equal(err.errType, postern.Error.TOKEN_THEFT_DETECTED);
    assert.equal(err.message, "refreshSession: TOKEN_THEFT_DETECTED");
    assert.equal(err.session.handle, "h");
    assert.equal(err.session.userId, "u");
    return true;
  });
});

test("what the service API lacks says where it is to be had", async (t) => {
  const requests = await withAnswer(t, { status: "OK" });
  const calls = [
    () => postern.rotateSigningKeys(),
    () => postern.revokeAllSessionsBefore(1_700_000_000_000),
    () => postern.revokeSigningKey("d-1"),
    () => postern.rotateSecrets(),
    () => postern.createNewSessionForRequest(new Request("http://login.example"), "alice"),
    () => postern.exchangeToken("t"),
  ];
  for (const act of calls) {
    await assert.rejects(act(), { errType: postern.Error.GENERAL_ERROR, message: /SessionsAdmin/ });
  }
  assert.deepEqual(requests, []);
});

test("each HTTP status has its meaning", async (t) => {
  const secret = tokenWith({ sub: "u" });
  const cases = [
    [{ status: 400, text: "Field name 'x' is invalid in JSON input\n" }, TypeError, "Field name 'x' is invalid in JSON input"],
    [{ status: 413, text: "sessionData has 9 bytes, at most 8" }, RangeError, "sessionData has 9 bytes, at most 8"],
    [{ status: 401, text: "Invalid API key\n" }, postern.Error, "the API key was refused"],
    [{ status: 404, text: "Not found" }, postern.Error, "there is no service API at"],
    [{ status: 302, headers: { location: "/elsewhere" }, text: "" }, postern.Error, "status 302"],
    [{ status: 503, headers: { "retry-after": "7" }, text: "" }, postern.Error, "status 503"],
    [{ status: 200, text: "<html>" }, postern.Error, "the answer is not JSON"],
    [{ status: 200, text: "null" }, postern.Error, "an answer this client does not know"],
    // A proxy that echoes the request must not put the token into our message.
    [{ status: 400, text: `bad request: ${secret}` }, TypeError, "bad request: …"],
  ];
  for (const [answer, kind, said] of cases) {
    const { url } = await wire(t, () => answer);
    postern.init({ url, apiKey: API_KEY });
    await assert.rejects(postern.getSession(secret), (err) => {
      assert.ok(err instanceof kind, `${answer.status}: ${err}`);
      assert.ok(err.message.startsWith("getSession: "), err.message);
      assert.ok(err.message.includes(said), err.message);
      assert.ok(![secret, API_KEY].some((hidden) => `${err.stack}${err.cause?.stack}`.includes(hidden)));
      if (kind === postern.Error) assert.equal(err.errType, postern.Error.GENERAL_ERROR);
      if (answer.status === 503) assert.equal(err.retryAfterSeconds, 7);
      return true;
    });
  }
});

test("no answer in time, and no connection, are GENERAL_ERRORs", async (t) => {
  const silent = await wire(t, () => undefined);
  postern.init({ url: silent.url, apiKey: API_KEY, timeoutMilliseconds: 50 });
  await assert.rejects(postern.getSessionData("h"), {
    errType: postern.Error.GENERAL_ERROR,
    message: `getSessionData: no answer within 50 ms (service API at ${silent.url}/core)`,
  });

  postern.init({ url: "http://127.0.0.1:1", apiKey: API_KEY });
  await assert.rejects(postern.getSessionData("h"), {
    errType: postern.Error.GENERAL_ERROR,
    message: "getSessionData: no connection (service API at http://127.0.0.1:1/core)",
  });
});
