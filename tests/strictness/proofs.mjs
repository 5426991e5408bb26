// @ts-check
// Proofs of possession (DPoP, RFC 9449) for the strictness table: requests with one thing wrong. They are good for a minute, so they are
// made when they are shown. What they are shown to: Postern's getSessionForRequest, and oauth4webapi's validateJwtAccessToken.
import { createHash, createHmac, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import * as oauth from "oauth4webapi";
import { verdict } from "./peers.mjs";
import { base64url, keys, publicJwk, signature } from "./tokens.mjs";

const ISSUER = "https://proofs.example";
const URL_OF = "https://api.example/orders";
keys.client = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
keys.stranger = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });

/** Its entry in `TRUSTED_ISSUERS`. */
export const setting = { id: "proofs", issuer: ISSUER, audience: ["postern"], algorithms: ["ES256"], jwks: { keys: [publicJwk("p256", { kid: "k1", alg: "ES256" })] } };

/** @typedef {{method: string, url: string, headers: [string, string][]}} Sent */
/** @typedef {{group: string, title: string, code?: string, policy?: string, needs?: string, make: () => Sent[]}} ProofRow of what `make` gives, the last counts */

const now = () => Math.floor(Date.now() / 1_000);
/** RFC 7638. @param {Record<string, any>} jwk */
const thumbprint = ({ kty, crv, x, y, n, e }) =>
  createHash("sha256").update(JSON.stringify(kty === "RSA" ? { e, kty, n } : kty === "EC" ? { crv, kty, x, y } : { crv, kty, x })).digest("base64url");
const hash = (/** @type {string} */ token) => createHash("sha256").update(token).digest("base64url");
/** Header and claims as text, or as values. @param {unknown} value */
const text = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** An access token; `cnf` as it stands in it, none when undefined. @param {unknown} cnf */
function accessToken(cnf) {
  const claims = { iss: ISSUER, aud: "postern", sub: "alice", sid: "s1", client_id: "c", jti: randomUUID(), iat: now(), exp: now() + 300, cnf };
  const input = `${base64url(JSON.stringify({ alg: "ES256", kid: "k1", typ: "at+jwt" }))}.${base64url(JSON.stringify(claims))}`;
  return `${input}.${base64url(signature("ES256", "p256", input))}`;
}

/**
 * A request. `header` and `claims` make those of the proof from good ones, as values or as text; `signed` its signature; `proof` the whole.
 * @param {{alg?: string, key?: string, cnf?: unknown, scheme?: string, url?: string, method?: string, jwk?: object,
 *   header?: (good: Record<string, unknown>) => unknown, claims?: (good: Record<string, unknown>) => unknown,
 *   signed?: (input: string) => string | Uint8Array, proof?: (good: string) => string[]}} [more]
 */
function request({ alg = "ES256", key = "client", cnf, scheme = "DPoP", url = URL_OF, method = "GET", jwk = publicJwk(key), header = (good) => good, claims = (good) => good, signed = (input) => signature(alg, key, input), proof = (good) => [good] } = {}) {
  const token = accessToken(cnf === undefined ? { jkt: thumbprint(publicJwk(key)) } : cnf === "none" ? undefined : cnf);
  const head = header({ typ: "dpop+jwt", alg, jwk });
  const body = claims({ jti: randomUUID(), htm: method, htu: URL_OF, iat: now(), ath: hash(token) });
  const input = `${base64url(text(head))}.${base64url(text(body))}`;
  const last = signed(input);
  const proofs = proof(`${input}.${typeof last === "string" ? last : base64url(last)}`);
  return { method, url, headers: /** @type {[string, string][]} */ ([["authorization", `${scheme} ${token}`], ...proofs.map((one) => ["dpop", one])]) };
}

/** @type {ProofRow[]} */
export const rows = [];
const GROUP = "Proofs of possession";
/** @param {string} title @param {string | undefined} code @param {Parameters<typeof request>[0]} more @param {{policy?: string, needs?: string}} [notes] */
const row = (title, code, more, notes) => rows.push({ group: GROUP, title, code, ...notes, make: () => [request(more)] });
const bad = (/** @type {string} */ title, /** @type {Parameters<typeof request>[0]} */ more, /** @type {{policy?: string, needs?: string}} */ notes = {}) => row(title, "invalid_dpop_proof", more, notes);
const token = (/** @type {string} */ title, /** @type {Parameters<typeof request>[0]} */ more, /** @type {{policy?: string, needs?: string}} */ notes = {}) => row(title, "invalid_token", more, notes);
const good = (/** @type {string} */ title, /** @type {Parameters<typeof request>[0]} */ more, /** @type {{policy?: string, needs?: string}} */ notes = {}) => row(title, undefined, more, notes);
/** Good ones with one claim, or one header parameter, that is another; `undefined` leaves it out. @param {Record<string, unknown>} one */
const claim = (one) => ({ claims: (/** @type {object} */ all) => ({ ...all, ...one }) });
const param = (/** @type {Record<string, unknown>} */ one) => ({ header: (/** @type {object} */ all) => ({ ...all, ...one }) });

// --- Good ones.
for (const [alg, key] of [["ES256", "client"], ["ES384", "p384"], ["EdDSA", "ed"], ["RS256", "rsa"], ["PS256", "rsa"]]) {
  good(alg, { alg, key });
}
good("for a URL with a query, which is not in `htu`", { url: `${URL_OF}?page=2` });
good("`htu` in capitals and with the port that needs no saying", claim({ htu: "HTTPS://API.EXAMPLE:443/orders" }));
good("`htu` with an octet that needed no encoding", claim({ htu: "https://api.example/%6Frders" }), { policy: "RFC 9449 says to normalise as RFC 3986 does (section 6.2.2.2)" });
good("the scheme in small letters", { scheme: "dpop" });

// --- The scheme, and how many proofs there are.
token("a bound token as `Bearer`, without a proof", { scheme: "Bearer", proof: () => [] });
token("a bound token as `Bearer`, with a good proof", { scheme: "Bearer" });
bad("the scheme `DPoP` without a proof", { proof: () => [] });
token("a token that is bound to nothing, with a good proof", { cnf: "none" });
bad("an empty proof", { proof: () => [""] });
bad("the same proof twice", { proof: (one) => [one, one] });
bad("a good proof, and another that is none", { proof: (one) => [one, "x"] });
rows.push({ group: GROUP, title: "used before, for the same request", code: "invalid_dpop_proof", needs: "memory", make: () => { const one = request(); return [one, one]; } });
rows.push({ group: GROUP, title: "used before, for the same URL with another query", code: "invalid_dpop_proof", needs: "memory", make: () => { const one = request(); return [one, { ...one, url: `${one.url}?more` }]; } });

// --- What the token is bound to.
token("`cnf` without members", { cnf: {} });
token("`cnf` that is an array", { cnf: ["jkt"] });
token("`cnf.jkt` that is an array", { cnf: { jkt: [thumbprint(publicJwk("client"))] } });
token("`cnf` with a key and a certificate", { cnf: { jkt: thumbprint(publicJwk("client")), "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" } });
token("`cnf` with a certificate only", { cnf: { "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" } });
token("`cnf.jkt` with padding", { cnf: { jkt: `${thumbprint(publicJwk("client"))}=` } });
bad("`cnf.jkt` of another key", { cnf: { jkt: thumbprint(publicJwk("stranger")) } });

// --- The form.
bad("two parts", { proof: (one) => [one.split(".").slice(0, 2).join(".")] });
bad("four parts", { proof: (one) => [`${one}.AA`] });
bad("no form at all", { proof: () => ["x"] });
bad("padding after the signature", { proof: (one) => [`${one}==`] });
bad("a bit set that its signature's encoding has no room for", { proof: (one) => [one.slice(0, -1) + ({ A: "B", Q: "R", g: "h", w: "x" }[one.at(-1) ?? ""] ?? "B")] }, { policy: "RFC 7515 leaves trailing bits to the decoder; a proof with several spellings is several proofs to whoever compares text" });
bad("header and payload in standard base64", { claims: (all) => ({ ...all, more: "???>>>" }), proof: (one) => [one.replaceAll("-", "+").replaceAll("_", "/")] });
bad("a header that is no JSON", { header: () => "{" });
bad("a header that is an array", { header: () => [] });
bad("a payload that is an array", { claims: () => [] });
bad("`htm` twice", { claims: (all) => JSON.stringify(all).replace('"htm"', '"htm":"POST","htm"') }, { policy: "RFC 7519 section 4 leaves it to the parser; two readers see two methods" });
bad("`jti` twice", { claims: (all) => JSON.stringify(all).replace('"jti"', '"jti":"a","jti"') }, { policy: "RFC 7519 section 4 leaves it to the parser; two readers remember two proofs" });
bad("`alg` twice", { header: (all) => JSON.stringify(all).replace('"alg"', '"alg":"none","alg"') }, { policy: "RFC 7515 section 4 leaves it to the parser" });
bad("more than 4,096 bytes", claim({ more: "x".repeat(5_000) }), { policy: "a limit keeps the work bounded; RFC 9449 has none" });

// --- The header.
for (const typ of ["JWT", "at+jwt", "dbsc+jwt", "", undefined]) bad(typ === undefined ? "no `typ`" : `\`typ\` is \`${typ}\``, param({ typ }));
bad("`alg` is `none`, without a signature", { ...param({ alg: "none" }), signed: () => "" });
bad("`HS256` with a secret as `jwk`", { ...param({ alg: "HS256", jwk: publicJwk("shared") }), signed: (input) => signature("HS256", "shared", input) });
bad("`HS256` with the public key's text as secret", { ...param({ alg: "HS256" }), signed: (input) => createHmac("sha256", JSON.stringify(publicJwk("client"))).update(input).digest() });
bad("`ES384` with a key of P-256", param({ alg: "ES384" }));
bad("`PS256` over a signature of `RS256`", { ...param({ alg: "PS256" }), key: "rsa", signed: (input) => signature("RS256", "rsa", input) });
bad("no `alg`", param({ alg: undefined }));
bad("no key", param({ jwk: undefined }));
bad("a key's name in place of a key", param({ jwk: undefined, kid: "k1" }));
bad("a key that is `null`", param({ jwk: null }));
bad("a key as text", param({ jwk: JSON.stringify(publicJwk("client")) }));
bad("another key than the one that signed", param({ jwk: publicJwk("stranger") }));
bad("another key, which signed", { key: "stranger", cnf: { jkt: thumbprint(publicJwk("client")) } });
bad("the private key", param({ jwk: { ...publicJwk("client"), d: keys.client.d } }));
bad("a key with an empty private part", param({ jwk: { ...publicJwk("client"), d: "" } }));
bad("an address of a key set (`jku`) in place of a key", param({ jwk: undefined, jku: "https://attacker.example/jwks" }));
bad("a critical extension that nobody knows", param({ crit: ["x"], x: 1 }));
bad("`b64` false and critical (RFC 7797)", param({ crit: ["b64"], b64: false }));
bad("an RSA key of 1,024 bits", { alg: "RS256", key: "rsa1024" });
bad("a key for encryption (`use`)", param({ jwk: { ...publicJwk("client"), use: "enc" } }), { policy: "RFC 7517 section 4.2: what a key says that it is for" });
bad("a key for another algorithm (`alg`)", param({ jwk: { ...publicJwk("client"), alg: "ES384" } }), { policy: "RFC 7517 section 4.4: what a key says that it is for" });
bad("a point that is not on its curve", param({ jwk: { ...publicJwk("client"), y: publicJwk("client").x } }));

// --- The signature.
bad("no signature", { signed: () => "" });
bad("a signature of zeros", { signed: () => Buffer.alloc(64) });
bad("a signature with one bit changed", { signed: (input) => { const bytes = signature("ES256", "client", input); bytes[9] ^= 1; return bytes; } });
bad("a signature in DER", { signed: (input) => sign("sha256", Buffer.from(input), /** @type {any} */ ({ key: keys.client, format: "jwk" })) });
bad("the signature of another proof", { signed: () => signature("ES256", "client", "another") });

// --- The claims.
bad("no `jti`", claim({ jti: undefined }));
bad("`jti` is a number", claim({ jti: 1 }));
bad("`jti` is empty", claim({ jti: "" }), { policy: "RFC 9449 section 4.2: unique; an empty one is the same as every other" });
bad("`jti` of 513 bytes", claim({ jti: "x".repeat(513) }), { policy: "a limit keeps the memory bounded; RFC 9449 has none" });
bad("no `htm`", claim({ htm: undefined }));
bad("another method", claim({ htm: "POST" }));
bad("the method in small letters", claim({ htm: "get" }));
bad("`htm` is an array", claim({ htm: ["GET"] }));
bad("no `htu`", claim({ htu: undefined }));
for (const [what, htu] of [
  ["another path", "https://api.example/other"], ["a path below", `${URL_OF}/1`], ["a slash more at the end", `${URL_OF}/`], ["another host", "https://other.example/orders"],
  ["a host that begins alike", "https://api.example.attacker.example/orders"], ["another scheme", "http://api.example/orders"], ["another port", "https://api.example:8443/orders"],
  ["a path only", "/orders"], ["a slash that is encoded", "https://api.example/%2Forders"],
]) bad(`\`htu\` with ${what}`, claim({ htu }));
bad("`htu` with a user part", claim({ htu: "https://user@api.example/orders" }), { policy: "RFC 9110 section 4.2.4: to be taken for an error, as it hides whose host it is" });
bad("`htu` is an array", claim({ htu: [URL_OF] }));
bad("no `iat`", claim({ iat: undefined }));
bad("`iat` is text", { claims: (all) => ({ ...all, iat: String(all.iat) }) });
bad("ten minutes old", { claims: (all) => ({ ...all, iat: now() - 600 }) });
bad("two minutes old", { claims: (all) => ({ ...all, iat: now() - 120 }) }, { policy: "how long is the server's to say (RFC 9449 section 11.1); oauth4webapi gives five minutes" });
bad("ten minutes ahead", { claims: (all) => ({ ...all, iat: now() + 600 }) });
bad("a minute ahead", { claims: (all) => ({ ...all, iat: now() + 60 }) }, { policy: "how far is the server's to say; a proof that is made in advance is good later" });
bad("no `ath`", claim({ ath: undefined }));
bad("`ath` of another token", claim({ ath: hash("another") }));
bad("`ath` in hexadecimal", { claims: (all) => ({ ...all, ath: Buffer.from(String(all.ath), "base64url").toString("hex") }) });
bad("`ath` with padding", { claims: (all) => ({ ...all, ath: `${all.ath}=` }) });

/** What oauth4webapi says of requests, one after the other: of the last. @param {Sent[]} sent */
export async function oauth4webapi(sent) {
  const as = { issuer: ISSUER, jwks_uri: `${ISSUER}/jwks` };
  const jwks = { keys: setting.jwks.keys };
  const options = { [oauth.jwksCache]: { jwks, uat: now() } };
  let last = { accepted: false };
  for (const { method, url, headers } of sent) {
    last = await verdict(() => oauth.validateJwtAccessToken(as, new Request(url, { method, headers }), "postern", /** @type {any} */ (options)));
  }
  return last;
}
