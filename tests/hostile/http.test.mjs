// Whatever bytes come over a socket, at every entry point: a documented answer or an ended connection, and nobody else notices
// (invariant I11). The Worker is on raw workerd: nothing between the bytes and it tidies them up.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";

import { apiKey } from "../support/harness.mjs";
import { startOrigin } from "../support/origin.mjs";
import { exchange as exchangeAt, head, open } from "../support/raw.mjs";
import { startWithCaller } from "../support/rpc.mjs";
import { unhurt } from "../support/unhurt.mjs";

const MIB = 1024 * 1024;
/** What is documented to come back for a request that is not a good one. 501 is the runtime's, for methods that it does not know. */
const REFUSALS = [400, 401, 403, 404, 405, 411, 408, 413, 414, 431, 501, 505];

/** The doors: how a request line and its headers must look to reach one. */
const DOORS = {
  "browser API": { path: "/auth/session", headers: [] },
  "refresh of the browser API": { path: "/auth/session/refresh", method: "POST", headers: [] },
  "sign-out of the browser API": { path: "/auth/signout", method: "POST", headers: [] },
  "service API": { path: "/core/recipe/session", method: "POST", headers: [`api-key: ${apiKey}`] },
  "service API on a host of its own": { path: "/recipe/session", method: "POST", headers: ["Host: core.example", `api-key: ${apiKey}`] },
  "service API without a key, legacy": { path: "/session", method: "POST", headers: ["Host: old.example", "cf-connecting-ip: 10.1.2.3"] },
  "gateway": { path: "/app/x", headers: [] },
  "no door": { path: "/nowhere", headers: [] },
};

let postern;
/** Behind the gateway, for sessions only: none of what is sent here may reach it. */
let origin;
let received = 0;
let url;
let bystander;
/** Bodies that never end, a large and a small one; begun at first, because waiting for their answer takes 20 s. */
let slow;
before(async () => {
  origin = await startOrigin((request, response) => {
    if (request.url !== "/app/good") received += 1;
    response.end("served");
  });
  const settings = {
    WEBSITE_ORIGINS: ["https://www.example.com"],
    SERVICE_API_HOSTS: "core.example",
    LEGACY_KEYLESS_HOSTS: "old.example",
    LEGACY_KEYLESS_ALLOW: "10.0.0.0/8",
  };
  const rules = { origins: { app: { url: origin.url } }, rules: [{ path: "/app/**", origin: "app", session: "required" }] };
  postern = await startWithCaller(settings, { gateway: rules });
  url = postern.url();
  bystander = await postern.admin("createNewSession", { userId: "bystander" });
  slow = { begun: Date.now(), connections: [await beginBody(200_000, 100_000), await beginBody(100, 50)] };
});
after(async () => {
  await postern?.close();
  await origin?.close();
});

/** Sends bytes; what is refused must hold no secret. @param {string | Uint8Array} bytes */
async function exchange(bytes) {
  const answer = await exchangeAt(url, bytes);
  if (answer) postern.watch.answered("raw bytes", answer.status, answer.headers, answer.body);
  return answer;
}

/** Somebody else's request, which must always complete. */
async function bystanderIsServed() {
  const response = await postern.fetch("/auth/session", { headers: { authorization: `Bearer ${bystander.accessToken.token}` } });
  assert.equal(response.status, 200);
  assert.equal((await response.json()).session.handle, bystander.session.handle);
}

/** Sends it, beside somebody else's request, and asserts a refusal or, where bytes are no HTTP, an ended connection. */
async function refused(what, bytes, { statuses = REFUSALS, orClosed = true } = {}) {
  const [answer] = await Promise.all([exchange(bytes), bystanderIsServed()]);
  if (!answer) return void assert.ok(orClosed, `${what}: no answer`);
  assert.ok(statuses.includes(answer.status), `${what}: ${answer.status} ${answer.body.slice(0, 200)}`);
  if (answer.headers.get("content-type")?.startsWith("application/json")) {
    const { status, message } = JSON.parse(answer.body);
    assert.ok(typeof status === "string" && typeof message === "string", what);
  }
  return answer;
}

const withBody = (door, body, headers = []) => {
  const bytes = Buffer.from(body);
  return Buffer.concat([Buffer.from(head(`${door.method ?? "GET"} ${door.path}`, [...door.headers, ...headers, `Content-Length: ${bytes.length}`])), bytes]);
};

const EVERY = Object.entries(DOORS);
const WITH_BODIES = EVERY.filter(([name]) => name.startsWith("service API"));
const GOOD = { userId: "alice", userDataInJWT: {}, userDataInDatabase: {}, enableAntiCsrf: false };

test("the doors are open: a good request at each is answered as it should be", async () => {
  for (const [name, door] of WITH_BODIES) {
    const answer = await exchange(withBody(door, JSON.stringify(GOOD)));
    assert.equal(answer?.status, 200, `${name}: ${answer?.body}`);
    assert.equal(JSON.parse(answer.body).status, "OK", name);
  }
  const headers = [`Authorization: Bearer ${bystander.accessToken.token}`];
  for (const path of ["/auth/session", "/app/good"]) assert.equal((await exchange(head(`GET ${path}`, headers)))?.status, 200, path);
});

test("methods: whatever is no method of a path is refused", async () => {
  // Not CONNECT: the runtime answers that itself, and it never reaches a Worker that takes no sockets.
  const methods = ["get", "Get", "POSTT", "PROPFIND", "TRACE", "PATCH", "DELETE", "PURGE", "M-SEARCH", "QUERY", "G\u0001T", "", "G".repeat(10_000), "GET GET"];
  for (const [name, door] of EVERY) {
    for (const method of methods) await refused(`${name}: ${method.slice(0, 20)}`, head(`${method} ${door.path}`, door.headers));
  }
});

test("paths: near misses and odd bytes reach nothing", async () => {
  const around = (path) => [
    `/${path}`, `${path}//`, `/.${path}`, `/x/..${path}`, `/x/%2e%2e${path}`, `${path}%00`, `${path}%2f`, `${path};a=b`, `${path}\\`, `/%2f${path.slice(1)}`, path.toUpperCase(),
    path.replace("s", "%73"), `${path}\u00e9`, `${path}\u0001`, `${path}%ff`, `${path}/${"a/".repeat(5_000)}`, `http://elsewhere.example${path}/x`, `${path} ${path}`, "*", "", "auth", "/%", "/core/%zz", "/core//recipe/session",
    `/core/appid-${"a".repeat(5_000)}/recipe/session`, `/core/${"t".repeat(65)}/recipe/session`, "/core/Ünï/recipe/session", "/core/<script>/recipe/session",
  ];
  for (const [name, door] of EVERY) {
    // The service API takes its paths in any letter case, and has a page at its root, where the runtime puts what has no slash.
    const isPage = (path) => name.startsWith("service API") && (path === door.path.toUpperCase() || !path.startsWith("/"));
    for (const path of around(door.path).filter((path) => !isPage(path))) {
      const answer = await exchange(Buffer.from(head(`${door.method ?? "GET"} ${path}`, door.headers), "latin1"));
      const what = `${name}: ${path.slice(0, 40)}: ${answer?.status} ${answer?.body.slice(0, 100)}`;
      // Refused, or normalised by the runtime to a path of this door, whose request is then not a good one.
      assert.ok(!answer || REFUSALS.includes(answer.status), what);
      assert.ok(!answer?.body.includes("<script>"), what);
    }
  }
  await bystanderIsServed();
});

test("headers: odd bytes, doubles, floods and contradictions are refused or mean nothing", async () => {
  const token = bystander.accessToken.token;
  const odd = {
    "bytes beyond ASCII": ["Cookie: sAccessToken=\u00ff\u0080\u00e9", "Authorization: Bearer \u00ff\u00fe", "Origin: \u00e9", "rid: \u00ff"],
    "bytes that are no UTF-8 in a key": ["api-key: \u00ff\u00fe\u0080"],
    "a control character": ["Cookie: sAccessToken=\u0001"],
    NUL: ["Cookie: a=\u0000"],
    "a bare line feed": ["Cookie: a=b\nX-Injected: 1"],
    "a folded line": ["Cookie: a=b\r\n c=d"],
    "a name with a space": ["Coo kie: a"],
    "no colon": ["Cookie"],
    "an empty name": [": a"],
    "two Authorization headers": [`Authorization: Bearer ${token}`, `Authorization: Bearer ${token}`],
    "two credentials in one": [`Authorization: Bearer ${token}, Bearer ${token}`],
    "two Cookie headers": [`Cookie: sAccessToken=${token}`, `Cookie: sAccessToken=${token}`],
    "two hosts": ["Host: core.example", "Host: 127.0.0.1"],
    "no token in a long cookie": [`Cookie: sAccessToken=${"a.".repeat(25_000)}`],
    "thousands of cookies": [`Cookie: ${"a=b; ".repeat(10_000)}sAccessToken=x`],
    "thousands of broken cookies": [`Cookie: ${"%=%;=;".repeat(8_000)}`],
    "a cookie of 200 KB": [`Cookie: sAccessToken=${"a".repeat(200_000)}`],
    "thousands of headers": Array.from({ length: 3_000 }, (_, index) => `x-${index}: a`),
    "an Authorization of 60 KB": [`Authorization: Bearer ${"e30.".repeat(15_000)}`],
    "a token of dots": [`Authorization: Bearer ${".".repeat(20_000)}`],
    "a deep header in a token": [`Authorization: Bearer ${Buffer.from("[".repeat(6_000)).toString("base64url")}.e30.AAAA`],
    "a version that is none": ["cdi-version: \u00ff", "fdi-version: ../.."],
    "an upgrade": ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="],
    "a negative length": ["Content-Length: -1"],
    "a length that is no number": ["Content-Length: 1e3"],
    "two lengths": ["Content-Length: 0", "Content-Length: 5"],
    "a length and chunks": ["Content-Length: 5", "Transfer-Encoding: chunked"],
    "an encoding that is none": ["Transfer-Encoding: gzip, chunked"],
    "a vast length": ["Content-Length: 99999999999999999999"],
    "names to expose, without end": ["Origin: https://www.example.com", `Access-Control-Request-Headers: ${"x-\u00e9, ".repeat(5_000)}`],
  };
  for (const [name, door] of EVERY) {
    for (const [what, headers] of Object.entries(odd)) {
      const replaces = headers.some((header) => header.startsWith("Host:"));
      const own = replaces ? door.headers.filter((header) => !header.startsWith("Host:")) : door.headers;
      await refused(`${name}: ${what}`, Buffer.from(head(`${door.method ?? "GET"} ${door.path}`, [...own, ...headers]), "latin1"));
    }
  }
  const preflight = head("OPTIONS /auth/session", ["Origin: https://www.example.com", `Access-Control-Request-Headers: ${"x-\u00e9, x-ok, ".repeat(2_000)}`]);
  const answer = await exchange(Buffer.from(preflight, "latin1"));
  assert.equal(answer?.status, 204);
  assert.match(answer.headers.get("access-control-allow-headers") ?? "", /st-auth-mode, dpop, x-ok$/);
});

test("what is no HTTP at all ends the connection", async () => {
  for (const bytes of ["\r\n\r\n", "\0".repeat(1_000), "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /\r\n\r\n", "a".repeat(300_000), "GET /auth/session HTTP/1.1\r\n\r\n"]) {
    await refused(JSON.stringify(bytes.slice(0, 20)), Buffer.from(bytes, "latin1"));
  }
});

test("bodies: everything that is not one strict JSON object of the fields wanted is refused", async () => {
  const good = JSON.stringify(GOOD);
  const nested = (open, close, depth) => `{"userId":"a","userDataInJWT":${open.repeat(depth)}1${close.repeat(depth)},"userDataInDatabase":{},"enableAntiCsrf":false}`;
  const bodies = {
    nothing: "", "a brace": "{", NUL: "\0", "an array": "[]", "a string": '"a"', null: "null", "a number": "1", "two values": `${good}${good}`, "a comma too much": good.replace("}", ",}"),
    "a byte order mark": Buffer.from(`\ufeff${good}`), "UTF-16": Buffer.from(good, "utf16le"), "no UTF-8": Buffer.from(good.replace("alice", "\u00ff\u00fe"), "latin1"),
    "a lone surrogate": good.replace("alice", "\\ud800"), "a control character": good.replace("alice", "a\u0001"), NaN: good.replace("{}", '{"a":NaN}'), "a leading zero": good.replace("{}", '{"a":01}'),
    "a member twice": good.replace("{", '{"userId":"mallory",'), "a member twice by escapes": good.replace("{", '{"\\u0075serId":"mallory",'), "a member twice, deep": good.replace("{}", '{"a":[{"b":1,"b":2}]}'),
    "65 deep in arrays": nested('{"a":', "}", 1).replace("1}", `${"[".repeat(64)}${"]".repeat(64)}}`), "100,000 arrays": nested("[", "]", 100_000), "50,000 objects": nested('{"a":', "}", 50_000),
    "a wrong type": good.replace('"alice"', "1"), "a field missing": good.replace('"userId":"alice"', '"other":1'), "protected claims": good.replace("{}", '{"sub":"mallory"}'),
    "a million members": `{${Array.from({ length: 200_000 }, (_, index) => `"a${index}":1`).join(",")}}`, "one name 100,000 times": `{${'"a":1,'.repeat(100_000)}"a":1}`,
    "compressed": gzipSync(good), "form data": "userId=alice&enableAntiCsrf=false", XML: "<userId>alice</userId>",
  };
  for (const [name, door] of WITH_BODIES) {
    // Before version 2.21 the payload is a claim of its own, where no name is protected.
    for (const [what, body] of Object.entries(bodies).filter(([what]) => !(name.includes("legacy") && what === "protected claims"))) {
      for (const type of what === "nothing" ? ["application/json", "text/plain", "multipart/form-data; boundary=a", "\u00ff"] : ["application/json"]) {
        const headers = [`Content-Type: ${type}`, ...(what === "compressed" ? ["Content-Encoding: gzip"] : [])];
        const answer = await refused(`${name}: ${what}`, withBody(door, body, headers), { statuses: [400, 413], orClosed: false });
        assert.ok(!answer?.body.includes("mallory"), what);
      }
    }
  }
  const handles = await postern.core("GET", "/recipe/session/user?userId=mallory");
  assert.deepEqual(handles.body.sessionHandles, []);
});

test("bodies: 25 MB are refused at every entry point, announced or not, and before they are read where nobody may send one", async () => {
  const large = Buffer.alloc(25 * MIB, 0x20);
  for (const [name, door] of EVERY) {
    const line = `${door.method ?? "POST"} ${door.path}`;
    await refused(`${name}: announced`, Buffer.concat([Buffer.from(head(line, [...door.headers, `Content-Length: ${large.length}`])), large]));
    const chunks = [head(line, [...door.headers, "Transfer-Encoding: chunked"]), `${large.length.toString(16)}\r\n`, large, "\r\n0\r\n\r\n"];
    await refused(`${name}: in chunks`, Buffer.concat(chunks.map((chunk) => Buffer.from(chunk))));
  }
  const withoutKey = head("POST /core/recipe/session", [`Content-Length: ${large.length}`]);
  const answer = await exchange(withoutKey);
  assert.equal(answer?.status, 401, "answered from the head alone");
});

test("bodies: broken chunks and broken-off bodies end with an answer or the connection", async () => {
  const door = DOORS["service API"];
  const line = head(`POST ${door.path}`, [...door.headers, "Transfer-Encoding: chunked"]);
  for (const chunks of ["zz\r\n{}\r\n0\r\n\r\n", "-1\r\n", "fffffffffffffffff\r\n{", "2\r\n{}}}\r\n0\r\n\r\n", "2;a=b\r\n{}\r\n0\r\nTrailer: a\r\n\r\n", "0\r\n\r\n"]) {
    await refused(JSON.stringify(chunks), line + chunks);
  }
  for (const bytes of [0, 1, 100_000]) {
    const connection = open(url);
    await connection.write(head(`POST ${door.path}`, [...door.headers, "Content-Length: 200000"]));
    await connection.write(Buffer.alloc(bytes, 0x20));
    connection.abort();
  }
  await bystanderIsServed();
});

/** Begins a body of `announced` bytes and sends `sent` of them. */
async function beginBody(announced, sent) {
  const door = DOORS["service API"];
  const connection = open(url);
  await connection.write(head(`POST ${door.path}`, [...door.headers, `Content-Length: ${announced}`]));
  // The rest lies where the runtime keeps it; only what was read counts.
  void connection.write(Buffer.alloc(sent, 0x20));
  return connection;
}

const create = () => exchange(withBody(DOORS["service API"], JSON.stringify(GOOD)));
const until = async (what, holds) => {
  for (const end = Date.now() + 10_000; !(await holds()); ) {
    assert.ok(Date.now() < end, what);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

/** Bodies of 5 MiB that wait for their last bytes, in a room for three of them; the fourth's answer. */
async function crowd() {
  /** @type {ReturnType<typeof open>[]} */
  let held = [];
  let crowded;
  await until("there is room for three bodies of 5 MiB, and not for a fourth", async () => {
    for (const connection of held) connection.close();
    held = await Promise.all([1, 2, 3].map(() => beginBody(5 * MIB + 10, 5 * MIB)));
    // One that came while bodies before it were on their way out has no place.
    if ((await Promise.all(held.map((connection) => connection.answer(500)))).some(Boolean)) return false;
    const fourth = await beginBody(5 * MIB + 10, 5 * MIB);
    crowded = await fourth.answer(1_000);
    fourth.close();
    return crowded;
  });
  return { held, crowded };
}

test("an isolate holds 16 MiB of bodies at a time; what would be more is 503, and room that is given back is used again", async () => {
  for (const end of ["finish", "abort", "close", "abort", "abort"]) {
    const { held, crowded } = await crowd();
    assert.equal(crowded.status, 503);
    assert.ok(Number(crowded.headers.get("retry-after")) > 0);
    assert.equal((await create())?.status, 200, "there is room for a small one");
    await bystanderIsServed();
    if (end === "finish") {
      for (const connection of held) await connection.write(Buffer.alloc(10, 0x20));
      for (const connection of held) assert.equal((await connection.answer())?.status, 400, "5 MiB of white space are no JSON");
    }
    for (const connection of held) end === "abort" ? connection.abort() : connection.close();
  }
});

test("a body that does not arrive in time is 408", async () => {
  for (const connection of slow.connections) assert.equal((await connection.answer(60_000))?.status, 408);
  assert.ok(Date.now() - slow.begun > 15_000);
});

test("hundreds of broken requests at once, and everybody else is served", async () => {
  const storm = Array.from({ length: 300 }, (_, index) => {
    const [, door] = WITH_BODIES[index % WITH_BODIES.length];
    return exchange(withBody(door, ["{", "[".repeat(50_000), '{"a":1,"a":2}', "\0".repeat(10_000)][index % 4]));
  });
  await Promise.all([...storm, ...Array.from({ length: 50 }, bystanderIsServed)]);
  for (const answer of await Promise.all(storm)) assert.equal(answer?.status, 400);
});

test("after all that the isolate was never started anew, and nothing was let through to the origin", async () => {
  await unhurt(postern);
  assert.equal(received, 0);
});
