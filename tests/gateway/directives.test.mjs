// Origins without an SDK: sessions started, changed and ended by response headers.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { bearer, read } from "../support/browser.mjs";
import { startGateway } from "../support/gateway.mjs";
import { bodyOf, startOrigin } from "../support/origin.mjs";

const b64 = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

let origin;
let gateway;
/** What the origin answers on `/act/**`: given the request, headers. @type {(request: import("node:http").IncomingMessage) => Record<string, string | string[]>} */
let act = () => ({});

before(async () => {
  origin = await startOrigin(async (request, response) => {
    const body = new URLSearchParams((await bodyOf(request)).toString());
    if (request.url === "/login" && request.method === "POST") {
      // A login form, in the three lines that docs/gateway.md has for any language.
      if (body.get("password") !== "correct horse") return response.writeHead(403).end("wrong password");
      response.setHeader("Postern-Directive-Key", request.headers["postern-directive-key"]);
      response.setHeader("Postern-Create-Session", b64({ userId: body.get("user"), jwtPayload: { role: "member" }, sessionData: { cart: [] } }));
      return response.writeHead(303, { location: "/account" }).end();
    }
    if (request.url.startsWith("/act") || request.url.startsWith("/plain")) return response.writeHead(200, act(request)).end("acted");
    response.end(JSON.stringify({ user: request.headers["postern-user-id"] ?? null, payload: request.headers["postern-payload"] ?? null }));
  });
  gateway = await startGateway({
    origins: { app: { url: origin.url } },
    rules: [
      { path: ["/login", "/act/**"], methods: ["GET", "POST"], origin: "app", session: "optional", directives: true },
      { path: "/account/**", origin: "app", session: "required", freshness: "strict" },
      { path: "/**", origin: "app", session: "optional" },
    ],
  });
});
after(async () => {
  await gateway?.close();
  await origin?.close();
});
beforeEach(() => {
  act = () => ({});
  origin.clear();
});

const keyed = (request, headers) => ({ "postern-directive-key": request.headers["postern-directive-key"] ?? "", ...headers });
const login = (user = "alice", password = "correct horse", headers = {}) =>
  gateway.fetch("/login", { method: "POST", body: new URLSearchParams({ user, password }), headers });
/** The cookies of an answer as a browser sends them to `/`. */
const jar = (answer) => answer.headers.getSetCookie().filter((line) => !/path=\/auth/i.test(line)).map((line) => line.split(";")[0]).join("; ");
const dataOf = async (handle) => (await gateway.call("SESSIONS", "getSessionData", { handle, freshness: "strict" })).sessionData;
const isClean = (answer) => assert.deepEqual([...answer.headers.keys()].filter((name) => name.startsWith("postern")), []);
/** Acts with a session; the answer. */
const acting = (session, headers, path = "/act") => {
  act = (request) => keyed(request, headers);
  return gateway.fetch(path, { headers: session?.headers ?? {} });
};

test("a login form: the browser has a session, with its payload and its data", async () => {
  const wrong = await login("alice", "guess");
  assert.deepEqual([wrong.status, wrong.headers.getSetCookie()], [403, []]);
  const answer = await login();
  assert.deepEqual([answer.status, answer.headers.get("location"), answer.headers.get("cache-control")], [303, "/account", "no-store"]);
  isClean(answer);
  const cookies = answer.headers.getSetCookie();
  assert.deepEqual(cookies.map((line) => line.split("=")[0]), ["sAccessToken", "sRefreshToken"]);
  assert.ok(cookies.every((line) => /httponly/i.test(line)));
  assert.ok(answer.headers.get("front-token"));
  const account = await gateway.fetch("/account/x", { headers: { cookie: jar(answer) } });
  const { user, payload } = await account.json();
  assert.equal(user, "alice");
  assert.equal(JSON.parse(Buffer.from(payload, "base64url").toString()).role, "member");
  const session = (await (await gateway.fetch("/auth/session", { headers: { cookie: jar(answer) } })).json()).session;
  assert.deepEqual(await dataOf(session.handle), { cart: [] });
  // And the browser can refresh it.
  const refresh = cookies.find((line) => line.startsWith("sRefreshToken"))?.split(";")[0] ?? "";
  assert.equal((await gateway.fetch("/auth/session/refresh", { method: "POST", headers: { cookie: refresh } })).status, 200);
});

test("an SDK that asks for headers gets its tokens in headers", async () => {
  const answer = await login("alice", "correct horse", { "st-auth-mode": "header" });
  assert.deepEqual(answer.headers.getSetCookie(), []);
  const token = answer.headers.get("st-access-token");
  assert.equal((await gateway.fetch("/account/x", { headers: bearer(token) })).status, 200);
});

test("the session's data is overwritten", async () => {
  const session = await gateway.session("alice");
  const answer = await acting(session, { "postern-session-data": b64({ cart: ["book"] }) });
  assert.deepEqual([answer.status, answer.headers.get("cache-control")], [200, "no-store"]);
  isClean(answer);
  assert.equal(await answer.text(), "acted");
  assert.deepEqual(await dataOf(session.handle), { cart: ["book"] });
});

test("the payload is replaced, in storage and in the browser's access token", async () => {
  const session = await gateway.session("alice", { role: "member" });
  const answer = await acting(session, { "postern-set-payload": b64({ role: "admin" }) });
  assert.equal(answer.status, 200);
  const token = answer.headers.get("st-access-token");
  assert.ok(token && answer.headers.get("front-token"));
  const verified = await gateway.call("SESSIONS", "getSession", { accessToken: token, freshness: "strict" });
  assert.equal(verified.session.jwtPayload.role, "admin");
  assert.equal((await gateway.admin("getSessionInformation", { handle: session.handle })).session.jwtPayload.role, "admin");
  // By cookie it comes back as one, and the refresh token is left alone.
  act = (request) => keyed(request, { "postern-set-payload": b64({ role: "x" }) });
  const byCookie = await gateway.fetch("/act", { headers: { cookie: `sAccessToken=${token}` } });
  assert.deepEqual(byCookie.headers.getSetCookie().map((line) => line.split("=")[0]), ["sAccessToken"]);
});

test("this session ends, or all of the user's", async () => {
  const [one, two] = [await gateway.session("bob"), await gateway.session("bob")];
  const isAlive = async ({ handle }) => (await gateway.call("SESSIONS", "getSessionData", { handle, freshness: "strict" })).status === "OK";
  const answer = await acting(one, { "postern-revoke": "session" });
  assert.equal(answer.status, 200);
  assert.deepEqual([await isAlive(one), await isAlive(two)], [false, true]);
  assert.ok(answer.headers.getSetCookie().some((line) => line.startsWith("sAccessToken=;")), JSON.stringify(answer.headers.getSetCookie()));
  assert.equal(answer.headers.get("front-token"), "remove");
  const three = await gateway.session("bob");
  await acting(two, { "postern-revoke": "user" });
  assert.deepEqual([await isAlive(two), await isAlive(three)], [false, false]);
  const nobody = await acting(undefined, { "postern-revoke": "session" });
  assert.equal(nobody.status, 200);
});

test("a login may end the session before it: both in one answer", async () => {
  const before = await gateway.session("carol");
  const answer = await acting(before, { "postern-revoke": "session", "postern-create-session": b64({ userId: "carol" }) });
  assert.equal(answer.status, 200);
  assert.notEqual((await gateway.call("SESSIONS", "getSessionData", { handle: before.handle, freshness: "strict" })).status, "OK");
  assert.equal((await gateway.fetch("/account/x", { headers: { cookie: jar(answer) } })).status, 200);
});

/** What must not be honoured: nothing is set, the answer is 502, and the log says why. */
const refused = {
  "without the key": () => ({ "postern-create-session": b64({ userId: "root" }) }),
  "with another request's key": () => ({ "postern-directive-key": "AAAAAAAAAAAAAAAAAAAAAA", "postern-create-session": b64({ userId: "root" }) }),
  "with the key twice": (request) => ({ "postern-directive-key": [request.headers["postern-directive-key"], request.headers["postern-directive-key"]], "postern-create-session": b64({ userId: "root" }) }),
  "out of a cache": (request) => keyed(request, { age: "0", "postern-create-session": b64({ userId: "root" }) }),
  "out of Cloudflare's cache": (request) => keyed(request, { "cf-cache-status": "HIT", "postern-create-session": b64({ userId: "root" }) }),
  "twice in one answer": (request) => keyed(request, { "postern-create-session": [b64({ userId: "root" }), b64({ userId: "eve" })] }),
  "that is no JSON": (request) => keyed(request, { "postern-create-session": Buffer.from("{").toString("base64url") }),
  "that is no base64url": (request) => keyed(request, { "postern-create-session": "{}" }),
  "without a user": (request) => keyed(request, { "postern-create-session": b64({ jwtPayload: {} }) }),
  "with an unknown member": (request) => keyed(request, { "postern-create-session": b64({ userId: "root", admin: true }) }),
  "with a protected claim": (request) => keyed(request, { "postern-create-session": b64({ userId: "root", jwtPayload: { sub: "x" } }) }),
  "that is too long": (request) => keyed(request, { "postern-create-session": b64({ userId: "root", sessionData: { x: "x".repeat(9_000) } }) }),
  "to end what is no word for it": (request) => keyed(request, { "postern-revoke": "everything" }),
  "to change data without a session": (request) => keyed(request, { "postern-session-data": b64({}) }),
};

for (const [how, headers] of Object.entries(refused)) {
  test(`a directive ${how} is stripped, logged, and the answer is 502`, async () => {
    act = headers;
    const answer = await gateway.fetch("/act");
    assert.equal(answer.status, 502);
    isClean(answer);
    assert.deepEqual([answer.headers.getSetCookie(), answer.headers.get("front-token")], [[], null]);
    assert.equal((await answer.json()).status, "BAD_GATEWAY");
    const line = gateway.output().trim().split("\n").filter((line) => line.includes("gateway_directive")).at(-1) ?? "";
    assert.match(line, /rule \/login: /);
    assert.ok(!line.includes(b64({ userId: "root" })) && !/[A-Za-z0-9_-]{22}/.test(line.replace(/gateway_directive|postern-[a-z-]+/g, "")), line);
  });
}

test("the key is another one for each request, and no client can choose it", async () => {
  const keys = new Set();
  act = (request) => {
    keys.add(request.headers["postern-directive-key"]);
    return {};
  };
  for (let n = 0; n < 5; n += 1) await (await gateway.fetch("/act", { headers: { "postern-directive-key": "chosen" } })).text();
  assert.equal(keys.size, 5);
  for (const key of keys) assert.match(key, /^[A-Za-z0-9_-]{22}$/);
});

test("on a rule without directives there is no key, and nothing of ours passes from the origin", async () => {
  act = (request) => ({ ...keyed(request, { "postern-create-session": b64({ userId: "root" }), "Postern_Revoke": "user", "front-token": "x", "st-access-token": "x", "st-refresh-token": "x", "anti-csrf": "x", "id-refresh-token": "x" }), "set-cookie": ["sAccessToken=evil; Path=/", "theme=dark; Path=/", "sRefreshToken=evil", "__Host-sAccessToken=evil; Path=/; Secure", "SFRONTTOKEN=x"] });
  const answer = await gateway.fetch("/plain", { headers: { "postern-directive-key": "x" } });
  assert.equal(answer.status, 200);
  assert.equal(origin.last().headers["postern-directive-key"], undefined);
  isClean(answer);
  const { headers } = await read(new Response("{}", { headers: answer.headers }));
  assert.deepEqual(answer.headers.getSetCookie(), ["theme=dark; Path=/"]);
  assert.deepEqual(headers.other, {});
});
