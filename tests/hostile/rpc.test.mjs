// Whatever another Worker passes over a real service binding, in any argument of any method: an ordinary refusal that
// names the argument, and nobody else notices (invariant I11).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { startWithCaller } from "../support/rpc.mjs";
import { unhurt } from "../support/unhurt.mjs";
import { named, names } from "../support/values.mjs";

/** Every argument of every method; a dot is a member of a member. */
const ARGUMENTS = {
  getSession: { accessToken: "text", antiCsrfToken: "text", doAntiCsrfCheck: "boolean", freshness: "text" },
  getSessionData: { handle: "text", freshness: "text" },
  updateSessionData: { handle: "text", sessionData: "json" },
  createNewSession: { userId: "text", jwtPayload: "json", sessionData: "json", tenantId: "text", device: "object", "device.userAgent": "text", "device.ip": "text", location: "text" },
  createNewSessionForRequest: {
    userId: "text", jwtPayload: "json", sessionData: "json", tenantId: "text", device: "object", location: "text",
    request: "object", "request.headers": "object", "request.headers.authorization": "text", "request.headers.cookie": "text", "request.headers.st-auth-mode": "text",
    "request.cf": "object", "request.cf.continent": "text", "request.cf.longitude": "text",
  },
  exchangeToken: { accessToken: "text", jwtPayload: "json", sessionData: "json", device: "object", location: "text" },
  refreshSession: { refreshToken: "text", antiCsrfToken: "text" },
  revokeSession: { handle: "text" },
  revokeMultipleSessions: { handles: "list" },
  revokeAllSessionsForUser: { userId: "text", tenantId: "text" },
  revokeAllSessionsBefore: { time: "time" },
  getAllSessionHandlesForUser: { userId: "text", tenantId: "text" },
  getSessionInformation: { handle: "text" },
  updateJWTPayload: { handle: "text", jwtPayload: "json" },
  mergeIntoAccessTokenPayload: { handle: "text", jwtPayload: "json" },
  regenerateAccessToken: { accessToken: "text", jwtPayload: "json" },
  rotateSigningKeys: {},
  revokeSigningKey: { kid: "text" },
  rotateSecrets: {},
};
const REQUIRED = {
  getSessionData: ["handle"],
  updateSessionData: ["handle", "sessionData"],
  createNewSession: ["userId"],
  createNewSessionForRequest: ["userId", "request", "request.headers"],
  exchangeToken: ["accessToken"],
  refreshSession: ["refreshToken"],
  revokeSession: ["handle"],
  revokeMultipleSessions: ["handles"],
  revokeAllSessionsForUser: ["userId"],
  revokeAllSessionsBefore: ["time"],
  getAllSessionHandlesForUser: ["userId"],
  getSessionInformation: ["handle"],
  updateJWTPayload: ["handle", "jwtPayload"],
  mergeIntoAccessTokenPayload: ["handle", "jwtPayload"],
  regenerateAccessToken: ["accessToken"],
  revokeSigningKey: ["kid"],
};
const GOOD = { text: "text", time: 1_700_000_000_000, boolean: true, json: {}, object: {}, list: [] };
/** Texts of a form: any other text is refused for that. */
const FORMED = ["freshness", "tenantId", "location"];

const HOSTILE = {
  null: null, "a number": 1, true: true, "a text": "text", "an empty list": [], "an empty object": {}, "a list in a list": [[]], "a list of numbers": [1],
  ...Object.fromEntries(names.map((name) => [name, named(name)])),
};
/** What is an object with members, whatever they are. */
const OBJECTS = [
  "an empty object", "cycle", "lone surrogate in a name", "shared parts", "shared parts that leave no text", "huge name", "thenable",
  "thenable that never settles", "object with an own __proto__",
];
/** What is JSON, small enough to keep. */
const JSON_VALUES = ["an empty object", "object with an own __proto__"];
/** What would be more text than there is room for. */
const LARGE = ["shared parts", "shared parts that leave no text", "huge name"];
/** What no binding carries: the caller's own runtime throws. */
const NOT_CARRIED = ["Proxy", "symbol", "object with a getter that throws", "promise", "vast sparse array", "object without a prototype"];

/** Whether a value is one that an argument of this type takes. */
function fits(type, name) {
  if (name === "undefined") return true;
  if (type === "text") return ["a text", "huge string", "huge string beyond Latin-1"].includes(name);
  if (type === "boolean") return name === "true";
  // Seconds where milliseconds are wanted would be a slip; no small number is a time.
  if (type === "time") return false;
  if (type === "list") return ["an empty list", "list of large strings"].includes(name);
  return (type === "json" ? JSON_VALUES : OBJECTS).includes(name);
}

/** An argument with this value in this place, and good values in the others. */
function argument(method, place, value) {
  const result = {};
  const places = Object.entries(ARGUMENTS[method]).filter(([other]) => !FORMED.includes(other) && !place.startsWith(`${other}.`) && !other.startsWith(`${place}.`));
  const put = (path, what) => {
    const steps = path.split(".");
    const last = steps.pop();
    let object = result;
    for (const step of steps) object = object[step] ??= {};
    object[last] = what;
  };
  for (const [other, type] of places) if (other !== place) put(other, structuredClone(GOOD[type]));
  put(place, value);
  return result;
}

let postern;
before(async () => {
  postern = await startWithCaller();
});
after(() => postern?.close());

const refusal = (service, method, ...args) => postern.call(service, method, ...args).catch((error) => error);

test("every argument is refused by name when it is of a wrong type, and bystanders complete", async () => {
  const { session, accessToken } = await postern.admin("createNewSession", { userId: "bystander", sessionData: { a: 1 } });
  await postern.faults("setFaults", [{ operations: ["put"], key: session.handle, delayMs: 2_000 }]);
  const slow = postern.call("SESSIONS", "updateSessionData", { handle: session.handle, sessionData: { a: 2 } });
  const beside = async () => assert.equal((await postern.call("SESSIONS", "getSession", { accessToken: accessToken.token })).status, "OK");

  let refused = 0;
  for (const [method, places] of Object.entries(ARGUMENTS)) {
    for (const [place, type] of Object.entries(places)) {
      for (const [name, value] of Object.entries(HOSTILE)) {
        const [answer] = await Promise.all([refusal("ADMIN", method, argument(method, place, value)), refused % 25 === 0 ? beside() : undefined]);
        const what = `${method} with ${place}: ${name} → ${answer.name ?? answer.status}: ${answer.message?.slice(0, 300)}`;
        const member = place.split(".").at(-1);
        if (fits(type, name)) assert.ok(typeof answer.status === "string" || (/^(Type|Range)Error$/.test(answer.name) && answer.message.startsWith(`${method}: `)), what);
        else if (NOT_CARRIED.includes(name) && !answer.message.startsWith(method)) assert.match(answer.message, /clone|serializ|getter|type/i, what);
        else {
          assert.equal(answer.name, type === "json" && LARGE.includes(name) ? "RangeError" : "TypeError", what);
          assert.ok(answer.message.startsWith(`${method}: "${member}`), what);
          refused += 1;
        }
        assert.ok((answer.message ?? "").length < 400, what);
      }
    }
  }
  assert.ok(refused > 1_000, `${refused} refusals`);
  assert.deepEqual(await slow, { status: "OK" });
  const { sessionData } = await postern.call("SESSIONS", "getSessionData", { handle: session.handle, freshness: "strict" });
  assert.deepEqual(sessionData, { a: 2 });
  await unhurt(postern);
});

test("a missing argument is refused by name", async () => {
  for (const [method, required] of Object.entries(REQUIRED)) {
    for (const place of required) {
      const { name, message } = await refusal("ADMIN", method, argument(method, place, named("undefined")));
      assert.equal(name, "TypeError");
      const named_ = place === "request.headers" ? "request" : place;
      assert.ok(message.startsWith(`${method}: "${named_}" must be`), message);
    }
  }
  assert.equal((await postern.call("SESSIONS", "getSession", {})).status, "UNAUTHORISED");
});

test("what is no object cannot be the argument itself", async () => {
  for (const method of Object.keys(ARGUMENTS)) {
    for (const [name, value] of Object.entries(HOSTILE).filter(([name]) => !OBJECTS.includes(name))) {
      const answer = await refusal("ADMIN", method, value);
      const what = `${method}(${name}): ${answer.name ?? answer.status}: ${answer.message?.slice(0, 300)}`;
      if (NOT_CARRIED.includes(name)) assert.ok(answer instanceof Error || typeof answer.status === "string", what);
      else assert.equal(`${answer.name}: ${answer.message}`, `TypeError: ${method}: the argument must be an object`, what);
    }
    const missing = await refusal("ADMIN", method);
    assert.equal(`${missing.name}: ${missing.message}`, `TypeError: ${method}: the argument must be an object`);
  }
  await unhurt(postern);
});

test("members that nobody asked for are ignored; further arguments are, too, or refused by the platform", async () => {
  const { session } = await postern.admin("createNewSession", { userId: "alice" });
  const asked = { handle: session.handle, more: named("function") };
  assert.equal((await postern.call("ADMIN", "getSessionData", asked, named("Map"), 3)).status, "OK");
  // The default entrypoint is a plain object, whose methods the platform calls with one argument only.
  assert.equal((await postern.call("SESSIONS", "getSessionData", asked)).status, "OK");
  assert.match((await refusal("SESSIONS", "getSessionData", asked, named("Map"))).message, /wrong number of arguments/);
});

test("a long user agent is cut, not kept whole, and a client address that is none is left out", async () => {
  const device = { userAgent: "馬".repeat(80_000), ip: "not an address" };
  const { session } = await postern.admin("createNewSession", { userId: "talkative", device });
  const information = await postern.admin("getSessionInformation", { handle: session.handle });
  assert.deepEqual(information.session.device, { userAgent: "馬".repeat(341) });
});

test("many large arguments at once are taken or refused one by one, and a small call beside them completes", async () => {
  const { session, accessToken } = await postern.admin("createNewSession", { userId: "bystander" });
  const large = { handle: session.handle, sessionData: { a: "x".repeat(1_000_000) } };
  const outcomes = Array.from({ length: 40 }, () => refusal("SESSIONS", "updateSessionData", large));
  const small = await postern.call("SESSIONS", "getSession", { accessToken: accessToken.token });
  assert.equal(small.status, "OK");
  for (const outcome of await Promise.all(outcomes)) {
    const isRefused = outcome instanceof Error && outcome.message === "too many large arguments at a time; try again";
    assert.ok(outcome.status === "OK" || isRefused, `${outcome.name ?? outcome.status}: ${outcome.message}`);
  }
  await unhurt(postern);
});
