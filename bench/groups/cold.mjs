// @ts-check
// Tokens that no isolate has seen: the signature is checked each time.
import { createHmac, randomBytes } from "node:crypto";
import { withTokens } from "../lib/load.mjs";
import { interleaved } from "../lib/rounds.mjs";
import { PAYLOAD, encoded, signingKeys, startPostern, variants } from "../lib/sessions.mjs";
import { serve } from "../lib/workerd.mjs";

/**
 * A token comes back only after so many others, when Postern's cache, which holds some 7,000 of these, has long
 * forgotten it.
 */
const POOL = 20_000;
/** Sessions that the tokens belong to. */
const SESSIONS = 20;

const ISSUER = { id: "idp", issuer: "https://idp.example", audience: ["api"], algorithms: ["HS256"], handle_claim: "sid", user_id_claim: "sub", max_token_age: "2h", data_lifetime: "1d" };

/** Each of a pool in turn, for each subject from the beginning. @param {string[]} pool */
function walk(pool) {
  let at = 0;
  return withTokens(() => pool[(at += 1) % pool.length]);
}

/**
 * A pool of tokens of our own, signed with the keys of a Postern that goes on with its storage.
 * @param {string} algorithm
 */
async function ownTokens(algorithm) {
  const settings = { SIGNING_ALGORITHM: algorithm };
  const first = await startPostern(settings);
  const tokens = [];
  for (let user = 0; user < SESSIONS; user += 1) tokens.push((await first.createSession(`user-${user}`)).accessToken.token);
  await first.end({ keep: true });
  const keys = signingKeys(first.directory);
  const makers = tokens.map((token) => variants(token, keys));
  const pool = Array.from({ length: POOL }, (_, number) => makers[number % SESSIONS](number));
  const postern = await startPostern(settings, [], { directory: first.directory });
  const vars = { JWKS: await postern.keySet(), CHECKS: { issuer: "http://127.0.0.1:8787/auth", algorithms: [algorithm], typ: "JWT" } };
  return { postern, pool, vars };
}

/** HS256 has no place among our own tokens: a trusted issuer's, whose secret is in the settings. */
async function sharedSecretTokens() {
  const secret = randomBytes(32);
  const jwk = { kty: "oct", k: secret.toString("base64url"), alg: "HS256", kid: "shared" };
  const postern = await startPostern({ TRUSTED_ISSUERS: [{ ...ISSUER, jwks: { keys: [jwk] } }] });
  const iat = Math.floor(Date.now() / 1000);
  const header = encoded({ alg: "HS256", kid: "shared", typ: "JWT" });
  const pool = Array.from({ length: POOL }, (_, number) => {
    const claims = { iss: ISSUER.issuer, aud: "api", sub: `user-${number % SESSIONS}`, sid: `session-${number % SESSIONS}`, iat, exp: iat + 3600, ...PAYLOAD, number };
    const input = `${header}.${encoded(claims)}`;
    return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
  });
  const vars = { SECRET: jwk, CHECKS: { issuer: ISSUER.issuer, audience: "api", algorithms: ["HS256"], typ: "JWT" } };
  return { postern, pool, vars };
}

/** @param {import("../main.mjs").Plan} plan */
export async function run(plan) {
  /** @type {import("../lib/rounds.mjs").Rates} */
  const rates = {};
  for (const algorithm of ["RS256", "ES256", "EdDSA", "HS256"]) {
    const isShared = algorithm === "HS256";
    const { postern, pool, vars } = await (isShared ? sharedSecretTokens() : ownTokens(algorithm));
    const jose = await serve([{ name: "jose", entry: `bench/workers/${isShared ? "jose-secret" : "jose"}.mjs`, vars }]);
    // HS256 is computed in Wasm, without a call that a floor could consist of.
    const probe = isShared ? undefined : await serve([{ name: "signature-probe", entry: "bench/workers/signature-probe.mjs", vars }]);
    const path = "/auth/session";
    try {
      const found = await interleaved(
        [
          ...(probe ? [{ name: `signature-probe ${algorithm}`, served: probe, url: probe.url(), load: { path, setupClient: walk(pool) } }] : []),
          { name: `postern ${algorithm}`, served: postern, url: postern.url(), load: { path, setupClient: walk(pool) } },
          { name: `jose ${algorithm}`, served: jose, url: jose.url(), load: { path, setupClient: walk(pool) } },
        ],
        plan,
      );
      Object.assign(rates, found);
    } finally {
      await postern.end();
      await jose.end();
      await probe?.end();
    }
  }
  return rates;
}
