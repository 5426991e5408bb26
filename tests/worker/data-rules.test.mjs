// What a payload and session data may be: any JSON object, within limits; over RPC and over the service API.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { apiKey } from "../support/harness.mjs";
import { startWithCaller } from "../support/rpc.mjs";
import { until } from "../support/until.mjs";
import { named } from "../support/values.mjs";

const MIB = 1024 * 1024;

let postern;
before(async () => {
  postern = await startWithCaller();
});
after(() => postern?.close());

const data = (handle) => `/recipe/session/data?sessionHandle=${handle}`;
const create = async (jwtPayload, sessionData, userId = "alice") => {
  const created = await postern.admin("createNewSession", { userId, jwtPayload, sessionData });
  assert.equal(created.status, "OK");
  return created;
};

const OBJECTS = {
  "nested maps and arrays": '{"a":{"b":[1,[2,{"c":[]}],{}],"d":{}}}',
  "null and booleans": '{"n":null,"yes":true,"no":false,"list":[null,[null]]}',
  "integers to 2^53": `{"most":${2 ** 53},"least":${-(2 ** 53)},"odd":${2 ** 53 - 1},"zero":0}`,
  "minus zero": '{"zero":-0,"list":[-0.0]}',
  floats: '{"tenth":0.1,"tiny":5e-324,"huge":1.7976931348623157e308,"third":0.3333333333333333,"half":-2.5,"e":1E2}',
  "the empty object": "{}",
  "Unicode of every plane": JSON.stringify({
    planes: Array.from({ length: 17 }, (_, plane) => String.fromCodePoint(plane * 0x10000 + 0x100, plane * 0x10000 + 0xfffd)),
    controls: "\u0000\u0001\t\n\u001f\u007f\u0085\u2028\u2029\ufeff\uffff\"\\/",
    "ключ 漢 😀": "\u{10ffff}",
    "": "an empty name",
  }),
  "escapes of every kind": '{"\\u0061\\ud83d\\ude00":"\\u0000\\/\\b\\f\\n\\r\\t\\"\\\\"}',
  "names with a meaning": '{"__proto__":{"__proto__":null},"constructor":2,"toString":null,"hasOwnProperty":[],"then":1,"toJSON":{}}',
};

for (const [kind, json] of Object.entries(OBJECTS)) {
  const object = JSON.parse(json);

  test(`${kind} come back equal over RPC`, async () => {
    const { session, accessToken } = await create(object, object);
    const verified = await postern.call("VERIFY", "getSession", { accessToken: accessToken.token });
    assert.deepEqual(verified.session.jwtPayload, object);
    const read = (freshness) => postern.call("SESSIONS", "getSessionData", { handle: session.handle, freshness });
    for (const freshness of ["strict", "within 60s"]) assert.deepEqual((await read(freshness)).sessionData, object);
    await postern.call("SESSIONS", "updateSessionData", { handle: session.handle, sessionData: { other: 1 } });
    assert.deepEqual(await postern.call("SESSIONS", "updateSessionData", { handle: session.handle, sessionData: object }), { status: "OK" });
    for (const freshness of ["strict", "within 60s"]) assert.deepEqual((await read(freshness)).sessionData, object);
    const response = await postern.fetch("/auth/session", { headers: { authorization: `Bearer ${accessToken.token}` } });
    assert.deepEqual((await response.json()).session.jwtPayload, object);
  });

  test(`${kind} come back equal over the service API`, async () => {
    const body = `{"userId":"alice","userDataInJWT":${json},"userDataInDatabase":${json},"enableAntiCsrf":false}`;
    const created = await postern.core("POST", "/recipe/session", body);
    assert.equal(created.body.status, "OK", JSON.stringify(created.body));
    const { session, accessToken } = created.body;
    assert.deepEqual(session.userDataInJWT, object);
    const verify = { accessToken: accessToken.token, doAntiCsrfCheck: false, enableAntiCsrf: false, checkDatabase: false };
    const verified = await postern.core("POST", "/recipe/session/verify", verify);
    assert.deepEqual(verified.body.session?.userDataInJWT, object, JSON.stringify(verified.body));
    const read = async () => (await postern.core("GET", data(session.handle))).body.userDataInDatabase;
    assert.deepEqual(await read(), object);
    await postern.core("PUT", "/recipe/session/data", { sessionHandle: session.handle, userDataInDatabase: { other: 1 } });
    const put = `{"sessionHandle":"${session.handle}","userDataInDatabase":${json}}`;
    assert.deepEqual((await postern.core("PUT", "/recipe/session/data", put)).body, { status: "OK" });
    assert.deepEqual(await read(), object);
  });
}

test("what KV holds under the handle is the data's JSON text itself", async () => {
  const { session } = await create({}, { cart: ["book"] });
  const { [session.handle]: entry } = await postern.faults("entries");
  assert.equal(entry.value, '{"cart":["book"]}');
  assert.deepEqual(Object.keys(entry.metadata).sort(), ["seq", "sessionExpires"]);
});

test("undefined members are dropped", async () => {
  const { session } = await create({}, {});
  const sessionData = { kept: 1, dropped: named("undefined"), inner: { dropped: named("undefined") } };
  await postern.call("SESSIONS", "updateSessionData", { handle: session.handle, sessionData });
  const read = await postern.call("SESSIONS", "getSessionData", { handle: session.handle });
  assert.deepEqual(read.sessionData, { kept: 1, inner: {} });
});

const NOT_JSON = [
  "NaN", "Infinity", "BigInt", "Date", "Map", "Set", "RegExp", "Error", "boxed string", "typed array", "array buffer",
  "function", "lone surrogate", "lone surrogate in a name", "cycle", "cyclic array", "array with undefined",
  "array with a hole", "deep array", "headers", "stream",
];

for (const kind of NOT_JSON) {
  test(`${kind} is refused over RPC with a TypeError that names its path, and changes nothing`, async () => {
    const { session } = await create({}, { kept: true });
    const hostile = { list: [0, { inner: named(kind) }] };
    const refused = (member) => (error) => {
      assert.equal(error.name, "TypeError", error.message);
      assert.ok(error.message.includes(`"${member}.list[1].inner`), error.message);
      return true;
    };
    const { handle } = session;
    await assert.rejects(postern.call("SESSIONS", "updateSessionData", { handle, sessionData: hostile }), refused("sessionData"));
    await assert.rejects(postern.admin("createNewSession", { userId: "bob", jwtPayload: hostile }), refused("jwtPayload"));
    await assert.rejects(postern.admin("createNewSession", { userId: "bob", sessionData: hostile }), refused("sessionData"));
    const read = await postern.call("SESSIONS", "getSessionData", { handle, freshness: "strict" });
    assert.deepEqual(read.sessionData, { kept: true });
  });
}

for (const value of [null, [], ["a"], "text", 1, true, named("Date"), named("Map"), named("function"), named("undefined")]) {
  test(`${JSON.stringify(value)} in place of an object is refused over RPC`, async () => {
    const { session } = await create({}, { kept: true });
    const update = postern.call("SESSIONS", "updateSessionData", { handle: session.handle, sessionData: value });
    await assert.rejects(update, { name: "TypeError", message: /updateSessionData: "sessionData" must be an object/ });
  });
}

const NOT_OBJECTS = {
  "null": "null", array: "[]", text: '"text"', number: "1", "nothing at all": "", "duplicate members": '{"a":1,"a":2}',
  "duplicate members deep inside": '{"a":[{"b":1,"\\u0062":2}]}', "a lone surrogate": '{"a":"\\ud800"}', "a trailing comma": '{"a":1,}',
  NaN: '{"a":NaN}', "a comment": '{"a":1/**/}', "depth without end": `{"a":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
};

for (const [kind, json] of Object.entries(NOT_OBJECTS)) {
  test(`${kind} in place of an object is 400 over the service API, and changes nothing`, async () => {
    const { session } = await create({}, { kept: true });
    const put = await postern.core("PUT", "/recipe/session/data", `{"sessionHandle":"${session.handle}","userDataInDatabase":${json}}`);
    assert.equal(put.status, 400, JSON.stringify(put.body));
    const body = `{"userId":"bob","userDataInJWT":${json},"userDataInDatabase":{},"enableAntiCsrf":false}`;
    assert.equal((await postern.core("POST", "/recipe/session", body)).status, 400);
    assert.deepEqual((await postern.core("GET", data(session.handle))).body.userDataInDatabase, { kept: true });
  });
}

/** An object whose JSON text is of so many bytes. */
const ofBytes = (bytes, letter = "x") => ({ text: letter.repeat((bytes - '{"text":""}'.length) / Buffer.byteLength(letter)) });

test("a payload that no cookie could hold is refused with both numbers, and nothing is made", async () => {
  const both = /\b(\d{4,})\b.*\b(\d{4})\b/;
  const jwtPayload = ofBytes(5_000);
  await assert.rejects(postern.admin("createNewSession", { userId: "carol", jwtPayload }), (error) => {
    assert.equal(error.name, "TypeError");
    const [, size, limit] = error.message.match(both) ?? [];
    assert.ok(Number(size) > Number(limit) && Number(limit) <= 4_096, error.message);
    return true;
  });
  const body = { userId: "carol", userDataInJWT: jwtPayload, userDataInDatabase: {}, enableAntiCsrf: false };
  const answer = await postern.core("POST", "/recipe/session", body);
  assert.equal(answer.status, 400);
  assert.match(JSON.stringify(answer.body), both);
  const { handles } = await postern.admin("getAllSessionHandlesForUser", { userId: "carol" });
  assert.deepEqual(handles, []);
});

test("the largest payload that is accepted makes a cookie of at most 4,096 bytes, and it works", async () => {
  let [fits, tooLarge] = [0, 5_000];
  while (tooLarge - fits > 1) {
    const middle = Math.floor((fits + tooLarge) / 2);
    const made = await postern.admin("createNewSession", { userId: "dora", jwtPayload: { text: "x".repeat(middle) } }).catch(() => null);
    if (made) fits = middle;
    else tooLarge = middle;
  }
  const { accessToken } = await create({ text: "x".repeat(fits) }, {}, "dora");
  const { length } = `sAccessToken=${accessToken.token}`;
  assert.ok(length <= 4_096 && length > 3_500, `${length}`);
  const response = await postern.fetch("/auth/session", { headers: { cookie: `sAccessToken=${accessToken.token}` } });
  assert.equal(response.status, 200);
});

test("data of a session that never stored any is {}", async () => {
  const { session } = await create();
  for (const freshness of ["strict", "within 60s", "stateless"]) {
    const read = await postern.call("SESSIONS", "getSessionData", { handle: session.handle, freshness });
    assert.deepEqual(read, { status: "OK", sessionData: {} });
  }
  assert.deepEqual((await postern.core("GET", data(session.handle))).body.userDataInDatabase, {});
});

test("an unknown handle is UNAUTHORISED, and an overwrite of it creates nothing", async () => {
  const { session } = await create();
  const other = await create();
  const parts = session.handle.split(".");
  const mixed = [other.session.handle.split(".")[0], parts[1], parts[2]].join(".");
  const before = await postern.faults("entries");
  for (const handle of ["", "x", "a.b.c", mixed.slice(0, -1), `${session.handle}x`, session.handle.toUpperCase(), `${session.handle}_tenant`]) {
    for (const freshness of ["strict", "within 60s", "stateless"]) {
      const read = await postern.call("SESSIONS", "getSessionData", { handle, freshness });
      assert.equal(read.status, "UNAUTHORISED", handle);
    }
    const written = await postern.call("SESSIONS", "updateSessionData", { handle, sessionData: { a: 1 } });
    assert.equal(written.status, "UNAUTHORISED", handle);
    const put = await postern.core("PUT", "/recipe/session/data", { sessionHandle: handle, userDataInDatabase: { a: 1 } });
    assert.equal(put.body.status ?? put.status, handle === "" ? put.body.status ?? 400 : "UNAUTHORISED");
  }
  assert.deepEqual(await postern.faults("entries"), before);
});

for (const [setting, limit] of [[undefined, MIB], ["4MiB", 4 * MIB]]) {
  test(`session data up to ${limit} bytes is kept; a byte more is refused, naming limit and size`, async () => {
    const started = setting ? await startWithCaller({ MAX_SESSION_DATA: setting }) : postern;
    try {
      const { session } = await started.admin("createNewSession", { userId: "alice", sessionData: { kept: true } });
      const { handle } = session;
      const larger = ofBytes(limit + 1);
      const update = (sessionData) => started.call("SESSIONS", "updateSessionData", { handle, sessionData });
      const named = (text) => assert.ok([limit, limit + 1].every((number) => text.includes(String(number))), text.slice(0, 200));
      await assert.rejects(update(larger), ({ name, message }) => (assert.equal(name, "RangeError"), named(message), true));
      await assert.rejects(started.admin("createNewSession", { userId: "alice", sessionData: larger }), { name: "RangeError" });
      const put = await started.core("PUT", "/recipe/session/data", { sessionHandle: handle, userDataInDatabase: larger });
      assert.equal(put.status, 413);
      named(JSON.stringify(put.body));
      const read = async () => (await started.core("GET", data(handle))).body.userDataInDatabase;
      assert.deepEqual(await read(), { kept: true });

      // A letter of three bytes: bytes are counted, not characters.
      const exact = { ...ofBytes(limit - 16, "漢"), pad: "" };
      exact.pad = "x".repeat(limit - Buffer.byteLength(JSON.stringify(exact)));
      assert.equal(Buffer.byteLength(JSON.stringify(exact)), limit);
      assert.deepEqual(await update(exact), { status: "OK" });
      assert.deepEqual(await read(), exact);
      assert.deepEqual((await started.call("SESSIONS", "getSessionData", { handle, freshness: "within 60s" })).sessionData, exact);
    } finally {
      if (setting) await started.close();
    }
  });
}

test("a body far above every limit is 413 and the next request is served", async () => {
  const body = `{"sessionHandle":"x","userDataInDatabase":{"text":"${"x".repeat(20 * MIB)}"}}`;
  assert.equal((await postern.core("PUT", "/recipe/session/data", body)).status, 413);
  assert.equal((await postern.core("GET", data("x"))).body.status, "UNAUTHORISED");
});

/** An upload to the service API that stops half way. @param {number} bytes of its body that are sent */
async function unfinishedUpload(bytes) {
  const { hostname, port } = new URL(postern.url());
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  await once(socket, "connect");
  const head = ["PUT /core/recipe/session/data HTTP/1.1", "host: x", `api-key: ${apiKey}`, "content-type: application/json", `content-length: ${5 * MIB}`, "", ""];
  socket.write(head.join("\r\n"));
  socket.write(Buffer.alloc(bytes, " "));
  return socket;
}

test("above 16 MiB of bodies in flight a request is 503, and uploads that break off give their place back", { timeout: 60_000 }, async () => {
  const larger = { userId: "alice", userDataInJWT: {}, userDataInDatabase: ofBytes(900_000), enableAntiCsrf: false };
  for (let round = 0; round < 2; round += 1) {
    /** @type {any} */
    let refused;
    /** @type {import("node:net").Socket[]} */
    let uploads = [];
    // A request that comes while the uploads are still being read may take the last one's place.
    await until("the isolate is full", async () => {
      for (const socket of uploads) socket.destroy();
      await sleep(300);
      uploads = await Promise.all([3.9, 3.9, 3.9, 3.9, 1].map((millions) => unfinishedUpload(millions * 1e6)));
      await sleep(1_500);
      refused = await postern.core("POST", "/recipe/session", larger);
      return refused.status !== 200;
    }, 40_000);
    assert.equal(refused.status, 503);
    assert.match(refused.headers.get("retry-after"), /^[1-9]\d*$/);
    // Whoever needs no room is served.
    assert.equal((await postern.core("GET", data("x"))).body.status, "UNAUTHORISED");
    for (const socket of uploads) socket.destroy();
    await until("there is room again", async () => (await postern.core("POST", "/recipe/session", larger)).status === 200);
  }
});

test("a new payload whose access token would not fit is refused wherever one is given, and nothing is changed", async () => {
  const created = await create({ role: "editor" });
  const { handle } = created.session;
  const jwtPayload = { text: "x".repeat(4_000) };
  for (const call of [
    () => postern.admin("createNewSession", { userId: "alice", jwtPayload }),
    () => postern.admin("updateJWTPayload", { handle, jwtPayload }),
    () => postern.admin("mergeIntoAccessTokenPayload", { handle, jwtPayload }),
    () => postern.admin("regenerateAccessToken", { accessToken: created.accessToken.token, jwtPayload }),
  ]) {
    await assert.rejects(call(), ({ name, message }) => {
      assert.equal(name, "TypeError");
      assert.match(message, /access token of \d+ bytes; the limit is \d+ bytes/);
      return true;
    });
  }
  assert.deepEqual((await postern.admin("getSessionInformation", { handle })).session.jwtPayload, { role: "editor" });
  assert.equal((await postern.admin("updateJWTPayload", { handle, jwtPayload: { text: "x".repeat(1_000) } })).status, "OK");
});

test("the service API refuses such a payload for a session that exists as it does when creating, and nothing is changed", async () => {
  const textOf = (length) => ({ text: "x".repeat(length) });
  const create = (userDataInJWT) => postern.core("POST", "/recipe/session", { userId: "bob", userDataInJWT, userDataInDatabase: {}, enableAntiCsrf: false });
  const put = (sessionHandle, userDataInJWT) => postern.core("PUT", "/recipe/jwt/data", { sessionHandle, userDataInJWT });
  const { session } = (await create({ role: "editor" })).body;
  /** The longest text that creating takes. */
  let [taken, refused] = [0, 4_000];
  while (refused - taken > 1) {
    const middle = Math.floor((taken + refused) / 2);
    if ((await create(textOf(middle))).status === 200) taken = middle;
    else refused = middle;
  }
  assert.ok(taken > 1_000, `${taken} bytes`);
  const answers = [await create(textOf(refused)), await put(session.handle, textOf(refused))];
  for (const { status, body } of answers) {
    assert.equal(status, 400);
    assert.match(body, /access token of \d+ bytes; the limit is \d+ bytes/);
  }
  const stored = async () => (await postern.core("GET", `/recipe/jwt/data?sessionHandle=${session.handle}`)).body.userDataInJWT;
  assert.deepEqual(await stored(), { role: "editor" });
  assert.deepEqual((await put(session.handle, textOf(taken))).body, { status: "OK" });
  assert.deepEqual(await stored(), textOf(taken));
  // Whether there is such a session comes first: nobody can tell the length of its token.
  assert.equal((await put("a.b.c", textOf(refused))).body.status, "UNAUTHORISED");
});
