// `revokeAllSessionsBefore` with a moment of the past, as one gives it after a breach: sessions from before it that were
// refreshed since have ended too, at every freshness, whether or not their tokens tell how old they are (invariant I8).
import assert from "node:assert/strict";
import { join } from "node:path";
import { readdirSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { apiKey } from "../support/harness.mjs";
import { startIsolates } from "../support/isolates.mjs";
import { startIssuer } from "../support/issuer.mjs";

const BOUND_MS = 10_000;
const MINUTE = 60_000;
const vars = { FRESHNESS: "within 10s", ACCESS_TOKEN_VALIDITY_JITTER: "0" };

/** @type {Awaited<ReturnType<typeof startIsolates>>} */
let postern;
/** @type {Awaited<ReturnType<typeof startIssuer>>} */
let issuer;
before(async () => {
  issuer = await startIssuer("machines");
  // Its entry names no `handle_claim`, so that tokens without `sid` are identities.
  const { handle_claim: _, ...setting } = issuer.setting;
  postern = await startIsolates(3, { ...vars, TRUSTED_ISSUERS: JSON.stringify([setting]) });
});
after(() => postern?.close());

/** Moves when a session was created into the past; the process must be dead. @param {string} handle @param {number} millis */
function age(handle, millis) {
  const objects = join(postern.directory, "postern-objects", "postern-UserSessions");
  let moved = 0;
  for (const file of readdirSync(objects).filter((name) => name.endsWith(".sqlite") && name !== "metadata.sqlite")) {
    const database = new DatabaseSync(join(objects, file));
    if (database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'session'").get()) {
      moved += Number(database.prepare("UPDATE session SET created = created - ? WHERE handle = ?").run(millis, handle).changes);
    }
    database.close();
  }
  assert.equal(moved, 1);
}

/** A call of an old protocol, whose tokens have a fixed header. @param {any} isolate @param {string} path @param {unknown} body */
async function legacy(isolate, path, body) {
  const headers = { "api-key": apiKey, "content-type": "application/json", "cdi-version": "2.9", rid: "session" };
  const response = await isolate.fetch(`/core/recipe${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text);
}

test("sessions that were refreshed long after the moment are refused within the bound by every isolate", { timeout: 120_000 }, async () => {
  const [one, ...others] = postern.isolates;
  const alice = await one.admin("createNewSession", { userId: "alice" });
  const old = await legacy(one, "/session", { userId: "old", userDataInJWT: {}, userDataInDatabase: {}, enableAntiCsrf: false });
  const oldHandle = old.session.handle;
  await postern.kill();
  for (const handle of [alice.session.handle, oldHandle]) age(handle, 60 * MINUTE);
  await postern.start();
  // Made now, so long after the moment: of the session's age the first kind of token tells, the second does not.
  const refreshed = await one.admin("refreshSession", { refreshToken: alice.refreshToken.token });
  assert.equal(refreshed.status, "OK");
  const again = await legacy(one, "/session/refresh", { refreshToken: old.refreshToken.token, enableAntiCsrf: false });
  assert.equal(again.status, "OK");
  const header = JSON.parse(Buffer.from(refreshed.accessToken.token.split(".")[0], "base64url").toString());
  assert.ok(header.sct < Date.now() - 59 * MINUTE);
  const bob = await one.admin("createNewSession", { userId: "bob" });
  const tokens = [refreshed.accessToken.token, again.accessToken.token];
  for (const isolate of postern.isolates) {
    for (const token of [...tokens, bob.accessToken.token]) assert.equal(await isolate.verdict(token), "OK");
  }
  const time = Date.now() - 30 * MINUTE;
  // An operator may say the same over HTTP, with an API key.
  const headers = { "api-key": apiKey, "content-type": "application/json" };
  const byHttp = one.fetch("/core/postern/revoke-before", { method: "POST", headers, body: JSON.stringify({ time }) }).then((response) => response.json());
  assert.deepEqual(await one.admin("revokeAllSessionsBefore", { time }), { status: "OK", time });
  assert.deepEqual(await byHttp, { status: "OK", time });
  const told = Date.now();
  let last = 0;
  while (Date.now() < told + BOUND_MS + 500) {
    for (const isolate of others) {
      const asked = Date.now();
      assert.equal(await isolate.verdict(bob.accessToken.token), "OK", "a later session is refused");
      for (const token of tokens) {
        if ((await isolate.verdict(token)) === "OK") last = asked;
        assert.equal(await isolate.verdict(token, "strict"), "UNAUTHORISED");
      }
    }
    await sleep(250);
  }
  assert.ok(last < told + BOUND_MS, `honoured ${last - told} ms after the OK`);
  for (const isolate of postern.isolates) {
    for (const token of tokens) assert.equal(await isolate.verdict(token, "within 60s"), "UNAUTHORISED");
    assert.equal(await isolate.verdict(bob.accessToken.token), "OK");
  }
});

test("tokens of trusted issuers end by when they were made, whether or not they name a session", { timeout: 120_000 }, async () => {
  const [one] = postern.isolates;
  const time = Date.now() - 20 * MINUTE;
  const made = (/** @type {number} */ minutes) => new Date(time + minutes * MINUTE);
  /** @type {[string, string, boolean][]} */
  const tokens = [];
  for (const [what, claims] of /** @type {[string, object][]} */ ([["identity", { sub: "job" }], ["session", { sub: "ada", sid: "login" }]])) {
    for (const [minutes, isAfter] of /** @type {[number, boolean][]} */ ([[-15, false], [-1, false], [1, true], [19, true]])) {
      tokens.push([`${what}, ${minutes} minutes after`, await issuer.token({ ...claims }, "10m", made(minutes)), isAfter]);
    }
  }
  for (const isolate of postern.isolates) {
    for (const [what, token] of tokens.filter(([, , isAfter]) => isAfter)) assert.equal(await isolate.verdict(token), "OK", what);
  }
  const { session } = await one.ask("getSession", { accessToken: tokens[2][1] });
  assert.deepEqual([session.handle, session.userId], [null, "job"]);
  assert.deepEqual(await one.admin("revokeAllSessionsBefore", { time }), { status: "OK", time });
  for (const isolate of postern.isolates) {
    for (const [what, token, isAfter] of tokens) {
      const expected = isAfter ? "OK" : "UNAUTHORISED";
      for (const freshness of [undefined, "strict", "within 60s"]) assert.equal(await isolate.verdict(token, freshness), expected, `${what}, ${freshness}`);
      // Nothing is asked, so nothing is known: such a token ends with itself.
      assert.equal(await isolate.verdict(token, "stateless"), "OK", what);
    }
  }
});
