// Project Wycheproof's vectors against what the Worker asks of WebCrypto: RSA, ECDSA, Ed25519, and HMAC with the larger
// hashes. Each is a token of an issuer that has the vector's key; see vectors-entry.mjs for the one thing that is replaced.
// The vectors for HS256, JWS and JWK run natively (token::tests::wycheproof).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { startWithIssuers } from "../support/issuers.mjs";
import { signatureVectors } from "../support/wycheproof.mjs";

const { vectors, issuers } = signatureVectors();
const files = [...new Set(vectors.map(({ file }) => file))];
let postern;

before(async () => {
  postern = await startWithIssuers(issuers, { entry: "tests/support/vectors-entry.mjs" });
});
after(() => postern?.close());

for (const file of files) {
  test(`${file}: what is valid is accepted, and nothing else`, async () => {
    const some = vectors.filter((vector) => vector.file === file);
    const statusOf = new Map();
    for (const name of new Set(some.map(({ issuer }) => issuer))) {
      const tokens = some.filter(({ issuer }) => issuer === name).map(({ token }) => token);
      const statuses = await postern.statuses(name, tokens);
      for (const [at, token] of tokens.entries()) statusOf.set(token, statuses[at]);
    }
    const otherwise = some.flatMap(({ id, comment, result, token }) => {
      // What is "acceptable" is a digest whose algorithm has no parameters: not what RFC 8017 section 9.2 says.
      const expected = result === "valid" ? "OK" : "UNAUTHORISED";
      return statusOf.get(token) === expected ? [] : [`${id} ${comment}: ${result}, ${statusOf.get(token)}`];
    });
    assert.deepEqual(otherwise, []);
  });
}

test("the vectors are as many as the files should hold", () => {
  assert.ok(vectors.length > 4_800, `${vectors.length}`);
  assert.ok(vectors.filter(({ result }) => result === "valid").length > 1_000);
});
