// @ts-check
// Makes tokens for the strictness table: any header and payload as text, signed with any key of keys.json.
import { createHash, createHmac, createPrivateKey, constants, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { ml_dsa44, ml_dsa65, ml_dsa87 } from "@noble/post-quantum/ml-dsa.js";

/** Private keys as JWKs. They protect nothing. @type {Record<string, any>} */
export const keys = JSON.parse(readFileSync(new URL("keys.json", import.meta.url), "utf8"));
/** The shared secret; text, because one of the libraries takes only text. */
export const SECRET = "a shared secret that protects nothing at all, 64 characters long";
keys.shared = { kty: "oct", k: Buffer.from(SECRET).toString("base64url") };
keys.short = { kty: "oct", k: Buffer.from(SECRET.slice(0, 16)).toString("base64url") };
/** Of another maker than the runtime's, which verifies them. @type {Record<string, typeof ml_dsa44>} */
const ML_DSA = { "ML-DSA-44": ml_dsa44, "ML-DSA-65": ml_dsa65, "ML-DSA-87": ml_dsa87 };
for (const [alg, { keygen }] of Object.entries(ML_DSA)) {
  const { publicKey, secretKey } = keygen(new Uint8Array(32).fill(7));
  keys[alg] = { kty: "AKP", alg, pub: Buffer.from(publicKey).toString("base64url"), secretKey };
}

/** Not before this, and not after that, is the table good: ten years is the longest age that a policy may allow. */
export const ISSUED = 1_790_000_000;
export const EXPIRES = 2_102_000_000;

export const base64url = (/** @type {string | Uint8Array} */ bytes) => Buffer.from(bytes).toString("base64url");
/** The public half, with more members. @param {string} name @param {object} [members] */
export function publicJwk(name, members = {}) {
  const { kty, crv, n, e, x, y, k, alg, pub } = keys[name];
  return { kty, crv, n, e, x, y, k, alg, pub, ...members };
}

/** The signature over `input` as JWS has it. @param {string} alg @param {string} name @param {string} input */
export function signature(alg, name, input) {
  if (alg in ML_DSA) return signatureWithContext(alg, name, input, "");
  const bits = alg.slice(2);
  if (alg.startsWith("HS")) return createHmac(`sha${bits}`, Buffer.from(keys[name].k, "base64url")).update(input).digest();
  const key = createPrivateKey({ key: keys[name], format: "jwk" });
  if (alg === "EdDSA" || alg === "Ed25519") return sign(null, Buffer.from(input), key);
  /** @type {object} */
  const options = { ES: { dsaEncoding: "ieee-p1363" }, PS: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: Number(bits) / 8 } }[alg.slice(0, 2)] ?? {};
  return sign(`sha${bits}`, Buffer.from(input), { key, .../** @type {any} */ (options) });
}

/** An ML-DSA signature over `input` and a context (FIPS 204, section 5.2), which JWS leaves empty. @param {string} alg @param {string} name @param {string} input @param {string} context */
export function signatureWithContext(alg, name, input, context) {
  return Buffer.from(ML_DSA[alg].sign(Buffer.from(input), keys[name].secretKey, { context: Buffer.from(context), extraEntropy: false }));
}

/** What a signature over `input` is under an RSA key whose exponent is one: the padded digest itself. @param {string} input @param {number} bytes */
export function signatureOfExponentOne(input, bytes) {
  const info = Buffer.concat([Buffer.from("3031300d060960864801650304020105000420", "hex"), createHash("sha256").update(input).digest()]);
  return Buffer.concat([Buffer.from([0, 1]), Buffer.alloc(bytes - info.length - 3, 0xff), Buffer.from([0]), info]);
}

/**
 * A header with the usual members, then some more; `null` leaves one out.
 * @param {string} alg @param {string} kid @param {Record<string, unknown>} [members]
 */
export function headerOf(alg, kid, members = {}) {
  const all = Object.entries({ alg, typ: "JWT", kid, ...members });
  return JSON.stringify(Object.fromEntries(all.filter(([, value]) => value !== null)));
}

const CLAIMS = ["aud", "sub", "sid", "iat", "exp"];
const MEMBERS = /** @type {Record<string, string>} */ ({
  aud: '"aud":"postern"', sub: '"sub":"alice"', sid: '"sid":"session-1"', iat: `"iat":${ISSUED}`, exp: `"exp":${EXPIRES}`,
});

/** The claims of a set's issuer as text, with one member replaced. @param {string} set @param {string} [name] @param {string} [by] */
export function claims(set, name = "", by = "") {
  const members = ['iss', ...CLAIMS].map((member) => {
    const text = member === "iss" ? `"iss":${JSON.stringify(issuerOf(set))}` : MEMBERS[member];
    return member === name ? by : text;
  });
  return `{${members.filter((text) => text !== "").join(",")}}`;
}

export const issuerOf = (/** @type {string} */ set) => `https://${set}.example`;

/** @param {string} alg @param {string} key @param {string | Uint8Array} header @param {string | Uint8Array} payload */
export function token(alg, key, header, payload) {
  const input = `${base64url(header)}.${base64url(payload)}`;
  return `${input}.${base64url(signature(alg, key, input))}`;
}
