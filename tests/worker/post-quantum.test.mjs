// ML-DSA (RFC 9964) of trusted issuers, signed by an independent implementation: verified where the runtime has it, and a named
// fault at start where it does not.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { ml_dsa44, ml_dsa65, ml_dsa87 } from "@noble/post-quantum/ml-dsa.js";
import { startWithCaller } from "../support/rpc.mjs";
import { until } from "../support/until.mjs";

const FLAG = "webcrypto_modern_algorithms";
const SETS = { "ML-DSA-44": ml_dsa44, "ML-DSA-65": ml_dsa65, "ML-DSA-87": ml_dsa87 };
const ALGORITHMS = Object.keys(SETS);
const encoded = (/** @type {string | Uint8Array} */ bytes) => Buffer.from(bytes).toString("base64url");
const pairs = Object.fromEntries(Object.entries(SETS).map(([alg, { keygen }]) => [alg, keygen()]));
const jwks = { keys: ALGORITHMS.map((alg) => ({ kty: "AKP", kid: alg, alg, use: "sig", pub: encoded(pairs[alg].publicKey) })) };

let server;
let postern;
/** The entries: with keys in the file, and with keys at an address. */
const entries = () => [
  { id: "inline", issuer: "https://inline.example", audience: ["api"], algorithms: ALGORITHMS, jwks },
  { id: "uri", issuer: "https://uri.example", audience: ["api"], algorithms: ALGORITHMS, jwks_uri: `http://127.0.0.1:${server.address().port}/keys` },
];
before(async () => {
  server = createServer((_, response) => response.end(JSON.stringify(jwks))).listen(0, "127.0.0.1");
  await once(server, "listening");
  postern = await startWithCaller({}, { issuers: { issuers: entries() }, flags: [FLAG] });
});
after(async () => {
  await postern?.close();
  server?.closeAllConnections();
  server?.close();
});

/** @param {string} id @param {string} alg */
function token(id, alg, { header = {}, pair = pairs[alg], options = {} } = {}) {
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: `https://${id}.example`, aud: "api", sub: "ada", sid: `login-${alg}`, iat: now, exp: now + 600 };
  const input = [{ alg, kid: alg, typ: "JWT", ...header }, claims].map((part) => encoded(JSON.stringify(part))).join(".");
  return `${input}.${encoded(SETS[alg].sign(Buffer.from(input), pair.secretKey, options))}`;
}
const statusOf = async (accessToken) => (await postern.call("SESSIONS", "getSession", { accessToken })).status;

for (const id of ["inline", "uri"]) {
  for (const alg of ALGORITHMS) {
    test(`${alg} with keys ${id === "uri" ? "at an address" : "in the file"}: good as signed, and in no other form`, async () => {
      const { status, session } = await postern.call("SESSIONS", "getSession", { accessToken: token(id, alg) });
      assert.deepEqual([status, session?.issuer, session?.userId], ["OK", id, "ada"]);
      const [header, payload, signature] = token(id, alg).split(".");
      const changed = Buffer.from(signature, "base64url");
      changed[9] ^= 1;
      const [other] = ALGORITHMS.filter((name) => name !== alg);
      for (const [what, text] of Object.entries({
        "another payload": `${header}.${encoded(Buffer.from(payload, "base64url").toString().replace("ada", "eve"))}.${signature}`,
        "one bit": `${header}.${payload}.${encoded(changed)}`,
        "a byte less": `${header}.${payload}.${encoded(changed.subarray(0, -1))}`,
        "another's key": token(id, alg, { pair: SETS[alg].keygen() }),
        "a context": token(id, alg, { options: { context: Buffer.from("JWT") } }),
        "another name": token(id, alg, { header: { alg: other } }),
        "another key's name": token(id, alg, { header: { kid: other } }),
      })) {
        assert.equal(await statusOf(text), "UNAUTHORISED", what);
      }
    });
  }
}

test("at the browser's door the token fits into a header", async () => {
  const answer = await postern.fetch("/auth/session", { headers: { authorization: `Bearer ${token("inline", "ML-DSA-87")}` } });
  assert.equal((await answer.json()).session?.userId, "ada");
});

test("a runtime without it: Postern does not start, and says which issuer, algorithm and flag", async () => {
  const without = await startWithCaller({}, { issuers: { issuers: entries() } });
  try {
    const answer = await without.fetch("/auth/session");
    assert.equal(answer.status, 500, await answer.text());
    await until("the log names them", () => ALGORITHMS.every((alg) => without.output().includes(`lists ${alg}, which this runtime has with`)));
    assert.ok(without.output().includes("the trusted issuer uri") && without.output().includes(FLAG));
  } finally {
    await without.close();
  }
});
