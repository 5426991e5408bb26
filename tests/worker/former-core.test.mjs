// The sessions of a SuperTokens core are taken over without logging anybody out (FORMER_CORE_URL): its live access tokens are good, and
// its refresh tokens become ours. The core is a stand-in that speaks its protocol over HTTP.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { access, bearer, cookie, read, refreshCookie } from "../support/browser.mjs";
import { startCore } from "../support/core.mjs";
import { apiKey, startPostern } from "../support/harness.mjs";
import { serviceApi } from "../support/service-api.mjs";
import { until } from "../support/until.mjs";

const ISSUER = "http://127.0.0.1:8787/auth";
const CORE_API_KEY = "core-key-core-key-core-key";

let core;
let postern;
let admin;
/** The same for backends that had anti-CSRF tokens. */
let bound;
before(async () => {
  core = await startCore({ issuer: ISSUER, apiKey: CORE_API_KEY });
  const start = (vars) =>
    startPostern({
      vars: { FORMER_CORE_URL: core.url, ...vars },
      secrets: { FORMER_CORE_API_KEY: CORE_API_KEY, API_KEYS: apiKey },
      entrypoints: ["SessionsAdmin"],
    });
  postern = await start({});
  admin = postern.entrypoint("SessionsAdmin");
  bound = await start({ ANTI_CSRF: "VIA_TOKEN" });
});
after(async () => {
  await postern?.close();
  await bound?.close();
  await core?.close();
});

const post = async (path, headers, at = postern) => read(await at.fetch(`http://127.0.0.1:8787${path}`, { method: "POST", headers }));
const refresh = (headers, at) => post("/auth/session/refresh", { rid: "session", ...headers }, at);
const shown = async (headers) => read(await postern.fetch("http://127.0.0.1:8787/auth/session", { headers }));
const sessionOf = async (accessToken) => (await shown(bearer(accessToken))).body.session;
const data = async (handle) => (await postern.rpc.getSessionData({ handle })).sessionData;
const inCookies = (old) => ({ ...cookie(refreshCookie(old.refreshToken.token)), "st-auth-mode": "cookie" });
const handlesOf = async (userId) => {
  // Over HTTP, as everything here for which the core is asked: RPC of the harness holds up the process in which the core runs.
  const answer = await postern.fetch(`/core/recipe/session/user?userId=${userId}`, { headers: { "api-key": apiKey, "cdi-version": "5.4" } });
  assert.equal(answer.status, 200);
  return (await answer.json()).sessionHandles;
};

test("a live access token of the core is a session of our own, which has the same handle, payload and data once it was refreshed", async () => {
  const old = await core.session("alice", { payload: { role: "editor", other: 1 }, data: { cart: ["book"] } });
  const before = (await shown(cookie(access(old.accessToken.token)))).body.session;
  assert.deepEqual([before.issuer, before.userId, before.tenantId, before.jwtPayload], ["own", "alice", "public", { role: "editor", other: 1 }]);
  assert.match(before.handle, /^[a-z2-7]{26}\.[a-z2-7]{26}\.[a-z2-7]{13}$/);
  const moved = await refresh({ ...cookie(access(old.accessToken.token), refreshCookie(old.refreshToken.token)), "st-auth-mode": "cookie" });
  assert.equal(moved.status, 200, JSON.stringify(moved.body));
  assert.ok(moved.headers.cookies.some((line) => line.startsWith("sRefreshToken=1.")), "the cookie is Postern's");
  assert.deepEqual(await sessionOf(moved.accessToken), before);
  assert.deepEqual(await data(before.handle), { cart: ["book"] });
  const { session: information } = await admin.getSessionInformation({ handle: before.handle });
  assert.ok(information.timeCreated < Date.now() && information.timeCreated >= old.accessToken.createdTime - 2_000, "it is as old as it was");
  assert.ok(core.knows(old.session.handle), "the browser's answer may have been lost");
  const again = await refresh({ ...cookie(access(moved.accessToken), refreshCookie(moved.refreshToken)), "st-auth-mode": "cookie" });
  assert.equal(again.status, 200);
  const soon = await refresh({ ...cookie(refreshCookie(again.refreshToken)), "st-auth-mode": "cookie" });
  assert.equal(soon.status, 200);
});

test("one in a header, whose access token has long expired, does so too", async () => {
  const old = await core.session("header", { life: -3600 });
  assert.equal((await shown(bearer(old.accessToken.token))).status, 401);
  const moved = await refresh({ ...bearer(old.refreshToken.token), "st-auth-mode": "header" });
  assert.equal(moved.status, 200, JSON.stringify(moved.body));
  assert.deepEqual(moved.headers.cookies, []);
  assert.equal((await sessionOf(moved.accessToken)).userId, "header");
});

test("a session keeps its tenant", async () => {
  const old = await core.session("tenant", { tenantId: "acme" });
  const moved = await refresh(inCookies(old));
  const session = await sessionOf(moved.accessToken);
  assert.deepEqual([session.tenantId, session.handle.endsWith("_acme")], ["acme", true]);
});

test("tabs at once, and a browser whose answer was lost, get one session", async () => {
  const old = await core.session("tabs");
  const headers = inCookies(old);
  for (const { status } of await Promise.all([refresh(headers), refresh(headers), refresh(headers)])) assert.equal(status, 200);
  const last = await refresh(headers);
  assert.equal((await handlesOf("tabs")).length, 1);
  const next = await refresh({ ...cookie(refreshCookie(last.refreshToken)), "st-auth-mode": "cookie" });
  assert.equal(next.status, 200, JSON.stringify(next.body));
});

test("while the core is out of reach nothing changes: 503, and the same token works afterwards", async () => {
  const old = await core.session("outage");
  core.fail(true);
  const refused = await refresh(inCookies(old));
  core.fail(false);
  assert.deepEqual([refused.status, refused.response.headers.get("retry-after"), refused.headers.cookies], [503, "2", []]);
  assert.equal((await refresh(inCookies(old))).status, 200);
});

test("a token that the core does not know moves nobody; one that it has seen twice ends the session here and there", async () => {
  const unknown = await refresh({ ...cookie(refreshCookie(`${"A".repeat(48)}.${"0".repeat(64)}.V2`)), "st-auth-mode": "cookie" });
  assert.equal(unknown.status, 401);
  const old = await core.superseded("stolen");
  const stale = await refresh(inCookies(old));
  assert.equal(stale.status, 401);
  assert.equal((await shown(bearer(old.accessToken.token))).status, 401, "its live access token is refused");
  await until("the core has been told", async () => !core.knows(old.session.handle), 10_000);
  assert.deepEqual(await handlesOf("stolen"), []);
});

test("a page of another website moves nobody, and the token still works", async () => {
  const old = await core.session("visited");
  const foreign = await refresh({ ...inCookies(old), origin: "https://evil.example", "sec-fetch-site": "cross-site" });
  assert.deepEqual([foreign.status, foreign.headers.cookies], [403, []]);
  assert.equal((await refresh(inCookies(old))).status, 200);
});

test("a refresh never changes whose session it is", async () => {
  const [mine, planted] = [await core.session("mine"), await core.session("mallory")];
  const refused = await refresh({ ...cookie(access(mine.accessToken.token), refreshCookie(planted.refreshToken.token)), "st-auth-mode": "cookie" });
  assert.equal(refused.status, 401);
});

test("signing out of a session that has not moved ends it here and at the core", async () => {
  const old = await core.session("leaver");
  const out = await post("/auth/signout", { ...cookie(access(old.accessToken.token)), rid: "session" });
  assert.equal(out.status, 200, JSON.stringify(out.body));
  assert.equal(core.knows(old.session.handle), false);
  assert.equal((await shown(bearer(old.accessToken.token))).status, 401);
  assert.equal((await refresh(inCookies(old))).status, 401);
});

test("what has ended here is refused here, also while the core does not know it", async () => {
  const service = serviceApi(postern, "5.4");
  const [old, moving] = [await core.session("ended"), await core.session("ended")];
  await refresh(inCookies(moving));
  const { handle } = await sessionOf(moving.accessToken.token);
  core.fail(true);
  const failed = await service.post("/recipe/session/remove", { sessionHandles: [handle] });
  core.fail(false);
  assert.ok(failed.status >= 500, JSON.stringify(failed));
  assert.ok(core.knows(moving.session.handle));
  assert.equal((await refresh(inCookies(moving))).status, 401);
  await until("the core has been told", async () => !core.knows(moving.session.handle), 10_000);
  // All of a user's, wherever they are.
  const revoked = await service.post("/recipe/session/remove", { userId: "ended" });
  assert.equal(revoked.body.sessionHandlesRevoked.length, 1);
  assert.equal(core.knows(old.session.handle), false);
  assert.equal((await shown(bearer(old.accessToken.token))).status, 401);
});

test("backends' SDKs verify, read, refresh and end sessions of the core over the service API", async () => {
  const service = serviceApi(postern, "5.4");
  const old = await core.session("backend", { payload: { role: "x" }, data: { a: 1 } });
  for (const checkDatabase of [false, true]) {
    const verified = await service.verify(old.accessToken.token, { checkDatabase });
    assert.deepEqual([verified.status, verified.session.userId, verified.accessToken], ["OK", "backend", undefined]);
    assert.equal(verified.session.userDataInJWT.role, "x");
  }
  const { handle } = (await service.verify(old.accessToken.token)).session;
  const written = await postern.rpc.updateSessionData({ handle, sessionData: { a: 2 } });
  assert.equal(written.status, "OK");
  const moved = await service.refresh(old.refreshToken.token);
  assert.deepEqual([moved.status, moved.session.handle, moved.session.userDataInJWT.role], ["OK", handle, "x"]);
  assert.deepEqual(await data(handle), { a: 2 });
  const verified = await service.verify(moved.accessToken.token);
  assert.equal(verified.status, "OK");
  const removed = await service.post("/recipe/session/remove", { sessionHandles: [handle] });
  assert.deepEqual(removed.body.sessionHandlesRevoked, [handle]);
  assert.equal(core.knows(old.session.handle), false);
  assert.equal((await service.refresh(old.refreshToken.token)).status, "UNAUTHORISED");
  assert.equal((await service.verify(old.accessToken.token)).status, "UNAUTHORISED");
});

test("a live access token of the core gets a new payload as one of ours does, and is verified with the database from then on", async () => {
  for (const version of ["5.4", "5.6"]) {
    const service = serviceApi(postern, version);
    const old = await core.session("payload", { payload: { role: "x" } });
    const made = (await service.post("/recipe/session/regenerate", { accessToken: old.accessToken.token, userDataInJWT: { role: "y" } })).body;
    assert.equal(made.status, "OK", JSON.stringify(made));
    assert.deepEqual((await sessionOf(made.accessToken.token)).jwtPayload, { role: "y" });
    const verified = await service.verify(made.accessToken.token);
    assert.deepEqual([verified.status, verified.session?.userDataInJWT], ["OK", { role: "y" }], version);
    const moved = await refresh(inCookies(old));
    assert.deepEqual((await sessionOf(moved.accessToken)).jwtPayload, { role: "y" });
  }
});

test("with anti-CSRF tokens the core checks its own, and the new session has one of Postern's", async () => {
  const old = await core.session("bound", { antiCsrf: true });
  for (const antiCsrf of [{}, { "anti-csrf": "another" }]) {
    const refused = await refresh({ ...inCookies(old), ...antiCsrf }, bound);
    assert.equal(refused.status, 401, JSON.stringify(refused.body));
    assert.equal(refused.accessToken, "");
  }
  assert.ok(core.knows(old.session.handle));
  const moved = await refresh({ ...inCookies(old), "anti-csrf": old.antiCsrfToken }, bound);
  assert.equal(moved.status, 200, JSON.stringify(moved.body));
  assert.ok(moved.antiCsrf && moved.antiCsrf !== old.antiCsrfToken);
  const out = (headers) => post("/auth/signout", { ...cookie(access(moved.accessToken)), ...headers }, bound);
  assert.equal((await out({})).status, 401);
  assert.equal((await out({ "anti-csrf": moved.antiCsrf })).status, 200);
});
