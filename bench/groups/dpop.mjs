// @ts-check
// A trusted issuer's token that is bound to a key, with a fresh proof for each request (DPoP, RFC 9449).
import { createHash, generateKeyPairSync, randomUUID } from "node:crypto";
import { interleaved } from "../lib/rounds.mjs";
import { PAYLOAD, encoded, signature, startPostern } from "../lib/sessions.mjs";
import { serve } from "../lib/workerd.mjs";

const PATH = "/auth/session";
const ISSUER = { id: "idp", issuer: "https://idp.example", audience: ["api"], algorithms: ["ES256"], handle_claim: "sid", user_id_claim: "sub", max_token_age: "2h", data_lifetime: "1d" };

/** What signs JWTs with a key of its own. @param {object} header */
function signer(header) {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { kty, crv, x, y } = publicKey.export({ format: "jwk" });
  const jwk = { crv, kty, x, y };
  return {
    jwk,
    sign(/** @type {object} */ claims, /** @type {object} */ more = {}) {
      const input = `${encoded({ alg: "ES256", ...header, ...more })}.${encoded(claims)}`;
      return `${input}.${signature("ES256", privateKey, input)}`;
    },
  };
}

/** @param {import("../main.mjs").Plan} plan */
export async function run(plan) {
  const issuer = signer({ kid: "idp-1", typ: "JWT" });
  const jwks = { keys: [{ ...issuer.jwk, kid: "idp-1", alg: "ES256" }] };
  const client = signer({ typ: "dpop+jwt" });
  const jkt = createHash("sha256").update(JSON.stringify(client.jwk)).digest("base64url");
  const iat = Math.floor(Date.now() / 1000);
  const token = issuer.sign({ iss: ISSUER.issuer, aud: "api", sub: "alice", sid: "session-1", iat, exp: iat + 3600, cnf: { jkt }, ...PAYLOAD });
  const ath = createHash("sha256").update(token).digest("base64url");

  const postern = await startPostern({ TRUSTED_ISSUERS: [{ ...ISSUER, jwks }] });
  const jose = await serve([{ name: "jose-dpop", entry: "bench/workers/jose-dpop.mjs", vars: { JWKS: jwks, CHECKS: { issuer: ISSUER.issuer, audience: "api", algorithms: ["ES256"], typ: "JWT" } } }]);
  const subject = (/** @type {string} */ name, /** @type {import("../lib/workerd.mjs").Served} */ served) => ({
    name,
    served,
    url: served.url(),
    load: {
      path: PATH,
      setupClient: (/** @type {any} */ autocannon) =>
        autocannon.setRequests([
          {
            setupRequest: (/** @type {any} */ request) => {
              const proof = client.sign({ jti: randomUUID(), htm: "GET", htu: served.url() + PATH, iat: Math.floor(Date.now() / 1000), ath }, { jwk: client.jwk });
              return { ...request, headers: { ...request.headers, authorization: `DPoP ${token}`, dpop: proof } };
            },
          },
        ]),
    },
  });
  try {
    return await interleaved([subject("postern DPoP", postern), subject("jose DPoP", jose)], plan);
  } finally {
    await postern.end();
    await jose.end();
  }
}
