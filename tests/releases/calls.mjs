// @ts-check
// Every call of every entry point, as one user's day: what each must answer, whatever release isolates and objects are of.
import assert from "node:assert/strict";
import { apiKey } from "../support/harness.mjs";

/** @typedef {Awaited<ReturnType<typeof import("../support/isolates.mjs").startIsolates>>["isolates"][number]} Isolate */

/** RPC, all but the cut-off, which waits for 18 seconds. @param {Isolate} at @param {string} userId */
export async function rpc(at, userId) {
  const ok = async (/** @type {string} */ method, /** @type {unknown} */ argument) => {
    const answer = await at.admin(method, argument);
    assert.equal(answer.status, "OK", `${method}: ${answer.message}`);
    return answer;
  };
  const jwtPayload = { role: "admin", list: [1, 2.5, null] };
  const device = { userAgent: "agent", ip: "203.0.113.9" };
  const created = await ok("createNewSession", { userId, jwtPayload, sessionData: { n: 1 }, device });
  const { handle } = created.session;
  for (const freshness of ["strict", "within 60s", "stateless"]) {
    assert.equal(await at.verdict(created.accessToken.token, freshness), "OK", freshness);
    assert.deepEqual((await at.ask("getSessionData", { handle, freshness })).sessionData, { n: 1 }, freshness);
  }
  assert.equal((await at.ask("updateSessionData", { handle, sessionData: { n: 2 } })).status, "OK");
  assert.deepEqual((await at.ask("getSessionData", { handle, freshness: "strict" })).sessionData, { n: 2 });
  await ok("mergeIntoAccessTokenPayload", { handle, jwtPayload: { role: null, added: "ü" } });
  const information = await ok("getSessionInformation", { handle });
  assert.deepEqual(information.session.jwtPayload, { list: [1, 2.5, null], added: "ü" });
  const refreshed = await ok("refreshSession", { refreshToken: created.refreshToken.token });
  const again = await ok("refreshSession", { refreshToken: created.refreshToken.token });
  assert.equal(await at.verdict(again.accessToken.token, "strict"), "OK");
  await ok("updateJWTPayload", { handle, jwtPayload: { a: 1 } });
  const regenerated = await ok("regenerateAccessToken", { accessToken: refreshed.accessToken.token, jwtPayload: { b: 2 } });
  assert.deepEqual(regenerated.session.jwtPayload, { b: 2 });
  const request = { headers: { "st-auth-mode": "header" } };
  const login = await ok("createNewSessionForRequest", { request, userId, jwtPayload: {}, sessionData: {} });
  assert.ok(login.headers.length > 0);
  const handles = (await ok("getAllSessionHandlesForUser", { userId })).handles;
  assert.deepEqual(new Set(handles), new Set([handle, login.session.handle]));
  assert.deepEqual((await ok("revokeSession", { handle: login.session.handle })).revoked, [login.session.handle]);
  assert.deepEqual((await ok("revokeMultipleSessions", { handles: [handle, "nothing"] })).revoked, [handle]);
  assert.equal(await at.verdict(regenerated.accessToken.token, "strict"), "UNAUTHORISED");
  const last = await ok("createNewSession", { userId });
  assert.deepEqual((await ok("revokeAllSessionsForUser", { userId })).revoked, [last.session.handle]);
  assert.deepEqual((await ok("getAllSessionHandlesForUser", { userId })).handles, []);
  await ok("rotateSigningKeys", {});
  await ok("rotateSecrets", {});
}

/** The service API. @param {Isolate} at @param {string} userId */
export async function serviceApi(at, userId) {
  const headers = { "api-key": apiKey, "content-type": "application/json", "cdi-version": "5.6", rid: "session" };
  const ask = async (/** @type {string} */ method, /** @type {string} */ path, /** @type {unknown} */ body) => {
    const response = await at.fetch(`/core${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await response.text();
    assert.equal(response.status, 200, `${method} ${path}: ${text}`);
    const answer = JSON.parse(text);
    assert.equal(answer.status, "OK", `${method} ${path}: ${text}`);
    return answer;
  };
  const created = await ask("POST", "/recipe/session", { userId, userDataInJWT: { a: 1 }, userDataInDatabase: { d: 1 }, enableAntiCsrf: true });
  const sessionHandle = created.session.handle;
  const verify = (/** @type {any} */ from) =>
    ask("POST", "/recipe/session/verify", { accessToken: from.accessToken.token, antiCsrfToken: from.antiCsrfToken, enableAntiCsrf: true, doAntiCsrfCheck: true, checkDatabase: true });
  await verify(created);
  const refresh = { refreshToken: created.refreshToken.token, antiCsrfToken: created.antiCsrfToken, enableAntiCsrf: true, useDynamicSigningKey: true };
  const refreshed = await ask("POST", "/recipe/session/refresh", refresh);
  await verify(refreshed);
  await ask("PUT", "/recipe/session/data", { sessionHandle, userDataInDatabase: { d: 2 } });
  assert.deepEqual((await ask("GET", `/recipe/session/data?sessionHandle=${sessionHandle}`, undefined)).userDataInDatabase, { d: 2 });
  await ask("PUT", "/recipe/jwt/data", { sessionHandle, userDataInJWT: { a: 2 } });
  await ask("POST", "/recipe/session/regenerate", { accessToken: refreshed.accessToken.token, userDataInJWT: { a: 3 } });
  assert.deepEqual((await ask("GET", `/recipe/session?sessionHandle=${sessionHandle}`, undefined)).userDataInJWT, { a: 3 });
  assert.deepEqual((await ask("GET", `/recipe/session/user?userId=${userId}`, undefined)).sessionHandles, [sessionHandle]);
  const removed = await ask("POST", "/recipe/session/remove", { sessionHandles: [sessionHandle] });
  assert.deepEqual(removed.sessionHandlesRevoked, [sessionHandle]);
}

/** The browser API and the gateway, whose origin shows what it received. @param {Isolate} at @param {string} userId */
export async function browserAndGateway(at, userId) {
  const created = await at.admin("createNewSession", { userId, jwtPayload: { a: 1 } });
  const bearer = (/** @type {string} */ token) => ({ headers: { authorization: `Bearer ${token}`, "st-auth-mode": "header" } });
  const session = await at.fetch("/auth/session", bearer(created.accessToken.token));
  assert.equal(session.status, 200);
  assert.equal(/** @type {any} */ (await session.json()).session.userId, userId);
  const origin = await at.fetch("/app/page", bearer(created.accessToken.token));
  const received = await origin.text();
  assert.equal(origin.status, 200, received);
  assert.equal(JSON.parse(received).headers["postern-user-id"], userId);
  const refreshed = await at.fetch("/auth/session/refresh", { method: "POST", ...bearer(created.refreshToken.token) });
  assert.equal(refreshed.status, 200, await refreshed.text());
  const token = refreshed.headers.get("st-access-token") ?? "";
  const out = await at.fetch("/auth/signout", { method: "POST", ...bearer(token) });
  assert.equal(out.status, 200, await out.text());
  assert.equal(await at.verdict(token, "strict"), "UNAUTHORISED");
  const gone = await at.fetch("/auth/session/refresh", { method: "POST", ...bearer(refreshed.headers.get("st-refresh-token") ?? "") });
  assert.equal(gone.status, 401);
  await gone.text();
}

/** The rules of a gateway in front of an origin. @param {string} url */
export const gatewayTo = (url) => ({ origins: { app: { url } }, rules: [{ path: "/app/**", session: "required", origin: "app" }] });
