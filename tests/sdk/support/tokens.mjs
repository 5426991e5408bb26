// Reading tokens without any SDK.
import { createHash, createPublicKey, verify } from "node:crypto";

/** Hash as the protocol has it: lower-case hex SHA-256 of the text. @param {string} text */
export const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** @param {string} token */
export function decode(token) {
  const [header = "", payload = ""] = token.split(".").map((part) => Buffer.from(part, "base64").toString());
  return { header: JSON.parse(header), payload: JSON.parse(payload) };
}

/** The key id of the JWK that a token's signature is good for; `undefined` when there is none. @param {string} token @param {any[]} keys */
export function signerOf(token, keys) {
  const [header, payload, signature = ""] = token.split(".");
  const input = Buffer.from(`${header}.${payload}`);
  return keys.find((jwk) => verify("sha256", input, createPublicKey({ key: jwk, format: "jwk" }), Buffer.from(signature, "base64")))?.kid;
}

/** A JWK as the base64 SubjectPublicKeyInfo that SDKs before the JWK Set read. @param {any} jwk */
export const spki = (jwk) => createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "der" }).toString("base64");
