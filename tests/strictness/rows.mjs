// @ts-check
// The strictness table: what a verifier is shown, and what ours makes of it. After RFC 8725, RFC 7515 to 7519, and the
// histories of other verifiers.
//
// A row's `code` is the fault that it must be refused for, since a token refused for another reason shows nothing; none =
// it must be accepted. `policy` says why two verifiers that both do their job may differ. `needs` is what a library must
// offer to see the fault at all: a claim or a header parameter that it can be told to check.
import { createHmac, createPublicKey } from "node:crypto";
import {
  EXPIRES, ISSUED, base64url, claims, headerOf, issuerOf, keys, publicJwk, signature, signatureOfExponentOne, signatureWithContext, token,
} from "./tokens.mjs";

/** @typedef {{group: string, title: string, set: string, token: string, code?: string, policy?: string, needs?: string}} Row */
/** `typ`: null = the entry does not name one. @typedef {{source: "settings" | "fetched", algorithms: string[], jwks: string, typ?: null}} KeySet */

const ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"];
/** Each key is named after its algorithm. */
const ML_DSA = ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"];
const KEY_OF = /** @type {Record<string, string>} */ ({ RS: "rsa", PS: "rsa", ES256: "p256", ES384: "p384", ES512: "p521", EdDSA: "ed", Ed25519: "ed" });
const keyOf = (/** @type {string} */ alg) => KEY_OF[alg] ?? KEY_OF[alg.slice(0, 2)];
const jwks = (/** @type {object[]} */ ...keys) => JSON.stringify({ keys });
/** A key's name in the set `public`: one key is for one algorithm, the first of the list unless it says another. */
const kidOf = (/** @type {string} */ alg) => (["RS256", "ES256", "ES384", "ES512", "EdDSA"].includes(alg) ? keyOf(alg) : alg.toLowerCase());

/** Every key set by its name, which is that of its issuer. @type {Record<string, KeySet>} */
export const keySets = {
  shared: { source: "settings", algorithms: ["HS256"], jwks: jwks(publicJwk("shared", { kid: "shared", alg: "HS256" })) },
  public: { source: "fetched", algorithms: ASYMMETRIC, jwks: jwks(...ASYMMETRIC.map((alg) => publicJwk(keyOf(alg), { kid: kidOf(alg), ...(kidOf(alg) === keyOf(alg) ? {} : { alg }) }))) },
  postquantum: { source: "fetched", algorithms: ML_DSA, jwks: jwks(...ML_DSA.map((alg) => publicJwk(alg, { kid: alg }))) },
  purposes: { source: "fetched", algorithms: ["ES256"], jwks: jwks(publicJwk("p256", { kid: "p256" })), typ: null },
};
/** @type {Row[]} */
export const rows = [];

/** @param {string} group @param {string} title @param {string} set @param {string} token @param {string} [code] @param {Partial<Row>} [more] */
const row = (group, title, set, token, code, more) => void rows.push({ group, title, set, token, ...(code ? { code } : {}), ...more });

const SHARED = headerOf("HS256", "shared");
const goodClaims = claims("shared");
const good = token("HS256", "shared", SHARED, goodClaims);
const [h, p, s] = good.split(".");

// --- What is good, and must not be refused.
const accepted = "Good tokens";
row(accepted, "HS256", "shared", good);
for (const alg of ASYMMETRIC) {
  const key = keyOf(alg);
  const unknown = alg === "Ed25519" ? { policy: "Ed25519 is the name that RFC 9864 gives to what EdDSA was" } : alg.startsWith("PS") || alg === "EdDSA" ? { policy: "some libraries lack this algorithm" } : {};
  row(accepted, alg, "public", token(alg, key, headerOf(alg, kidOf(alg)), claims("public")), undefined, unknown);
}
for (const alg of ML_DSA) {
  row(accepted, alg, "postquantum", token(alg, alg, headerOf(alg, alg), claims("postquantum")), undefined, { policy: "RFC 9964 is young: most libraries lack this algorithm" });
}
const sharedToken = (/** @type {string} */ header, payload = goodClaims) => token("HS256", "shared", header, payload);
const [twinHeader, twinPayload, twinSignature] = token("ES256", "p256", headerOf("ES256", "p256"), claims("public")).split(".");
row(accepted, "ES256, the twin (r, n - s) of a signature", "public", `${twinHeader}.${twinPayload}.${base64url(twinOf(Buffer.from(twinSignature, "base64url")))}`, undefined, { policy: "nothing in RFC 7518 tells the two apart; so a token's bytes are no name for a session" });
row(accepted, "`typ` in lower case", "shared", sharedToken(headerOf("HS256", "shared", { typ: "jwt" })), undefined, { policy: "media types compare without case (RFC 7515, section 4.1.9)" });
row(accepted, "`typ` as a full media type", "shared", sharedToken(headerOf("HS256", "shared", { typ: "application/jwt" })), undefined, { policy: "`application/` may be left out, or not (RFC 7515, section 4.1.9)" });
row(accepted, "an unknown header parameter", "shared", sharedToken(headerOf("HS256", "shared", { x: { y: [1] } })));
row(accepted, "without `kid`, one key that fits", "public", token("ES256", "p256", '{"alg":"ES256","typ":"JWT"}', claims("public")), undefined, { policy: "`kid` is optional (RFC 7515, section 4.1.4); some libraries ask for it" });
row(accepted, "several audiences, one of them ours", "shared", sharedToken(SHARED, claims("shared", "aud", '"aud":["others","postern"]')));
row(accepted, "`exp` with a fraction", "shared", sharedToken(SHARED, claims("shared", "exp", `"exp":${EXPIRES}.5`)));
row(accepted, "`exp` with an exponent", "shared", sharedToken(SHARED, claims("shared", "exp", '"exp":2.102e9')));
row(accepted, "`nbf` in the past", "shared", sharedToken(SHARED, claims("shared", "sid", `"sid":"session-1","nbf":${ISSUED}`)));
row(accepted, "whitespace in header and payload", "shared", sharedToken(`{ "alg" : "HS256", "typ" : "JWT",\r\n "kid" : "shared" }`, goodClaims.replaceAll(",", ",\r\n ")));
row(accepted, "an escaped name of a member", "shared", sharedToken(SHARED, claims("shared", "sub", '"s\\u0075b":"alice"')));
row(accepted, "a member named `__proto__`, plain data", "shared", sharedToken(SHARED, claims("shared", "sid", '"sid":"session-1","__proto__":{"admin":true}')), undefined, { policy: "a name like any other in JSON; some parsers refuse it" });
row(accepted, "text beyond the basic plane", "shared", sharedToken(SHARED, claims("shared", "sid", '"sid":"session-1","name":"Zoë \u{1f511} \\ud83d\\udd11"')));
row(accepted, "a number that a double cannot hold", "shared", sharedToken(SHARED, claims("shared", "sid", '"sid":"session-1","big":12345678901234567890')));

// --- The compact form.
const shape = "Shape";
const shapes = /** @type {[string, string, string][]} */ ([
  ["two parts", `${h}.${p}`, "not_three_parts"],
  ["four parts", `${good}.${s}`, "not_three_parts"],
  ["five parts, as an encrypted token has", `${good}.${s}.${s}`, "not_three_parts"],
  ["a dot at the end", `${good}.`, "not_three_parts"],
  ["no payload", `${h}..${s}`, "not_three_parts"],
  ["no header", `.${p}.${s}`, "not_three_parts"],
  ["no signature", `${h}.${p}.`, "bad_signature"],
  ["flattened JSON serialisation", JSON.stringify({ protected: h, payload: p, signature: s }), "not_three_parts"],
  ["a space before it", ` ${good}`, "bad_encoding"],
  ["a newline after it", `${good}\n`, "bad_encoding"],
  ["a newline in the signature", `${h}.${p}.${s.slice(0, 9)}\n${s.slice(9)}`, "bad_encoding"],
  ["a space in the payload", `${h}.${p.slice(0, 8)} ${p.slice(8)}.${s}`, "bad_encoding"],
  ["a NUL after it", `${good}\0`, "bad_encoding"],
  ["its scheme before it", `Bearer ${good}`, "bad_encoding"],
  ["padding on the signature", `${good}=`, "bad_encoding"],
  ["two excess characters on the signature", `${good}AA`, "bad_encoding"],
  ["percent encoding", good.replace(s[0], `%${s.charCodeAt(0).toString(16)}`), "bad_encoding"],
]);
for (const [title, text, code] of shapes) row(shape, title, "shared", text, code);
/** The same bytes with bits set that nobody reads. @param {string} part */
const loose = (part) => part.slice(0, -1) + String.fromCharCode(part.charCodeAt(part.length - 1) + 1);
row(shape, "trailing bits of the signature set", "shared", `${h}.${p}.${loose(s)}`, "bad_encoding");
/** A token whose header or payload is spelled as given, and signed like that. @param {string} header @param {string} payload */
const spelled = (header, payload) => `${header}.${payload}.${base64url(signature("HS256", "shared", `${header}.${payload}`))}`;
/** With as many spaces after it as leave one byte over, so that its base64 has padding and four bits that nobody reads. @param {string} text */
const oneOver = (text) => text + " ".repeat((4 - (text.length % 3)) % 3);
const standard = (/** @type {string} */ text) => Buffer.from(text).toString("base64");
const padded = (/** @type {string} */ text) => `${base64url(oneOver(text))}==`;
row(shape, "padding on the payload, signed with it", "shared", spelled(h, padded(goodClaims)), "bad_encoding");
row(shape, "padding on the header, signed with it", "shared", spelled(padded(SHARED), p), "bad_encoding");
row(shape, "the alphabet of base64, signed with it", "shared", spelled(h, standard(goodClaims.replace('"alice"', '"alice???>>>"')).replaceAll("=", "")), "bad_encoding");
row(shape, "trailing bits of the payload set, signed with them", "shared", spelled(h, loose(base64url(oneOver(goodClaims)))), "bad_encoding");
row(shape, "larger than 16 KiB", "shared", sharedToken(SHARED, claims("shared", "sid", `"sid":"session-1","x":"${"x".repeat(16_384)}"`)), "token_too_large", { policy: "a limit keeps the work bounded; other verifiers leave it to their caller" });

// --- JSON, in a header and a payload whose signature is good.
const json = "JSON";
const headers = /** @type {[string, string | Uint8Array, string][]} */ ([
  ["header: `alg` twice", '{"alg":"HS256","typ":"JWT","kid":"shared","alg":"HS256"}', "bad_header"],
  ["header: `alg` twice, first `none`", '{"alg":"none","typ":"JWT","kid":"shared","alg":"HS256"}', "bad_header"],
  ["header: `alg` twice, once escaped", '{"\\u0061lg":"none","alg":"HS256","typ":"JWT","kid":"shared"}', "bad_header"],
  ["header: `kid` twice", '{"alg":"HS256","typ":"JWT","kid":"other","kid":"shared"}', "bad_header"],
  ["header: a comma too many", '{"alg":"HS256","typ":"JWT","kid":"shared",}', "bad_header"],
  ["header: a comment", '{"alg":"HS256"/**/,"typ":"JWT","kid":"shared"}', "bad_header"],
  ["header: text after it", `${SHARED}{}`, "bad_header"],
  ["header: byte order mark", `\ufeff${SHARED}`, "bad_header"],
  ["header: an array", '["alg","HS256"]', "bad_header"],
  ["header: not UTF-8", Buffer.concat([Buffer.from('{"alg":"HS256","typ":"JWT","kid":"shared","x":"'), Buffer.from([0xff]), Buffer.from('"}')]), "bad_encoding"],
  ["header: a lone surrogate", '{"alg":"HS256","typ":"JWT","kid":"shared","x":"\\ud800"}', "bad_header"],
  ["header: UTF-16", Buffer.from(SHARED, "utf16le"), "bad_header"],
]);
for (const [title, text, code] of headers) row(json, title, "shared", token("HS256", "shared", text, goodClaims), code);
const payloads = /** @type {[string, string | Uint8Array, string][]} */ ([
  ["payload: `sub` twice", claims("shared", "sub", '"sub":"alice","sub":"root"'), "bad_payload"],
  ["payload: `sub` twice, once escaped", claims("shared", "sub", '"sub":"alice","s\\u0075b":"root"'), "bad_payload"],
  ["payload: `exp` twice", claims("shared", "exp", `"exp":1,"exp":${EXPIRES}`), "bad_payload"],
  ["payload: twice one name, deep inside", claims("shared", "sid", '"sid":"session-1","roles":[{"a":1,"a":2}]'), "bad_payload"],
  ["payload: an array", "[]", "bad_payload"],
  ["payload: `null`", "null", "bad_payload"],
  ["payload: a string", '"alice"', "bad_payload"],
  ["payload: text after it", `${goodClaims}x`, "bad_payload"],
  ["payload: byte order mark", `\ufeff${goodClaims}`, "bad_payload"],
  ["payload: not UTF-8", Buffer.concat([Buffer.from(`${goodClaims.slice(0, -1)},"x":"`), Buffer.from([0xc3]), Buffer.from('"}')]), "bad_encoding"],
  ["payload: an overlong encoding", Buffer.concat([Buffer.from(`${goodClaims.slice(0, -1)},"x":"`), Buffer.from([0xc0, 0xae]), Buffer.from('"}')]), "bad_encoding"],
  ["payload: a surrogate as bytes", Buffer.concat([Buffer.from(`${goodClaims.slice(0, -1)},"x":"`), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]), "bad_encoding"],
  ["payload: a lone surrogate", claims("shared", "sid", '"sid":"session-1","x":"\\ud800"'), "bad_payload"],
  ["payload: a control character in a string", claims("shared", "sid", '"sid":"session-1","x":"\u0001"'), "bad_payload"],
  ["payload: `NaN`", claims("shared", "exp", '"exp":NaN'), "bad_payload"],
  ["payload: a number with a leading zero", claims("shared", "exp", `"exp":0${EXPIRES}`), "bad_payload"],
]);
for (const [title, text, code] of payloads) row(json, title, "shared", token("HS256", "shared", SHARED, text), code);
const nested = `${"[".repeat(64)}${"]".repeat(64)}`;
row(json, "payload: 65 levels deep", "shared", sharedToken(SHARED, claims("shared", "sid", `"sid":"session-1","x":${nested}`)), "bad_payload", { policy: "a limit keeps the work bounded; RFC 8259 leaves it to the parser" });
row(json, "payload: compressed", "shared", token("HS256", "shared", headerOf("HS256", "shared", { zip: "DEF" }), Buffer.from("q1YqLU4tUrJSSszJTE5VqgUA", "base64")), "bad_encoding");

// --- The header's parameters. Each token is signed with the right key.
const parameters = "Header";
const header = (/** @type {string} */ title, /** @type {Record<string, unknown>} */ members, /** @type {string} */ code, more = {}) =>
  row(parameters, title, "shared", sharedToken(headerOf("HS256", "shared", members)), code, more);
for (const none of ["none", "None", "NONE", "nOnE"]) {
  const unsecured = `${base64url(headerOf(none, "shared"))}.${p}.`;
  row(parameters, `\`alg\` is \`${none}\`, no signature`, "shared", unsecured, "algorithm_none");
}
header("`alg` is `none`, signed all the same", { alg: "none" }, "algorithm_none");
row(parameters, "`alg` is `none`, public keys", "public", `${base64url(headerOf("none", "rsa"))}.${base64url(claims("public"))}.`, "algorithm_none");
header("`alg` is missing", { alg: null }, "algorithm_missing");
header("`alg` is empty", { alg: "" }, "algorithm_unknown");
header("`alg` in lower case", { alg: "hs256" }, "algorithm_unknown");
header("`alg` is a list", { alg: ["HS256"] }, "bad_header");
header("`alg` is a number", { alg: 256 }, "bad_header");
header("`alg` of an encrypted token", { alg: "dir", enc: "A128GCM" }, "algorithm_unknown");
header("`alg` is RS256, for the shared secret", { alg: "RS256" }, "algorithm_mismatch");
row(parameters, "`alg` is HS384, signed so, where HS256 is agreed", "shared", token("HS384", "shared", headerOf("HS384", "shared"), goodClaims), "algorithm_mismatch");
header("`crit` names what nobody understands", { crit: ["urn:x"], "urn:x": 1 }, "critical_extension");
header("`crit` names `exp`", { crit: ["exp"], exp: EXPIRES }, "critical_extension");
header("`crit` is empty", { crit: [] }, "critical_extension");
row(parameters, "`crit` is `null`", "shared", sharedToken(SHARED.replace("{", `{"crit":null,`)), "critical_extension");
header("`crit` and `b64: false`", { crit: ["b64"], b64: false }, "critical_extension");
header("`b64: false` without `crit`", { b64: false }, "unencoded_payload");
header("`b64: true` without `crit`", { b64: true }, "unencoded_payload", { policy: "it changes nothing; no token of ours or of an issuer that we know has it" });
header("`typ` of another kind of token", { typ: "dpop+jwt" }, "wrong_type", { needs: "typ" });
header("`typ` of an access token", { typ: "at+jwt" }, "wrong_type", { needs: "typ" });
header("`typ` is missing", { typ: null }, "wrong_type", { needs: "typ", policy: "explicit typing is asked for here (RFC 8725, section 3.11)" });
header("`typ` is an object", { typ: {} }, "bad_header");
header("`typ` with a space after it", { typ: "JWT " }, "wrong_type", { needs: "typ" });
const kids = "one secret is agreed, so a name that is not its own may be looked past; with key sets it may not";
header("`kid` of no key", { kid: "other" }, "unknown_key", { policy: kids });
header("`kid` is a path", { kid: "../../../dev/null" }, "unknown_key", { policy: kids });
header("`kid` is SQL", { kid: "x' UNION SELECT 'key' --" }, "unknown_key", { policy: kids });
header("`kid` is a command", { kid: "shared|id" }, "unknown_key", { policy: kids });
header("`kid` is empty", { kid: "" }, "bad_key_id", { policy: kids });
header("`kid` is a number", { kid: 0 }, "bad_key_id", { policy: kids });
header("`kid` is a list", { kid: ["shared"] }, "bad_key_id", { policy: kids });
header("`kid` has 257 bytes", { kid: "k".repeat(257) }, "bad_key_id", { policy: kids });
row(parameters, "`kid` is `__proto__`, public keys", "public", token("RS256", "rsa", headerOf("RS256", "__proto__"), claims("public")), "unknown_key");
row(parameters, "`kid` of no key, public keys", "public", token("RS256", "rsa", headerOf("RS256", "nobody"), claims("public")), "unknown_key");

// --- Keys that the token brings along, or that are taken for something else.
const confusion = "Key confusion";
const attacker = publicJwk("rsa2");
const byAttacker = (/** @type {Record<string, unknown>} */ members, kid = "rsa") => token("RS256", "rsa2", headerOf("RS256", kid, members), claims("public"));
row(confusion, "`jwk` in the header, signed with it", "public", byAttacker({ jwk: attacker }), "bad_signature");
row(confusion, "`jku` in the header", "public", byAttacker({ jku: "https://evil.example/jwks.json" }), "bad_signature");
row(confusion, "`x5u` in the header", "public", byAttacker({ x5u: "https://evil.example/cert.pem" }), "bad_signature");
row(confusion, "`x5c` in the header", "public", byAttacker({ x5c: ["MIIB"] }), "bad_signature");
row(confusion, "`jwk` in the header, its own `kid`", "public", byAttacker({ jwk: { ...attacker, kid: "evil" } }, "evil"), "unknown_key");
row(confusion, "signed with a stranger's key", "public", byAttacker({}), "bad_signature");
const rsaPublic = publicJwk("rsa");
const spki = createPublicKey({ key: /** @type {any} */ (rsaPublic), format: "jwk" });
for (const [title, secret] of /** @type {[string, string | Buffer][]} */ ([
  ["PEM", spki.export({ type: "spki", format: "pem" })],
  ["PEM without its last newline", String(spki.export({ type: "spki", format: "pem" })).trimEnd()],
  ["DER", spki.export({ type: "spki", format: "der" })],
  ["PKCS #1 PEM", spki.export({ type: "pkcs1", format: "pem" })],
  ["JWK", JSON.stringify(publicJwk("rsa", { kid: "rsa" }))],
  ["modulus", Buffer.from(String(rsaPublic.n), "base64url")],
])) {
  const input = `${base64url(headerOf("HS256", "rsa"))}.${base64url(claims("public"))}`;
  row(confusion, `HS256 with the RSA public key as ${title}`, "public", `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`, "algorithm_mismatch");
}
const emptySecret = `${base64url(headerOf("HS256", "shared"))}.${p}`;
row(confusion, "HS256 with an empty secret", "shared", `${emptySecret}.${createHmac("sha256", "").update(emptySecret).digest("base64url")}`, "bad_signature");
row(confusion, "HS256 with the secret `secret`", "shared", `${emptySecret}.${createHmac("sha256", "secret").update(emptySecret).digest("base64url")}`, "bad_signature");
row(confusion, "ES256 for the RSA key", "public", token("ES256", "p256", headerOf("ES256", "rsa"), claims("public")), "algorithm_mismatch");
row(confusion, "RS256 for the P-256 key", "public", token("RS256", "rsa", headerOf("RS256", "p256"), claims("public")), "algorithm_mismatch");
row(confusion, "ES384 for the P-256 key", "public", token("ES384", "p384", headerOf("ES384", "p256"), claims("public")), "algorithm_mismatch");
row(confusion, "EdDSA for the P-256 key", "public", token("EdDSA", "ed", headerOf("EdDSA", "p256"), claims("public")), "algorithm_mismatch");
row(confusion, "ES256K, which no key here is for", "public", token("ES256", "p256", headerOf("ES256K", "p256"), claims("public")), "algorithm_unknown");

// --- Signatures.
const signatures = "Signature";
const broken = (/** @type {string} */ alg, /** @type {string} */ title, /** @type {(bytes: Buffer) => Uint8Array} */ change) => {
  const key = keyOf(alg);
  const input = `${base64url(headerOf(alg, kidOf(alg)))}.${base64url(claims("public"))}`;
  row(signatures, `${alg}: ${title}`, "public", `${input}.${base64url(change(signature(alg, key, input)))}`, "bad_signature");
};
const zeros = (/** @type {Buffer} */ bytes) => Buffer.alloc(bytes.length);
const flipped = (/** @type {Buffer} */ bytes) => (bytes.writeUInt8(bytes.readUInt8(9) ^ 1, 9), bytes);
row(signatures, "HS256: of another payload", "shared", `${h}.${base64url(claims("shared", "sub", '"sub":"root"'))}.${s}`, "bad_signature");
row(signatures, "HS256: cut to half", "shared", `${h}.${p}.${base64url(Buffer.from(s, "base64url").subarray(0, 16))}`, "bad_signature");
row(signatures, "HS256: one byte of it", "shared", `${h}.${p}.${base64url(Buffer.from(s, "base64url").subarray(0, 1))}`, "bad_signature");
row(signatures, "HS256: a byte more", "shared", `${h}.${p}.${base64url(Buffer.concat([Buffer.from(s, "base64url"), Buffer.of(0)]))}`, "bad_signature");
row(signatures, "HS256: zeros", "shared", `${h}.${p}.${base64url(Buffer.alloc(32))}`, "bad_signature");
row(signatures, "HS256: in hexadecimal", "shared", `${h}.${p}.${Buffer.from(s, "base64url").toString("hex")}`, "bad_signature");
for (const alg of ["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"]) {
  broken(alg, "one bit changed", flipped);
  broken(alg, "zeros", zeros);
  broken(alg, "cut short", (bytes) => bytes.subarray(0, -1));
  broken(alg, "a byte more", (bytes) => Buffer.concat([bytes, Buffer.of(0)]));
}
broken("RS256", "one", (bytes) => Buffer.concat([Buffer.alloc(bytes.length - 1), Buffer.of(1)]));
broken("RS256", "larger than the modulus", (bytes) => Buffer.alloc(bytes.length, 0xff));
broken("ES256", "in DER", (bytes) => derOf(bytes));
broken("ES256", "r and s of zero (CVE-2022-21449)", zeros);
broken("ES256", "r of zero", (bytes) => Buffer.concat([Buffer.alloc(32), bytes.subarray(32)]));
broken("ES256", "s as n", (bytes) => Buffer.concat([bytes.subarray(0, 32), Buffer.from("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", "hex")]));
broken("EdDSA", "s plus the order (RFC 8032, section 5.1.7)", (bytes) => Buffer.concat([bytes.subarray(0, 32), littleEndianSum(bytes.subarray(32), (1n << 252n) + 27742317777372353535851937790883648493n)]));
row(signatures, "RS256 signature under RS512's name", "public", token("RS256", "rsa", headerOf("RS512", "rs512"), claims("public")), "bad_signature");
row(signatures, "RS256 signature under PS256's name", "public", token("RS256", "rsa", headerOf("PS256", "ps256"), claims("public")), "bad_signature");
for (const alg of ML_DSA) {
  const input = `${base64url(headerOf(alg, alg))}.${base64url(claims("postquantum"))}`;
  const good = signature(alg, alg, input);
  const changes = /** @type {[string, Uint8Array][]} */ ([
    ["zeros", Buffer.alloc(good.length)],
    ["cut short", good.subarray(0, -1)],
    ["a byte more", Buffer.concat([good, Buffer.of(0)])],
    ["one bit changed", flipped(Buffer.from(good))],
    ["with a context (FIPS 204, section 5.2)", signatureWithContext(alg, alg, input, "JWT")],
  ]);
  for (const [title, bytes] of changes) row(signatures, `${alg}: ${title}`, "postquantum", `${input}.${base64url(bytes)}`, "bad_signature");
}
row(signatures, "ML-DSA-44 signature under ML-DSA-65's name", "postquantum", token("ML-DSA-44", "ML-DSA-44", headerOf("ML-DSA-65", "ML-DSA-44"), claims("postquantum")), "algorithm_mismatch");

/** @param {Buffer} bytes */
function derOf(bytes) {
  const integer = (/** @type {Buffer} */ part) => {
    const padded = part.readUInt8(0) > 127 ? Buffer.concat([Buffer.of(0), part]) : part;
    return Buffer.concat([Buffer.of(2, padded.length), padded]);
  };
  const body = Buffer.concat([integer(bytes.subarray(0, 32)), integer(bytes.subarray(32))]);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}

/** The other signature on P-256 that is good whenever this one is. @param {Buffer} bytes */
function twinOf(bytes) {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const twin = order - BigInt(`0x${bytes.subarray(32).toString("hex")}`);
  return Buffer.concat([bytes.subarray(0, 32), Buffer.from(twin.toString(16).padStart(64, "0"), "hex")]);
}

/** @param {Buffer} bytes @param {bigint} addend */
function littleEndianSum(bytes, addend) {
  const sum = BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`) + addend;
  return Buffer.from(sum.toString(16).padStart(64, "0"), "hex").reverse();
}

// --- Claims. Each token is signed with the right key.
const ofClaims = "Claims";
const claim = (/** @type {string} */ title, /** @type {string} */ name, /** @type {string} */ by, /** @type {string} */ code, more = {}) =>
  row(ofClaims, title, "shared", sharedToken(SHARED, claims("shared", name, by)), code, more);
claim("`exp` is missing", "exp", "", "expiry_missing", { needs: "required" });
claim("`exp` in the past", "exp", '"exp":1790000001', "expired");
claim("`exp` is zero", "exp", '"exp":0', "expired");
claim("`exp` is negative", "exp", `"exp":-${EXPIRES}`, "expired");
claim("`exp` is a string", "exp", `"exp":"${EXPIRES}"`, "bad_claim");
claim("`exp` is `null`", "exp", '"exp":null', "bad_claim");
claim("`exp` is `true`", "exp", '"exp":true', "bad_claim");
claim("`exp` is a list", "exp", `"exp":[${EXPIRES}]`, "bad_claim");
claim("`exp` is an object", "exp", '"exp":{}', "bad_claim");
claim("`exp` is a huge number", "exp", '"exp":1e999', "lifetime_too_long");
claim("`exp` in milliseconds", "exp", `"exp":${EXPIRES}000`, "lifetime_too_long", { policy: "the lifetime is limited here; others measure the age from `iat`" });
claim("`exp` in capitals", "exp", `"EXP":${EXPIRES}`, "expiry_missing", { needs: "required" });
claim("`nbf` in the future", "sid", `"sid":"session-1","nbf":${EXPIRES - 1}`, "not_yet_valid");
claim("`nbf` is a string", "sid", `"sid":"session-1","nbf":"${ISSUED}"`, "bad_claim");
claim("`nbf` is a huge number", "sid", '"sid":"session-1","nbf":1e999', "not_yet_valid");
claim("`iat` in the future", "iat", `"iat":${EXPIRES - 1}`, "issued_in_future", { policy: "RFC 7519 does not ask for it; a token from the future is an error of a clock, or a lie" });
claim("`iat` is missing", "iat", "", "issued_at_missing", { needs: "required" });
claim("`iat` is a string", "iat", `"iat":"${ISSUED}"`, "bad_claim");
claim("older than the policy allows", "iat", '"iat":1000000000', "lifetime_too_long", { needs: "age" });
claim("`iss` is missing", "iss", "", "wrong_issuer", { needs: "iss" });
claim("`iss` of another", "iss", '"iss":"https://evil.example"', "wrong_issuer", { needs: "iss" });
claim("`iss` with a slash more", "iss", `"iss":"${issuerOf("shared")}/"`, "wrong_issuer", { needs: "iss" });
claim("`iss` with a longer host", "iss", `"iss":"${issuerOf("shared")}.evil"`, "wrong_issuer", { needs: "iss" });
claim("`iss` in capitals", "iss", '"iss":"https://SHARED.example"', "wrong_issuer", { needs: "iss" });
claim("`iss` is a list", "iss", `"iss":["${issuerOf("shared")}"]`, "bad_claim", { needs: "iss" });
claim("`aud` is missing", "aud", "", "wrong_audience", { needs: "aud" });
claim("`aud` of another", "aud", '"aud":"others"', "wrong_audience", { needs: "aud" });
claim("`aud` that begins like ours", "aud", '"aud":"postern2"', "wrong_audience", { needs: "aud" });
claim("`aud` is an empty list", "aud", '"aud":[]', "wrong_audience", { needs: "aud" });
claim("`aud` holds ours among words", "aud", '"aud":"postern others"', "wrong_audience", { needs: "aud" });
claim("`aud` is an object", "aud", '"aud":{"postern":true}', "bad_claim", { needs: "aud" });
claim("`aud` list with a number in it", "aud", '"aud":["postern",1]', "bad_claim", { needs: "aud", policy: "RFC 7519 says an array of strings" });
claim("`sub` is missing", "sub", "", "claim_missing", { needs: "required" });
claim("`sub` is a number", "sub", '"sub":1', "bad_claim", { needs: "required", policy: "RFC 7519 says a string" });
claim("`sub` is empty", "sub", '"sub":""', "bad_claim", { needs: "required", policy: "it would name nobody" });

// --- Keys and key sets that are not what they should be.
const ofKeys = "Keys and key sets";
/** A set of its own for one token. @param {string} title @param {string} set @param {string} jwks @param {string} token @param {string} [code] @param {Partial<Row>} [more] @param {string[]} [algorithms] */
const keyed = (title, set, jwks, token, code, more, algorithms = ASYMMETRIC) => {
  keySets[set] = { source: "fetched", algorithms, jwks };
  row(ofKeys, title, set, token, code, more);
};
const one = (/** @type {string} */ set, /** @type {string} */ alg, key = keyOf(alg)) => token(alg, key, headerOf(alg, "k1"), claims(set));
const k1 = (/** @type {string} */ name, members = {}) => publicJwk(name, { kid: "k1", ...members });
keyed("a key with its `use` and `alg`", "usual", jwks(k1("rsa", { use: "sig", alg: "RS256", key_ops: ["verify"] })), one("usual", "RS256"));
keyed("a key set with a key of an unknown type before ours", "mixedtypes", jwks({ kty: "LMS", alg: "HSS-LMS", pub: "AA", kid: "k0" }, k1("rsa")), one("mixedtypes", "RS256"));
keyed("a private key in a fetched key set", "private", jwks({ ...k1("p256"), d: keys.p256.d }), one("private", "ES256"), "unknown_key", { needs: "jwks" });
keyed("RSA of 1,024 bits", "rsa1024", jwks(k1("rsa1024")), one("rsa1024", "RS256", "rsa1024"), "unknown_key");
const exponentOne = `${base64url(headerOf("RS256", "k1"))}.${base64url(claims("exponentone"))}`;
keyed("RSA with an exponent of one", "exponentone", jwks(k1("rsa", { e: "AQ" })), `${exponentOne}.${base64url(signatureOfExponentOne(exponentOne, 256))}`, "unknown_key");
keyed("RSA key that can be factored (CVE-2017-15361)", "roca", jwks(k1("roca")), one("roca", "RS256", "roca"), "unknown_key");
keyed("`use` is `enc`", "useenc", jwks(k1("rsa", { use: "enc" })), one("useenc", "RS256"), "unknown_key", { needs: "jwks" });
keyed("`key_ops` without `verify`", "keyops", jwks(k1("rsa", { key_ops: ["encrypt"] })), one("keyops", "RS256"), "unknown_key", { needs: "jwks" });
keyed("the key's `alg` is another of its family", "otheralg", jwks(k1("rsa", { alg: "RS512" })), one("otheralg", "RS256"), "algorithm_mismatch", { needs: "jwks" });
keyed("the key's `alg` is for encryption", "encalg", jwks(k1("rsa", { alg: "RSA-OAEP" })), one("encalg", "RS256"), "unknown_key", { needs: "jwks" });
keyed("the key's `alg` does not fit its curve", "wrongcurve", jwks(k1("p256", { alg: "ES384" })), one("wrongcurve", "ES256"), "unknown_key", { needs: "jwks" });
keyed("a point that is not on its curve", "offcurve", jwks(k1("p256", { y: publicJwk("p256").x })), one("offcurve", "ES256"), "bad_signature");
keyed("coordinates of another curve's length", "longpoint", jwks(k1("p384", { crv: "P-256" })), one("longpoint", "ES256", "p256"), "unknown_key");
keyed("coordinates without their leading zeros", "shortpoint", jwks(k1("p521", { x: base64url(Buffer.from(String(publicJwk("p521").x), "base64url").subarray(1)) })), one("shortpoint", "ES512"), undefined, { policy: "RFC 7518 says full length; some issuers leave zeros out, and the point is the same" });
keyed("Ed25519 key of 31 bytes", "shorted", jwks(k1("ed", { x: base64url(Buffer.alloc(31, 9)) })), one("shorted", "EdDSA"), "unknown_key");
keyed("X25519 key for EdDSA", "x25519", jwks(k1("ed", { crv: "X25519" })), one("x25519", "EdDSA"), "unknown_key");
const smallOrder = `${base64url(headerOf("EdDSA", "k1"))}.${base64url(claims("smallorder"))}`;
const identity = Buffer.concat([Buffer.of(1), Buffer.alloc(31)]);
keyed("Ed25519 key of small order, which every message is signed with", "smallorder", jwks(k1("ed", { x: base64url(identity) })), `${smallOrder}.${base64url(Buffer.concat([identity, Buffer.alloc(32)]))}`, "unknown_key");
const mlDsa = (/** @type {string} */ set, alg = "ML-DSA-44", key = alg) => token(key, key, headerOf(alg, "k1"), claims(set));
keyed("ML-DSA key without its `alg`", "akpnoalg", jwks({ ...k1("ML-DSA-44"), alg: undefined }), mlDsa("akpnoalg"), "unknown_key", { needs: "jwks" }, ML_DSA);
keyed("ML-DSA key with the `alg` of a larger one", "akpotheralg", jwks(k1("ML-DSA-44", { alg: "ML-DSA-65" })), mlDsa("akpotheralg", "ML-DSA-65", "ML-DSA-44"), "unknown_key", {}, ML_DSA);
keyed("ML-DSA seed in a fetched key set", "akpprivate", jwks(k1("ML-DSA-44", { priv: base64url(new Uint8Array(32).fill(7)) })), mlDsa("akpprivate"), "unknown_key", { needs: "jwks" }, ML_DSA);
keyed("two keys of one `kid`", "twins", jwks(k1("rsa2"), k1("rsa")), one("twins", "RS256"), "too_many_keys", { needs: "jwks" });
keyed("a secret in a fetched key set", "leaked", jwks(publicJwk("shared", { kid: "k1" })), token("HS256", "shared", headerOf("HS256", "k1"), claims("leaked")), "algorithm_mismatch");
keyed("a secret and a public key of one `kid` in a fetched key set", "bothkinds", jwks(publicJwk("shared", { kid: "k1" }), k1("rsa")), token("HS256", "shared", headerOf("HS256", "k1"), claims("bothkinds")), "algorithm_mismatch");
keyed("`kty` of another type", "wrongkty", jwks(k1("rsa", { kty: "EC" })), one("wrongkty", "RS256"), "unknown_key");
keyed("`kid` is a number", "numericid", jwks(k1("rsa", { kid: 1 })), token("RS256", "rsa", headerOf("RS256", "1"), claims("numericid")), "unknown_key");
keyed("modulus with padding", "padded", jwks(k1("rsa", { n: `${publicJwk("rsa").n}==` })), one("padded", "RS256"), "unknown_key", { policy: "RFC 7518 says base64url without padding" });
keyed("`n` twice in a key", "duplicatemember", jwks(k1("rsa")).replace('"n":', `"n":"${publicJwk("rsa2").n}","n":`), one("duplicatemember", "RS256"), "unknown_key");
keyed("`keys` twice in the set", "duplicatekeys", jwks(k1("rsa")).replace('"keys":', '"keys":[],"keys":'), one("duplicatekeys", "RS256"), "unknown_key");
keyed("a key set that is an array", "bare", JSON.stringify([k1("rsa")]), one("bare", "RS256"), "unknown_key");
keyed("more than a hundred keys", "crowd", jwks(...Array.from({ length: 101 }, (_, number) => publicJwk("ed", { kid: `k${number}` }))), one("crowd", "EdDSA"), "unknown_key", { policy: "a limit keeps the work bounded; other verifiers leave it to their caller" });
keySets.unnamed = { source: "fetched", algorithms: ["RS256", "RS512", "PS256"], jwks: jwks(k1("rsa")) };
for (const alg of ["RS512", "PS256"]) {
  row(ofKeys, `${alg} with a key that names no \`alg\`, where RS256 is the first that is agreed on (RFC 8725, section 3.1)`, "unnamed", token(alg, "rsa", headerOf(alg, "k1"), claims("unnamed")), "algorithm_mismatch", { policy: "the draft of its successor says: one algorithm for one key, and that it is enforced" });
}

// --- What a token is for, where nobody has said which `typ` it must have (RFC 8725, sections 3.11 and 3.12).
const purposes = "Purpose";
/** @param {string} title @param {Record<string, unknown>} header @param {string} extra @param {string} [code] @param {Partial<Row>} [more] */
const purpose = (title, header, extra, code, more) =>
  row(purposes, title, "purposes", token("ES256", "p256", headerOf("ES256", "p256", header), claims("purposes", "sid", `"sid":"session-1"${extra}`)), code, more);
purpose("no `typ`", { typ: null }, "");
for (const typ of ["JWT", "jwt"]) purpose(`\`typ\` is \`${typ}\``, { typ }, "");
for (const typ of ["at+jwt", "AT+JWT", "application/at+jwt"]) purpose(`\`typ\` is \`${typ}\``, { typ }, "", undefined, { policy: "RFC 9068 calls access tokens so; a library that knows only `JWT` has to be told" });
for (const typ of ["logout+jwt", "secevent+jwt", "dpop+jwt", "dbsc+jwt", "kb+jwt", "client-authentication+jwt", "oauth-authz-req+jwt", "token-introspection+jwt", "postern-assertion+jwt", "JOSE", ""]) {
  purpose(`\`typ\` is \`${typ}\``, { typ }, "", "wrong_type");
}
purpose("`cnf` with the digest of a key, and no proof", {}, ',"cnf":{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}', "bound_to_key", { policy: "RFC 9449 lets only servers that know nothing of proofs take such a token" });
purpose("`cnf` with the digest of a certificate", {}, ',"cnf":{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}', "bound_to_key", { policy: "RFC 8705 asks for the certificate" });
purpose("`cnf` of a kind that nobody knows", {}, ',"cnf":{"x":1}', "bound_to_key", { policy: "what cannot be checked is refused" });
purpose("`cnf` that is `null`", {}, ',"cnf":null', "bound_to_key", { policy: "RFC 7800 says an object" });
