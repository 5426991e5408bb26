// What other Workers can call, and that nothing they pass hurts anyone else (invariant I11).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readFileSync } from "node:fs";

import { durableObjects } from "../support/harness.mjs";
import { startWithCaller } from "../support/rpc.mjs";
import { named, names } from "../support/values.mjs";

const ADMIN = [
  "getSession", "getSessionData", "updateSessionData", "createNewSession", "refreshSession", "revokeSession",
  "revokeMultipleSessions", "revokeAllSessionsForUser", "revokeAllSessionsBefore", "getAllSessionHandlesForUser", "getSessionInformation",
  "updateJWTPayload", "mergeIntoAccessTokenPayload", "regenerateAccessToken", "rotateSigningKeys", "revokeSigningKey",
];
const OFFERED = { SESSIONS: ["getSession", "getSessionData", "updateSessionData"], VERIFY: ["getSession"], ADMIN };

let postern;
before(async () => {
  postern = await startWithCaller();
});
after(() => postern?.close());

/** Every name that code of ours, the glue or the platform could have made callable. */
function everyName() {
  const glue = readFileSync(new URL("../../build/index.js", import.meta.url), "utf8");
  const inGlue = glue.match(/[A-Za-z_$][\w$]{2,60}/g) ?? [];
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
  const exported = [...entry.matchAll(/^export (?:(default) )?class (\w+)/gm)].map(([, isDefault, name]) => isDefault ?? name);
  assert.equal((entry.match(/^export /gm) ?? []).length, exported.length);
  assert.deepEqual(exported.sort(), ["SessionsAdmin", "SessionsVerify", "default", ...Object.values(durableObjects)].sort());
});

const MEMBERS = {
  getSession: { accessToken: "text", antiCsrfToken: "text", doAntiCsrfCheck: "boolean", freshness: "text" },
  getSessionData: { handle: "text", freshness: "text" },
  updateSessionData: { handle: "text", sessionData: "object" },
  createNewSession: { userId: "text", jwtPayload: "object", sessionData: "object", tenantId: "text", device: "plain", location: "text" },
  refreshSession: { refreshToken: "text", antiCsrfToken: "text" },
  revokeSession: { handle: "text" },
  revokeMultipleSessions: { handles: "list" },
  revokeAllSessionsForUser: { userId: "text", tenantId: "text" },
  revokeAllSessionsBefore: { time: "time" },
  getAllSessionHandlesForUser: { userId: "text", tenantId: "text" },
  getSessionInformation: { handle: "text" },
  updateJWTPayload: { handle: "text", jwtPayload: "object" },
  mergeIntoAccessTokenPayload: { handle: "text", jwtPayload: "object" },
  regenerateAccessToken: { accessToken: "text", jwtPayload: "object" },
  rotateSigningKeys: {},
  revokeSigningKey: { kid: "text" },
};
const GOOD = { text: "text", time: 1_700_000_000_000, boolean: true, object: {}, plain: {}, list: [] };
const HOSTILE = [null, 1, true, "text", [], {}, [[]], [1], ...names.map(named)];

/** Plain objects, only not JSON. */
const PLAIN = ["cycle", "lone surrogate in a name"];

/** Whether a value is of a type that a member accepts. */
function fits(type, value) {
  const name = value?.$named;
  if (type === "plain" && PLAIN.includes(name)) return true;
  if (name === "undefined") return true;
  if (type === "text") return typeof value === "string";
  if (type === "boolean") return typeof value === "boolean";
  if (type === "list") return Array.isArray(value) && value.every((element) => typeof element === "string");
  return value !== null && typeof value === "object" && !Array.isArray(value) && !name;
}

test("a value of a wrong type is an ordinary fault in every member of every method, and a slow call beside it completes", async () => {
  const { session } = await postern.admin("createNewSession", { userId: "bystander", sessionData: { a: 1 } });
  await postern.faults("setFaults", [{ operations: ["put"], key: session.handle, delayMs: 3_000 }]);
  let isSlow = true;
  const update = postern.call("SESSIONS", "updateSessionData", { handle: session.handle, sessionData: { a: 2 } });
  const slow = update.finally(() => (isSlow = false));

  assert.deepEqual(Object.keys(MEMBERS).sort(), [...ADMIN].sort());
  let wereBeside = 0;
  for (const [method, members] of Object.entries(MEMBERS)) {
    const wholes = HOSTILE.filter((value) => !fits("plain", value) || value?.$named === "undefined");
    for (const value of wholes) {
      const error = await postern.admin(method, value).catch((error) => error);
      assert.equal(error.name, "TypeError", `${method}(${JSON.stringify(value)}): ${error.message}`);
      assert.equal(error.message, `${method}: the argument must be an object`);
    }
    for (const [member, type] of Object.entries(members)) {
      const good = Object.fromEntries(Object.entries(members).map(([name, type]) => [name, GOOD[type]]));
      for (const value of HOSTILE) {
        // Freshness, tenant and location are texts of a form: the good value must not be in the way.
        for (const name of ["freshness", "tenantId", "location"]) if (name !== member) delete good[name];
        const answer = await postern.admin(method, { ...good, [member]: value }).catch((error) => error);
        const what = `${method} with ${member}: ${JSON.stringify(value)} → ${answer.name ?? answer.status}: ${answer.message}`;
        if (fits(type, value)) assert.ok(typeof answer.status === "string" || answer.name === "TypeError", what);
        else {
          assert.equal(answer.name, "TypeError", what);
          assert.ok(answer.message.startsWith(`${method}: "${member}`), what);
        }
        if (isSlow) wereBeside += 1;
      }
    }
  }
  assert.ok(wereBeside > 20, `${wereBeside} calls ran beside the slow one`);
  assert.deepEqual(await slow, { status: "OK" });
  const after = await postern.call("SESSIONS", "getSessionData", { handle: session.handle, freshness: "strict" });
  assert.deepEqual(after.sessionData, { a: 2 });
  assert.doesNotMatch(postern.output(), /Reinitializ|panicked|unreachable|RuntimeError/i);
});

test("no argument at all, too many, and members that nobody asked for are ordinary as well", async () => {
  for (const method of ADMIN) await assert.rejects(postern.call("ADMIN", method), { name: "TypeError" });
  const { session } = await postern.admin("createNewSession", { userId: "alice" });
  const read = await postern.call("SESSIONS", "getSessionData", { handle: session.handle, more: named("function") }, named("Map"), 3);
  assert.equal(read.status, "OK");
  assert.doesNotMatch(postern.output(), /Reinitializ|panicked|unreachable|RuntimeError/i);
});

test("over HTTP, bodies, headers and paths of any bytes are ordinary faults", async () => {
  const headers = { "api-key": "test-key-test-key-test-key", "content-type": "application/json" };
  for (const body of ["", "{", "\u0000", "[".repeat(100_000), '{"a":'.repeat(50_000), '"\\ud800"', Buffer.from([0xff, 0xfe]), Buffer.alloc(100_000, 0x5b)]) {
    for (const path of ["/core/recipe/session", "/core/recipe/session/verify", "/core/recipe/session/refresh", "/core/recipe/session/remove"]) {
      const { status } = await postern.fetch(path, { method: "POST", headers, body });
      assert.ok(status >= 400 && status < 500, `${path}: ${status}`);
    }
  }
  for (const cookie of ["sAccessToken=", "sAccessToken=%ff%00", `sAccessToken=${"a.".repeat(3_000)}`, "=;;=;", `sAccessToken=${"e30".repeat(2_000)}.e30.`]) {
    const { status } = await postern.fetch("/auth/session", { headers: { cookie } });
    assert.equal(status, 401, cookie.slice(0, 40));
  }
  assert.doesNotMatch(postern.output(), /Reinitializ|panicked|unreachable|RuntimeError/i);
});
