// Key sets fetched from servers that are slow, broken, large or lying. How long a good set is used, and the old one
// after it, is a matter of hours and tested natively (postern_core::key_sets). That isolates share a set: key-sets.test.mjs.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

import { apiKey } from "../support/harness.mjs";
import { startWithCaller } from "../support/rpc.mjs";
import { until } from "../support/until.mjs";

/** How often each path was asked for. */
const asked = {};
let server;
let postern;
let key;

before(async () => {
  key = await generateKeyPair("ES256", { extractable: true });
  const jwk = { ...(await exportJWK(key.publicKey)), kid: "one", alg: "ES256" };
  const good = JSON.stringify({ keys: [jwk] });
  const ofBytes = (bytes) => good.padEnd(bytes, " ");
  const answers = {
    good: (response) => response.end(good),
    unknown: (response) => response.end(good),
    down: (response) => response.writeHead(503).end(good),
    hangs: () => {},
    "hangs-halfway": (response) => response.write(good.slice(0, 20)),
    redirects: (response) => response.writeHead(302, { location: "/target" }).end(),
    target: (response) => response.end(good),
    large: (response) => response.end(ofBytes(64 * 1024 + 1)),
    largest: (response) => response.end(ofBytes(64 * 1024)),
    endless: (response) => {
      const more = setInterval(() => response.write(" ".repeat(16 * 1024)), 5);
      response.on("close", () => clearInterval(more));
    },
    html: (response) => response.end("<html>"),
    empty: (response) => response.end('{"keys":[]}'),
    private: (response) => response.end(JSON.stringify({ keys: [{ kty: "oct", k: "AAAA", kid: "one" }] })),
    closes: (response) => response.destroy(),
    noverifying: (response) => response.end(JSON.stringify({ keys: [
      { ...jwk, kid: "enc", use: "enc" }, { kty: "LMS", alg: "HSS-LMS", kid: "lms", pub: "AAAA" },
      { kty: "RSA", kid: "rs", alg: "RS256", e: "AQAB", n: Buffer.alloc(256, 0xff).toString("base64url") },
    ] })),
  };
  server = createServer((request, response) => {
    const name = request.url.slice(1);
    asked[name] = (asked[name] ?? 0) + 1;
    answers[name](response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const base = `http://127.0.0.1:${server.address().port}`;
  const issuers = Object.keys(answers).map((name) => ({
    id: name.replace("-", ""), issuer: `https://${name}.example`, audience: ["postern"], algorithms: ["ES256"], jwks_uri: `${base}/${name}`,
  }));
  issuers.push({ id: "nowhere", issuer: "https://nowhere.example", audience: ["postern"], algorithms: ["ES256"], jwks_uri: "http://127.0.0.1:9/keys" });
  issuers.push({ id: "unbound", issuer: "https://unbound.example", audience: ["postern"], algorithms: ["ES256"], jwks_binding: "NO_SUCH_BINDING" });
  postern = await startWithCaller({ TRUSTED_ISSUERS: issuers, LOG_LEVEL: "warn" });
});
after(async () => {
  await postern?.close();
  server?.closeAllConnections();
  server?.close();
});

const token = (name, kid = "one") =>
  new SignJWT({ sid: "session" }).setProtectedHeader({ alg: "ES256", kid }).setIssuer(`https://${name}.example`)
    .setAudience("postern").setSubject("alice").setIssuedAt().setExpirationTime("10m").sign(key.privateKey);
const verify = async (name, kid) => postern.call("VERIFY", "getSession", { accessToken: await token(name, kid) });

test("a set is fetched once and then used", async () => {
  for (let time = 0; time < 10; time += 1) assert.equal((await verify("good")).status, "OK");
  assert.equal(asked.good, 1);
});

test("twenty first tokens at once are all verified with one fetch", async () => {
  const results = await Promise.all(Array.from({ length: 20 }, () => verify("largest")));
  for (const { status } of results) assert.equal(status, "OK");
  assert.equal(asked.largest, 1);
});

test("unknown key names, however many, cause a handful of fetches", async () => {
  const began = Date.now();
  assert.equal((await verify("unknown")).status, "OK");
  for (let time = 0; time < 20; time += 1) assert.equal((await verify("unknown", `two-${time}`)).status, "UNAUTHORISED");
  const seconds = Math.floor((Date.now() - began) / 1_000);
  assert.ok(asked.unknown <= 1 + Math.min(seconds, 3 + seconds / 10), `${asked.unknown} fetches in ${seconds} s`);
});

for (const name of ["down", "redirects", "large", "html", "empty", "private", "closes", "nowhere", "unbound"]) {
  test(`a server that answers like "${name}" is an outage, 503 and never 401, and is left alone for a while`, async () => {
    for (let time = 0; time < 5; time += 1) {
      const { status, retryAfterSeconds } = await verify(name);
      assert.equal(status, "GENERAL_ERROR");
      assert.ok(retryAfterSeconds >= 1);
    }
    const response = await postern.fetch("/auth/session", { headers: { authorization: `Bearer ${await token(name)}` } });
    assert.equal(response.status, 503);
    assert.match(response.headers.get("retry-after"), /^[1-9]\d*$/);
    // A dropped connection may be an idle one of earlier; workerd then tries the next by itself.
    if (name !== "closes") assert.ok((asked[name] ?? 0) <= 1, `${asked[name]} fetches`);
    assert.equal(asked.target, undefined);
  });
}

/** What the log says, once, of each server: whose keys, where, and why. */
const TROUBLE = {
  down: /issuer down: its keys, http:\/\/127\.0\.0\.1:\d+\/down: status 503"/,
  redirects: /issuer redirects: .*: status 302, a redirect, which is not followed"/,
  large: /issuer large: .*: larger than 65536 bytes"/,
  html: /issuer html: .*: not a JWK Set: /,
  empty: /issuer empty: .*: no usable key"/,
  private: /issuer private: .*: no usable key; key 1 \(one\): it is secret or private, and everybody can read it"/,
  nowhere: /issuer nowhere: its keys, http:\/\/127\.0\.0\.1:9\/keys: no connection, or it broke off"/,
  unbound: /issuer unbound: its keys, behind the binding NO_SUCH_BINDING: there is no such service binding"/,
  noverifying: /issuer noverifying: .*: no usable key; key 1 \(enc\): it is not for verifying, by its use or key_ops; key 2 \(lms\): its type, curve or algorithm is not supported; key 3 \(rs\): it is for none of the algorithms that are listed"/,
};
for (const [name, expected] of Object.entries(TROUBLE)) {
  test(`trouble with "${name}" says its name in the log, at level warn and once a minute`, async () => {
    for (let time = 0; time < 3; time += 1) assert.equal((await verify(name)).status, "GENERAL_ERROR");
    const lines = () => postern.output().split("\n").filter((line) => line.includes('"event":"issuer_keys"') && line.includes(`issuer ${name}:`));
    await until("the log has it", async () => lines().length > 0);
    assert.equal(lines().length, 1, lines().join("\n"));
    assert.match(lines()[0], expected);
    assert.match(lines()[0], /"level":"warn"/);
  });
}

for (const name of ["hangs", "hangs-halfway", "endless"]) {
  test(`a server that ${name} is given up in time, and nobody waits for it`, { timeout: 30_000 }, async () => {
    const started = Date.now();
    const [{ status }, meanwhile] = await Promise.all([verify(name), verify("good").then((answer) => ({ ...answer, after: Date.now() - started }))]);
    assert.equal(status, "GENERAL_ERROR");
    assert.ok(Date.now() - started < 9_000, `${Date.now() - started} ms`);
    assert.equal(meanwhile.status, "OK");
    assert.ok(meanwhile.after < 3_000);
    const again = Date.now();
    assert.equal((await verify(name)).status, "GENERAL_ERROR");
    assert.ok(Date.now() - again < 1_000);
  });
}

test("an operator asks what is found of each set at this moment, past every copy", { timeout: 30_000 }, async () => {
  const ask = (key) => postern.fetch("/auth/explain", { method: "POST", body: '{"issuers":true}', headers: { "api-key": key } });
  assert.equal((await ask("wrong-key-wrong-key-wrong")).status, 401);
  const before = asked.good;
  const { issuers } = await (await ask(apiKey)).json();
  const of = Object.fromEntries(issuers.map((issuer) => [issuer.id, issuer]));
  assert.deepEqual(of.good, { id: "good", address: of.good.address, status: "OK", keys: ["one ES256"], leftOut: [] });
  assert.match(of.good.address, /^http:\/\/127\.0\.0\.1:\d+\/good$/);
  assert.equal(asked.good, before + 1);
  assert.deepEqual([of.down.status, of.down.trouble], ["UNAVAILABLE", "status 503"]);
  assert.match(of.noverifying.trouble, /no usable key; key 1 \(enc\): it is not for verifying/);
  assert.equal(of.unbound.address, "behind the binding NO_SUCH_BINDING");
});

test("a token whose issuer differs by a slash or by case is none of that issuer's, and the log says so", async () => {
  for (const name of ["https://good.example/", "https://GOOD.example"]) {
    const accessToken = await new SignJWT({ sid: "session" }).setProtectedHeader({ alg: "ES256", kid: "one" }).setIssuer(name)
      .setAudience("postern").setSubject("alice").setIssuedAt().setExpirationTime("10m").sign(key.privateKey);
    assert.notEqual((await postern.call("VERIFY", "getSession", { accessToken })).status, "OK");
  }
  const hint = /issuer good: a token's \\"iss\\" differs from the setting by a slash at the end, or by case/;
  await until("the log has it", async () => hint.test(postern.output()));
});
