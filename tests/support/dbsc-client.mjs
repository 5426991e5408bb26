// @ts-check
// A browser's part of Device Bound Session Credentials, written from the W3C draft and knowing nothing of Postern: a jar of
// cookies, a key for each session, and what is done before and after each request.
import { request as httpRequest } from "node:http";
import { createPublicKey, generateKeyPairSync, sign } from "node:crypto";

/** @typedef {"ES256" | "RS256"} Algorithm */

/** A key pair, and what it signs. @param {Algorithm} algorithm */
export function deviceKey(algorithm = "ES256") {
  const pair = algorithm === "ES256" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("rsa", { modulusLength: 2048 });
  const { kty, crv, x, y, n, e } = createPublicKey(pair.privateKey).export({ format: "jwk" });
  const jwk = JSON.parse(JSON.stringify({ kty, crv, x, y, n, e }));
  const encoded = (/** @type {unknown} */ value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return {
    jwk,
    algorithm,
    /** A proof over a challenge. @param {string} challenge @param {{header?: object, payload?: object, withKey?: boolean}} [more] */
    proof(challenge, { header = {}, payload = {}, withKey = false } = {}) {
      const head = { alg: algorithm, typ: "dbsc+jwt", ...(withKey ? { jwk } : {}), ...header };
      const input = `${encoded(head)}.${encoded({ jti: challenge, ...payload })}`;
      const signature = sign("sha256", Buffer.from(input), { key: pair.privateKey, dsaEncoding: "ieee-p1363" });
      return `${input}.${signature.toString("base64url")}`;
    },
  };
}

/** A request with exactly these headers: `fetch` has its own mind about `Sec-Fetch-*`. @param {URL} url @param {{method?: string, body?: string, headers: Record<string, string>}} init @returns {Promise<Response>} */
const exchange = (url, { method = "GET", body, headers }) =>
  new Promise((resolve, reject) => {
    const length = method === "GET" ? {} : { "content-length": String(Buffer.byteLength(body ?? "")) };
    const asked = httpRequest(url, { method, headers: { ...length, ...headers } }, (answer) => {
      /** @type {Buffer[]} */
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("error", reject);
      answer.on("end", () => {
        const lines = new Headers();
        for (let at = 0; at < answer.rawHeaders.length; at += 2) lines.append(answer.rawHeaders[at], answer.rawHeaders[at + 1]);
        resolve(new Response(parts.length ? Buffer.concat(parts) : null, { status: answer.statusCode, headers: lines }));
      });
    });
    asked.on("error", reject);
    asked.end(body);
  });

/** A parameter of a structured item. @param {string} header @param {string} name */
const parameter = (header, name) => new RegExp(`;\\s*${name}="((?:[^"\\\\]|\\\\.)*)"`).exec(header)?.[1];
/** The string that a structured item is. @param {string} header */
const string = (header) => /^\s*"((?:[^"\\]|\\.)*)"/.exec(header)?.[1];

/** Why a registration came to nothing. */
export class NotRegistered extends Error {}

/**
 * A browser. `origin` is the address that is asked; `clock` is how far its clock, and that of whom it asks, is ahead.
 * @param {string} origin @param {{algorithm?: Algorithm, clock?: {ahead: number}}} [options]
 */
export function dbscBrowser(origin, { algorithm = "ES256", clock = { ahead: 0 } } = {}) {
  /** @type {Map<string, {value: string, path: string, ends: number}>} */
  const jar = new Map();
  /** @type {Map<string, {id: string, url: string, cookies: string[], key: ReturnType<typeof deviceKey>}>} */
  const sessions = new Map();
  /** Everything that was asked for a bound session, in order: path and status. @type {string[]} */
  const asked = [];
  const now = () => Date.now() + clock.ahead;

  /** @param {string} path */
  const cookies = (path) =>
    [...jar].filter(([, { path: at, ends }]) => ends > now() && (path === at || path.startsWith(at.endsWith("/") ? at : `${at}/`))).map(([name, { value }]) => `${name}=${value}`).join("; ");

  /** @param {Response} response */
  function keep(response) {
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(/;\s*/);
      const name = pair.slice(0, pair.indexOf("="));
      const of = (/** @type {string} */ wanted) => attributes.find((text) => text.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1);
      const age = of("max-age");
      const until = of("expires");
      const ends = age !== undefined ? now() + Number(age) * 1000 : until === undefined ? Infinity : Date.parse(until);
      // Expiry dates are the server's, whose clock is as far ahead.
      if (ends <= now()) jar.delete(name);
      else jar.set(name, { value: pair.slice(name.length + 1), path: of("path") ?? "/", ends });
    }
  }

  /** One request, as it is. @param {string} path @param {{method?: string, body?: string, headers?: Record<string, string>}} [init] */
  async function send(path, init = {}) {
    const { pathname } = new URL(path, origin);
    const cookie = cookies(pathname);
    const response = await exchange(new URL(path, origin), { ...init, headers: { ...(cookie ? { cookie } : {}), "test-clock-ahead": String(clock.ahead), ...init.headers } });
    keep(response);
    return response;
  }

  /** Takes the instructions of an answer. @param {Response} response @param {ReturnType<typeof deviceKey>} key @param {string} url @param {string} [known] */
  async function instructed(response, key, url, known) {
    const text = await response.text();
    if (text === "" && known !== undefined) return;
    const told = JSON.parse(text);
    if (known !== undefined && told.session_identifier !== known) throw new NotRegistered("another identifier");
    if (told.continue === false) return void sessions.delete(told.session_identifier);
    if (typeof told.scope?.include_site !== "boolean" || !Array.isArray(told.credentials)) throw new NotRegistered(`incomplete: ${text}`);
    sessions.set(told.session_identifier, {
      id: told.session_identifier,
      url: new URL(told.refresh_url ?? url, new URL(url, origin)).pathname,
      cookies: told.credentials.map((/** @type {{name: string}} */ { name }) => name),
      key,
    });
  }

  /** Registers a key as an answer offers it. @param {string} offer @param {{key?: ReturnType<typeof deviceKey>, proof?: string, headers?: Record<string, string>}} [instead] */
  async function register(offer, instead = {}) {
    if (!/^\s*\((?:ES256|RS256|[ ])+\)/.test(offer) || !offer.includes(algorithm)) throw new NotRegistered("no algorithm");
    const path = parameter(offer, "path") ?? "";
    const key = instead.key ?? deviceKey(algorithm);
    const proof = instead.proof ?? key.proof(parameter(offer, "challenge") ?? "", { withKey: true });
    const response = await send(path, { method: "POST", headers: { origin, "sec-fetch-site": "same-origin", "sec-fetch-mode": "no-cors", "secure-session-response": proof, ...instead.headers } });
    asked.push(`${path} ${response.status}`);
    if (!response.ok) throw new NotRegistered(`${response.status} ${await response.text()}`);
    await instructed(response, key, path);
  }

  /** Renews the cookies of a session. @param {string} id @param {Record<string, string>} [more] headers @returns {Promise<string | undefined>} why it was skipped */
  async function refresh(id, more = {}) {
    const session = sessions.get(id);
    if (!session) return;
    /** @type {Record<string, string>} */
    let proof = {};
    for (let tries = 0; tries < 5; tries++) {
      const response = await send(session.url, { method: "POST", headers: { "sec-secure-session-id": id, ...proof, ...more } });
      asked.push(`${session.url} ${response.status}`);
      const challenge = response.headers.get("secure-session-challenge");
      if (response.status === 403 && challenge && parameter(challenge, "id") === id) {
        proof = { "secure-session-response": session.key.proof(string(challenge) ?? "") };
        continue;
      }
      if (response.status >= 500) return "server_error";
      if (!response.ok) break;
      return void (await instructed(response, session.key, session.url, id));
    }
    sessions.delete(id);
  }

  return {
    jar,
    sessions,
    asked,
    send,
    refresh,
    register,
    cookies,
    /** @param {number} milliseconds */
    advance(milliseconds) {
      clock.ahead += milliseconds;
    },
    /** Another browser on another machine, with copies of some cookies and no key. @param {(name: string) => boolean} copied */
    thief(copied) {
      const other = dbscBrowser(origin, { algorithm, clock });
      for (const [name, cookie] of jar) if (copied(name)) other.jar.set(name, { ...cookie, ends: Infinity });
      return other;
    },
    /** A request as a page makes it: it waits for the cookies of bound sessions, and takes what the answer offers. @param {string} path @param {{method?: string, body?: string, headers?: Record<string, string>}} [init] */
    async fetch(path, init = {}) {
      const skipped = [];
      for (const { id, cookies: names } of [...sessions.values()]) {
        if (names.every((name) => (jar.get(name)?.ends ?? 0) > now())) continue;
        const why = await refresh(id);
        if (why) skipped.push(`${why};session_identifier="${id}"`);
      }
      const response = await send(path, { ...init, headers: { ...init.headers, ...(skipped.length ? { "secure-session-skipped": skipped.join(", ") } : {}) } });
      const offer = response.headers.get("secure-session-registration");
      if (offer) await register(offer).catch((error) => asked.push(`not registered: ${error.message}`));
      return response;
    },
  };
}
