// The data rules and the outcomes, through the client, over both of its transports.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import * as client from "../../client/index.js";
import { clientAlias } from "../support/client.mjs";
import { apiKey, compatibilityDate, startPostern } from "../support/harness.mjs";

const LIMIT = 65_536;
const { UNAUTHORISED, TRY_REFRESH_TOKEN } = client.Error;

let postern;
let worker;

before(async () => {
  const config = {
    name: "client",
    main: "support/client-worker.mjs",
    compatibility_date: compatibilityDate,
    alias: clientAlias,
    services: [
      { binding: "SESSIONS", service: "postern" },
      { binding: "SESSIONS_ADMIN", service: "postern", entrypoint: "SessionsAdmin" },
    ],
  };
  const vars = { MAX_SESSION_DATA: "64KiB" };
  postern = await startPostern({ vars, secrets: { API_KEYS: apiKey }, workers: [{ config }] });
  worker = postern.worker("client");
  client.init({ url: `${postern.url.origin}/core`, apiKey });
});
after(() => postern.close());

const transports = {
  RPC: async (call, ...args) => {
    const response = await worker.fetch("/", { method: "POST", body: JSON.stringify({ call, with: args }) });
    const { value, thrown } = await response.json();
    if (thrown) throw Object.assign(new Error(thrown.message), thrown);
    return value;
  },
  HTTP: (call, ...args) => client[call](...args),
};

const OBJECTS = {
  "nested maps and arrays": { a: { b: [1, [2, { c: [] }], {}], d: {} } },
  "null and booleans": { n: null, yes: true, no: false, list: [null] },
  "integers to 2^53": { most: Number.MAX_SAFE_INTEGER, least: Number.MIN_SAFE_INTEGER, power: 2 ** 53, zero: 0 },
  floats: { tenth: 0.1, tiny: 5e-324, huge: 1.7976931348623157e308, third: 1 / 3, negative: -2.5 },
  "the empty object": {},
  "Unicode of every plane": { "ключ": "ü 漢 😀 𝄞 \u0000 \u2028 \u{10ffff}", "": "empty name" },
  "names with a meaning": JSON.parse('{"__proto__": {"x": 1}, "constructor": 2, "toString": null, "hasOwnProperty": []}'),
};

for (const [transport, call] of Object.entries(transports)) {
  for (const [kind, object] of Object.entries(OBJECTS)) {
    test(`${kind} come back equal as payload and as data over ${transport}`, async () => {
      const { session, accessToken } = await call("createNewSession", "alice", object, object);
      assert.deepEqual((await call("getSession", accessToken.token)).session, {
        handle: session.handle,
        issuer: "own",
        userId: "alice",
        tenantId: "public",
        jwtPayload: object,
      });
      assert.deepEqual(await call("getSessionData", session.handle), object);
      await call("updateSessionData", session.handle, { replaced: true });
      await call("updateSessionData", session.handle, object);
      assert.deepEqual(await call("getSessionData", session.handle), object);
    });
  }

  test(`a session that never stored data has {} over ${transport}`, async () => {
    const { session } = await call("createNewSession", "alice");
    assert.deepEqual(await call("getSessionData", session.handle), {});
  });

  test(`an unknown handle is UNAUTHORISED and creates nothing over ${transport}`, async () => {
    const kv = await postern.kv();
    const entries = (await kv.list()).keys.length;
    const objects = (await postern.objectIds("UserSessions")).length;
    for (const handle of ["", "no-such-handle", "a.b.c", "x".repeat(10_000)]) {
      await assert.rejects(call("getSessionData", handle), { errType: UNAUTHORISED });
      await assert.rejects(call("updateSessionData", handle, { a: 1 }), { errType: UNAUTHORISED });
    }
    assert.equal((await kv.list()).keys.length, entries);
    assert.equal((await postern.objectIds("UserSessions")).length, objects);
  });

  test(`a token that is none, or not to be trusted, is refused over ${transport}`, async () => {
    const { accessToken } = await call("createNewSession", "alice");
    const broken = `${accessToken.token.slice(0, -20)}${"A".repeat(20)}`;
    await assert.rejects(call("getSession", ""), { errType: UNAUTHORISED });
    for (const token of [broken, "not.a.token", "nothing"]) {
      await assert.rejects(call("getSession", token), { errType: TRY_REFRESH_TOKEN });
    }
  });

  test(`data above the limit is refused with both numbers, and nothing is changed, over ${transport}`, async () => {
    const { session } = await call("createNewSession", "alice", {}, { kept: true });
    const largest = { text: "x".repeat(LIMIT - '{"text":""}'.length) };
    const larger = { text: `${largest.text}x` };
    await assert.rejects(call("updateSessionData", session.handle, larger), (err) => {
      assert.match(err.name, /^(TypeError|RangeError)$/);
      for (const number of [LIMIT, LIMIT + 1]) assert.ok(err.message.includes(String(number)), err.message);
      return true;
    });
    assert.deepEqual(await call("getSessionData", session.handle), { kept: true });
    await call("updateSessionData", session.handle, largest);
    assert.deepEqual(await call("getSessionData", session.handle), largest);
  });

  test(`a payload that no cookie could hold is refused with both numbers over ${transport}`, async () => {
    await assert.rejects(call("createNewSession", "alice", { text: "x".repeat(5_000) }), (err) => {
      assert.match(err.name, /^(TypeError|RangeError)$/);
      assert.match(err.message, /\d{4}.*\d{4}/);
      return true;
    });
  });
}
