// Sessions of a SuperTokens core (FORMER_CORE_URL) at Postern's other doors: the gateway, RPC, and events.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { SignJWT, exportJWK, generateKeyPair } from "jose";

import { access, bearer, cookie, read } from "../support/browser.mjs";
import { startCore } from "../support/core.mjs";
import { newSecret, startWebhook } from "../support/event-receivers.mjs";
import { startGateway } from "../support/gateway.mjs";
import { startOrigin } from "../support/origin.mjs";
import { until } from "../support/until.mjs";

const CORE_API_KEY = "core-key-core-key-core-key";

let core;
let origin;
let hook;
let gateway;
before(async () => {
  // The backends' old domain.
  core = await startCore({ issuer: "https://api.old.example/auth", apiKey: CORE_API_KEY });
  origin = await startOrigin();
  const secret = newSecret();
  hook = await startWebhook(secret);
  gateway = await startGateway({
    origins: { app: { url: origin.url } },
    rules: [{ path: "/api/**" }, { path: "/strict/**", freshness: "strict" }, { path: "/open/**", session: "optional" }, { path: "/device/**", device_bound: true }],
    vars: { FORMER_CORE_URL: core.url, FORMER_CORE_API_KEY: CORE_API_KEY, EVENTS_WEBHOOK_URL: hook.url, EVENTS_WEBHOOK_SECRETS: secret },
  });
});
after(async () => {
  await gateway?.close();
  await hook?.close();
  await origin?.close();
  await core?.close();
});

const get = (path, headers) => gateway.fetch(path, { headers });
const refresh = async (headers) => read(await gateway.fetch("/auth/session/refresh", { method: "POST", headers: { rid: "session", "st-auth-mode": "header", ...headers } }));
const rpcRefresh = (old) => gateway.admin("refreshSession", { refreshToken: old.refreshToken.token });
const told = (userId) => hook.taken.filter(({ data }) => data.userId === userId).map(({ type }) => type);

test("the gateway lets a live access token of the core through, and tells the origin whose it is", async () => {
  const old = await core.session("alice", { payload: { role: "editor" } });
  for (const path of ["/api/x", "/strict/x", "/open/x"]) {
    for (const headers of [bearer(old.accessToken.token), cookie(access(old.accessToken.token))]) {
      origin.clear();
      assert.equal((await get(path, headers)).status, 200, path);
      assert.equal(origin.last()?.headers["postern-user-id"], "alice");
    }
  }
  const handle = origin.last()?.headers["postern-session-handle"];
  const moved = await rpcRefresh(old);
  assert.equal(moved.session.handle, handle);
  await gateway.admin("revokeSession", { handle });
  assert.equal((await get("/strict/x", bearer(old.accessToken.token))).status, 401);
});

test("over RPC a session is verified, refreshed once and for all, read and ended", async () => {
  const old = await core.session("rpc", { payload: { role: "x" }, data: { a: 1 } });
  const known = await gateway.admin("getSession", { accessToken: old.accessToken.token });
  assert.deepEqual([known.status, known.session.userId, known.session.jwtPayload.role], ["OK", "rpc", "x"]);
  const both = await Promise.all([rpcRefresh(old), rpcRefresh(old)]);
  for (const { status, session } of both) assert.deepEqual([status, session.handle], ["OK", known.session.handle]);
  const { handle } = known.session;
  assert.deepEqual((await gateway.admin("getSessionData", { handle })).sessionData, { a: 1 });
  assert.deepEqual((await gateway.admin("getAllSessionHandlesForUser", { userId: "rpc" })).handles, [handle]);
  assert.deepEqual((await gateway.admin("revokeSession", { handle })).revoked, [handle]);
  assert.equal(core.knows(old.session.handle), false);
  assert.equal((await rpcRefresh(old)).status, "UNAUTHORISED");
});

test("theft that the core reports is an event and a line of the log, and ends the session", async () => {
  const old = await core.superseded("robbed");
  assert.equal((await rpcRefresh(old)).status, "TOKEN_THEFT_DETECTED");
  await until("the events are told", async () => told("robbed").length >= 3, 60_000);
  assert.deepEqual(told("robbed"), ["session.created", "session.theft", "session.ended"]);
  assert.equal((await get("/strict/x", bearer(old.accessToken.token))).status, 401);
  await until("the core has been told", async () => !core.knows(old.session.handle), 10_000);
  assert.match(gateway.output(), /"event":"token_theft"/);
});

test("keys of clients and devices: a session of the core is bound to none", async () => {
  const old = await core.session("keys");
  const token = old.accessToken.token;
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const header = { typ: "dpop+jwt", alg: "ES256", jwk: await exportJWK(publicKey) };
  const proof = (method, path) => new SignJWT({ jti: randomUUID(), htm: method, htu: `${gateway.url()}${path}`, iat: Math.floor(Date.now() / 1000) }).setProtectedHeader(header).sign(privateKey);
  const device = await get("/device/x", bearer(token));
  assert.deepEqual([device.status, (await device.json()).status], [403, "DEVICE_BINDING_REQUIRED"]);
  assert.equal((await get("/api/x", { authorization: `DPoP ${token}`, dpop: await proof("GET", "/api/x") })).status, 401);
  // A proof says nothing of a session that is bound to no key, as with sessions of Postern's own.
  const own = await gateway.admin("createNewSession", { userId: "keys" });
  for (const { refreshToken } of [own, old]) {
    const refreshed = await refresh({ ...bearer(refreshToken.token), dpop: await proof("POST", "/auth/session/refresh") });
    assert.equal(refreshed.status, 200, JSON.stringify(refreshed.body));
    assert.equal((await get("/api/x", bearer(refreshed.accessToken))).status, 200);
  }
});
