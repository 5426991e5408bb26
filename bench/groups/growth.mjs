// @ts-check
// How cost grows with what a deployment has more of. Each figure is µs of CPU for one request.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { say, seconds } from "../../scripts/lib/process.mjs";
import { requestsPerCpuSecond, withTokens } from "../lib/load.mjs";
import { interleaved, median, ratio } from "../lib/rounds.mjs";
import { encoded, signature, signingKeys, startPostern, variants } from "../lib/sessions.mjs";
import { serve } from "../lib/workerd.mjs";

const ROUNDS = 5;
const REQUESTS = 3_000;
const PATH = "/auth/session";
/** As many as one report may hold. */
const REPORTED_AT_ONCE = 5_000;
const ES256 = { SIGNING_ALGORITHM: "ES256" };

/** @typedef {import("../lib/report.mjs").Growth} Growth */

/** µs of CPU for one request: the median of some rounds, after one that is not counted. @param {import("../lib/workerd.mjs").Served} served @param {string} url @param {import("../lib/load.mjs").Load} load */
async function cost(served, url, load) {
  const found = [];
  const each = Math.ceil(REQUESTS / (load.connections ?? 32));
  for (let round = 0; round <= ROUNDS; round += 1) {
    const { rate } = await requestsPerCpuSecond(served, url, { each, ...load });
    if (round > 0) found.push(1e6 / rate);
  }
  return median(found);
}

const bearer = (/** @type {string} */ token) => ({ path: PATH, headers: { authorization: `Bearer ${token}` } });

/** @param {string[]} pool */
function each(pool) {
  let at = 0;
  return { path: PATH, setupClient: withTokens(() => pool[(at += 1) % pool.length]) };
}

/** A Postern over the storage of one that has made its keys, and what makes tokens for a session of it. */
async function withOwnTokens() {
  const first = await startPostern(ES256);
  const { accessToken } = await first.createSession();
  await first.end({ keep: true });
  const make = variants(accessToken.token, signingKeys(first.directory));
  return { postern: await startPostern(ES256, [], { directory: first.directory }), make };
}

/** @returns {Promise<Growth>} */
export async function tokenSize() {
  const { postern, make } = await withOwnTokens();
  const rows = [];
  for (const bytes of [0, 1024, 2048, 4096, 8192]) {
    const more = { text: "x".repeat(bytes) };
    const pool = Array.from({ length: 12_000 }, (_, number) => make(number, more));
    rows.push([pool[0].length, await cost(postern, postern.url(), bearer(pool[0])), await cost(postern, postern.url(), each(pool))]);
  }
  await postern.end();
  return { title: "Size of the token", unit: "µs of CPU for each request", columns: ["bytes of the token", "seen before", "not seen before"], rows };
}

/** @returns {Promise<Growth>} */
export async function issuersAndKeys() {
  const rows = [];
  for (const [issuers, keys] of [[1, 1], [4, 1], [9, 1], [1, 10], [1, 20]]) {
    const pairs = Array.from({ length: keys }, () => generateKeyPairSync("ec", { namedCurve: "P-256" }));
    const jwks = { keys: pairs.map(({ publicKey }, at) => ({ ...publicKey.export({ format: "jwk" }), kid: `key-${at}`, alg: "ES256" })) };
    const named = (/** @type {number} */ at) => ({ id: `idp${at}`, issuer: `https://idp-${at}.example`, audience: ["api"], algorithms: ["ES256"], handle_claim: "sid", user_id_claim: "sub", max_token_age: "2h", data_lifetime: "1d", jwks });
    const postern = await startPostern({ TRUSTED_ISSUERS: Array.from({ length: issuers }, (_, at) => named(at)) });
    const iat = Math.floor(Date.now() / 1000);
    // The last issuer and the last key: the dearest to find.
    const header = encoded({ alg: "ES256", kid: `key-${keys - 1}`, typ: "JWT" });
    const pool = Array.from({ length: 12_000 }, (_, number) => {
      const claims = { iss: `https://idp-${issuers - 1}.example`, aud: "api", sub: "alice", sid: "one", iat, exp: iat + 3600, number };
      const input = `${header}.${encoded(claims)}`;
      return `${input}.${signature("ES256", pairs[keys - 1].privateKey, input)}`;
    });
    rows.push([issuers, keys, await cost(postern, postern.url(), bearer(pool[0])), await cost(postern, postern.url(), each(pool))]);
    await postern.end();
  }
  return { title: "Trusted issuers, and keys of each", unit: "µs of CPU for each request", note: "One setting holds 5 KB, which bounds both.", columns: ["issuers", "keys", "seen before", "not seen before"], rows };
}

/** @returns {Promise<Growth>} */
export async function rules() {
  const origin = await serve([{ name: "origin", entry: "bench/workers/noop.mjs" }]);
  const subjects = [];
  for (const count of [1, 10, 100, 500]) {
    const others = Array.from({ length: count - 1 }, (_, at) => ({ path: `/section-${at}/**`, session: "required", require: { claim: "role", equals: "admin" } }));
    const file = { origins: { app: { url: origin.url() } }, rules: [...others, { path: "/**", session: "required" }] };
    const served = await startPostern(ES256, [], { gatewayRules: JSON.stringify(file) });
    const { accessToken } = await served.createSession();
    // The last rule is the one that fits.
    subjects.push({ name: `${count}`, served, url: served.url(), load: { ...bearer(accessToken.token), path: "/page?x=1" } });
  }
  const rates = await interleaved(subjects, { rounds: 11, requests: REQUESTS });
  const rows = subjects.map(({ name }) => [Number(name), 1e6 / median(rates[name]), ratio(rates, name, "1").median.toFixed(3)]);
  for (const { served } of subjects) await served.end();
  await origin.end();
  return { title: "Gateway rules", unit: "µs of CPU for each forwarded request, the last rule fits", columns: ["rules", "each", "throughput against one rule, rounds interleaved"], rows };
}

/** @returns {Promise<Growth>} */
export async function sessionsOfOneUser() {
  const rows = [];
  for (const count of [1, 100, 1_000, 9_900]) {
    const first = await startPostern(ES256);
    await first.createSession();
    await first.end({ keep: true });
    copySession(first.directory, count - 1);
    const postern = await startPostern({}, [], { directory: first.directory });
    const { accessToken } = await postern.createSession();
    const create = await timed(postern, 40, () => postern.createSession());
    const refreshed = await postern.createSession();
    const refresh = await timed(postern, 40, () => postern.call("refreshSession", { refreshToken: refreshed.refreshToken.token }));
    const check = await timed(postern, 40, () => postern.call("getSession", { accessToken: accessToken.token, freshness: "strict" }));
    const list = await timed(postern, 10, () => postern.call("getAllSessionHandlesForUser", { userId: "alice" }));
    rows.push([count, check, refresh, create, list]);
    await postern.end();
  }
  return {
    title: "Live sessions of one user",
    unit: "µs of CPU for each call, one at a time, the calling Worker included",
    columns: ["sessions", "verify, strict", "refresh", "create", "list all"],
    rows,
  };
}

/** µs of CPU for one call, one at a time. @param {import("../lib/workerd.mjs").Served} served @param {number} times @param {() => Promise<unknown>} call */
async function timed(served, times, call) {
  for (let warm = 0; warm < times; warm += 1) await call();
  const before = served.cpuSeconds();
  for (let time = 0; time < times; time += 1) await call();
  return ((served.cpuSeconds() - before) / times) * 1e6;
}

/** Copies the one session that is stored so many times, under other handles. @param {string} directory @param {number} times */
function copySession(directory, times) {
  const folder = join(directory, "postern-objects", "postern-UserSessions");
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".sqlite") && name !== "metadata.sqlite")) {
    const database = new DatabaseSync(join(folder, file));
    const [row] = /** @type {Record<string, any>[]} */ (database.prepare("SELECT * FROM session").all());
    if (row) {
      const columns = Object.keys(row);
      const insert = database.prepare(`INSERT INTO session (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`);
      const [route, , tag] = row.handle.split(".");
      database.exec("BEGIN");
      for (let time = 0; time < times; time += 1) insert.run(...Object.values({ ...row, handle: `${route}.${String(time).padStart(26, "a")}.${tag}` }));
      database.exec("COMMIT");
    }
    database.close();
  }
}

/** @returns {Promise<Growth>} */
export async function distinctTokens() {
  const { postern, make } = await withOwnTokens();
  const tokens = Array.from({ length: 100_000 }, (_, number) => make(number));
  const rows = [];
  for (const count of [1, 1_000, 5_000, 10_000, 100_000]) {
    let at = 0;
    const pool = tokens.slice(0, count);
    // Twice around, so that all that the cache can hold is in it; then what is counted.
    await requestsPerCpuSecond(postern, postern.url(), { path: PATH, each: Math.max(64, Math.ceil(Math.min(count, 20_000) / 16)), setupClient: withTokens(() => pool[(at += 1) % count]) });
    rows.push([count, await cost(postern, postern.url(), each(pool))]);
  }
  await postern.end();
  return {
    title: "Distinct tokens in use in one isolate",
    unit: "µs of CPU for each request, tokens in turn",
    note: "The cache is bounded in bytes, some thousands of these tokens; beyond it, in turn, none is found again.",
    columns: ["tokens", "each"],
    rows,
  };
}

/** @returns {Promise<Growth>} */
export async function dataSize() {
  /** @type {import("../lib/workerd.mjs").Service[]} */
  const callers = [
    { name: "js-sessions", entry: "bench/workers/js-sessions.mjs", bindings: { SESSION_DATA: { kv: "kv" } }, socket: false },
    { name: "caller-of-postern", entry: "bench/workers/rpc-caller.mjs", bindings: { SESSIONS: { service: "postern" } } },
    { name: "caller-of-js", entry: "bench/workers/rpc-caller.mjs", bindings: { SESSIONS: { service: "js-sessions" } } },
  ];
  const postern = await startPostern({ ...ES256, MAX_SESSION_DATA: "2MiB" }, callers);
  const rows = [];
  for (const kib of [1, 16, 128, 1024]) {
    const sessionData = { text: "x".repeat(kib * 1024 - 12) };
    const { session } = await postern.createSession(`user-${kib}`, { sessionData });
    const load = { path: `/getSessionData?handle=${encodeURIComponent(session.handle)}`, connections: 4, each: kib >= 128 ? 30 : 300 };
    const read = await cost(postern, postern.url("caller-of-postern"), load);
    const js = await cost(postern, postern.url("caller-of-js"), load);
    const overwrite = await timed(postern, 2, () => postern.call("updateSessionData", { handle: session.handle, sessionData }));
    rows.push([kib, read, js, overwrite]);
  }
  await postern.end();
  return {
    title: "Size of the session data",
    unit: "µs of CPU for each call, caller and KV included",
    columns: ["KiB", "read, Postern", "read, kv.get in JavaScript", "overwrite, Postern"],
    rows,
  };
}

/** Letters of a handle. @param {number} count */
const letters = (count) => Array.from(randomBytes(count), (byte) => "abcdefghijklmnopqrstuvwxyz234567"[byte & 31]).join("");

/** @returns {Promise<Growth>} */
export async function revokedHandles() {
  /** @type {import("../lib/workerd.mjs").Service} */
  const authority = { name: "authority", entry: "tests/support/object-requests-worker.mjs", bindings: { OBJECTS: { objects: "Revocations", of: "postern" } } };
  const rows = [];
  let reported = 0;
  let postern = await startPostern(ES256, [authority], { garbage: true });
  const { accessToken } = await postern.createSession();
  for (const count of [0, 10_000, 100_000, 1_000_000]) {
    for (; reported < count; reported += REPORTED_AT_ONCE) {
      const expires = Date.now() + 3_600_000;
      // Handles as Postern makes them, of one user who is nobody.
      const route = letters(26);
      const entries = Array.from({ length: REPORTED_AT_ONCE }, () => ({ handle: `${route}.${letters(25)}a.${letters(13)}`, expires }));
      // Protocol 1 (crates/core/tests/golden/1): every release reads it.
      const body = JSON.stringify({ protocol: 1, call: { report: { live: 1, entries } } });
      const answer = await fetch(`${postern.url("authority")}/revocations-0/`, { method: "POST", body });
      const text = await answer.text();
      if (!JSON.parse(text).reply?.recorded) throw new Error(`the report was refused: ${answer.status} ${text}`);
    }
    // A fresh isolate, so that the copy is whole from the first poll on; and what it is compared with is as fresh.
    const { directory } = postern;
    await postern.end({ keep: true });
    postern = await startPostern(ES256, [authority], { directory, garbage: true });
    const none = await startPostern(ES256, [authority], { garbage: true });
    const other = (await none.createSession()).accessToken;
    const wasm = async () => Number(await (await fetch(postern.url("postern garbage"))).text());
    const before = await wasm();
    const rates = await interleaved(
      [
        { name: "some", served: postern, url: postern.url(), load: bearer(accessToken.token) },
        { name: "none", served: none, url: none.url(), load: bearer(other.token) },
      ],
      { rounds: 7, requests: REQUESTS },
    );
    rows.push([count, 1e6 / median(rates.some), ratio(rates, "some", "none").median.toFixed(3), ((await wasm()) - before) / 1024]);
    await none.end();
  }
  await postern.end();
  return { title: "Revoked handles that are remembered", unit: "µs of CPU for each request, the token seen before, freshness `within 60s`", columns: ["revoked", "each", "throughput against none, rounds interleaved", "KiB of Wasm memory that the isolate took meanwhile"], rows };
}

/** Every table. @param {number} started */
export async function growth(started) {
  const tables = [];
  for (const table of [tokenSize, distinctTokens, issuersAndKeys, rules, sessionsOfOneUser, dataSize, revokedHandles]) {
    say(`  ${table.name} (${seconds(started)})`);
    tables.push(await table());
  }
  return tables;
}
