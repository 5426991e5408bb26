// WebSockets through the gateway: who may open one, what passes, and when it ends.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket, WebSocketServer } from "ws";
import { access, cookie } from "../support/browser.mjs";
import { startGateway } from "../support/gateway.mjs";
import { startIssuer } from "../support/issuer.mjs";
import { startOrigin } from "../support/origin.mjs";
import { until } from "../support/until.mjs";

let origin;
let gateway;
let issuer;
/** How each socket ended at the origin. */
const ends = [];
before(async () => {
  issuer = await startIssuer();
  origin = await startOrigin();
  const server = new WebSocketServer({ server: origin.server, handleProtocols: (offered) => [...offered][0] });
  server.on("connection", (socket, request) => {
    origin.received.push(request);
    socket.on("close", (code, reason) => ends.push([request.url, code, String(reason)]));
    socket.on("error", () => {});
    if (request.url.startsWith("/live/hangs-up")) return socket.close(4321, "bye");
    if (request.url.startsWith("/live/dies")) return socket.terminate();
    if (request.url.startsWith("/live/flood")) {
      const timer = setInterval(() => socket.readyState === 1 ? socket.send(Buffer.alloc(256 * 1024)) : clearInterval(timer), 2);
    }
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  gateway = await startGateway({
    origins: { app: { url: origin.url } },
    rules: [
      { path: "/live/**", origin: "app", session: "required", freshness: "within 2s", issuers: ["own", "idp"] },
      { path: "/strict/**", origin: "app", session: "required", freshness: "strict" },
      { path: "/passed/**", origin: "app", session: "required", freshness: "within 2s", websocket: "pass" },
      { path: "/open/**", origin: "app", session: "optional" },
    ],
    vars: { ACCESS_TOKEN_VALIDITY: "1h", TRUSTED_ISSUERS: [issuer.setting] },
  });
});
after(async () => {
  await gateway?.close();
  await origin?.close();
});

/** Opens one; the answer is the open socket, or the status of the refusal. @param {string} path @param {Record<string, string>} headers @param {string[]} [protocols] */
const open = (path, headers, protocols = []) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${gateway.url().replace("http", "ws")}${path}`, protocols, { headers });
    /** @type {[string | Buffer, boolean][]} */
    const got = [];
    const closed = new Promise((done) => socket.on("close", (code, reason) => done([code, String(reason)])));
    socket.on("message", (data, isBinary) => got.push([isBinary ? data : String(data), isBinary]));
    socket.on("open", () => resolve({ socket, got, closed, status: 101 }));
    socket.on("unexpected-response", (_, response) => {
      response.resume();
      resolve({ status: response.statusCode });
    });
    socket.on("error", (error) => reject(error));
  });

/** Within so many milliseconds, or undefined. */
const within = (ms, promise) => Promise.race([promise, sleep(ms)]);

test("frames pass both ways as they are, text and binary, long and empty", async () => {
  const { headers } = await gateway.session();
  const { socket, got, closed } = await open("/live/echo", headers, ["p1", "p2"]);
  assert.equal(socket.protocol, "p1");
  assert.equal(origin.last().headers["postern-user-id"], "alice");
  assert.equal(origin.last().headers.authorization, undefined);
  const sent = ["text", "", "ünï😀", Buffer.from([0, 255, 1]), Buffer.alloc(0), Buffer.alloc(300_000, 7)];
  for (const data of sent) socket.send(data);
  await until("everything came back", async () => got.length === sent.length);
  assert.deepEqual(got.map(([data, isBinary]) => [isBinary, isBinary ? data.equals(sent[got.findIndex((g) => g[0] === data)]) : data]), sent.map((data) => (typeof data === "string" ? [false, data] : [true, true])));
  socket.close(4000, "done");
  assert.deepEqual(await closed, [4000, "done"]);
  await until("the origin heard of it", async () => ends.some(([, code, reason]) => code === 4000 && reason === "done"));
});

test("a cookie opens one as well; without a good session none is opened", async () => {
  const { token } = await gateway.session();
  const { socket, status } = await open("/live/echo", cookie(access(token)));
  assert.equal(status, 101);
  socket.terminate();
  origin.clear();
  for (const headers of [{}, { authorization: "Bearer x" }, cookie(access(`${token.slice(0, -10)}AAAAAAAAAA`))]) assert.equal((await open("/live/echo", headers)).status, 401);
  assert.equal(origin.received.length, 0);
});

test("an origin that hangs up, and one that dies, end it for the client", async () => {
  const { headers } = await gateway.session();
  assert.deepEqual(await (await open("/live/hangs-up", headers)).closed, [4321, "bye"]);
  const [code] = await (await open("/live/dies", headers)).closed;
  assert.equal(code, 1011);
});

test("a signed-out session closes it within the rule's bound, at both ends: 4403", async () => {
  const session = await gateway.session("bob");
  const { socket, closed } = await open("/live/revoked", session.headers);
  await sleep(1_200);
  assert.equal(socket.readyState, WebSocket.OPEN);
  const at = Date.now();
  const signedOut = await gateway.fetch("/auth/signout", { method: "POST", headers: session.headers });
  assert.equal(signedOut.status, 200);
  assert.deepEqual(await within(5_000, closed), [4403, "session revoked"]);
  assert.ok(Date.now() - at <= 2_500, `${Date.now() - at} ms`);
  await until("the origin heard of it", async () => ends.some(([url, code]) => url === "/live/revoked" && code === 4403));
});

test("strict: within a second", async () => {
  const session = await gateway.session("carol");
  const { closed } = await open("/strict/x", session.headers);
  const at = Date.now();
  await gateway.admin("revokeSession", { handle: session.handle });
  assert.deepEqual(await within(5_000, closed), [4403, "session revoked"]);
  assert.ok(Date.now() - at <= 1_500, `${Date.now() - at} ms`);
});

test("an expired token closes it: 4401", async () => {
  const token = await issuer.token({ sid: "s", sub: "dora" }, "3s");
  const { closed } = await open("/live/expires", { authorization: `Bearer ${token}` });
  const at = Date.now();
  assert.deepEqual(await within(6_000, closed), [4401, "session expired"]);
  assert.ok(Date.now() - at > 1_500, `${Date.now() - at} ms`);
});

test("a rule may let it pass: then nobody closes it", async () => {
  const session = await gateway.session("erin");
  const { socket, got, closed } = await open("/passed/x", session.headers);
  await gateway.admin("revokeSession", { handle: session.handle });
  assert.equal(await within(2_500, closed), undefined);
  socket.send("still");
  await until("the echo", async () => got.length === 1);
  socket.terminate();
});

test("without a session there is nothing to enforce", async () => {
  const { socket, got } = await open("/open/x", {});
  socket.send("hi");
  await until("the echo", async () => got.length === 1);
  assert.equal(origin.last().headers["postern-user-id"], undefined);
  socket.terminate();
});

test("a client that does not read is cut off, and its frames do not pile up here", async () => {
  const { headers } = await gateway.session("frank");
  const resident = () => Number(readFileSync(`/proc/${gateway.pid()}/status`, "utf8").match(/^VmRSS:\s+(\d+) kB/m)[1]) * 1024;
  const before = resident();
  const { hostname, port } = new URL(gateway.url());
  const client = connect(Number(port), hostname);
  client.on("error", () => {});
  client.write(`GET /live/flood HTTP/1.1\r\nHost: a\r\nAuthorization: ${headers.authorization}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`);
  client.pause();
  await until("the origin was told", async () => ends.some(([url, code, reason]) => url === "/live/flood" && code === 1013 && reason === "too slow"));
  assert.ok(resident() - before < 64 * 1024 * 1024, `grew by ${(resident() - before) >> 20} MiB`);
  client.destroy();
});

test("a page that keeps its token in script hands it over as a subprotocol, which the origin never sees", async () => {
  const { token } = await gateway.session("bob");
  const bearer = `postern.bearer.${token}`;
  for (const path of ["/live/echo", "/passed/echo", "/open/echo"]) {
    for (const [offered, chosen, left] of /** @type {[string[], string, string | undefined][]} */ ([
      [["postern", bearer], "postern", undefined],
      [["postern", bearer, "chat.v2", "chat.v1"], "chat.v2", "chat.v2, chat.v1"],
    ])) {
      const { socket, got, status } = await open(path, {}, offered);
      assert.deepEqual([status, socket.protocol], [101, chosen], path);
      const { headers } = origin.last();
      assert.deepEqual([headers["postern-user-id"], headers["sec-websocket-protocol"]], ["bob", left]);
      assert.doesNotMatch(JSON.stringify(headers).replace(headers["postern-assertion"], ""), /eyJhbGciOiJSUzI1NiIs/);
      socket.send("hello");
      await until("the frame came back", async () => got.length === 1);
      socket.close();
    }
  }
  // One that is no good, none at all, and one beside a header that decides.
  assert.equal((await open("/live/echo", {}, ["postern", `${bearer.slice(0, -8)}AAAAAAAA`])).status, 401);
  assert.equal((await open("/live/echo", {}, ["postern"])).status, 401);
  const alice = await gateway.session();
  (await open("/live/echo", alice.headers, ["postern", bearer])).socket.close();
  assert.equal(origin.last().headers["postern-user-id"], "alice");
  // Only with an upgrade: any website may have a browser send other headers.
  assert.equal((await gateway.fetch("/live/x", { headers: { "sec-websocket-protocol": `postern, ${bearer}` } })).status, 401);
});

test("a socket that was opened with a subprotocol's token ends with its session", async () => {
  const { token, handle } = await gateway.session("carl");
  const { closed } = await open("/strict/echo", {}, ["postern", `postern.bearer.${token}`]);
  await gateway.admin("revokeSession", { handle });
  assert.deepEqual(await within(5_000, closed), [4403, "session revoked"]);
});

test("while nobody can tell whether the session stands, it lasts no longer than the bound: 1013", async () => {
  const session = await gateway.session("gina");
  const { closed } = await open("/live/outage", session.headers);
  // The user's object can no longer be asked: what it reads is of a version that it does not know.
  gateway.sql("UserSessions", "UPDATE schema SET version = 99");
  const at = Date.now();
  const end = await within(8_000, closed);
  assert.ok(end, "it stayed open");
  assert.equal(end[0], 1013);
  assert.ok(Date.now() - at <= 4_000, `${Date.now() - at} ms`);
});
