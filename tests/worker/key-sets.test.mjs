// Key sets of trusted issuers are kept centrally: a cold isolate asks no issuer, an outage of the issuer is survived by isolates that start
// in it, a rotated key is found within seconds, and invented key names make no traffic.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

import { startWithCaller } from "../support/rpc.mjs";

/** Every request to the key server. @type {{path: string, etag: string | undefined, status: number}[]} */
let requests = [];
/** What it serves. */
let keys = [];
let isOut = false;
let server;
let postern;
const pairs = {};

before(async () => {
  for (const kid of ["one", "two"]) pairs[kid] = await generateKeyPair("ES256", { extractable: true });
  server = createServer((request, response) => {
    const etag = `"${keys.map(({ kid }) => kid).join("-")}"`;
    const known = request.headers["if-none-match"];
    const status = isOut ? 503 : known === etag ? 304 : 200;
    requests.push({ path: request.url, etag: known, status });
    response.writeHead(status, { etag, "cache-control": "max-age=60" }).end(status === 200 ? `\uFEFF${JSON.stringify({ keys })}` : undefined);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  keys = [await jwk("one")];
  const uri = (name) => `http://127.0.0.1:${server.address().port}/${name}`;
  const issuer = (id) => ({ id, issuer: `https://${id}.example`, audience: ["postern"], algorithms: ["ES256"], jwks_uri: uri(id) });
  postern = await startWithCaller({ TRUSTED_ISSUERS: ["idp", "second", "third", "fourth"].map(issuer) }, { faultyObjects: true });
});
after(async () => {
  await postern?.close();
  server?.closeAllConnections();
  server?.close();
});
beforeEach(async () => {
  requests = [];
  isOut = false;
  keys = [await jwk("one"), { kty: "RSA", use: "enc", kid: "for-encryption", n: "AQAB", e: "AQAB" }];
});

const jwk = async (kid) => ({ ...(await exportJWK(pairs[kid].publicKey)), kid, alg: "ES256" });
const token = (id, key = "one", kid = key) =>
  new SignJWT({ sid: "session" }).setProtectedHeader({ alg: "ES256", kid }).setIssuer(`https://${id}.example`)
    .setAudience("postern").setSubject("alice").setIssuedAt().setExpirationTime("10m").sign(pairs[key].privateKey);
const verify = async (...of) => (await postern.call("VERIFY", "getSession", { accessToken: await token(...of), freshness: "stateless" })).status;
/** Every isolate and object begins anew, over the same storage. */
const restart = async () => {
  await postern.kill();
  await postern.start();
};

test("a cold isolate verifies without a request to the issuer, also while the issuer is out", async () => {
  assert.equal(await verify("idp"), "OK");
  assert.equal(requests.length, 1);
  await restart();
  assert.equal(await verify("idp"), "OK");
  assert.equal(requests.length, 1);
  isOut = true;
  await restart();
  assert.equal(await verify("idp"), "OK");
  assert.equal(requests.length, 1);
  assert.match(postern.output(), /issuer idp: its keys, http:\S+\/idp: key 2 \(for-encryption\): it is not for verifying/);
});

test("a rotated key is found within seconds, with the ETag of the set before, and then everywhere", async () => {
  assert.equal(await verify("second"), "OK");
  keys.push(await jwk("two"));
  await sleep(1_050);
  assert.equal(await verify("second", "two"), "OK");
  assert.deepEqual(requests.map(({ status, etag }) => [status, etag]), [[200, undefined], [200, '"one-for-encryption"']]);
  await restart();
  assert.equal(await verify("second", "two"), "OK");
  assert.equal(requests.length, 2);
  await sleep(1_050);
  assert.equal(await verify("second", "two", "three"), "UNAUTHORISED");
  assert.equal(requests[2]?.status, 304);
  assert.equal(await verify("second", "two"), "OK");
});

test("1,000 invented key names make a handful of requests, and nobody else notices", async () => {
  assert.equal(await verify("third"), "OK");
  const began = Date.now();
  const tokens = await Promise.all(Array.from({ length: 100 }, (_, number) => token("third", "one", `invented-${number}`)));
  for (let time = 0; time < 10; time += 1) {
    const statuses = await Promise.all(tokens.map(async (accessToken) => (await postern.call("VERIFY", "getSession", { accessToken })).status));
    assert.deepEqual([...new Set(statuses)], ["UNAUTHORISED"]);
    assert.equal(await verify("third"), "OK");
  }
  const seconds = (Date.now() - began) / 1_000;
  assert.ok(requests.length <= 4 + seconds / 10, `${requests.length} requests in ${seconds} s`);
});

test("an unknown key name while the issuer is out is 503, and known ones go on", async () => {
  assert.equal(await verify("third"), "OK");
  isOut = true;
  await restart();
  assert.equal(await verify("third", "two"), "GENERAL_ERROR");
  assert.equal(await verify("third"), "OK");
});

for (const outcome of ["unknown call", "refuse"]) {
  test(`a keeper that answers "${outcome}", as one of a release before or one that is out, costs a request and nobody's session`, async () => {
    await postern.objectFaults("setFaults", [{ className: "KeyRing", call: "current", outcome }]);
    await restart();
    await postern.objectFaults("setFaults", [{ className: "KeyRing", call: "current", outcome }]);
    assert.equal(await verify("fourth"), "OK");
    assert.equal(requests.length, 1);
    await postern.objectFaults("setFaults", []);
  });
}
