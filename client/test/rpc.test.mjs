import assert from "node:assert/strict";
import { test } from "node:test";

import * as postern from "postern";

/** A binding whose methods record their argument and answer as told. */
function binding(answer) {
  const calls = [];
  const target = new Proxy({}, {
    get: (_, method) => async (argument) => {
      calls.push([method, argument]);
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  return { target, calls };
}

test("an OK answer is returned as a value, without its status", async () => {
  const session = { handle: "h", issuer: "own", userId: "u", tenantId: "public", jwtPayload: { a: 1 } };
  const { target, calls } = binding({ status: "OK", session, sessionData: { cart: [] } });
  postern.init({ binding: target });

  assert.deepEqual(await postern.getSession("token", null), { session, sessionData: { cart: [] } });
  assert.deepEqual(await postern.getSessionData("h", { freshness: "strict" }), { cart: [] });
  assert.equal(await postern.updateSessionData("h", { b: 2 }), undefined);
  assert.deepEqual(calls, [
    ["getSession", { accessToken: "token" }],
    ["getSessionData", { handle: "h", freshness: "strict" }],
    ["updateSessionData", { handle: "h", sessionData: { b: 2 } }],
  ]);
});

test("any other answer is thrown as the error it stands for", async () => {
  const cases = [
    ["UNAUTHORISED", postern.Error.UNAUTHORISED, 2000],
    ["TRY_REFRESH_TOKEN", postern.Error.TRY_REFRESH_TOKEN, 3000],
    ["TOKEN_THEFT_DETECTED", postern.Error.TOKEN_THEFT_DETECTED, 4000],
    ["GENERAL_ERROR", postern.Error.GENERAL_ERROR, 1000],
  ];
  for (const [status, errType, number] of cases) {
    postern.init({ adminBinding: binding({ status, message: "why", retryAfterSeconds: 3 }).target });
    await assert.rejects(postern.refreshSession("token"), (err) => {
      assert.ok(postern.Error.isErrorFromAuth(err));
      assert.ok(err instanceof Error);
      assert.equal(err.errType, errType);
      assert.equal(errType, number);
      assert.equal(err.message, "refreshSession: why");
      assert.equal(err.retryAfterSeconds, 3);
      return true;
    });
  }
});

test("an answer that this client does not know is a GENERAL_ERROR", async () => {
  for (const answer of [undefined, null, {}, { status: "NEW", message: "secret" }]) {
    postern.init({ binding: binding(answer).target });
    await assert.rejects(postern.getSessionData("h"), {
      errType: postern.Error.GENERAL_ERROR,
      message: "getSessionData: an answer this client does not know",
    });
  }
});

test("a malformed argument reported by the Worker stays a TypeError, any other failure is a GENERAL_ERROR", async () => {
  postern.init({ binding: binding(new TypeError("getSessionData: too long")).target });
  await assert.rejects(postern.getSessionData("h"), TypeError);

  const failure = new Error("Network connection lost.");
  postern.init({ binding: binding(failure).target });
  await assert.rejects(postern.getSessionData("h"), {
    errType: postern.Error.GENERAL_ERROR,
    message: "getSessionData: the service binding failed",
    cause: failure,
  });
});

test("the life cycle needs the admin binding, which also serves the three calls of the default entrypoint", async () => {
  postern.init({ binding: binding({ status: "OK" }).target });
  await assert.rejects(postern.createNewSession("alice"), {
    errType: postern.Error.GENERAL_ERROR,
    message: /createNewSession needs a service binding to the entrypoint SessionsAdmin/,
  });

  const admin = binding({ status: "OK", revoked: ["h"], handles: ["h"], sessionData: {}, time: 1_700_000_000_000, from: 1, until: 2 });
  postern.init({ adminBinding: admin.target });
  await postern.createNewSession("alice", undefined, { cart: [] }, { tenantId: "blue", location: "weur" });
  await postern.getSessionData("h");
  assert.equal(await postern.revokeSession("h"), true);
  assert.deepEqual(await postern.revokeMultipleSessions(["h", "i"]), ["h"]);
  assert.deepEqual(await postern.revokeAllSessionsForUser("alice"), ["h"]);
  assert.deepEqual(await postern.getAllSessionHandlesForUser("alice", "blue"), ["h"]);
  assert.equal(await postern.revokeAllSessionsBefore(1_700_000_000_000), 1_700_000_000_000);
  await postern.rotateSigningKeys();
  await postern.revokeSigningKey("d-1");
  assert.deepEqual(await postern.rotateSecrets(), { from: 1, until: 2 });
  await postern.listSessions("alice", { cursor: "c", ended: true });
  await postern.eraseUser("alice");
  await postern.exportUser("alice", { issuer: "idp", cursor: "c" });
  await postern.exchangeToken("t");
  await postern.exchangeToken("t", { jwtPayload: {}, sessionData: { cart: [] }, device: { ip: "::1" }, location: "weur", dpopProof: "p", method: "POST", url: "https://a.example/" });
  assert.deepEqual(admin.calls, [
    ["createNewSession", { userId: "alice", jwtPayload: {}, sessionData: { cart: [] }, tenantId: "blue", location: "weur" }],
    ["getSessionData", { handle: "h" }],
    ["revokeSession", { handle: "h" }],
    ["revokeMultipleSessions", { handles: ["h", "i"] }],
    ["revokeAllSessionsForUser", { userId: "alice" }],
    ["getAllSessionHandlesForUser", { userId: "alice", tenantId: "blue" }],
    ["revokeAllSessionsBefore", { time: 1_700_000_000_000 }],
    ["rotateSigningKeys", {}],
    ["revokeSigningKey", { kid: "d-1" }],
    ["rotateSecrets", {}],
    ["listSessions", { userId: "alice", cursor: "c", ended: true }],
    ["eraseUser", { userId: "alice" }],
    ["exportUser", { userId: "alice", issuer: "idp", cursor: "c" }],
    ["exchangeToken", { accessToken: "t" }],
    ["exchangeToken", { accessToken: "t", jwtPayload: {}, sessionData: { cart: [] }, device: { ip: "::1" }, location: "weur", dpopProof: "p", method: "POST", url: "https://a.example/" }],
  ]);
});

test("for a request, the headers that decide are passed on, and the answer's headers come back in order", async () => {
  const headers = [["set-cookie", "a=1"], ["set-cookie", "b=2"], ["front-token", "x"]];
  const session = { handle: "h", userId: "alice", tenantId: "public", jwtPayload: {} };
  const { target, calls } = binding({ status: "OK", session, headers });
  postern.init({ adminBinding: target });
  const sent = { authorization: "Bearer x", cookie: "a=b; c=d", "st-auth-mode": "cookie", "x-other": "stays here" };
  const request = new Request("https://app.example/login", { method: "POST", headers: sent });
  // A browser's `cookie` is a forbidden header for Request in some runtimes: only what it kept can be passed on.
  const { "x-other": _, ...wanted } = Object.fromEntries(request.headers);
  assert.deepEqual(await postern.createNewSessionForRequest(request, "alice", { role: "editor" }, { cart: [] }), { session, headers });
  const fromBerlin = { headers: new Headers(), cf: { continent: "EU", longitude: "13.40500", country: "DE" } };
  assert.deepEqual(await postern.createNewSessionForRequest(fromBerlin, "alice", undefined, undefined, { tenantId: "blue" }), { session, headers });
  assert.deepEqual(calls, [
    ["createNewSessionForRequest", { request: { headers: wanted }, userId: "alice", jwtPayload: { role: "editor" }, sessionData: { cart: [] } }],
    ["createNewSessionForRequest", { request: { headers: {}, cf: { continent: "EU", longitude: "13.40500" } }, userId: "alice", jwtPayload: {}, sessionData: {}, tenantId: "blue", device: { country: "DE" } }],
  ]);
});

test("of a request to verify, what says whose it is and where it comes from is passed on", async () => {
  const session = { handle: "h", userId: "alice", tenantId: "public", jwtPayload: {} };
  const { target, calls } = binding({ status: "OK", session });
  postern.init({ binding: target });
  const sent = { authorization: "Bearer x", rid: "", "anti-csrf": "t", origin: "https://app.example", "sec-fetch-site": "same-origin", "x-other": "stays here" };
  const request = { method: "POST", url: "https://app.example/visit?a=1", headers: new Headers(sent) };
  assert.deepEqual(await postern.getSessionForRequest(request, { freshness: "strict" }), { session });
  const { "x-other": _, ...wanted } = sent;
  assert.deepEqual(calls, [["getSessionForRequest", { request: { method: "POST", url: request.url, headers: Object.entries(wanted) }, freshness: "strict" }]]);
  await assert.rejects(postern.getSessionForRequest({ method: "GET", url: "https://a.example/", headers: new Headers() }), { errType: 2000 });
  assert.equal(calls.length, 1, "without a credential nobody is asked");
  postern.init({ binding: binding({ status: "FOREIGN_WEBSITE", message: "the request comes from another website" }).target });
  await assert.rejects(postern.getSessionForRequest(request), { errType: postern.Error.FOREIGN_WEBSITE, message: "getSessionForRequest: the request comes from another website" });
});

test("nothing malformed is sent", async () => {
  const { target, calls } = binding({ status: "OK" });
  postern.init({ adminBinding: target });
  const cases = [
    [() => postern.getSession(1), 'getSession: "accessToken" must be a string'],
    [() => postern.getSession("t", {}), 'getSession: "antiCsrfToken" must be a string'],
    [() => postern.getSession("t", "", { doAntiCsrfCheck: "no" }), 'getSession: "doAntiCsrfCheck" must be a boolean'],
    [() => postern.getSessionData(undefined), 'getSessionData: "handle" must be a string'],
    [() => postern.getSessionData("\ud800"), 'getSessionData: "handle" must be a string'],
    [() => postern.updateSessionData("h"), 'updateSessionData: "sessionData" must be a JSON object'],
    [() => postern.updateSessionData("h", { at: new Date() }), 'updateSessionData: "sessionData.at" is not JSON: a Date'],
    [() => postern.createNewSession("u", null), 'createNewSession: "jwtPayload" must be a JSON object'],
    [() => postern.exchangeToken(1), 'exchangeToken: "accessToken" must be a string'],
    [() => postern.exchangeToken("t", { jwtPayload: null }), 'exchangeToken: "jwtPayload" must be a JSON object'],
    [() => postern.createNewSessionForRequest({}, "u"), 'createNewSessionForRequest: "request" must be a Request'],
    [() => postern.createNewSessionForRequest(undefined, "u"), 'createNewSessionForRequest: "request" must be a Request'],
    [() => postern.revokeMultipleSessions(["h", 1]), 'revokeMultipleSessions: "handles[1]" must be a string'],
    [
      () => postern.revokeMultipleSessions(Array(1001).fill("h")),
      'revokeMultipleSessions: "handles" must be an array of at most 1000 strings',
    ],
  ];
  for (const [act, message] of cases) await assert.rejects(act(), new TypeError(message));
  assert.deepEqual(calls, []);
});

test("no token at all is UNAUTHORISED, without asking", async () => {
  const { target, calls } = binding({ status: "OK" });
  postern.init({ adminBinding: target });
  for (const none of [undefined, null, ""]) {
    await assert.rejects(postern.getSession(none), { errType: postern.Error.UNAUTHORISED });
    await assert.rejects(postern.refreshSession(none), { errType: postern.Error.UNAUTHORISED });
  }
  assert.deepEqual(calls, []);
});
