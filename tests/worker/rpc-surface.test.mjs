// What other Workers can call. That nothing they pass hurts anyone is tests/hostile/rpc.test.mjs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readFileSync } from "node:fs";

import { durableObjects } from "../support/harness.mjs";
import { startWithCaller } from "../support/rpc.mjs";

const ADMIN = [
  "getSession", "getSessionForRequest", "getSessionData", "updateSessionData", "createNewSession", "createNewSessionForRequest", "exchangeToken", "refreshSession", "revokeSession",
  "revokeMultipleSessions", "revokeAllSessionsForUser", "revokeAllSessionsBefore", "getAllSessionHandlesForUser", "listSessions", "getSessionInformation", "eraseUser", "exportUser",
  "updateJWTPayload", "mergeIntoAccessTokenPayload", "regenerateAccessToken", "rotateSigningKeys", "revokeSigningKey", "rotateSecrets",
];
const OFFERED = { SESSIONS: ["getSession", "getSessionForRequest", "getSessionData", "updateSessionData"], VERIFY: ["getSession", "getSessionForRequest"], ADMIN };

let postern;
before(async () => {
  postern = await startWithCaller();
});
after(() => postern?.close());

/** Every name that code of ours, the glue or the platform could have made callable. */
function everyName() {
  const glue = readFileSync(new URL("../../build/index.js", import.meta.url), "utf8");
  const entry = readFileSync(new URL("../../src/entry.mjs", import.meta.url), "utf8");
  const inGlue = (glue + entry).match(/[A-Za-z_$][\w$]{2,60}/g) ?? [];
  const ofObjects = Object.getOwnPropertyNames(Object.prototype);
  const events = ["alarm", "connect", "email", "queue", "scheduled", "tail", "tailStream", "test", "trace", "webSocketMessage", "webSocketClose", "webSocketError"];
  return [...new Set([...ADMIN, ...inGlue, ...ofObjects, ...events, "env", "ctx", "answer_rpc", "answer_http", "dup", "prototype"])];
}

/** Names that a stub answers by itself: nothing of them reaches Postern. */
const OF_STUBS = ["fetch", "connect", "then", "catch", "finally", "dup", "constructor", "__proto__"];

for (const [service, offered] of Object.entries(OFFERED)) {
  test(`${service} offers exactly its methods`, async () => {
    const callable = [];
    for (const name of everyName().filter((name) => !OF_STUBS.includes(name) && !(name in Object.prototype))) {
      const refused = await postern.call(service, name, 1).catch((error) => error);
      // A method of ours complains about the argument, naming itself.
      if (!/does not implement|reserved method|not a function|is not callable|has no method/.test(refused?.message ?? "")) {
        assert.equal(refused?.message, `${name}: the argument must be an object`, name);
        callable.push(name);
      }
    }
    assert.deepEqual(callable.sort(), [...offered].sort());
  });
}

test("only the default entrypoint answers HTTP", async () => {
  assert.equal((await postern.fetch("/auth/healthz")).status, 200);
  for (const service of ["ADMIN", "VERIFY"]) {
    await assert.rejects(postern.call(service, "fetch", "https://postern.internal/auth/healthz"), /does not (implement|define)|no fetch|[Hh]andler/);
  }
});

test("the Worker exports its three entrypoints and its objects, and nothing else", () => {
  const entry = readFileSync(new URL("../../src/entry.mjs", import.meta.url), "utf8");
  const exported = [...entry.matchAll(/^export (?:(default) \{|class (\w+))/gm)].map(([, isDefault, name]) => isDefault ?? name);
  assert.equal((entry.match(/^export /gm) ?? []).length, exported.length);
  assert.deepEqual(exported.sort(), ["SessionsAdmin", "SessionsVerify", "default", ...Object.values(durableObjects)].sort());
});

test("a call of the default entrypoint without its one argument, or with another, is refused and changes nothing", async () => {
  for (const args of [[], [{ accessToken: "x" }, { accessToken: "y" }], [{}, undefined, null]]) {
    const refused = await postern.call("SESSIONS", "getSession", ...args).catch((error) => error);
    assert.match(refused?.message ?? JSON.stringify(refused), /Attempted to call RPC function "getSession" with the wrong number of arguments/, `${args.length}`);
  }
  assert.equal((await postern.call("SESSIONS", "getSession", { accessToken: "x" })).status, "TRY_REFRESH_TOKEN");
});
