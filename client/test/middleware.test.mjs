// The middleware in the real frameworks. Each app has GET and POST /private (a session is required), /open (it is not).
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, beforeEach, test } from "node:test";

import * as postern from "postern";
import { session as ofExpress } from "postern/express";
import { session as ofFastify } from "postern/fastify";
import { session as ofHono } from "postern/hono";
import { withSession } from "postern/next";
import { memoryPostern } from "postern/testing";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { provingClient } from "../../tests/support/client-contract.mjs";
import { API_KEY, wire } from "./harness.mjs";

const OPEN = { required: false };
const seen = (session) => ({ user: session?.userId ?? null, role: session?.jwtPayload.role ?? null });
/** @type {(() => unknown)[]} */
const closing = [];

/** One `(path, init) → Promise<Response>` for each framework. */
const apps = {
  async hono() {
    const app = new Hono();
    app.use("/private", ofHono());
    app.use("/open", ofHono(OPEN));
    app.all("*", (c) => c.json(seen(c.get("postern"))));
    return (path, init) => app.request(`http://app.example${path}`, init);
  },
  async express() {
    const app = express();
    app.use("/private", ofExpress());
    app.use("/open", ofExpress(OPEN));
    app.use((request, response) => response.json(seen(request.postern)));
    const server = app.listen(0, "127.0.0.1");
    await new Promise((listening) => server.once("listening", listening));
    closing.push(() => server.close());
    return at(`http://127.0.0.1:${server.address().port}`);
  },
  async fastify() {
    const app = fastify();
    app.all("/private", { preHandler: ofFastify() }, async (request) => seen(request.postern));
    app.all("/open", { preHandler: ofFastify(OPEN) }, async (request) => seen(request.postern));
    closing.push(() => app.close());
    return at(await app.listen({ port: 0, host: "127.0.0.1" }));
  },
  // A route handler of Next.js is a function of web requests; the server stands for Next's router. The real one: tests/next.
  async next() {
    const answer = (request, { postern }) => Response.json(seen(postern));
    const routes = { "/private": withSession(answer), "/open": withSession(answer, OPEN) };
    const server = createServer(async (incoming, outgoing) => {
      const request = new Request(`http://${incoming.headers.host}${incoming.url}`, { method: incoming.method, headers: incoming.headers });
      const response = await routes[incoming.url](request, { params: Promise.resolve({}) });
      outgoing.writeHead(response.status, Object.fromEntries(response.headers)).end(await response.text());
    }).listen(0, "127.0.0.1");
    await new Promise((listening) => server.once("listening", listening));
    closing.push(() => server.close());
    return at(`http://127.0.0.1:${server.address().port}`);
  },
};
const at = (base) => (path, init) => fetch(`${base}${path}`, init);

let memory;
beforeEach(() => {
  memory = memoryPostern();
  postern.init(bindings(memory));
});
after(() => Promise.all(closing.map((close) => close())));

const bindings = ({ binding, adminBinding }) => ({ binding, adminBinding, retries: 0 });

for (const [name, start] of Object.entries(apps)) {
  let ask;
  before(async () => (ask = await start()));
  const answer = async (...request) => {
    const response = await ask(...request);
    return { status: response.status, body: await response.json(), headers: response.headers };
  };

  test(`${name}: a session passes, by header and by cookie; without one the answer says what to do`, async () => {
    const { accessToken } = await postern.createNewSession("alice", { role: "editor" });
    const alice = { user: "alice", role: "editor" };
    const bearer = { headers: { authorization: `Bearer ${accessToken.token}` } };
    const cookie = { headers: { cookie: `a=b; sAccessToken=${accessToken.token}` } };
    for (const path of ["/private", "/open"]) {
      assert.deepEqual((await answer(path, bearer)).body, alice);
      assert.deepEqual((await answer(path, cookie)).body, alice);
    }
    assert.deepEqual((await answer("/private", { method: "POST", ...bearer })).body, alice);
    const none = await answer("/private");
    assert.deepEqual([none.status, none.body.status, none.headers.get("www-authenticate")], [401, "UNAUTHORISED", "Bearer"]);
    assert.equal(none.headers.get("cache-control"), "no-store");
    assert.deepEqual((await answer("/open")).body, { user: null, role: null });
  });

  test(`${name}: stale is 401 for a script, and anonymous for an open page; ended is 401; an outage is 503`, async () => {
    const { session, accessToken } = await postern.createNewSession("alice");
    const headers = { cookie: `sAccessToken=${accessToken.token}` };
    memory.fail("out");
    const out = await answer("/private", { headers });
    assert.deepEqual([out.status, out.body.status, out.headers.get("retry-after")], [503, "GENERAL_ERROR", "1"]);
    assert.equal((await answer("/open", { headers })).status, 503);
    memory.fail(undefined);
    memory.advance(3_600_001);
    const stale = await answer("/private", { headers });
    assert.deepEqual([stale.status, stale.body.status, stale.headers.get("www-authenticate")], [401, "TRY_REFRESH_TOKEN", 'Bearer error="invalid_token"']);
    assert.equal((await answer("/open", { headers })).status, 401);
    const page = { headers: { ...headers, "sec-fetch-mode": "navigate" } };
    // Node's fetch sets that header itself; a browser's value is what counts.
    if (name === "hono") assert.deepEqual((await answer("/open", page)).body, { user: null, role: null });
    memory.advance(-3_600_001);
    await postern.revokeSession(session.handle);
    assert.equal((await answer("/private", { headers })).body.status, "UNAUTHORISED");
  });
}

for (const [name, start] of Object.entries(apps)) {
  test(`${name}: a token that is bound to a key passes with a proof, and the answer to any other challenges for one`, async () => {
    const ask = await start();
    const holder = await provingClient();
    const answer = async (headers) => {
      const response = await ask("/private", { headers });
      return { status: response.status, body: await response.json(), challenge: response.headers.get("www-authenticate"), nonce: response.headers.get("dpop-nonce") };
    };
    // Hono's answers are made here and have no address; any other is where its app listens.
    const url = (await ask("/private")).url || "http://app.example/private";
    const made = await postern.createNewSession("alice", {}, {}, { dpopJkt: holder.jkt });
    const { token } = made.accessToken;
    const dpop = async (more) => ({ authorization: `DPoP ${token}`, dpop: await holder.proof("GET", url, token, more) });
    assert.deepEqual((await answer(await dpop())).body, { user: "alice", role: null });
    const bad = await answer({ ...(await dpop()), dpop: "a.b.c" });
    assert.deepEqual([bad.status, bad.body.status, bad.challenge], [401, "INVALID_DPOP_PROOF", 'DPoP error="invalid_dpop_proof"']);
    const bearer = await answer({ authorization: `Bearer ${token}` });
    assert.deepEqual([bearer.status, bearer.body.status, bearer.challenge], [401, "UNAUTHORISED", "Bearer"]);
    const loose = await postern.createNewSession("bob");
    const pretends = await answer({ authorization: `DPoP ${loose.accessToken.token}` });
    assert.deepEqual([pretends.status, pretends.challenge], [401, 'DPoP error="invalid_token"']);

    memory = memoryPostern({ dpopNonce: true });
    postern.init(bindings(memory));
    const asked = await postern.createNewSession("carol", {}, {}, { dpopJkt: holder.jkt });
    const carol = async (more) => ({ authorization: `DPoP ${asked.accessToken.token}`, dpop: await holder.proof("GET", url, asked.accessToken.token, more) });
    const first = await answer(await carol());
    assert.deepEqual([first.status, first.body.status, first.challenge], [401, "USE_DPOP_NONCE", 'DPoP error="use_dpop_nonce"']);
    assert.deepEqual((await answer(await carol({ nonce: first.nonce, iat: 1 }))).body, { user: "carol", role: null });
  });
}

test("a session that is not bound to a device where that is asked for is 403, and not an outage", async () => {
  const message = "the session is not bound to a device";
  const binding = { ...memory.binding, getSessionForRequest: async () => ({ status: "DEVICE_BINDING_REQUIRED", message }) };
  postern.init({ ...bindings(memory), binding });
  const ask = await apps.hono();
  const response = await ask("/private", { headers: { cookie: "sAccessToken=a.b.c" } });
  assert.deepEqual([response.status, (await response.json()).status, response.headers.get("www-authenticate")], [403, "DEVICE_BINDING_REQUIRED", 'Bearer error="insufficient_scope"']);
});

for (const transport of ["a binding", "HTTP"]) {
  test(`what a page of another website has a browser send is refused, over ${transport}`, async (t) => {
    let ask;
    let cookie = "sAccessToken=a.b.c";
    if (transport === "HTTP") {
      const session = { handle: "h", userId: "u", tenantId: "public", userDataInJWT: {} };
      const { url } = await wire(t, () => ({ json: { status: "OK", session } }));
      postern.init({ url, apiKey: API_KEY });
    } else {
      cookie = `sAccessToken=${(await postern.createNewSession("u")).accessToken.token}`;
    }
    ask = await apps.hono();
    const status = async (method, headers) => (await ask("/private", { method, headers: { cookie, host: "app.example", ...headers } })).status;
    assert.equal(await status("POST", { origin: "https://evil.example" }), 403);
    assert.equal(await status("POST", { origin: "null" }), 403);
    assert.equal(await status("POST", { "sec-fetch-site": "cross-site" }), 403);
    assert.equal(await status("POST", { origin: "http://app.example" }), 200);
    assert.equal(await status("POST", { "sec-fetch-site": "same-origin" }), 200);
    assert.equal(await status("POST", {}), 200);
    assert.equal(await status("GET", { origin: "https://evil.example" }), 200);
  });
}
