// The ten questions of docs/operating.md, each asked at a running Worker where that page says that it is answered.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { SignJWT, generateKeyPair } from "jose";

import { fromRoot, projectNode } from "../../scripts/lib/paths.mjs";
import { apiKey, startPostern } from "../support/harness.mjs";
import { serviceApi } from "../support/service-api.mjs";
import { until } from "../support/until.mjs";

/** @type {any} */
let postern;
/** @type {any} */
let core;
before(async () => {
  postern = await startPostern({
    vars: {
      CONSOLE: "api_key", REFRESH_GRACE_PERIOD: "0s", ACCESS_TOKEN_VALIDITY_JITTER: "0",
      TRUSTED_ISSUERS: [{ id: "partner", issuer: "https://partner.example", audience: ["api"], algorithms: ["ES256"], jwks_uri: "http://127.0.0.1:9/keys" }],
    },
    secrets: { API_KEYS: apiKey },
    entrypoints: ["SessionsAdmin"],
    gateway: { origins: { app: { url: "http://127.0.0.1:9" } }, rules: [{ name: "accounts", path: "/account/**", origin: "app", session: "required" }] },
  });
  core = serviceApi(postern);
});
after(() => postern?.close());

/** What `npm run admin` prints. @param {string[]} args @returns {Promise<any>} */
function admin(...args) {
  const child = spawn(projectNode, [fromRoot("scripts", "admin.mjs"), ...args, "--url", postern.url.origin], { env: { ...process.env, POSTERN_API_KEY: apiKey }, stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  return new Promise((resolve) => child.once("close", () => resolve(JSON.parse(text))));
}

/** What the console's page asks. @returns {Promise<any>} */
async function onConsole(path = "overview", body = undefined) {
  const ask = (/** @type {string} */ path, /** @type {any} */ headers, /** @type {any} */ body) =>
    fetch(new URL(`/auth/console/api/${path}`, postern.url), { headers: { origin: postern.url.origin, ...headers }, ...(body && { method: "POST", body: JSON.stringify(body) }) });
  const cookie = (await ask("sign-in", {}, { apiKey })).headers.getSetCookie()[0].split(";")[0];
  return (await ask(path, { cookie }, body)).json();
}

/** A count of the isolate. @param {string} series */
async function count(series) {
  const text = await (await fetch(new URL("/auth/metrics", postern.url), { headers: { "api-key": apiKey } })).text();
  return Number(text.split("\n").find((line) => line.startsWith(`${series} `))?.split(" ").at(-1) ?? 0);
}

/** The lines of one event. @param {string} event @returns {any[]} */
const lines = (event) =>
  postern.logs().flatMap((/** @type {string} */ text) => text.split("\n")).filter((/** @type {string} */ line) => line.includes(`"event":"${event}"`)).map((/** @type {string} */ line) => JSON.parse(line.slice(line.indexOf("{"))));

const refused = () => fetch(new URL("/account/orders", postern.url), { headers: { accept: "text/html" } });

/** Each question with its walk. @type {Record<string, () => Promise<void>>} */
const WALKS = {
  "Who is signed in as alice?": async () => {
    const created = await postern.entrypoint("SessionsAdmin").createNewSession({ userId: "alice", device: { userAgent: "Firefox", country: "DE" } });
    const { sessions } = await admin("sessions", "alice");
    assert.deepEqual(sessions.map((/** @type {any} */ { handle, device }) => [handle, device]), [[created.session.handle, { userAgent: "Firefox", country: "DE" }]]);
    assert.deepEqual((await onConsole("sessions?userId=alice")).sessions, sessions);
    await admin("end", created.session.handle);
    const ended = await (await postern.fetch("/core/postern/sessions?userId=alice&ended=true", { headers: { "api-key": apiKey } })).json();
    assert.deepEqual([ended.sessions[0].ended.reason, ended.sessions[0].ended.by], ["revoked", "service_api"]);
  },
  "Why was this request refused?": async () => {
    const page = await (await refused()).text();
    const told = lines("gateway").filter(({ request }) => request && page.includes(request));
    assert.equal(told.length, 1, page);
    assert.deepEqual([told[0].rule, told[0].reason, told[0].status, told[0].path], ["accounts", "session", told[0].status, "/account/orders"]);
    const described = { method: "GET", url: "http://app.example/account/orders" };
    const explained = JSON.stringify(await admin("explain", described.method, described.url));
    assert.match(explained, /"decidedBy":"session".*account\/\*\*/);
    assert.match(JSON.stringify(await onConsole("explain", described)), /account\/\*\*/);
  },
  "Is anyone stealing tokens?": async () => {
    const { session, refreshToken } = await core.create("mallory's victim");
    const second = await core.refresh(refreshToken.token);
    await core.refresh(second.refreshToken.token);
    await core.refresh(refreshToken.token);
    const [line] = lines("token_theft");
    assert.match(line.session, /^[0-9a-f]{16}$/);
    assert.equal(await count(`postern_thefts_total{reason="${line.reason}"}`), 1);
    const page = await onConsole(`sessions?${new URLSearchParams({ userId: "mallory's victim", ended: "true" })}`);
    assert.deepEqual(page.sessions.map((/** @type {any} */ { handle, ended }) => [handle, ended.reason]), [[session.handle, "theft"]]);
  },
  "How late are revocations?": async () => {
    const { freshness } = await onConsole();
    assert.equal(freshness.bound, 60_000);
    assert.ok(freshness.age <= freshness.bound, JSON.stringify(freshness));
    assert.deepEqual(lines("revocation_poll"), []);
  },
  "Which issuer fails?": async () => {
    const { privateKey } = await generateKeyPair("ES256");
    const now = Math.floor(Date.now() / 1_000);
    const token = await new SignJWT({ iat: now, exp: now + 60 }).setProtectedHeader({ alg: "ES256", kid: "k" }).setIssuer("https://partner.example").setAudience("api").setSubject("s").sign(privateKey);
    assert.equal((await postern.rpc.getSession({ accessToken: token })).status, "GENERAL_ERROR");
    // What a call over RPC prints is heard of a little later.
    await until("there is a line issuer_keys", async () => lines("issuer_keys").length > 0);
    assert.match(lines("issuer_keys")[0].message, /issuer partner: its keys/);
    assert.ok((await count('postern_log_events_total{event="issuer_keys"}')) >= 1);
    const { issuers } = await onConsole();
    assert.equal(issuers[0].id, "partner");
    assert.match(issuers[0].trouble, /./);
    const tried = await fetch(new URL("/auth/explain", postern.url), { method: "POST", headers: { "api-key": apiKey }, body: '{"issuers":true}' });
    assert.equal((await tried.json()).issuers[0].status, "UNAVAILABLE");
  },
  "What changed before 14:05?": async () => {
    await admin("rotate-keys");
    await onConsole("keys/rotate", {});
    assert.ok(lines("signing_keys").length >= 2);
    const [action] = lines("console_action").filter(({ reason }) => reason === "keys_rotated");
    assert.match(action.message, /^operator [0-9a-f]{16}/);
    await admin("erase", "alice");
    assert.equal(lines("person_erased")[0].reason, "service_api");
    const { settings } = await onConsole();
    const given = settings.filter((/** @type {any} */ { given }) => given).map((/** @type {any} */ { name }) => name);
    assert.ok(given.includes("REFRESH_GRACE_PERIOD") && !given.includes("FRESHNESS"), given.join());
  },
  "What will it cost?": async () => {
    const created = (await count('postern_sessions_created_total{by="rpc"}')) + (await count('postern_sessions_created_total{by="service_api"}'));
    assert.deepEqual([created, await count("postern_refreshes_total")], [2, 2]);
  },
  "Is the new release worse?": async () => {
    const series = 'postern_log_events_total{event="wrong_api_key"}';
    const earlier = await count(series);
    await fetch(new URL("/auth/metrics", postern.url), { headers: { "api-key": "wrong-key-wrong-key-wrong-key" } });
    assert.equal((await count(series)) - earlier, 1);
    assert.match((await onConsole()).release, /^\d+\.\d+\.\d+/);
  },
  "Which rule refuses most?": async () => {
    const series = 'postern_refusals_total{reason="session",rule="accounts",event="gateway"}';
    const earlier = await count(series);
    for (let n = 0; n < 3; n += 1) await refused();
    assert.equal((await count(series)) - earlier, 3);
  },
  "Is the key about to rotate?": async () => {
    const { keys } = await onConsole();
    assert.ok(keys.nextChange > Date.now() + 86_400_000, "the usual interval is a week");
    const published = (await admin("keys")).keys.map((/** @type {any} */ { kid }) => kid);
    const signing = keys.list.filter((/** @type {any} */ { signs, kind }) => signs && kind !== "assertion");
    for (const { kid } of signing) assert.ok(published.includes(kid), kid);
  },
};

const page = readFileSync(fromRoot("docs", "operating.md"), "utf8");
const questions = [...page.matchAll(/^\| (.+\?) \|/gm)].map(([, question]) => question);

test("each question of the page has its walk", () => {
  assert.equal(questions.length, 10);
  assert.deepEqual(Object.keys(WALKS), questions);
});

for (const question of questions) test(question, () => WALKS[question]());
