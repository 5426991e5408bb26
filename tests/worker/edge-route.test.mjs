// examples/edge-route on real requests, bound to Postern as its wrangler.toml says.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import * as client from "../../client/index.js";
import { clientAlias } from "../support/client.mjs";
import { apiKey, compatibilityDate, startPostern } from "../support/harness.mjs";

let postern;
let route;

before(async () => {
  const config = {
    name: "edge-route",
    main: "../examples/edge-route/src/index.js",
    compatibility_date: compatibilityDate,
    alias: clientAlias,
    services: [{ binding: "SESSIONS", service: "postern" }],
  };
  postern = await startPostern({ secrets: { API_KEYS: apiKey }, workers: [{ config }] });
  route = postern.worker("edge-route");
  client.init({ url: `${postern.url.origin}/core`, apiKey });
});
after(() => postern.close());

const visit = async (headers, method = "POST") => {
  const response = await route.fetch("/", { method, headers });
  return { status: response.status, body: await response.json(), headers: response.headers };
};

test("a token in a cookie or in Authorization counts a visit and keeps the rest of the data", async () => {
  const { session, accessToken } = await client.createNewSession("alice", { role: "editor" }, { cart: ["book"] });
  const first = await visit({ authorization: `Bearer ${accessToken.token}` });
  assert.equal(first.status, 200);
  assert.deepEqual(first.body, { userId: "alice", jwtPayload: { role: "editor" }, visits: 1 });
  assert.equal(first.headers.get("cache-control"), "no-store");
  await visit({ cookie: `theme=dark; sAccessToken=${accessToken.token}; lang=en` });
  assert.deepEqual(await client.getSessionData(session.handle), { cart: ["book"], visits: 2 });
});

test("no token is 401 unauthorised", async () => {
  const { status, body } = await visit({});
  assert.equal(status, 401);
  assert.deepEqual(body, { message: "unauthorised" });
});

test("a token with a broken signature is 401 try refresh token", async () => {
  const { accessToken } = await client.createNewSession("alice");
  const broken = `${accessToken.token.slice(0, -20)}${"A".repeat(20)}`;
  const { status, body } = await visit({ authorization: `Bearer ${broken}` });
  assert.equal(status, 401);
  assert.deepEqual(body, { message: "try refresh token" });
});

test("a page of another website, which only has the browser send the cookie, is 403 and counts no visit", async () => {
  const { session, accessToken } = await client.createNewSession("alice");
  const cookie = `sAccessToken=${accessToken.token}`;
  for (const sender of [{ origin: "https://evil.example" }, { origin: "null" }, { "sec-fetch-site": "cross-site" }, { "sec-fetch-site": "same-site" }]) {
    const { status, body } = await visit({ cookie, ...sender });
    assert.deepEqual([status, body], [403, { message: "this website may not use the session" }], JSON.stringify(sender));
    assert.equal((await visit({ authorization: `Bearer ${accessToken.token}`, ...sender })).status, 200, "no website sends that header");
  }
  assert.deepEqual(await client.getSessionData(session.handle), { visits: 4 });
  assert.equal((await visit({ cookie, "sec-fetch-site": "same-origin" })).status, 200);
});

test("only POST changes data", async () => {
  const { accessToken } = await client.createNewSession("alice");
  const { status } = await visit({ authorization: `Bearer ${accessToken.token}` }, "GET");
  assert.equal(status, 405);
});
