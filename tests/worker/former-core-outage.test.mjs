// A SuperTokens core (FORMER_CORE_URL) that is out of reach or asked for nothing: what is answered meanwhile, and how much of what anybody
// can make up it is asked.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { afterEach, test } from "node:test";

import { bearer, cookie, read, refreshCookie, withBadSignature } from "../support/browser.mjs";
import { startCore } from "../support/core.mjs";
import { startWithCaller } from "../support/rpc.mjs";

const CORE_API_KEY = "core-key-core-key-core-key";
/** Of unknown tokens of one network in 10 seconds: `MOST_OF_NETWORK` of crates/core/src/supertokens/former_core/unknown_tokens.rs. */
const MOST_UNKNOWN = 32;
const PERIOD_MS = 10_000;

let open = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});
const opened = (one) => (open.push(one), one);

/** A core, and Postern with it or without. @param {(core: any) => object} vars */
async function start(vars = (core) => ({ FORMER_CORE_URL: core.url, FORMER_CORE_API_KEY: CORE_API_KEY })) {
  const core = opened(await startCore({ issuer: "http://127.0.0.1:8787/auth", apiKey: CORE_API_KEY }));
  const postern = opened(await startWithCaller(vars(core)));
  const refresh = async (token, more = {}) => read(await postern.fetch("/auth/session/refresh", { method: "POST", headers: { rid: "session", "st-auth-mode": "cookie", ...cookie(refreshCookie(token)), ...more } }));
  const shown = async (token) => read(await postern.fetch("/auth/session", { headers: bearer(token) }));
  return { core, postern, refresh, shown };
}
const madeUp = () => `${randomBytes(64).toString("base64")}.${randomBytes(32).toString("hex")}.V2`;

/** The same token with another header and payload, which nothing has signed. */
function forged(token, header, claims) {
  const [, , signature] = token.split(".");
  const part = (index, more) => Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(token.split(".")[index], "base64url").toString()), ...more })).toString("base64url");
  return [part(0, header), part(1, claims), signature].join(".");
}

test("while a core was never reached, sessions of Postern's own live, and forged tokens are refused as ever", async () => {
  const { core, postern, refresh, shown } = await start();
  const old = await core.session("waiting");
  core.fail(true);
  const own = await postern.admin("createNewSession", { userId: "own" });
  const token = own.accessToken.token;
  assert.equal((await shown(token)).status, 200);
  for (const one of [withBadSignature(token), forged(token, { kid: "d-1" }, {}), forged(old.accessToken.token, {}, { sessionHandle: "no-handle" }), forged(old.accessToken.token, {}, { iat: 1 })]) {
    assert.equal((await shown(one)).status, 401);
  }
  const mine = await refresh(own.refreshToken.token);
  assert.equal(mine.status, 200);
  assert.equal((await postern.admin("revokeSession", { handle: own.session.handle })).status, "OK");
  assert.deepEqual(core.asked, []);
  // What may be the core's is neither let through nor refused.
  const unsure = await shown(old.accessToken.token);
  assert.deepEqual([unsure.status, unsure.headers.cookies], [503, []]);
  assert.ok(unsure.response.headers.has("retry-after"));
});

test("at a refresh it is 503 with Retry-After, and nothing has changed", async () => {
  const { core, postern, refresh } = await start();
  const old = await core.session("outage", { data: { a: 1 } });
  core.fail(true);
  const refused = await refresh(old.refreshToken.token);
  assert.deepEqual([refused.status, refused.headers.cookies, refused.response.headers.get("retry-after")], [503, [], "2"]);
  const called = await postern.admin("refreshSession", { refreshToken: old.refreshToken.token });
  assert.deepEqual([called.status, called.retryAfterSeconds], ["GENERAL_ERROR", 2]);
  core.fail(false);
  assert.ok(core.knows(old.session.handle));
  const moved = await refresh(old.refreshToken.token);
  assert.equal(moved.status, 200);
  const [handle] = (await postern.admin("getAllSessionHandlesForUser", { userId: "outage" })).handles;
  assert.deepEqual((await postern.admin("getSessionData", { handle })).sessionData, { a: 1 });
});

test("of refresh tokens that it does not know a core is asked about so many, and of what has not their form about none", async () => {
  const { core, refresh } = await start();
  const old = await core.session("among");
  for (const token of ["x.V2", `${"!".repeat(9)}.00.V2`, "a.00.V2.V2", madeUp().replace(".V2", ".V1")]) assert.equal((await refresh(token)).status, 401);
  assert.equal(core.exchanges(), 0);
  // One that it knows is not counted.
  for (let n = 0; n < 3; n += 1) assert.equal((await refresh(old.refreshToken.token)).status, 200);
  const known = core.exchanges();
  const began = Date.now();
  const answers = await Promise.all(Array.from({ length: MOST_UNKNOWN + 16 }, () => refresh(madeUp())));
  const count = (status) => answers.filter((answer) => answer.status === status).length;
  // On a slow machine a second period may begin meanwhile, and so many are asked about again.
  assert.equal(count(401) + count(503), MOST_UNKNOWN + 16);
  assert.ok(count(401) >= MOST_UNKNOWN && (count(503) > 0 || Date.now() - began > PERIOD_MS), `${count(401)} and ${count(503)}`);
  assert.equal(core.exchanges() - known, count(401), "what is refused so is asked about, and nothing else");
  const elsewhere = { "cf-connecting-ip": "198.51.100.7" };
  assert.equal((await refresh(old.refreshToken.token, elsewhere)).status, 200, "nobody of another network is held up");
});

test("without the setting its tokens are anybody's: refused, and nobody is asked", async () => {
  const { core, postern, refresh, shown } = await start(() => ({}));
  const old = await core.session("nobody");
  assert.equal((await shown(old.accessToken.token)).status, 401);
  const refused = await refresh(old.refreshToken.token);
  assert.equal(refused.status, 401);
  assert.equal((await postern.admin("refreshSession", { refreshToken: old.refreshToken.token })).status, "UNAUTHORISED");
  assert.deepEqual(core.asked, []);
});
