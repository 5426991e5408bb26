// `POST /auth/session/refresh` written in JavaScript: the same steps and the same answer, jose for the access token.
//
// The handle's check before any I/O, then the user's object: MAC of the refresh token, its place in the lineage, the row
// written in one transaction, the next token; back outside, the access token is signed.
import { DurableObject } from "cloudflare:workers";
import { SignJWT, importJWK } from "jose";

const encoder = new TextEncoder();
const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
const VALIDITY = 3600;
const REFRESH_VALIDITY_MS = 100 * 86_400_000;

let keys;
async function keysOf(env) {
  const hmac = (secret) => crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
  return (keys ??= { handle: await hmac(env.HANDLE_SECRET), refresh: await hmac(env.REFRESH_SECRET), signing: await importJWK(env.SIGNING_KEY, env.SIGNING_KEY.alg) });
}

async function sameMac(key, mac, text) {
  const bytes = Uint8Array.from(atob(mac.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
  return crypto.subtle.verify("HMAC", key, bytes, encoder.encode(text));
}

const macOf = async (key, text) => base64url(await crypto.subtle.sign("HMAC", key, encoder.encode(text)));

export class JsSessions extends DurableObject {
  constructor(context, env) {
    super(context, env);
    context.storage.sql.exec(`CREATE TABLE IF NOT EXISTS session (handle TEXT PRIMARY KEY, user_id TEXT, payload TEXT, salt TEXT, live INTEGER,
      generation INTEGER, used_index INTEGER, children INTEGER, first_exchanged INTEGER, expiry INTEGER, access_expires_max INTEGER, last_refreshed INTEGER)`);
  }

  async create(handle, userId, payload) {
    const salt = base64url(crypto.getRandomValues(new Uint8Array(16)));
    const now = Date.now();
    this.ctx.storage.sql.exec("INSERT INTO session VALUES (?, ?, ?, ?, 1, 0, 0, 0, NULL, ?, ?, ?)", handle, userId, payload, salt, now + REFRESH_VALIDITY_MS, now, now);
    await this.ctx.storage.setAlarm(now + REFRESH_VALIDITY_MS);
    return this.#token(handle, salt, 0, 0);
  }

  alarm() {}

  async #token(handle, salt, generation, index) {
    const { refresh } = await keysOf(this.env);
    const body = `1.${handle}.${generation}.${index}`;
    return `${body}.${await macOf(refresh, `${salt}.${body}`)}`;
  }

  async exchange({ handle, generation, index, mac }) {
    const { sql } = this.ctx.storage;
    const load = () => sql.exec("SELECT * FROM session WHERE handle = ? AND live = 1", handle).toArray()[0];
    let row = load();
    if (!row || row.expiry <= Date.now()) return { status: "UNAUTHORISED" };
    const { refresh } = await keysOf(this.env);
    if (!(await sameMac(refresh, mac, `${row.salt}.1.${handle}.${generation}.${index}`))) return { status: "UNAUTHORISED" };
    const now = Date.now();
    const outcome = this.ctx.storage.transactionSync(() => {
      row = load();
      if (generation === row.generation + 1 && index < row.children) Object.assign(row, { generation, used_index: index, children: 0, first_exchanged: null });
      if (generation !== row.generation || index !== row.used_index || (row.first_exchanged !== null && now > row.first_exchanged)) {
        sql.exec("UPDATE session SET live = 0 WHERE handle = ?", handle);
        return { status: "TOKEN_THEFT_DETECTED" };
      }
      const child = row.children;
      sql.exec(
        "UPDATE session SET generation = ?, used_index = ?, children = ?, first_exchanged = ?, expiry = ?, access_expires_max = ?, last_refreshed = ? WHERE handle = ? AND live = 1",
        row.generation, row.used_index, child + 1, row.first_exchanged ?? now, now + REFRESH_VALIDITY_MS, now + VALIDITY * 1000, now, handle,
      );
      return { status: "OK", child };
    });
    if (outcome.status !== "OK") return outcome;
    const token = await this.#token(handle, row.salt, row.generation + 1, outcome.child);
    const hash = hex(await crypto.subtle.digest("SHA-256", encoder.encode(token)));
    return { status: "OK", token, hash, now, userId: row.user_id, payload: row.payload };
  }
}

const json = (status, body, headers = {}) => new Response(body, { status, headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store", vary: "Origin", ...headers } });

export default {
  async fetch(request, env) {
    const { handle: handleKey, signing } = await keysOf(env);
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/create") {
      const userId = searchParams.get("user");
      const body = `${userId}.${base64url(crypto.getRandomValues(new Uint8Array(16)))}`;
      const handle = `${body}~${await macOf(handleKey, body)}`;
      return json(200, JSON.stringify({ refreshToken: await env.USERS.getByName(userId).create(handle, userId, env.PAYLOAD) }));
    }
    const [version, route, random, generation, index, mac] = (request.headers.get("authorization") ?? "").slice(7).split(".");
    const handle = `${route}.${random}`;
    const [body, tag] = handle.split("~");
    if (version !== "1" || !mac || !(await sameMac(handleKey, tag, body))) return json(401, '{"status":"UNAUTHORISED"}');
    const outcome = await env.USERS.getByName(route).exchange({ handle, generation: Number(generation), index: Number(index), mac });
    if (outcome.status !== "OK") return json(401, JSON.stringify({ status: outcome.status }));
    const iat = Math.floor(outcome.now / 1000);
    const claims = { sub: outcome.userId, exp: iat + VALIDITY, iat, tId: "public", rsub: outcome.userId, sessionHandle: handle, refreshTokenHash1: outcome.hash, parentRefreshTokenHash1: null, antiCsrfToken: null, iss: env.ISSUER, ...JSON.parse(outcome.payload) };
    const accessToken = await new SignJWT(claims).setProtectedHeader({ alg: env.SIGNING_KEY.alg, kid: env.SIGNING_KEY.kid, typ: "JWT", version: "5" }).sign(signing);
    const frontToken = btoa(JSON.stringify({ uid: outcome.userId, ate: (iat + VALIDITY) * 1000, up: claims }));
    return json(200, '{"status":"OK"}', {
      "st-access-token": accessToken,
      "st-refresh-token": outcome.token,
      "front-token": frontToken,
      "access-control-expose-headers": "front-token, st-access-token, st-refresh-token",
    });
  },
};
