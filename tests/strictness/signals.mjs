// @ts-check
// Logout signals for the strictness table: logout tokens (OpenID Connect Back-Channel Logout 1.0) and security events (RFC 8417, CAEP)
// with one thing wrong. Each is made when it is shown. Postern gets them at POST {base}/issuers/{id}/logout. jose checks what it has options for.
import { randomUUID } from "node:crypto";
import { createLocalJWKSet, jwtVerify } from "jose";
import { verdict } from "./peers.mjs";
import { base64url, publicJwk, signature } from "./tokens.mjs";

const ISSUER = "https://signals.example";
const CLIENT = "client";
const LOGOUT = "http://schemas.openid.net/event/backchannel-logout";
const REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const jwks = { keys: [publicJwk("p256", { kid: "k1", alg: "ES256" })] };

/** Its entry in `TRUSTED_ISSUERS`. */
export const setting = { id: "signals", issuer: ISSUER, audience: ["postern"], algorithms: ["ES256"], jwks, logout_audience: [CLIENT] };

/** @typedef {{kind: "logout" | "event", text: string}} Signal */
/** @typedef {{group: string, title: string, code?: string, policy?: string, needs?: string, make: () => Signal[]}} SignalRow of what `make` gives, the last counts */

const now = () => Math.floor(Date.now() / 1_000);
/** @typedef {Record<string, unknown>} Members */
/** @param {{kind?: "logout" | "event", header?: Members, claims?: Members, key?: string, alg?: string, text?: (good: string) => string, raw?: (claims: string) => string}} more @returns {Signal} */
function signal({ kind = "logout", header = {}, claims = {}, key = "p256", alg = "ES256", text = (good) => good, raw = (claims) => claims }) {
  const head = JSON.stringify({ alg, kid: "k1", typ: kind === "logout" ? "logout+jwt" : "secevent+jwt", ...header });
  const about = kind === "logout"
    ? { sub: `u-${randomUUID()}`, sid: `s-${randomUUID()}`, exp: now() + 120, events: { [LOGOUT]: {} } }
    : { sub_id: { format: "iss_sub", iss: ISSUER, sub: `u-${randomUUID()}` }, events: { [REVOKED]: { event_timestamp: now() } } };
  const body = raw(JSON.stringify({ iss: ISSUER, aud: CLIENT, iat: now(), jti: randomUUID(), ...about, ...claims }));
  const input = `${base64url(head)}.${base64url(body)}`;
  return { kind, text: text(`${input}.${base64url(alg === "none" ? "" : signature(alg, key, input))}`) };
}

/** @type {SignalRow[]} */
export const rows = [];
const GROUP = "Logout signals";
/** @param {string} title @param {string | undefined} code @param {Parameters<typeof signal>[0]} more @param {{policy?: string, needs?: string}} [notes] */
const row = (title, code, more, notes) => rows.push({ group: GROUP, title, code, ...notes, make: () => [signal(more)] });
const bad = (/** @type {string} */ title, /** @type {Parameters<typeof signal>[0]} */ more, /** @type {{policy?: string, needs?: string}} */ notes = {}) => row(title, "invalid_request", more, notes);
/** What a JWT library leaves to its caller. */
const CALLER = { needs: "events" };

row("a logout token", undefined, {});
row("a logout token without `exp`", undefined, { claims: { exp: undefined } });
row("a logout token of `sub` alone", undefined, { claims: { sid: undefined } });
row("a logout token of `sid` alone", undefined, { claims: { sub: undefined } });
row("a security event", undefined, { kind: "event" });

// --- Its kind: other tokens of the same issuer are signed with the same keys.
for (const typ of ["at+jwt", "dpop+jwt", "secevent+jwt"]) bad(`a logout token whose \`typ\` is \`${typ}\``, { header: { typ } });
for (const typ of ["JWT", "logout+jwt", undefined]) bad(typ === undefined ? "a security event without `typ`" : `a security event whose \`typ\` is \`${typ}\``, { kind: "event", header: { typ } });
bad("an ID token: no `events`", { claims: { events: undefined } });
bad("an ID token with a `nonce` beside `events`", { claims: { nonce: "n" } }, CALLER);
bad("another event", { claims: { events: { [REVOKED]: {} } } }, CALLER);
bad("`events` is a list of names", { claims: { events: [LOGOUT] } }, CALLER);
bad("`events` is text", { claims: { events: LOGOUT } }, CALLER);
bad("the event is not an object", { claims: { events: { [LOGOUT]: true } } }, CALLER);
bad("a security event with two events", { kind: "event", claims: { events: { [REVOKED]: {}, "https://example/other": {} } } }, { ...CALLER, policy: "CAEP says one event in each token" });

// --- Whose it is, and for whom.
bad("another issuer", { claims: { iss: "https://other.example" } });
bad("no issuer", { claims: { iss: undefined } });
bad("for another client", { claims: { aud: "other" } });
bad("for nobody", { claims: { aud: undefined } });
bad("for the API and not for the client", { claims: { aud: "postern" } });
bad("neither `sub` nor `sid`", { claims: { sub: undefined, sid: undefined } }, CALLER);
bad("`sub` is empty", { claims: { sub: "" } }, { ...CALLER, policy: "RFC 7519 does not forbid it; whom it names nobody knows" });
bad("`sid` is a number", { claims: { sid: 1 } }, CALLER);
bad("a security event without a subject", { kind: "event", claims: { sub_id: undefined } }, CALLER);
bad("a security event with `sub`", { kind: "event", claims: { sub: "u" } }, CALLER);

// --- Its time, and that it is used once.
bad("expired", { claims: { exp: now() - 600 } });
bad("an hour old, without `exp`", { claims: { iat: now() - 3_600, exp: undefined } });
bad("made an hour ahead", { claims: { iat: now() + 3_600, exp: now() + 7_200 } });
bad("no `iat`", { claims: { iat: undefined } });
bad("`iat` is text", { claims: { iat: String(now()) } });
bad("no `jti`", { claims: { jti: undefined } });
bad("`jti` is a number", { claims: { jti: 1 } }, CALLER);
rows.push({ group: GROUP, title: "used before", code: "invalid_request", needs: "memory", make: () => { const one = signal({}); return [one, one]; } });
bad("a security event of eight days ago", { kind: "event", claims: { iat: now() - 8 * 86_400 } }, { policy: "how old is the receiver's to say; what is told later than the longest session ends none" });
bad("a security event with `exp`", { kind: "event", claims: { exp: now() + 60 } }, { ...CALLER, policy: "RFC 8417 section 2.2: not recommended; so that no access token passes for one" });

// --- The signature and the form.
bad("`alg` is `none`", { alg: "none", header: { alg: "none" } });
bad("`HS256` with a secret that others know", { alg: "HS256", key: "shared" });
bad("signed with another key", { alg: "ES256", key: "stranger" });
bad("a key of another name", { header: { kid: "k2" } });
bad("a signature with one character changed", { text: (good) => `${good.slice(0, -4)}${good.at(-4) === "A" ? "B" : "A"}${good.slice(-3)}` });
bad("two parts", { text: (good) => good.split(".").slice(0, 2).join(".") });
bad("`sub` twice", { raw: (claims) => claims.replace('"sub"', '"sub":"other","sub"') }, { policy: "RFC 7519 section 4 leaves it to the parser; two readers end two users" });
bad("a critical extension that nobody knows", { header: { crit: ["x"], x: 1 } });

/** What jose says of signals, one after the other, with every option that it has for this: of the last. @param {Signal[]} sent */
export async function jose(sent) {
  let last = { accepted: false };
  for (const { kind, text } of sent) {
    const options = kind === "logout" ? { typ: "logout+jwt", maxTokenAge: 600 } : { typ: "secevent+jwt", maxTokenAge: 7 * 86_400 };
    last = await verdict(() =>
      jwtVerify(text, createLocalJWKSet(/** @type {any} */ (jwks)), { algorithms: ["ES256"], issuer: ISSUER, audience: CLIENT, requiredClaims: ["iat", "jti", "events"], clockTolerance: 60, ...options }));
  }
  return last;
}
