// Sessions of a SuperTokens core (FORMER_CORE_URL) beside others: stolen tokens, several cookies, and many sessions of one user.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { afterEach, test } from "node:test";

import { cookie, read, refreshCookie } from "../support/browser.mjs";
import { startCore } from "../support/core.mjs";
import { startWithCaller } from "../support/rpc.mjs";
import { until } from "../support/until.mjs";

const CORE_API_KEY = "core-key-core-key-core-key";
/** How many sessions one request takes over: `MOST_AT_ONCE` of src/auth/former_core.rs. */
const MOST_AT_ONCE = 100;

let open = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});
const opened = (one) => (open.push(one), one);

/** A core, and Postern with it. @param {object} [vars] */
async function start(vars = {}) {
  const core = opened(await startCore({ issuer: "http://127.0.0.1:8787/auth", apiKey: CORE_API_KEY }));
  const postern = opened(await startWithCaller({ FORMER_CORE_URL: core.url, FORMER_CORE_API_KEY: CORE_API_KEY, ...vars }));
  const refresh = async (...tokens) => read(await postern.fetch("/auth/session/refresh", { method: "POST", headers: { rid: "session", "st-auth-mode": "cookie", ...cookie(...tokens.map((token) => refreshCookie(token))) } }));
  const handlesOf = async (userId) => (await postern.admin("getAllSessionHandlesForUser", { userId })).handles;
  return { core, postern, refresh, handlesOf };
}
const madeUp = () => `${randomBytes(64).toString("base64")}.${randomBytes(32).toString("hex")}.V2`;

test("whoever comes with the core's token after its session has moved is a thief: the session ends here and there", async () => {
  const { core, refresh, handlesOf } = await start({ REFRESH_GRACE_PERIOD: "0s" });
  const old = await core.session("stolen");
  const moved = await refresh(old.refreshToken.token);
  const next = await refresh(moved.refreshToken);
  assert.deepEqual([moved.status, next.status], [200, 200]);
  assert.ok(core.knows(old.session.handle), "what was stolen there must be known again");
  assert.equal((await refresh(old.refreshToken.token)).status, 401);
  assert.equal((await refresh(next.refreshToken)).status, 401, "who has moved is logged out with the thief");
  await until("the core has been told", async () => !core.knows(old.session.handle), 10_000);
  assert.deepEqual(await handlesOf("stolen"), []);
});

test("of several refresh cookies of the core the good one counts, whatever the others are", async () => {
  const { core, refresh, handlesOf } = await start();
  const old = await core.session("two");
  assert.equal((await refresh(madeUp(), old.refreshToken.token)).status, 200);
  const stale = await core.superseded("stale");
  const other = await core.session("stale");
  assert.equal((await refresh(stale.refreshToken.token, other.refreshToken.token)).status, 200);
  assert.equal((await handlesOf("stale")).length, 2, "nothing ended for a token that stood beside a good one");
  assert.equal((await refresh(madeUp(), stale.refreshToken.token)).status, 401);
  assert.equal((await handlesOf("stale")).length, 1, "with none beside it, it is theft");
});

test("while the core is out of reach, what is here is ended all the same", async () => {
  const { core, postern, refresh, handlesOf } = await start();
  const own = await postern.admin("createNewSession", { userId: "both" });
  const old = await core.session("both");
  core.fail(true);
  assert.equal((await postern.admin("revokeAllSessionsForUser", { userId: "both" })).status, "GENERAL_ERROR");
  assert.equal((await refresh(own.refreshToken.token)).status, 401);
  core.fail(false);
  const again = await postern.admin("revokeAllSessionsForUser", { userId: "both" });
  assert.equal(again.status, "OK");
  assert.equal(again.revoked.length, 2, "a repeated call tells of both");
  assert.deepEqual([await handlesOf("both"), core.knows(old.session.handle)], [[], false]);
});

test("an older session that is taken over does not displace a newer one", async () => {
  const { core, postern, handlesOf } = await start({ MAX_SESSIONS_PER_USER: "1" });
  const old = await core.session("one");
  const own = await postern.admin("createNewSession", { userId: "one" });
  assert.deepEqual(await handlesOf("one"), [own.session.handle]);
  await until("the core has been told", async () => !core.knows(old.session.handle), 10_000);
});

test("of more sessions of one user than a request takes over, each request takes over some, and all can be ended", async () => {
  const { core, postern, handlesOf } = await start();
  for (let n = 0; n < 2 * MOST_AT_ONCE + 1; n += 1) await core.session("many");
  const first = await postern.admin("getAllSessionHandlesForUser", { userId: "many" });
  assert.equal(first.status, "GENERAL_ERROR");
  assert.equal((await postern.admin("revokeAllSessionsForUser", { userId: "many" })).status, "GENERAL_ERROR");
  assert.equal((await postern.admin("revokeAllSessionsForUser", { userId: "many" })).status, "OK");
  assert.deepEqual(await handlesOf("many"), []);
});
