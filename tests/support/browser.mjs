// @ts-check
// What a browser and its SDK do, by hand: a session made as a login route makes it, and the session headers of answers.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { apiKey, startPostern } from "./harness.mjs";

export const EPOCH = "Thu, 01 Jan 1970 00:00:00 GMT";
/** No session headers. */
export const NOTHING = { cookies: [], other: {} };

/** @typedef {Awaited<ReturnType<typeof import("./harness.mjs").startPostern>>} Postern */

/**
 * Makes a session as a login route does; `sent` are the headers of the login request.
 * @param {Postern} postern with the entrypoint `SessionsAdmin`
 * @param {Record<string, string>} sent @param {object} more further arguments
 */
export async function logIn(postern, sent, more = {}) {
  const admin = postern.entrypoint("SessionsAdmin");
  const created = await admin.createNewSessionForRequest({ request: { headers: sent }, userId: "alice", ...more });
  assert.equal(created.status, "OK", created.message);
  const headers = sessionHeaders(created.headers);
  return { session: created.session, headers, lines: created.headers, ...tokensOf(headers) };
}

/** The tokens that an answer hands out, whichever way. @param {ReturnType<typeof sessionHeaders>} headers */
export function tokensOf({ cookies, other }) {
  const value = (/** @type {string} */ name) => cookies.find((line) => line.startsWith(`${name}=`) && !line.startsWith(`${name}=;`))?.split(";")[0].slice(name.length + 1);
  return {
    accessToken: value("sAccessToken") ?? value("__Host-sAccessToken") ?? other["st-access-token"] ?? "",
    refreshToken: value("sRefreshToken") ?? value("__Host-sRefreshToken") ?? other["st-refresh-token"] ?? "",
    antiCsrf: other["anti-csrf"],
    frontToken: other["front-token"] ?? "",
  };
}

const NAMES = ["front-token", "st-access-token", "st-refresh-token", "anti-csrf", "access-control-expose-headers"];

/** The session headers: `Set-Cookie` lines in order, and the others by name. @param {Iterable<[string, string]>} headers */
export function sessionHeaders(headers) {
  const all = [...headers];
  return {
    cookies: all.filter(([name]) => name === "set-cookie").map(([, value]) => value),
    other: /** @type {Record<string, string>} */ (Object.fromEntries(all.filter(([name]) => NAMES.includes(name)))),
  };
}

/** Status, parsed body and session headers of a response. @param {Response} response */
export async function read(response) {
  const text = await response.text();
  const headers = sessionHeaders(response.headers);
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text), headers, response, ...tokensOf(headers) };
}

/** What the front token says. @param {string} frontToken */
export function decodeFrontToken(frontToken) {
  assert.match(frontToken, /^[A-Za-z0-9+/]+={0,2}$/);
  return JSON.parse(Buffer.from(frontToken, "base64").toString("utf8"));
}

/** @param {string} token */
export const payloadOf = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString("utf8"));

/** The same token with a signature that is none. @param {string} token */
export const withBadSignature = (token) => `${token.slice(0, -20)}${"A".repeat(20)}`;

export const sleep = (/** @type {number} */ milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Starts Postern for a group of tests, and gives the ways to ask it.
 * @param {Record<string, unknown>} [vars] @param {string} [base]
 */
export function browserApi(vars = {}, base = "/auth") {
  /** @type {any} */
  let running;
  before(async () => {
    running = await startPostern({ vars: { ACCESS_TOKEN_VALIDITY_JITTER: "0", ...vars }, secrets: { API_KEYS: apiKey }, entrypoints: ["SessionsAdmin"] });
  });
  after(() => running?.close());
  /** @type {(method: string, path: string, headers?: Record<string, string>) => ReturnType<typeof read>} */
  // Over the wire: the harness's own fetch leaves out empty headers.
  const ask = async (method, path, headers = {}) => read(await fetch(new URL(path, running.url), { method, headers, redirect: "manual" }));
  return {
    get it() {
      return running;
    },
    ask,
    /** A promise proper: what a binding returns is also a function. */
    admin: async (/** @type {string} */ method, /** @type {object} */ argument) => running.entrypoint("SessionsAdmin")[method](argument),
    logIn: (/** @type {Record<string, string>} */ headers, /** @type {object | undefined} */ more = undefined) => logIn(running, headers, more),
    byCookie: (/** @type {object | undefined} */ more = undefined) => logIn(running, { "st-auth-mode": "cookie" }, more),
    byHeader: (/** @type {object | undefined} */ more = undefined) => logIn(running, { "st-auth-mode": "header" }, more),
    session: (/** @type {Record<string, string>} */ headers, method = "GET") => ask(method, `${base}/session`, headers),
    refresh: (/** @type {Record<string, string>} */ headers) => ask("POST", `${base}/session/refresh`, headers),
    signOut: (/** @type {Record<string, string>} */ headers) => ask("POST", `${base}/signout`, headers),
  };
}

export const cookie = (/** @type {string[]} */ ...pairs) => ({ cookie: pairs.join("; ") });
export const access = (/** @type {string} */ token) => `sAccessToken=${token}`;
export const refreshCookie = (/** @type {string} */ token) => `sRefreshToken=${encodeURIComponent(token)}`;
export const bearer = (/** @type {string} */ token) => ({ authorization: `Bearer ${token}` });
export const names = (/** @type {string[]} */ lines) => lines.map((line) => line.split("=")[0]);

/** Asserts an HTTP date, to the second or so. @param {string} text @param {number} expected */
export function assertDate(text, expected) {
  assert.match(text, /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/);
  assert.ok(Math.abs(Date.parse(text) - expected) < 5_000, `${text} is not about ${new Date(expected).toUTCString()}`);
}

/** A `Set-Cookie` line with its date replaced by `DATE`, and the date. @param {string} line */
export function undated(line) {
  const date = line.match(/Expires=([^;]*)/)?.[1] ?? "";
  return [line.replace(date, "DATE"), date];
}
