// Session tickets: for an EventSource or a WebSocket of a page that keeps its token in script. Each works once, at one path.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { access, cookie } from "../support/browser.mjs";
import { startGateway } from "../support/gateway.mjs";
import { apiKey } from "../support/harness.mjs";
import { startIssuer } from "../support/issuer.mjs";
import { startOrigin } from "../support/origin.mjs";
import { until } from "../support/until.mjs";

const SITE = "http://page.example.test";

let origin;
let gateway;
let issuer;
/** Every ticket that was made. @type {string[]} */
const tickets = [];
before(async () => {
  issuer = await startIssuer();
  origin = await startOrigin((request, response) => {
    if (request.headers["postern-directive-key"]) response.setHeader("postern-directive-key", request.headers["postern-directive-key"]);
    response.writeHead(200, { "content-type": "text/event-stream", "postern-revoke": "session" }).end("data: hello\n\n");
  });
  const server = new WebSocketServer({ server: origin.server });
  server.on("connection", (socket, request) => {
    origin.received.push(request);
    socket.on("message", (data) => socket.send(String(data)));
    socket.on("error", () => {});
  });
  const rule = { origin: "app", session: "required" };
  gateway = await startGateway({
    origins: { app: { url: origin.url } },
    rules: [
      { ...rule, path: "/events/**" },
      { ...rule, path: "/socket/**", freshness: "strict" },
      { ...rule, path: "/stateless/**", freshness: "stateless" },
      { ...rule, path: "/optional/**", session: "optional" },
      { ...rule, path: "/open/**", session: "none" },
      { ...rule, path: "/admins/**", require: { all: [{ claim: "role", equals: "admin" }] } },
      { ...rule, path: "/partners/**", issuers: ["idp"] },
      { ...rule, path: "/directed/**", methods: ["GET"], directives: true },
    ],
    vars: { API_KEYS: apiKey, TRUSTED_ISSUERS: [issuer.setting], WEBSITE_ORIGINS: SITE },
    entry: "tests/support/clock-entry.mjs",
  });
});
after(async () => {
  await gateway?.close();
  await origin?.close();
});
beforeEach(() => origin.clear());

/** Asks for one. @param {Record<string, string>} headers @param {unknown} body */
async function ask(headers, body) {
  const answer = await gateway.fetch("/auth/session/ticket", { method: "POST", headers, body: typeof body === "string" ? body : JSON.stringify(body) });
  const told = await answer.json();
  if (told.ticket) tickets.push(told.ticket);
  return { ...told, status: answer.status, headers: answer.headers };
}
/** @param {{headers: Record<string, string>}} session @param {string} path */
async function ticketFor(session, path) {
  const { status, ticket, message } = await ask(session.headers, { path });
  assert.equal(status, 200, message);
  return ticket;
}
/** As an EventSource does. @param {string} path @param {string} ticket @param {RequestInit} [more] */
const stream = (path, ticket, more = {}) => gateway.fetch(`${path}${path.includes("?") ? "&" : "?"}postern_ticket=${ticket}`, { ...more, headers: { accept: "text/event-stream", ...more.headers } });
/** @param {string} path @param {string} ticket */
const socketOf = (path, ticket) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${gateway.url().replace("http", "ws")}${path}?postern_ticket=${ticket}`);
    const closed = new Promise((done) => socket.on("close", (code, reason) => done([code, String(reason)])));
    const got = [];
    socket.on("message", (data) => got.push(String(data)));
    socket.on("open", () => resolve({ socket, got, closed, status: 101 }));
    socket.on("unexpected-response", (_, response) => {
      response.resume();
      resolve({ status: response.statusCode });
    });
    socket.on("error", reject);
  });
/** The log says so, once more. @param {string} why @param {() => Promise<void>} action */
async function logged(why, action) {
  const times = () => gateway.output().split(`ticket: ${why}`).length;
  const before = times();
  await action();
  await until(`the log says "${why}"`, async () => times() > before);
}

test("a ticket is made for a good session of ours, by Bearer or by cookie, and is kept by no cache", async () => {
  const session = await gateway.session();
  const now = Date.now();
  const made = await ask(session.headers, { path: "/events/a" });
  assert.deepEqual([made.status, made.headers.get("cache-control")], [200, "no-store"]);
  assert.ok(Math.abs(made.expiresAt - now - 30_000) < 5_000, String(made.expiresAt - now));
  assert.match(made.ticket, /^[\w.-]{100,512}$/);
  // A website on another host: cookies are SameSite=none, and a page shows itself by a header of its own, too.
  const byCookie = { ...cookie(access(session.token)), rid: "anti-csrf" };
  assert.equal((await ask({ ...byCookie, origin: SITE }, { path: "/events/a" })).status, 200);
  assert.equal((await ask({ cookie: byCookie.cookie, origin: SITE }, { path: "/events/a" })).status, 401);
  // As every call that changes something: not from another website, and for nobody else.
  assert.equal((await ask({ ...byCookie, origin: "https://evil.test" }, { path: "/events/a" })).status, 403);
  assert.equal((await ask({}, { path: "/events/a" })).status, 401);
  assert.equal((await ask({ authorization: `Bearer ${await issuer.token({ sid: "s", sub: "dora" }, "1h")}` }, { path: "/events/a" })).status, 401);
  assert.equal((await ask({ authorization: `Bearer ${session.token.slice(0, -10)}AAAAAAAAAA` }, { path: "/events/a" })).status, 401);
  assert.equal((await gateway.fetch("/auth/session/ticket", { headers: session.headers })).status, 405);
});

test("the path must be one that the gateway takes", async () => {
  const session = await gateway.session();
  for (const body of [
    {},
    { path: 1 },
    { path: "" },
    { path: "events" },
    { path: "/events/a?x=1" },
    { path: "/events/a#x" },
    { path: "/events/../admins/a" },
    { path: "/events/%2e%2e/a" },
    { path: "/events//a" },
    { path: "/events/a;b" },
    { path: "/events/\u0000" },
    { path: "/events/é" },
    { path: "/events/a b" },
    { path: "//evil.test/events/a" },
    { path: "/nothing/for/this" },
    { path: `/events/${"a".repeat(2_048)}` },
    { path: "/events/a", host: "x" },
    [],
    "{",
    `{"path":"${"a".repeat(20_000)}"}`,
    '{"path":"/events/a","path":"/events/b"}',
  ]) {
    const { status, ticket } = await ask(session.headers, body);
    assert.deepEqual([status, ticket], [400, undefined], JSON.stringify(body).slice(0, 80));
  }
  const path = `/events/${"a".repeat(2_000)}%20`;
  assert.equal((await stream(path, await ticketFor(session, path))).status, 200);
});

test("an EventSource opens with it once; the origin is told whose it is, and never sees it", async () => {
  const session = await gateway.session("alice", { role: "member" });
  for (const [sent, got] of [["/events/a", "/events/a"], ["/events/a?from=%41&x", "/events/a?from=%41&x"]]) {
    const ticket = await ticketFor(session, "/events/a");
    const answer = await stream(sent, ticket);
    assert.deepEqual([answer.status, await answer.text()], [200, "data: hello\n\n"]);
    const { url, headers } = origin.last();
    assert.deepEqual([url, headers["postern-user-id"], headers["postern-session-handle"]], [got, "alice", session.handle]);
    assert.deepEqual(JSON.parse(Buffer.from(headers["postern-payload"], "base64url").toString()), { role: "member" });
    assert.ok(!JSON.stringify(headers).includes("t1."));
    for (const name of ["set-cookie", "st-access-token", "front-token"]) assert.equal(answer.headers.get(name), null);
    origin.clear();
    await logged("used before", async () => {
      assert.equal((await stream(sent, ticket)).status, 401);
      assert.equal(origin.received.length, 0);
    });
  }
});

test("of ten requests with one ticket exactly one passes", async () => {
  const session = await gateway.session();
  const ticket = await ticketFor(session, "/events/race");
  const answers = await Promise.all(Array.from({ length: 10 }, () => stream("/events/race", ticket)));
  const statuses = answers.map(({ status }) => status).sort();
  assert.deepEqual(statuses, [200, ...Array(9).fill(401)]);
  assert.equal(origin.received.length, 1);
});

test("at another path or host, altered, or given twice it is as if there were none", async () => {
  const session = await gateway.session();
  const ticket = await ticketFor(session, "/events/here");
  await logged("for another host or path", async () => {
    for (const path of ["/events/there", "/events/here/", "/events/Here", "/stateless/here"]) assert.equal((await stream(path, ticket)).status, 401);
    assert.equal((await gateway.raw("GET", `/events/here?postern_ticket=${ticket}`, ["Host: other.example.test", "Connection: close"])).status, 401);
  });
  await logged("none of ours", async () => {
    const [first, second] = [ticket.slice(0, -1), ticket.at(-1)];
    for (const text of [`${first}${second === "A" ? "B" : "A"}`, first, ticket.replace("t1.", "t2."), "", "x", session.token, `${ticket}x`]) {
      const { status } = await stream("/events/here", text);
      // A token has no place in a URL, but this parameter goes nowhere.
      assert.equal(status, 401, text.slice(0, 10));
    }
  });
  await logged("given more than once", async () => {
    assert.equal((await stream(`/events/here?postern_ticket=${ticket}`, ticket)).status, 401);
  });
  assert.equal(origin.received.length, 0);
  // All of that used nothing up.
  assert.equal((await stream("/events/here", ticket)).status, 200);
});

test("an optional rule passes without a session, a rule without sessions uses none up, and the origin sees no ticket", async () => {
  const session = await gateway.session();
  const ticket = await ticketFor(session, "/open/x");
  const twice = await ticketFor(session, "/optional/x");
  for (const [path, user] of [["/open/x", undefined], ["/optional/x", undefined]]) {
    assert.equal((await stream(path, path === "/open/x" ? ticket : "t1.nonsense")).status, 200);
    assert.equal(origin.last().headers["postern-user-id"], user);
  }
  for (const spelled of [`%70ostern_ticket=${ticket}`, `q=${ticket}`, `a;postern_ticket=${ticket}`, `q=${ticket.replaceAll(".", "%2E")}`]) assert.equal((await gateway.fetch(`/open/x?${spelled}&z=1`)).status, 200);
  assert.deepEqual(origin.received.map(({ url }) => url), ["/open/x", "/optional/x", "/open/x?z=1", "/open/x?z=1", "/open/x?a;z=1", "/open/x?z=1"]);
  assert.equal((await stream("/optional/x", twice)).status, 200);
  assert.equal(origin.last().headers["postern-user-id"], "alice");
  await logged("used before", async () => {
    assert.equal((await stream("/optional/x", twice)).status, 200);
    assert.equal(origin.last().headers["postern-user-id"], undefined);
  });
});

test("it counts for GET only", async () => {
  const session = await gateway.session();
  const ticket = await ticketFor(session, "/events/post");
  await logged("counts for GET only", async () => {
    for (const method of ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"]) assert.equal((await stream("/events/post", ticket, { method })).status, 401, method);
  });
  assert.equal(origin.received.length, 0);
  assert.equal((await stream("/events/post", ticket)).status, 200);
});

test("the rule's claims and issuers apply, and another credential that is good decides", async () => {
  const [member, admin] = [await gateway.session("mia", { role: "member" }), await gateway.session("ada", { role: "admin" })];
  assert.equal((await stream("/admins/x", await ticketFor(member, "/admins/x"))).status, 403);
  assert.equal((await stream("/admins/x", await ticketFor(admin, "/admins/x"))).status, 200);
  await logged("sessions of our own are not accepted here", async () => {
    assert.equal((await stream("/partners/x", await ticketFor(admin, "/partners/x"))).status, 401);
  });
  const ticket = await ticketFor(member, "/events/both");
  for (const headers of [admin.headers, cookie(access(admin.token))]) {
    assert.equal((await stream("/events/both", ticket, { headers })).status, 200);
    assert.equal(origin.last().headers["postern-user-id"], "ada");
  }
  // It was not used, and one that is no good does not stand in its way.
  assert.equal((await stream("/events/both", ticket, { headers: { authorization: `Bearer ${admin.token.slice(0, -8)}AAAAAAAA` } })).status, 200);
  assert.equal(origin.last().headers["postern-user-id"], "mia");
  assert.ok(!JSON.stringify(origin.last().headers).includes(admin.token.slice(0, 40)));
});

test("of a session that has ended it is refused, whatever the rule's freshness", async () => {
  for (const path of ["/events/ended", "/stateless/ended"]) {
    const session = await gateway.session("eve");
    const ticket = await ticketFor(session, path);
    await gateway.admin("revokeSession", { handle: session.handle });
    await logged("Session does not exist.", async () => {
      assert.equal((await stream(path, ticket)).status, 401);
    });
  }
  assert.equal(origin.received.length, 0);
});

test("it changes no session: the origin gets no key for directives", async () => {
  const session = await gateway.session("dan");
  assert.equal((await stream("/directed/x", await ticketFor(session, "/directed/x"))).status, 200);
  assert.equal(origin.last().headers["postern-directive-key"], undefined);
  assert.equal((await gateway.admin("getSession", { accessToken: session.token, freshness: "strict" })).status, "OK");
});

test("a WebSocket opens with it once, and ends with its session", async () => {
  const session = await gateway.session("walt");
  const ticket = await ticketFor(session, "/socket/live");
  const { socket, got, closed, status } = await socketOf("/socket/live", ticket);
  assert.equal(status, 101);
  assert.deepEqual([origin.last().url, origin.last().headers["postern-user-id"]], ["/socket/live", "walt"]);
  assert.equal((await socketOf("/socket/live", ticket)).status, 401);
  socket.send("hello");
  await until("the frame came back", async () => got.length === 1);
  await gateway.admin("revokeSession", { handle: session.handle });
  assert.deepEqual(await closed, [4403, "session revoked"]);
});

test("after its time it is expired; a socket that it opened ends with the access token that it was made with", async () => {
  const session = await gateway.session("tim");
  const ticket = await ticketFor(session, "/events/late");
  const { closed } = await socketOf("/socket/late", await ticketFor(session, "/socket/late"));
  try {
    await logged("expired", async () => {
      const answer = await stream("/events/late", ticket, { headers: { "test-clock-ahead": "30500" } });
      assert.equal(answer.status, 401);
    });
    await gateway.fetch("/auth/healthz", { headers: { "test-clock-ahead": "3700000" } });
    assert.deepEqual(await closed, [4401, "session expired"]);
  } finally {
    await gateway.fetch("/auth/healthz", { headers: { "test-clock-ahead": "0" } });
  }
});

test("while the user's object cannot tell, it is 503 and not 401", async () => {
  const session = await gateway.session("olga");
  const ticket = await ticketFor(session, "/events/outage");
  gateway.sql("UserSessions", "UPDATE schema SET version = 99");
  try {
    const answer = await stream("/events/outage", ticket);
    assert.equal(answer.status, 503);
  } finally {
    gateway.sql("UserSessions", "UPDATE schema SET version = 2");
  }
  assert.equal((await stream("/events/outage", ticket)).status, 200);
});

test("an explanation uses none up, and does not repeat it", async () => {
  const session = await gateway.session();
  const ticket = await ticketFor(session, "/events/explained");
  const url = `https://x.example.test/events/explained?postern_ticket=${ticket}`;
  const answer = await gateway.fetch("/auth/explain", { method: "POST", headers: { "api-key": apiKey }, body: JSON.stringify({ url }) });
  const text = await answer.text();
  assert.match(text, /a ticket, which works once, is not looked at/);
  assert.ok(!text.includes("t1."));
  assert.equal((await stream("/events/explained", ticket)).status, 200);
});

test("no log line holds a ticket", () => {
  const printed = gateway.output();
  assert.ok(tickets.length >= 20);
  for (const ticket of tickets) for (const part of [ticket, ticket.split(".").at(-1)]) assert.ok(!printed.includes(part));
});
