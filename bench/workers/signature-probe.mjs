// The floor of any Worker that checks a signature for each request: the same reads, head and body as Postern's
// `GET {base}/session`, and one call of WebCrypto. No claim is read, nothing is parsed, looked up or decided.
import { body, init } from "./answer.mjs";
import { facts } from "./facts.mjs";

const ALGORITHMS = {
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  EdDSA: { name: "Ed25519" },
};

const encoder = new TextEncoder();
/** By the text of the header, which is the same for all tokens of a key. */
const keys = new Map();

/** The header's key, read once. */
function keyOf(header, { keys: known }) {
  const { kid, alg } = JSON.parse(atob(header));
  const key = crypto.subtle.importKey("jwk", known.find((jwk) => jwk.kid === kid), ALGORITHMS[alg], false, ["verify"]).then((key) => ({ key, algorithm: ALGORITHMS[alg] }));
  keys.set(header, key);
  return key;
}

export default {
  async fetch(request, env) {
    facts(request);
    Date.now();
    const token = request.headers.get("authorization").slice(7);
    const end = token.lastIndexOf(".");
    const header = token.slice(0, token.indexOf("."));
    const known = keys.get(header) ?? keyOf(header, env.JWKS);
    const { key, algorithm } = known instanceof Promise ? await known.then((found) => (keys.set(header, found), found)) : known;
    const isGood = await crypto.subtle.verify(algorithm, key, Uint8Array.fromBase64(token.slice(end + 1), { alphabet: "base64url" }), encoder.encode(token.slice(0, end)));
    return isGood ? new Response(body, init) : new Response(null, { status: 401 });
  },
};
