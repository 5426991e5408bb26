// Proofs of possession (DPoP, RFC 9449), as the Postern in memory checks them: with the runtime's own WebCrypto.

const HASHES = { 256: "SHA-256", 384: "SHA-384", 512: "SHA-512" };
const CURVES = { ES256: "P-256", ES384: "P-384", ES512: "P-521" };
const PREFIXES = { RS: "RSASSA-PKCS1-v1_5", PS: "RSA-PSS" };
/** The members of a thumbprint, in their order (RFC 7638 section 3.2, RFC 8037 section 2). */
const MEMBERS = { EC: ["crv", "kty", "x", "y"], OKP: ["crv", "kty", "x"], RSA: ["e", "kty", "n"] };

const LIFE = 60_000;
const AHEAD = 5_000;

/** For importing a key and for checking with it; undefined for what is no algorithm of a proof. */
function algorithm(name) {
  if (name === "EdDSA") return { name: "Ed25519" };
  const [, family, bits] = /^(ES|RS|PS)(256|384|512)$/.exec(name) ?? [];
  if (family === undefined) return undefined;
  const hash = HASHES[bits];
  if (family === "ES") return { name: "ECDSA", namedCurve: CURVES[name], hash };
  return { name: PREFIXES[family], hash, saltLength: Number(bits) / 8 };
}

const bytesOf = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.codePointAt(0));
const objectOf = (part) => JSON.parse(new TextDecoder().decode(bytesOf(part)));

/** Base64url of the SHA-256 of a text. */
async function digest(text) {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return btoa(String.fromCodePoint(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

const thumbprint = (jwk) => digest(JSON.stringify(Object.fromEntries(MEMBERS[jwk.kty].map((member) => [member, jwk[member]]))));

/** A URL as two parties compare it; a WebSocket's handshake is the HTTP request that it is. */
function target(text) {
  const url = new URL(text);
  return `${url.protocol.replace("ws", "http")}//${url.host}${url.pathname}`;
}

/**
 * The key of a proof and what names its one use, if it is good for this request; undefined when it is not. `nonces`, where one
 * is asked for, are those that are good: `null` in place of an answer when the proof has none.
 */
export async function provenBy({ dpopProof, method, url }, { token, now, nonces }) {
  try {
    const [head, body, signature, ...more] = dpopProof.split(".");
    const { typ, alg, jwk, crit } = objectOf(head);
    const { jti, htm, htu, iat, ath, nonce } = objectOf(body);
    const how = algorithm(alg);
    const isInForm = more.length === 0 && typ === "dpop+jwt" && how && crit === undefined && jwk.d === undefined && jwk.k === undefined;
    const isForThis = typeof jti === "string" && jti !== "" && htm === method && target(htu) === target(url);
    if (!isInForm || !isForThis || typeof iat !== "number") return undefined;
    if (nonces ? !nonces.has(nonce) : iat * 1_000 <= now - LIFE || iat * 1_000 > now + AHEAD) return nonces ? null : undefined;
    if (token !== undefined && ath !== (await digest(token))) return undefined;
    const key = await crypto.subtle.importKey("jwk", { ...jwk, alg: undefined, use: undefined, key_ops: undefined }, how, false, ["verify"]);
    const isSigned = await crypto.subtle.verify(how, key, bytesOf(signature), new TextEncoder().encode(`${head}.${body}`));
    const jkt = await thumbprint(jwk);
    return isSigned ? { jkt, use: [jkt, method, target(url), jti].join("\n") } : undefined;
  } catch {
    // Whatever is not in its form.
    return undefined;
  }
}
