// The lines of docs/providers.md, as they stand there, and tokens shaped like those of each provider. A server on this
// machine stands for the internet: it answers at the addresses of the providers' keys, and at no other.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SignJWT, exportJWK, generateKeyPair } from "jose";

import { SHAPES, entriesOfPage, uuid } from "../support/provider-tokens.mjs";
import { startWithCaller } from "../support/rpc.mjs";
import { until } from "../support/until.mjs";

const entries = entriesOfPage();
const HOUR = 3_600;
/** Sets that the server answers with, by provider, and the keys that sign. */
const sets = {};
const keys = {};
/** How often each was asked for. */
const asked = {};
let ahead = 0;
let isDown = false;
let server;
let postern;

before(async () => {
  server = createServer((request, response) => {
    if (isDown) return response.destroy();
    const address = `https://${request.headers.host}${request.url}`;
    const provider = Object.keys(SHAPES).find((name) => SHAPES[name].keys === address);
    if (!provider) return response.writeHead(404).end();
    asked[provider] = (asked[provider] ?? 0) + 1;
    response.setHeader("content-type", "application/json");
    return response.end(JSON.stringify({ keys: sets[provider] }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  // Two of a kind, so that a provider's neighbours have another.
  const made = {};
  for (const alg of ["RS256", "ES256", "EdDSA"]) made[alg] = await Promise.all([1, 2, 3].map(() => generateKeyPair(alg, { extractable: true })));
  for (const [index, provider] of Object.keys(entries).entries()) {
    const { alg = "RS256" } = SHAPES[provider];
    keys[provider] = { alg, kid: "one", pair: made[alg][index % 2], strange: made[alg][(index + 1) % 2], next: made[alg][2] };
    sets[provider] = [await jwk(provider, "one", keys[provider].pair)];
  }
  const issuers = Object.values(entries);
  postern = await startWithCaller({ FRESHNESS: "within 60s" }, { issuers: { issuers }, entry: "tests/support/clock-entry.mjs", internet: server.address().port });
});
after(async () => {
  await postern?.close();
  server?.closeAllConnections();
  server?.close();
});

const jwk = async (provider, kid, pair, members = SHAPES[provider].inKeys) => ({ ...(await exportJWK(pair.publicKey)), kid, use: "sig", alg: keys[provider].alg, ...members });
const now = () => Math.floor(Date.now() / 1_000) + ahead;
/** @param {Record<string, unknown>} claims without times */
function signed(provider, claims, { header = SHAPES[provider].header, iat = now() - 10, kid = "one", pair = keys[provider].pair } = {}) {
  return new SignJWT({ exp: iat + HOUR, iat, ...claims }).setProtectedHeader({ alg: keys[provider].alg, kid, typ: "JWT", ...header }).sign(pair.privateKey);
}
const user = (provider, who, login, options) => signed(provider, SHAPES[provider].user(entries[provider], who, login), options);
const ask = (headers) => postern.fetch("/auth/session", { headers: { "test-clock-ahead": String(ahead * 1_000), ...headers } });
/** What `GET /auth/session` says: the session, or the status. */
async function seen(token, headers = { authorization: `Bearer ${token}` }) {
  const answer = await ask(headers);
  const body = await answer.json();
  return answer.status === 200 ? body.session : `${answer.status} ${body.status}`;
}
const rpc = (method, argument) => postern.call("SESSIONS", method, argument);
const REFUSED = "401 UNAUTHORISED";

test("the page has an entry for each provider that there is a shape of", () => {
  assert.deepEqual(Object.keys(entries).sort(), Object.keys(SHAPES).sort());
  assert.equal(Object.keys(entries).length, 15);
});

describe("the lines of docs/providers.md", { concurrency: 5 }, () => {
  for (const provider of Object.keys(entries)) {
    test(provider, async () => {
      const entry = entries[provider];
      const shape = SHAPES[provider];
      const claims = shape.user(entry, "ada", "login-1");
      const first = await signed(provider, claims);
      const session = await seen(first);
      assert.deepEqual([session.issuer, session.userId], [entry.id, claims.sub], JSON.stringify(session));
      assert.equal(session.tenantId, claims.tid ?? "public");
      for (const [name, value] of Object.entries(claims)) assert.deepEqual(session.jwtPayload[name], value);
      for (const [place, headersOf] of Object.entries(shape.places ?? {})) assert.equal((await seen(first, headersOf(first))).handle, session.handle, place);
      for (const headers of [{ "x-token": first }, { cookie: `token=${first}` }]) assert.equal(await seen(first, headers), REFUSED);
      assert.equal((await postern.fetch(`/auth/session?access_token=${first}`)).status, 401);

      // Data, under its handle.
      const { handle } = session;
      for (const cart of [["book"], ["pen"]]) {
        assert.equal((await rpc("updateSessionData", { handle, sessionData: { cart } })).status, "OK");
        assert.deepEqual((await rpc("getSessionData", { handle, freshness: "strict" })).sessionData, { cart });
      }
      const [second, someone] = [await user(provider, "ada", "login-2"), await user(provider, "bob", "login-3")];
      assert.equal((await seen(second)).handle === handle, shape.subject);
      assert.notEqual((await seen(someone)).handle, handle);

      // Nobody else's.
      const elsewhere = shape.elsewhere(entry, claims);
      const others = shape.others(entry, claims);
      for (const changed of [elsewhere, others]) assert.equal(await seen(await signed(provider, changed)), REFUSED, JSON.stringify(changed));
      assert.equal(await seen(await signed(provider, claims, { pair: keys[provider].strange })), REFUSED);
      for (const typ of ["logout+jwt", "dpop+jwt"]) assert.equal(await seen(await signed(provider, claims, { header: { typ } })), REFUSED);
      assert.equal(await seen("opaque-refresh-token"), REFUSED);
      for (const { what, claims: make, handle: expected } of shape.besides) {
        const found = await seen(await signed(provider, make(entry)));
        if (expected === false) assert.equal(found, REFUSED, what);
        else if (expected === null) assert.equal(found.handle, null, what);
        else assert.match(found.handle, new RegExp(`^x\\.${entry.id}\\.`), what);
      }

      // Sign-out.
      const answer = await postern.fetch("/auth/signout", { method: "POST", headers: { authorization: `Bearer ${first}` } });
      assert.equal(answer.status, 200, await answer.text());
      assert.equal(await seen(first), REFUSED);
      assert.equal((await rpc("getSession", { accessToken: first, freshness: "strict" })).status, "UNAUTHORISED");
      assert.equal((await rpc("getSession", { accessToken: second, freshness: "strict" })).status, shape.subject ? "UNAUTHORISED" : "OK");
      assert.equal((await rpc("getSession", { accessToken: someone, freshness: "strict" })).status, "OK");
      const at = now();
      while (now() <= at) await sleep(50);
      const again = await seen(await user(provider, "ada", "login-4", { iat: now() }));
      assert.match(again.handle, new RegExp(`^x\\.${entry.id}\\.`));
      assert.deepEqual((await rpc("getSessionData", { handle: again.handle, freshness: "strict" })).sessionData, {});

      // A key that takes the place of the old one.
      sets[provider] = [await jwk(provider, "two", keys[provider].next)];
      const rotated = await user(provider, "carol", "login-5", { kid: "two", pair: keys[provider].next });
      await until("the new key is found", async () => (await seen(rotated)).userId !== undefined);
    });
  }
});

test("a token that names no session: handle is null, and what is asked of a session says so", async () => {
  const token = await signed("workos", SHAPES.workos.besides[0].claims(entries.workos), { kid: "two", pair: keys.workos.next });
  const { session } = await rpc("getSession", { accessToken: token, freshness: "strict" });
  assert.deepEqual([session.handle, session.issuer, session.userId], [null, "workos", "client_01MACHINE"]);
  for (const [method, argument] of [["getSessionData", {}], ["updateSessionData", { sessionData: {} }]]) {
    await assert.rejects(rpc(method, { handle: session.handle, ...argument }), { message: `${method}: "handle" is null: the token names no session, so there is no session data and no session to end` });
  }
  const out = await postern.fetch("/auth/signout", { method: "POST", headers: { authorization: `Bearer ${token}` } });
  assert.equal(out.status, 400);
  assert.match(JSON.stringify(await out.json()), /names no session/);
});

test("Entra: tokens of both versions are one user's, and each tenant's users are its own", async () => {
  const claims = SHAPES.entra.user(entries.entra, "eve", "");
  const options = { kid: "two", pair: keys.entra.next };
  const v2 = await seen(await signed("entra", claims, options));
  const v1 = await seen(await signed("entra", { ...claims, iss: `https://sts.windows.net/${claims.tid}/`, ver: "1.0" }, options));
  assert.equal(v1.handle, v2.handle);
  assert.equal(v1.tenantId, claims.tid);
  assert.equal(await seen(await signed("entra", { ...claims, iss: `https://sts.windows.net/${uuid("x")}/`, tid: uuid("x") }, options)), REFUSED);
});

test("Entra: a key that names another tenant signs for that tenant only", async () => {
  const { next, strange } = keys.entra;
  const other = uuid("another tenant");
  const claims = SHAPES.entra.user(entries.entra, "eve", "");
  const forms = (/** @type {string} */ tenant) => [`https://login.microsoftonline.com/${tenant}/v2.0`, `https://sts.windows.net/${tenant}/`];
  for (const [of, expected] of [[claims.tid, "entra"], [other, undefined]]) {
    for (const [index, issuer] of forms(of).entries()) {
      const kid = `${of}-${index}`;
      sets.entra = [await jwk("entra", "two", next), await jwk("entra", kid, strange, { issuer })];
      for (const iss of forms(claims.tid)) {
        const token = () => signed("entra", { ...claims, iss }, { kid, pair: strange });
        if (expected) await until("the key is found", async () => (await seen(await token())).issuer === expected);
        else assert.equal(await seen(await token()), REFUSED, `${issuer} ${iss}`);
      }
    }
  }
  // It was there: the log says why it did not count.
  await until("the log says why", async () => {
    await seen(await signed("entra", claims, { kid: `${other}-1`, pair: strange }));
    return postern.output().includes("the key of this kid names another issuer");
  });
  // The key for all tenants is as good as before.
  assert.equal((await seen(await user("entra", "eve", "", { kid: "two", pair: next }))).issuer, "entra");
});

test("the keys were fetched where the provider has them", () => {
  assert.deepEqual(Object.keys(asked).sort(), Object.keys(entries).sort());
});

test("the key servers are out for an hour, and every provider's new tokens are good", async () => {
  isDown = true;
  ahead = HOUR;
  for (const provider of Object.keys(entries)) {
    const found = await seen(await user(provider, "dora", "login-6", { kid: "two", pair: keys[provider].next, iat: now() - 1 }));
    assert.equal(found.issuer, entries[provider].id, `${provider}: ${JSON.stringify(found)}`);
  }
});
