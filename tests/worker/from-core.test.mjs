// Users of a SuperTokens core move to Postern without logging in again: examples/from-supertokens-core in front of it, and the core's live
// access tokens as those of a trusted issuer. The core is a stand-in that speaks its protocol over HTTP.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { access, bearer, cookie, read, refreshCookie } from "../support/browser.mjs";
import { clientAlias } from "../support/client.mjs";
import { startCore } from "../support/core.mjs";
import { compatibilityDate, startPostern } from "../support/harness.mjs";
import { until } from "../support/until.mjs";

const ISSUER = "http://127.0.0.1:8787/auth";
const CORE_API_KEY = "core-key-core-key-core-key";

let core;
let postern;
let front;
/** The same for backends that had anti-CSRF tokens. */
let bound;
const start = async (antiCsrf) => {
  const services = [{ binding: "SESSIONS", service: "postern" }];
  const vars = { CORE_URL: core.url, CORE_API_KEY, ...antiCsrf };
  const config = { name: "front", main: "../examples/from-supertokens-core/src/index.js", compatibility_date: compatibilityDate, alias: clientAlias, services, vars };
  const issuers = `
    [[issuers]]
    id = "core"
    issuer = "${ISSUER}"
    jwks_uri = "${core.url}/.well-known/jwks.json"
    algorithms = ["RS256"]
    required_claims = { tId = "public" }
    handle_claim = "sessionHandle"
    exchange = "subject"
    exchange_claims = ["role"]
  `;
  return startPostern({ vars: antiCsrf, issuers, entrypoints: ["SessionsAdmin"], workers: [{ config }] });
};
before(async () => {
  core = await startCore({ issuer: ISSUER, apiKey: CORE_API_KEY });
  postern = await start({});
  front = postern.worker("front");
  bound = await start({ ANTI_CSRF: "VIA_TOKEN" });
});
after(async () => {
  await postern?.close();
  await bound?.close();
  await core?.close();
});

const post = async (path, headers) => read(await front.fetch(`http://127.0.0.1:8787${path}`, { method: "POST", headers }));
const refresh = (headers) => post("/auth/session/refresh", { rid: "session", ...headers });
const shown = async (headers) => read(await front.fetch("http://127.0.0.1:8787/auth/session", { headers }));
const data = async (handle) => (await postern.rpc.getSessionData({ handle })).sessionData;

test("the core's refresh token in a cookie becomes a session of Postern's, with user, payload and data", async () => {
  const old = await core.session("alice", { payload: { role: "editor", other: 1 }, data: { cart: ["book"] } });
  // Its live access token is good meanwhile.
  const before = await shown(cookie(access(old.accessToken.token)));
  assert.deepEqual([before.status, before.body.session.issuer, before.body.session.userId], [200, "core", "alice"]);
  const moved = await refresh({ ...cookie(access(old.accessToken.token), refreshCookie(old.refreshToken.token)), "st-auth-mode": "cookie" });
  assert.equal(moved.status, 200, JSON.stringify(moved.body));
  assert.ok(moved.headers.cookies.some((line) => line.startsWith("sRefreshToken=1.")), "the cookie is Postern's");
  const { session } = (await shown(cookie(access(moved.accessToken)))).body;
  assert.deepEqual([session.issuer, session.userId, session.tenantId, session.jwtPayload], ["own", "alice", "public", { role: "editor" }]);
  assert.deepEqual(await data(session.handle), { cart: ["book"] });
  // From then on the core has no part in it.
  const again = await refresh({ ...cookie(access(moved.accessToken), refreshCookie(moved.refreshToken)), "st-auth-mode": "cookie" });
  assert.equal(again.status, 200);
  const asked = core.asked.length;
  assert.equal((await shown(cookie(access(again.accessToken)))).body.session.handle, session.handle);
  assert.equal(core.asked.length, asked);
});

test("one in a header, whose access token has long expired, does so too", async () => {
  const old = await core.session("header", { life: -3600 });
  assert.equal((await shown(bearer(old.accessToken.token))).status, 401);
  const moved = await refresh({ ...bearer(old.refreshToken.token), "st-auth-mode": "header" });
  assert.equal(moved.status, 200, JSON.stringify(moved.body));
  assert.deepEqual(moved.headers.cookies, []);
  assert.equal((await shown(bearer(moved.accessToken))).body.session.userId, "header");
});

test("a browser whose answer was lost, and tabs at once, are not logged out; soon after, the core's token is worth nothing", async () => {
  const old = await core.session("tabs");
  const headers = { ...cookie(refreshCookie(old.refreshToken.token)), "st-auth-mode": "cookie" };
  for (const { status } of await Promise.all([refresh(headers), refresh(headers), refresh(headers)])) assert.equal(status, 200);
  const last = await refresh(headers);
  assert.equal((await shown(cookie(access(last.accessToken)))).status, 200);
  await until("the core has removed it", async () => !core.knows(old.session.handle), 60_000);
  const late = await refresh(headers);
  assert.equal(late.status, 401);
  assert.equal((await shown(cookie(access(last.accessToken)))).status, 200, "whoever has moved goes on");
});

test("while the core is out of reach nothing changes: 503, and the same token works afterwards", async () => {
  const old = await core.session("outage");
  const headers = { ...cookie(refreshCookie(old.refreshToken.token)), "st-auth-mode": "cookie" };
  core.fail(true);
  const refused = await refresh(headers);
  core.fail(false);
  assert.deepEqual([refused.status, refused.response.headers.get("retry-after"), refused.headers.cookies], [503, "1", []]);
  assert.equal((await refresh(headers)).status, 200);
});

test("a token that the core does not know, or has seen twice, moves nobody", async () => {
  const unknown = await refresh({ ...cookie(refreshCookie(`${"A".repeat(48)}.${"0".repeat(64)}.V2`)), "st-auth-mode": "cookie" });
  assert.equal(unknown.status, 401);
  const old = await core.session("stolen");
  const ask = async (refreshToken) => {
    const answer = await fetch(`${core.url}/recipe/session/refresh`, { method: "POST", headers: { "api-key": CORE_API_KEY }, body: JSON.stringify({ refreshToken, enableAntiCsrf: false }) });
    return answer.json();
  };
  const child = await ask(old.refreshToken.token);
  await ask(child.refreshToken.token);
  assert.equal(core.knows(old.session.handle), true);
  const stale = await refresh({ ...cookie(refreshCookie(old.refreshToken.token)), "st-auth-mode": "cookie" });
  assert.equal(stale.status, 401);
  // As the backend SDKs do it by default.
  assert.equal(core.knows(old.session.handle), false);
  const { handles } = await postern.entrypoint("SessionsAdmin").getAllSessionHandlesForUser({ userId: "stolen" });
  assert.deepEqual(handles, []);
});

test("a page of another website moves nobody, and the token still works", async () => {
  const old = await core.session("visited");
  const headers = { ...cookie(refreshCookie(old.refreshToken.token)), "st-auth-mode": "cookie" };
  const foreign = await refresh({ ...headers, origin: "https://evil.example", "sec-fetch-site": "cross-site" });
  assert.deepEqual([foreign.status, foreign.headers.cookies], [403, []]);
  assert.equal((await refresh(headers)).status, 200);
});

test("signing out of a session that has not moved ends it at the core", async () => {
  const old = await core.session("leaver");
  const out = await post("/auth/signout", { ...cookie(access(old.accessToken.token)), rid: "session" });
  assert.equal(out.status, 200, JSON.stringify(out.body));
  assert.equal(core.knows(old.session.handle), false);
  assert.equal((await refresh({ ...cookie(refreshCookie(old.refreshToken.token)), "st-auth-mode": "cookie" })).status, 401);
});

test("with anti-CSRF tokens the core checks its own, and the new session has one of Postern's", async () => {
  const at = bound.worker("front");
  const ask = async (path, method, headers) => read(await at.fetch(`http://127.0.0.1:8787${path}`, { method, headers }));
  const old = await core.session("bound", { antiCsrf: true });
  const cookies = { ...cookie(refreshCookie(old.refreshToken.token)), "st-auth-mode": "cookie" };
  for (const antiCsrf of [{}, { "anti-csrf": "another" }]) {
    const refused = await ask("/auth/session/refresh", "POST", { ...cookies, ...antiCsrf });
    assert.equal(refused.status, 401, JSON.stringify(refused.body));
    assert.equal(refused.accessToken, "");
  }
  assert.ok(core.knows(old.session.handle));
  // Nor does its live access token change anything before that.
  const early = await ask("/auth/signout", "POST", { ...cookie(access(old.accessToken.token)), "anti-csrf": old.antiCsrfToken });
  assert.deepEqual([early.status, early.body.status], [401, "TRY_REFRESH_TOKEN"]);
  const moved = await ask("/auth/session/refresh", "POST", { ...cookies, "anti-csrf": old.antiCsrfToken });
  assert.equal(moved.status, 200, JSON.stringify(moved.body));
  assert.ok(moved.antiCsrf && moved.antiCsrf !== old.antiCsrfToken);
  const out = (headers) => ask("/auth/signout", "POST", { ...cookie(access(moved.accessToken)), ...headers });
  assert.equal((await out({})).status, 401);
  assert.equal((await out({ "anti-csrf": moved.antiCsrf })).status, 200);
});
