// @ts-check
// Other JWT libraries that run in workerd, each as its documentation says to use it safely. Keys and policy are those that
// Postern has for the same issuer: algorithms, issuer, audience, `typ`, an age and the claims that it needs; a library
// that lacks one of them does without.
import { decode as decodeUnverified, verify as verifyWithTsndr } from "@tsndr/cloudflare-worker-jwt";
import { verify as verifyWithHono, verifyWithJwks } from "hono/utils/jwt/jwt";
import { createLocalJWKSet, jwtVerify } from "jose";

/** @typedef {import("../support/issuers.mjs").Issuer} Issuer */

export const AUDIENCE = "postern";
export const REQUIRED = ["iss", "aud", "exp", "iat", "sub", "sid"];
export const AGE_SECONDS = 3_650 * 86_400;

/** The `typ` that is asked for: none where the entry names none. */
export const typOf = (/** @type {Issuer} */ issuer) => (issuer.typ === null ? {} : { typ: "JWT" });
/** A secret can only be agreed on in settings. */
export const isShared = (/** @type {Issuer} */ issuer) => issuer.source === "settings";
export const keysOf = (/** @type {Issuer} */ issuer) => JSON.parse(issuer.jwks).keys;
export const secretOf = (/** @type {Issuer} */ issuer) => atob(keysOf(issuer)[0].k.replaceAll("-", "+").replaceAll("_", "/"));

/** Throws unless the library accepts the token. @type {Record<string, (issuer: Issuer, token: string) => Promise<unknown>>} */
export const libraries = {
  async jose(issuer, token) {
    const options = {
      algorithms: issuer.algorithms, issuer: issuer.issuer, audience: AUDIENCE, ...typOf(issuer), requiredClaims: REQUIRED, maxTokenAge: AGE_SECONDS,
    };
    if (isShared(issuer)) return jwtVerify(token, new TextEncoder().encode(secretOf(issuer)), options);
    return jwtVerify(token, createLocalJWKSet(JSON.parse(issuer.jwks)), options);
  },

  async hono(issuer, token) {
    const verification = { iss: issuer.issuer, aud: AUDIENCE, ...typOf(issuer) };
    const allowed = /** @type {any[]} */ (issuer.algorithms);
    if (isShared(issuer)) return verifyWithHono(token, secretOf(issuer), { alg: allowed[0], ...verification });
    return verifyWithJwks(token, { keys: keysOf(issuer), allowedAlgorithms: allowed, verification });
  },

  // Takes one key and one algorithm: here the key that the header names, and its algorithm if it is among the agreed ones.
  async tsndr(issuer, token) {
    if (isShared(issuer)) return verifyWithTsndr(token, secretOf(issuer), { algorithm: issuer.algorithms[0], throwError: true });
    const { header } = decodeUnverified(token);
    const { alg = "", kid } = /** @type {{alg?: string, kid?: string}} */ (header);
    if (!issuer.algorithms.includes(alg)) throw new Error("the algorithm is not agreed on");
    const key = keysOf(issuer).find((/** @type {{kid?: string}} */ key) => key.kid === kid);
    if (!key) throw new Error("no key of this name");
    return verifyWithTsndr(token, key, { algorithm: key.alg ?? alg, throwError: true });
  },
};

/** @param {() => Promise<unknown>} verify @returns {Promise<{accepted: boolean, why?: string}>} */
export async function verdict(verify) {
  try {
    await verify();
    return { accepted: true };
  } catch (error) {
    return { accepted: false, why: String(error) };
  }
}
