// Logout signals of trusted issuers at POST {base}/issuers/{id}/logout: tokens as Keycloak, Auth0 and better-auth send them (OpenID Connect
// Back-Channel Logout), and CAEP session-revoked pushed as a security event token (RFC 8935). Felt within the freshness of every entry point.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SignJWT, exportJWK, generateKeyPair } from "jose";

import { startWithCaller } from "../support/rpc.mjs";
import { until } from "../support/until.mjs";

const EVENT = "http://schemas.openid.net/event/backchannel-logout";
const REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
let postern;
let key;
before(async () => {
  key = await generateKeyPair("RS256", { extractable: true });
  const jwks = { keys: [{ ...(await exportJWK(key.publicKey)), kid: "k", alg: "RS256", use: "sig" }] };
  const issuer = (id, more) => ({ id, issuer: `https://${id}.example/`, audience: ["api"], algorithms: ["RS256"], jwks, logout_audience: ["client"], ...more });
  const issuers = [issuer("keycloak", {}), issuer("auth0", { handle_claim: "sub" }), issuer("other", {})];
  postern = await startWithCaller({ TRUSTED_ISSUERS: issuers, FRESHNESS: "within 10s" }, { faultyObjects: true });
});
after(() => postern?.close());

const now = () => Math.floor(Date.now() / 1_000);
let count = 0;
const signed = (claims, typ, id) => {
  const header = { alg: "RS256", kid: "k", ...(typ && { typ }) };
  return new SignJWT({ iss: `https://${id}.example/`, ...claims }).setProtectedHeader(header).sign(key.privateKey);
};
const access = (id, claims, iat = now() - 5) => signed({ aud: "api", iat, exp: iat + 600, ...claims }, "JWT", id);
const logoutToken = (id, claims, typ = "logout+jwt") =>
  signed({ aud: "client", iat: now(), exp: now() + 120, jti: `j${(count += 1)}`, events: { [EVENT]: {} }, ...claims }, typ, id);
const event = (id, claims, typ = "secevent+jwt") =>
  signed({ aud: ["client"], iat: now(), jti: `e${(count += 1)}`, events: { [REVOKED]: { event_timestamp: now() } }, ...claims }, typ, id);
const send = (id, token, more = {}) =>
  postern.fetch(`/auth/issuers/${id}/logout`, {
    method: "POST", body: new URLSearchParams({ logout_token: token }).toString(), headers: { "content-type": "application/x-www-form-urlencoded", ...more },
  });
const push = (id, token) =>
  postern.fetch(`/auth/issuers/${id}/logout`, { method: "POST", body: token, headers: { "content-type": "application/secevent+jwt", accept: "application/json" } });
const status = async (accessToken, freshness = "within 10s") => (await postern.call("SESSIONS", "getSession", { accessToken, freshness })).status;
const data = async (handle) => postern.call("SESSIONS", "getSessionData", { handle });
const handleOf = async (accessToken) => (await postern.call("SESSIONS", "getSession", { accessToken })).session.handle;
async function done(response, expected = 200) {
  assert.equal(response.status, expected, await response.clone().text());
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(await response.text(), "");
}

test("sub and sid end that session and its data at once, and no other", async () => {
  const [mine, others] = [await access("keycloak", { sub: "u1", sid: "s1" }), await access("keycloak", { sub: "u1", sid: "s2" })];
  const handle = await handleOf(mine);
  assert.equal(await status(others), "OK");
  await postern.call("SESSIONS", "updateSessionData", { handle, sessionData: { cart: [1] } });
  await done(await send("keycloak", await logoutToken("keycloak", { sub: "u1", sid: "s1" })));
  for (const freshness of ["within 10s", "strict"]) {
    assert.equal(await status(mine, freshness), "UNAUTHORISED");
    assert.equal(await status(others, freshness), "OK");
  }
  assert.equal((await data(handle)).status, "UNAUTHORISED");
});

test("sid alone ends that session, and its data with the next token", async () => {
  const mine = await access("keycloak", { sub: "u2", sid: "s3" });
  const handle = await handleOf(mine);
  await done(await send("keycloak", await logoutToken("keycloak", { sid: "s3" }, "JWT")));
  for (const freshness of ["within 10s", "strict"]) assert.equal(await status(mine, freshness), "UNAUTHORISED");
  await until("its handle hears of it", async () => (await data(handle)).status === "UNAUTHORISED");
  // The same name with another issuer is another session.
  assert.equal(await status(await access("other", { sub: "u2", sid: "s3" })), "OK");
});

test("sub alone ends all sessions up to then, and none of a later login", async () => {
  const old = [await access("keycloak", { sub: "u3", sid: "a" }), await access("keycloak", { sub: "u3", sid: "b" })];
  for (const token of old) assert.equal(await status(token), "OK");
  await done(await send("keycloak", await logoutToken("keycloak", { sub: "u3", exp: undefined }, undefined)));
  const again = await access("keycloak", { sub: "u3", sid: "c" }, now() + 1);
  for (const freshness of ["within 10s", "strict"]) {
    for (const token of old) assert.equal(await status(token, freshness), "UNAUTHORISED");
    assert.equal(await status(again, freshness), "OK");
  }
  assert.equal(await status(await access("keycloak", { sub: "u4", sid: "a2" })), "OK");
});

test("where tokens name no session (Auth0), sid and sub end what the user had, and data goes", async () => {
  const old = await access("auth0", { sub: "auth0|1" });
  const handle = await handleOf(old);
  await postern.call("SESSIONS", "updateSessionData", { handle, sessionData: { cart: [1] } });
  await done(await send("auth0", await logoutToken("auth0", { sub: "auth0|1", sid: "s" })));
  assert.equal(await status(old), "UNAUTHORISED");
  const again = await access("auth0", { sub: "auth0|1" }, now() + 1);
  for (const freshness of ["within 10s", "strict"]) assert.equal(await status(again, freshness), "OK");
  assert.deepEqual((await data(handle)).sessionData, {});
});

test("an event that comes late does not end a session that began since", async () => {
  const since = await access("auth0", { sub: "auth0|2" }, now() - 60);
  const before = await access("auth0", { sub: "auth0|2" }, now() - 400);
  const handle = await handleOf(since);
  await postern.call("SESSIONS", "updateSessionData", { handle, sessionData: { cart: [2] } });
  const at = { [REVOKED]: { event_timestamp: now() - 300 } };
  const sub_id = { format: "iss_sub", iss: "https://auth0.example/", sub: "auth0|2" };
  await done(await push("auth0", await event("auth0", { sub_id, events: at })), 202);
  assert.equal(await status(since, "strict"), "OK");
  assert.equal(await status(before, "strict"), "UNAUTHORISED");
  assert.deepEqual((await data(handle)).sessionData, { cart: [2] });
});

test("CAEP session-revoked ends a session by its id; a repeat is answered as if it were new", async () => {
  const mine = await access("keycloak", { sub: "u5", sid: "s5" });
  assert.equal(await status(mine), "OK");
  const sub_id = { format: "complex", session: { format: "opaque", id: "s5" }, user: { format: "iss_sub", iss: "https://keycloak.example/", sub: "u5" } };
  const token = await event("keycloak", { sub_id });
  await done(await push("keycloak", token), 202);
  await done(await push("keycloak", token), 202);
  assert.equal(await status(mine), "UNAUTHORISED");
  assert.match(postern.output(), /issuer keycloak: a logout signal: the token was used before/);
});

test("events and subjects that concern nobody are accepted", async () => {
  const verification = { "https://schemas.openid.net/secevent/ssf/event-type/verification": { state: "x" } };
  for (const claims of [
    { sub_id: { format: "opaque", id: "stream" }, events: verification },
    { sub_id: { format: "email", email: "a@b.example" } },
    { sub_id: { format: "iss_sub", iss: "https://other.example/", sub: "u1" } },
  ]) await done(await push("keycloak", await event("keycloak", claims)), 202);
  await done(await send("keycloak", await logoutToken("keycloak", { sid: "nobody" })));
});

test("a replay is refused and logged, a repeat after an outage works", async () => {
  const token = await logoutToken("keycloak", { sid: "s6" });
  await postern.objectFaults("setFaults", [{ className: "UserSessions", outcome: "refuse" }]);
  const out = await send("keycloak", token);
  await postern.objectFaults("setFaults", []);
  assert.equal(out.status, 503);
  assert.match(out.headers.get("retry-after"), /^[1-9]\d*$/);
  await done(await send("keycloak", token));
  const replayed = await send("keycloak", token);
  assert.equal(replayed.status, 400);
  assert.deepEqual(await replayed.json(), { error: "invalid_request", error_description: "the token was used before" });
  assert.equal(replayed.headers.get("cache-control"), "no-store");
});

test("what is no signal of this issuer is refused in the words of its specification", async () => {
  const mine = await access("keycloak", { sub: "u7", sid: "s7" });
  assert.equal(await status(mine), "OK");
  const ends = { sub: "u7", sid: "s7" };
  const stranger = await generateKeyPair("RS256");
  for (const [name, token, description] of [
    ["a login token", mine, "wrong_audience"],
    ["an ID token", await signed({ aud: "client", iat: now(), exp: now() + 60, nonce: "n", ...ends }, "JWT", "keycloak"), /"jti"/],
    ["a nonce", await logoutToken("keycloak", { ...ends, nonce: "n" }), /"nonce"/],
    ["another issuer", await logoutToken("other", ends), "wrong_issuer"],
    ["another audience", await logoutToken("keycloak", { ...ends, aud: "api" }), "wrong_audience"],
    ["expired", await logoutToken("keycloak", { ...ends, exp: now() - 61 }), "expired"],
    ["of the future", await logoutToken("keycloak", { ...ends, iat: now() + 65 }), "issued_in_future"],
    ["another type", await logoutToken("keycloak", ends, "at+jwt"), "wrong_type"],
    ["a security event", await event("keycloak", { sub_id: {} }), "wrong_type"],
    ["no events", await logoutToken("keycloak", { ...ends, events: undefined }), /"events"/],
    ["events as a list", await logoutToken("keycloak", { ...ends, events: [EVENT] }), /"events"/],
    ["nobody", await logoutToken("keycloak", {}), /"sub"/],
    ["no token", "x", "not_three_parts"],
    ["unsigned", `${Buffer.from('{"alg":"none"}').toString("base64url")}.e30.`, "algorithm_none"],
    ["a stranger's signature", await new SignJWT({ iss: "https://keycloak.example/", aud: "client", iat: now(), exp: now() + 60, jti: "x", events: { [EVENT]: {} }, ...ends })
      .setProtectedHeader({ alg: "RS256", kid: "k", typ: "logout+jwt" }).sign(stranger.privateKey), "bad_signature"],
  ]) {
    const response = await send("keycloak", token);
    assert.equal(response.status, 400, name);
    assert.equal(response.headers.get("cache-control"), "no-store");
    const body = await response.json();
    assert.equal(body.error, "invalid_request");
    if (typeof description === "string") assert.equal(body.error_description, description, name);
    else assert.match(body.error_description, description, name);
  }
  for (const [token, err] of [
    [await event("other", { sub_id: {} }), "invalid_issuer"],
    [await event("keycloak", { sub_id: {}, aud: "x" }), "invalid_audience"],
    [await event("keycloak", { sub_id: {}, exp: now() + 60 }), "invalid_request"],
    [await event("keycloak", { sub_id: {} }, "JWT"), "invalid_request"],
    [await logoutToken("keycloak", ends), "invalid_request"],
  ]) {
    const response = await push("keycloak", token);
    assert.equal(response.status, 400);
    assert.equal(response.headers.get("content-language"), "en");
    assert.equal((await response.json()).err, err);
  }
  assert.equal(await status(mine, "strict"), "OK");
  assert.match(postern.output(), /"event":"issuer_logout",[^\n]*"message":"issuer keycloak: a logout signal: wrong_issuer"/);
});

test("the form, the method and the address are those of the specification", async () => {
  const token = await logoutToken("keycloak", { sid: "s8" });
  const post = (path, body, type) => postern.fetch(path, { method: "POST", body, headers: { "content-type": type } });
  const path = "/auth/issuers/keycloak/logout";
  const form = "application/x-www-form-urlencoded";
  assert.equal((await post(path, JSON.stringify({ logout_token: token }), "application/json")).status, 400);
  assert.equal((await post(path, `logout_token=${token}&logout_token=${token}`, form)).status, 400);
  assert.equal((await post(`${path}?logout_token=${token}`, `logout_token=${token}`, form)).status, 400);
  assert.equal((await post(path, `logout_token=${token}&x=${"y".repeat(17_000)}`, form)).status, 400);
  const get = await postern.fetch(path);
  assert.deepEqual([get.status, get.headers.get("allow")], [405, "POST"]);
  assert.equal((await postern.fetch(path, { method: "OPTIONS" })).status, 405);
  assert.equal((await post("/auth/issuers/unknown/logout", `logout_token=${token}`, form)).status, 404);
});

test("a logout token is no access token, whatever its header calls it", async () => {
  const token = await signed({ aud: "api", iat: now(), exp: now() + 60, jti: "l", sub: "u", sid: "s", events: { [EVENT]: {} } }, "JWT", "keycloak");
  assert.equal(await status(token), "UNAUTHORISED");
});
