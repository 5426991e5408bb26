// @ts-check
// fast-jwt, which needs Node: what workerd has of `node:crypto` does not verify its RSA and ECDSA signatures.
import { createPublicKey } from "node:crypto";
import { createVerifier } from "fast-jwt";
import { AGE_SECONDS, AUDIENCE, REQUIRED, isShared, keysOf, secretOf } from "./peers.mjs";

/** Throws unless it accepts the token. @param {import("./peers.mjs").Issuer} issuer @param {string} token */
export async function fastJwt(issuer, token) {
  const named = async (/** @type {{header: {kid?: string}}} */ { header }) => {
    const jwk = keysOf(issuer).find((/** @type {{kid?: string}} */ key) => key.kid === header.kid);
    if (!jwk) throw new Error("no key of this name");
    return createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "pem" });
  };
  const options = /** @type {any} */ ({
    algorithms: issuer.algorithms.filter((name) => name !== "Ed25519"),
    allowedIss: issuer.issuer,
    allowedAud: AUDIENCE,
    ...(issuer.typ === null ? {} : { checkTyp: "JWT" }),
    requiredClaims: REQUIRED,
    maxAge: AGE_SECONDS * 1_000,
  });
  return createVerifier({ ...options, key: isShared(issuer) ? secretOf(issuer) : named })(token);
}
