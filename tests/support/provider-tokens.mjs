// @ts-check
// Tokens shaped like those of the providers in docs/providers.md, for the entries on that page. Nobody's: every name, id and
// key is made up.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parse } from "smol-toml";

/** An id that looks like a UUID and is the same for the same name. @param {string} name */
export const uuid = (name) => createHash("sha256").update(name).digest("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, "$1-$2-$3-$4-$5");

/**
 * The entries of the page, by provider: each is the block under its heading.
 * @returns {Record<string, Record<string, any>>}
 */
export function entriesOfPage() {
  const page = readFileSync(new URL("../../docs/providers.md", import.meta.url), "utf8");
  const sections = page.split(/^## /m).slice(1);
  const entries = sections.map((section) => /** @type {any} */ (parse(section.match(/```toml\n([\s\S]*?)```/)?.[1] ?? "")).issuers[0]);
  return Object.fromEntries(entries.map((entry) => [entry.provider, entry]));
}

/**
 * @typedef {object} Shape what a provider's tokens look like
 * @property {"RS256" | "ES256" | "EdDSA"} [alg]
 * @property {Record<string, unknown>} [header] members of the header of its access tokens
 * @property {string} keys where the provider serves the keys of the page's entry
 * @property {Record<string, unknown>} [inKeys] further members that its keys have
 * @property {(entry: any, who: string, login: string) => Record<string, unknown>} user claims of a user's access token, without times
 * @property {(entry: any, claims: Record<string, any>) => Record<string, unknown>} elsewhere the same token, had the audience been another
 * @property {(entry: any, claims: Record<string, any>) => Record<string, unknown>} others the same token of another customer of the provider
 * @property {boolean} subject true when a handle is the user, and not one login
 * @property {{what: string, claims: (entry: any) => Record<string, unknown>, header?: Record<string, unknown>, handle: "one" | null | false}[]} besides
 *   tokens of other kinds: with a handle, without one, or refused
 * @property {Record<string, (token: string) => Record<string, string>>} [places] headers that carry a token, besides `Authorization`
 */

const aud = (/** @type {any} */ _, /** @type {any} */ claims) => ({ ...claims, aud: "somebody-else" });
const iss = (/** @type {(issuer: string) => string} */ change) => (/** @type {any} */ entry, /** @type {any} */ claims) => ({ ...claims, iss: change(entry.issuer) });
const host = (/** @type {string} */ name) => iss((issuer) => issuer.replace(/^https:\/\/[^/]+/, `https://${name}`));
const last = (/** @type {string} */ name) => iss((issuer) => issuer.replace(/[^/]+$/, name));

/** @type {Record<string, Shape>} */
export const SHAPES = {
  auth0: {
    keys: "https://example.eu.auth0.com/.well-known/jwks.json",
    subject: true,
    user: (entry, who) => ({ iss: entry.issuer, sub: `auth0|${who}`, aud: [entry.audience[0], `${entry.issuer}userinfo`], scope: "openid profile", azp: "web" }),
    elsewhere: aud,
    others: host("other.eu.auth0.com"),
    besides: [
      { what: "an ID token", claims: (entry) => ({ iss: entry.issuer, sub: "auth0|ada", aud: "web", sid: "s", nonce: "n" }), handle: false },
      { what: "a machine's", claims: (entry) => ({ iss: entry.issuer, sub: "m@clients", aud: entry.audience[0], azp: "m", gty: "client-credentials" }), handle: "one" },
    ],
  },
  apple: {
    keys: "https://appleid.apple.com/auth/keys",
    subject: true,
    user: (entry, who) => ({ iss: "https://appleid.apple.com", sub: `000000.${who}.0000`, aud: entry.audience[0], email: `${who}@example.test`, email_verified: "true", nonce_supported: true }),
    elsewhere: aud,
    others: (_, claims) => ({ ...claims, aud: "test.other.shop" }),
    besides: [{ what: "an event for the server", claims: (entry) => ({ iss: "https://appleid.apple.com", aud: entry.audience[0], jti: "j", events: "{}" }), handle: false }],
  },
  "better-auth": {
    keys: "https://shop.example.com/api/auth/jwks",
    alg: "EdDSA",
    subject: true,
    user: (entry, who) => ({ iss: entry.issuer, aud: entry.issuer, sub: who, id: who, email: `${who}@example.test`, name: who }),
    elsewhere: aud,
    others: host("other.example.com"),
    besides: [{ what: "one that names nobody", claims: (entry) => ({ iss: entry.issuer, aud: entry.issuer }), handle: false }],
  },
  clerk: {
    keys: "https://clerk.example.com/.well-known/jwks.json",
    subject: false,
    header: { cat: "cl_1" },
    user: (entry, who, login) => ({ iss: entry.issuer, azp: entry.audience[0], sub: `user_${who}`, sid: `sess_${login}`, sts: "active", fva: [5, -1], v: 2 }),
    elsewhere: (_, claims) => ({ ...claims, azp: "https://evil.example.test" }),
    others: host("clerk.other.example.com"),
    places: { __session: (token) => ({ cookie: `__session=${token}` }) },
    besides: [{ what: "a machine's", claims: (entry) => ({ iss: entry.issuer, sub: "mch_1" }), handle: false }],
  },
  "cloudflare-access": {
    keys: "https://example.cloudflareaccess.com/cdn-cgi/access/certs",
    subject: false,
    user: (entry, who, login) => ({ iss: entry.issuer, aud: entry.audience, sub: uuid(who), email: `${who}@example.test`, type: "app", identity_nonce: login, country: "NL" }),
    elsewhere: (_, claims) => ({ ...claims, aud: ["f".repeat(64)] }),
    others: host("other.cloudflareaccess.com"),
    places: {
      "Cf-Access-Jwt-Assertion": (token) => ({ "cf-access-jwt-assertion": token }),
      CF_Authorization: (token) => ({ cookie: `a=1; CF_Authorization=${token}` }),
    },
    besides: [
      { what: "a service token's", claims: (entry) => ({ iss: entry.issuer, aud: entry.audience, type: "app", common_name: "ab.access", sub: "" }), handle: false },
      { what: "the team domain's", claims: (entry) => ({ iss: entry.issuer, aud: entry.audience, type: "org", sub: uuid("ada"), identity_nonce: "n" }), handle: false },
    ],
  },
  cognito: {
    keys: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example01/.well-known/jwks.json",
    subject: false,
    user: (entry, who, login) => ({ iss: entry.issuer, client_id: entry.audience[0], sub: uuid(who), origin_jti: uuid(login), token_use: "access", version: 2, scope: "openid", username: who, "cognito:groups": ["editors"] }),
    elsewhere: (_, claims) => ({ ...claims, client_id: "somebodyelse" }),
    others: last("eu-west-1_Other0001"),
    besides: [
      { what: "an ID token", claims: (entry) => ({ iss: entry.issuer, aud: entry.audience[0], sub: uuid("ada"), origin_jti: "o", token_use: "id", "cognito:username": "ada" }), handle: false },
      { what: "a machine's", claims: (entry) => ({ iss: entry.issuer, client_id: entry.audience[0], sub: entry.audience[0], token_use: "access", scope: "api/read", version: 2 }), handle: null },
    ],
  },
  entra: {
    keys: "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/discovery/v2.0/keys",
    inKeys: { issuer: "https://login.microsoftonline.com/{tenantid}/v2.0" },
    subject: true,
    header: { x5t: "t" },
    user: (entry, who) => ({ iss: entry.issuer, aud: entry.audience[0], sub: `AAAA-${who}`, oid: uuid(who), tid: tenantOf(entry), azp: uuid("web"), scp: "access_as_user", ver: "2.0", rh: "0.A" }),
    elsewhere: aud,
    others: (entry, claims) => {
      const tenant = uuid("another tenant");
      return { ...claims, iss: entry.issuer.replace(tenantOf(entry), tenant), tid: tenant };
    },
    besides: [
      { what: "a machine's", claims: (entry) => ({ iss: entry.issuer, aud: entry.audience[0], sub: uuid("app"), oid: uuid("app"), tid: tenantOf(entry), idtyp: "app", roles: ["Orders.Read"], ver: "2.0" }), handle: "one" },
      { what: "one whose tenant is not its issuer's", claims: (entry) => ({ iss: entry.issuer, aud: entry.audience[0], sub: "AAAA-ada", tid: uuid("another tenant") }), handle: false },
      { what: "an ID token", claims: (entry) => ({ iss: entry.issuer, aud: uuid("web"), sub: "AAAA-ada", tid: tenantOf(entry) }), handle: false },
    ],
  },
  firebase: {
    keys: "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
    subject: true,
    user: (entry, who) => ({ iss: entry.issuer, aud: entry.issuer.split("/").pop(), sub: who, user_id: who, firebase: { identities: {}, sign_in_provider: "password" } }),
    elsewhere: aud,
    others: (_, claims) => ({ ...claims, iss: "https://securetoken.google.com/other-shop", aud: "other-shop" }),
    besides: [{ what: "a session cookie's", claims: (entry) => ({ iss: entry.issuer.replace("securetoken", "session"), aud: entry.issuer.split("/").pop(), sub: "ada" }), handle: false }],
  },
  google: {
    keys: "https://www.googleapis.com/oauth2/v3/certs",
    subject: true,
    user: (entry, who) => ({ iss: "https://accounts.google.com", azp: entry.audience[0], aud: entry.audience[0], sub: `1101${who.length}${who.charCodeAt(0)}`, email: `${who}@example.test`, email_verified: true }),
    elsewhere: aud,
    others: (_, claims) => ({ ...claims, aud: "999.apps.googleusercontent.com", azp: "999.apps.googleusercontent.com" }),
    besides: [{ what: "a service account's for another receiver", claims: () => ({ iss: "https://accounts.google.com", aud: "https://other.example", azp: "1", sub: "1" }), handle: false }],
  },
  hydra: {
    keys: "https://oauth.example.com/.well-known/jwks.json",
    subject: true,
    user: (entry, who) => ({ iss: entry.issuer, aud: [], client_id: entry.audience[0], sub: who, ext: { sid: "abc" }, scp: ["openid"], jti: uuid(who) }),
    elsewhere: (_, claims) => ({ ...claims, client_id: "somebody-else" }),
    others: host("oauth.other.example.com"),
    besides: [
      { what: "a machine's", claims: (entry) => ({ iss: entry.issuer, aud: [], client_id: entry.audience[0], sub: entry.audience[0], scp: [] }), handle: "one" },
      { what: "an ID token", claims: (entry) => ({ iss: entry.issuer, aud: [entry.audience[0]], sub: "ada", sid: "s" }), handle: false },
    ],
  },
  keycloak: {
    keys: "https://id.example.com/realms/shop/protocol/openid-connect/certs",
    subject: false,
    user: (entry, who, login) => ({ iss: entry.issuer, aud: ["realm-management", entry.audience[0]], sub: uuid(who), typ: "Bearer", azp: "spa", sid: uuid(login), acr: "1", realm_access: { roles: ["offline_access"] }, scope: "openid" }),
    elsewhere: aud,
    others: last("other"),
    besides: [
      { what: "a refresh token", claims: (entry) => ({ iss: entry.issuer, aud: [entry.issuer, entry.audience[0]], sub: uuid("ada"), typ: "Refresh", azp: "spa", sid: "s" }), handle: false },
      { what: "an ID token", claims: (entry) => ({ iss: entry.issuer, aud: entry.audience[0], sub: uuid("ada"), typ: "ID", azp: "spa", sid: "s" }), handle: false },
      { what: "a service account's", claims: (entry) => ({ iss: entry.issuer, aud: entry.audience[0], sub: uuid("machine"), typ: "Bearer", azp: "job", client_id: "job" }), handle: null },
      { what: "a lightweight one without a user", claims: (entry) => ({ iss: entry.issuer, aud: entry.audience[0], typ: "Bearer", azp: "spa", sid: "s" }), handle: false },
    ],
  },
  okta: {
    keys: "https://example.okta.com/oauth2/default/v1/keys",
    subject: true,
    user: (entry, who) => ({ ver: 1, iss: entry.issuer, aud: entry.audience[0], cid: "0oa1", uid: "00u1", scp: ["openid"], sub: `${who}@example.test` }),
    elsewhere: aud,
    others: host("other.okta.com"),
    besides: [
      { what: "an ID token", claims: (entry) => ({ iss: entry.issuer, aud: "0oa1", sub: "00u1", amr: ["pwd"] }), handle: false },
      { what: "a machine's", claims: (entry) => ({ ver: 1, iss: entry.issuer, aud: entry.audience[0], cid: "0oa2", scp: ["read"], sub: "0oa2" }), handle: "one" },
    ],
  },
  supabase: {
    keys: "https://abcdefghijklmnopqrst.supabase.co/auth/v1/.well-known/jwks.json",
    alg: "ES256",
    subject: false,
    user: (entry, who, login) => ({ iss: entry.issuer, aud: "authenticated", sub: uuid(who), session_id: uuid(login), role: "authenticated", aal: "aal1", email: `${who}@example.test`, is_anonymous: false }),
    elsewhere: aud,
    others: host("other.supabase.co"),
    besides: [{ what: "the service role's", claims: () => ({ iss: "supabase", ref: "abc", role: "service_role" }), handle: false }],
  },
  workos: {
    keys: "https://api.workos.com/sso/jwks/client_01EXAMPLE",
    subject: false,
    user: (entry, who, login) => ({ iss: entry.issuer, sub: `user_${who}`, sid: `session_${login}`, org_id: "org_1", role: "member", permissions: [] }),
    // It names no audience; whom it is for is in its issuer.
    elsewhere: last("client_01ELSE"),
    others: last("client_01OTHER"),
    besides: [{ what: "one without a session", claims: (entry) => ({ iss: entry.issuer, sub: "client_01MACHINE" }), handle: null }],
  },
  zitadel: {
    keys: "https://example-ab12cd.zitadel.cloud/oauth/v2/keys",
    subject: true,
    user: (entry, who) => ({ iss: entry.issuer, sub: `2000${who.charCodeAt(0)}`, aud: [entry.audience[0], "301"], client_id: entry.audience[0] }),
    elsewhere: (_, claims) => ({ ...claims, aud: ["301"] }),
    others: host("other-ab12cd.zitadel.cloud"),
    besides: [{ what: "a machine user's", claims: (entry) => ({ iss: entry.issuer, sub: "2999", aud: [entry.audience[0]] }), handle: "one" }],
  },
};

/** @param {any} entry */
const tenantOf = (entry) => entry.issuer.split("/")[3];
