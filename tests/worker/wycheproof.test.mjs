// Project Wycheproof's signature vectors against what the Worker asks of WebCrypto: RSA, ECDSA and Ed25519. Each is a token
// of an issuer that has the vector's key; see vectors-entry.mjs for the one thing that is replaced. The vectors for HMAC,
// JWS and JWK run natively (token::tests::wycheproof).
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { signatureVectors } from "../support/wycheproof.mjs";
import { startWorkerd } from "../support/workerd.mjs";

const { vectors, issuers } = signatureVectors();
const files = [...new Set(vectors.map(({ file }) => file))];
let server;
let workerd;

before(async () => {
  server = createServer((request, response) => response.end(JSON.stringify({ keys: issuers[request.url.slice(1)].keys }))).listen(0, "127.0.0.1");
  await once(server, "listening");
  const base = `http://127.0.0.1:${server.address().port}`;
  const trusted = Object.entries(issuers).map(([name, { alg }]) => ({
    id: name, issuer: `https://${name}.example`, audience: ["postern"], algorithms: [alg], jwks_uri: `${base}/${name}`,
  }));
  const callers = [{ name: "caller", path: "tests/support/many-caller-worker.mjs", bindings: { VERIFY: { service: "postern", entrypoint: "SessionsVerify" } } }];
  workerd = await startWorkerd({ vars: { TRUSTED_ISSUERS: trusted }, callers, entry: "tests/support/vectors-entry.mjs" });
});
after(async () => {
  await workerd?.close();
  server?.closeAllConnections();
  server?.close();
});

async function statusesOf(some) {
  const answer = await fetch(workerd.url("caller"), { method: "POST", body: JSON.stringify(some.map(({ token }) => token)) });
  return answer.json();
}

for (const file of files) {
  test(`${file}: what is valid is accepted, and nothing else`, async () => {
    const some = vectors.filter((vector) => vector.file === file);
    const statuses = await statusesOf(some);
    const otherwise = some.flatMap(({ id, comment, result }, at) => {
      // What is "acceptable" is a digest whose algorithm has no parameters: not what RFC 8017 section 9.2 says.
      const expected = result === "valid" ? "OK" : "UNAUTHORISED";
      return statuses[at] === expected ? [] : [`${id} ${comment}: ${result}, ${statuses[at]}`];
    });
    assert.deepEqual(otherwise, []);
    const good = statuses.filter((status) => status === "OK").length;
    assert.equal(good, some.filter(({ result }) => result === "valid").length);
  });
}

test("the vectors are as many as the files should hold", () => {
  assert.ok(vectors.length > 4_500, `${vectors.length}`);
  assert.ok(vectors.filter(({ result }) => result === "valid").length > 1_000);
});
