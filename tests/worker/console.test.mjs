// The console's requests: whose credential is good there, where from, and that nothing of it is good anywhere else. What people see is
// tests/browser/console.test.mjs.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { SignJWT, exportJWK, generateKeyPair } from "jose";

import { apiKey, startPostern } from "../support/harness.mjs";

const TEAM = "https://team.cloudflareaccess.com";
const AUDIENCE = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const assets = { directory: "../target/console", binding: "ASSETS", run_worker_first: true, html_handling: "none", not_found_handling: "none" };
const READS = ["overview", "sessions?userId=a", "session?handle=a"];
const CHANGES = ["sessions/end", "revoke-before", "keys/rotate", "keys/withdraw", "explain"];

/** @param {import("../support/harness.mjs").Options} options */
function started(options) {
  /** @type {any} */
  let it;
  before(async () => {
    it = await startPostern({ ...options, entrypoints: ["SessionsAdmin"], bindings: { assets, ...options.bindings } });
  });
  after(() => it?.close());
  /** Over the wire, where `Origin` can be sent. @param {string} path @param {Record<string, string>} headers @param {unknown} [body] */
  const ask = async (path, headers = {}, body) => {
    const init = body === undefined ? {} : { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) };
    return fetch(new URL(`/auth/console${path}`, it.url), { headers, redirect: "manual", ...init });
  };
  return { get it() { return it; }, get own() { return it.url.origin; }, ask, admin: () => it.entrypoint("SessionsAdmin") };
}

describe("with an API key", () => {
  const at = started({ vars: { CONSOLE: "api_key", ACCESS_TOKEN_VALIDITY_JITTER: "0" }, secrets: { API_KEYS: `${apiKey},another-key-another-key` } });

  const signIn = async (key = apiKey, more = {}) => at.ask("/api/sign-in", { origin: at.own, ...more }, { apiKey: key });
  const session = async () => {
    const [cookie] = (await signIn()).headers.getSetCookie();
    assert.match(cookie, /^__Host-sConsole=c1\.[^;]+; Max-Age=3600; Path=\/; Secure; HttpOnly; SameSite=Strict$/);
    return cookie.split(";")[0];
  };

  test("the page's files are served with a strict policy, and nothing else of the assets", async () => {
    let bytes = 0;
    for (const [path, type] of [["/", "text/html"], ["/console.js", "text/javascript"], ["/view.js", "text/javascript"], ["/console.css", "text/css"]]) {
      const response = await at.ask(path);
      assert.equal(response.status, 200, path);
      assert.match(response.headers.get("content-type") ?? "", new RegExp(`^${type}`));
      assert.match(response.headers.get("content-security-policy") ?? "", /^default-src 'none'; script-src 'self'; .*frame-ancestors 'none'/);
      assert.equal(response.headers.get("x-content-type-options"), "nosniff");
      const text = await response.text();
      assert.ok(text.length > 100);
      assert.doesNotMatch(text, /^import [^;]*from ["'][^.]/m, `${path}: a browser finds no package`);
      bytes += gzipSync(text).length;
    }
    assert.ok(bytes < 30_000, `${bytes} bytes gzipped, as browsers get them, with the library`);
    const bare = await at.ask("");
    assert.deepEqual([bare.status, bare.headers.get("location")], [308, "/auth/console/"]);
    for (const path of ["/index.html", "/../wrangler.toml", "/api", "/api/", "/api/nothing", "/x"]) assert.equal((await at.ask(path)).status, 404, path);
    // The assets shadow nothing of the site.
    for (const path of ["/index.html", "/console.js", "/"]) assert.equal((await at.it.fetch(path)).status, 404, path);
    assert.equal((await at.ask("/", { origin: at.own }, {})).status, 405);
  });

  test("nobody else's credential is good there", async () => {
    const created = await at.admin().createNewSession({ userId: "alice" });
    const token = created.accessToken.token;
    const cookies = [`sAccessToken=${token}`, `__Host-sAccessToken=${token}`, `__Host-sConsole=${token}`, `__Host-sConsole=${apiKey}`, `sConsole=${(await session()).split("=")[1]}`];
    const headers = [{}, { "api-key": apiKey }, { authorization: `Bearer ${apiKey}` }, { authorization: `Bearer ${token}` }, ...cookies.map((cookie) => ({ cookie }))];
    for (const presented of headers) {
      for (const path of READS) assert.equal((await at.ask(`/api/${path}`, presented)).status, 401, JSON.stringify(presented));
      for (const path of CHANGES) assert.equal((await at.ask(`/api/${path}`, { origin: at.own, ...presented }, {})).status, 401, path);
    }
    assert.equal((await signIn("wrong-key-wrong-key-wrong-key")).status, 401);
  });

  test("its session is good at no other entry point, and no origin gets it", async () => {
    const cookie = await session();
    const value = cookie.slice(cookie.indexOf("=") + 1);
    for (const headers of [{ cookie }, { cookie: `sAccessToken=${value}` }, { authorization: `Bearer ${value}` }]) {
      assert.equal((await at.it.fetch("/auth/session", { headers })).status, 401);
    }
    for (const path of ["/core/postern/sessions?userId=a", "/core/recipe/session/user?userId=a", "/auth/metrics"]) {
      assert.equal((await at.it.fetch(path, { headers: { cookie, "api-key": value.replaceAll(/[^\w-]/g, "") } })).status, 401, path);
    }
    assert.equal((await at.it.rpc.getSession({ accessToken: value })).status, "TRY_REFRESH_TOKEN");
  });

  test("what does not come from the page itself changes nothing, and no other page reads", async () => {
    const cookie = await session();
    const { session: made } = await at.admin().createNewSession({ userId: "bob" });
    for (const origin of ["https://evil.test", "null", "http://localhost:1", `${at.own}.evil.test`]) {
      assert.equal((await at.ask("/api/sessions/end", { cookie, origin }, { userId: "bob" })).status, 403, origin);
      assert.equal((await at.ask("/api/overview", { cookie, origin })).status, 403, origin);
      assert.equal((await signIn(apiKey, { origin })).status, 403);
    }
    assert.equal((await at.ask("/api/sessions/end", { cookie }, { userId: "bob" })).status, 403, "no origin");
    for (const site of ["cross-site", "same-site"]) {
      assert.equal((await at.ask("/api/sessions/end", { cookie, origin: at.own, "sec-fetch-site": site }, { userId: "bob" })).status, 403, site);
      assert.equal((await at.ask("/api/overview", { cookie, "sec-fetch-site": site })).status, 403, site);
    }
    assert.equal((await at.admin().getSessionInformation({ handle: made.handle })).status, "OK");
    const preflight = await fetch(new URL("/auth/console/api/sessions/end", at.it.url), { method: "OPTIONS", headers: { origin: "https://evil.test", "access-control-request-method": "POST" } });
    assert.deepEqual([preflight.status, preflight.headers.get("access-control-allow-origin")], [405, null]);
    const ended = await at.ask("/api/sessions/end", { cookie, origin: at.own }, { userId: "bob" });
    assert.deepEqual(await ended.json(), { status: "OK", ended: [made.handle] });
  });

  test("bad input is refused and changes nothing", async () => {
    const headers = { cookie: await session(), origin: at.own };
    for (const [path, body] of /** @type {[string, unknown][]} */ ([
      ["sessions/end", {}], ["sessions/end", { userId: "a", handles: [] }], ["sessions/end", { handles: "a" }], ["sessions/end", { handles: Array(101).fill("a") }], ["sessions/end", "["],
      ["keys/withdraw", {}], ["keys/withdraw", { kid: "none" }], ["revoke-before", { time: 1 }], ["explain", {}], ["sign-in", {}], ["sign-in", "{"],
    ])) assert.equal((await at.ask(`/api/${path}`, headers, body)).status, 400, `${path} ${JSON.stringify(body)}`);
    for (const path of ["sessions", "sessions?userId=a&cursor=x", "session", "session?handle=no.such.handle"]) assert.equal((await at.ask(`/api/${path}`, headers)).status, 400, path);
    assert.equal((await at.ask("/api/keys/rotate", headers)).status, 405);
    assert.equal((await at.ask("/api/overview", headers, {})).status, 405);
  });

  test("every action is a line of the log, by whom without a name, and it shows no secret", async () => {
    at.it.clearLogs();
    const headers = { cookie: await session(), origin: at.own };
    const { session: made } = await at.admin().createNewSession({ userId: "carol" });
    await at.ask("/api/sessions/end", headers, { handles: [made.handle] });
    await at.ask("/api/keys/rotate", headers, {});
    const lines = at.it.logs().flatMap((/** @type {string} */ text) => text.split("\n")).filter((/** @type {string} */ line) => line.includes('"console_action"'));
    const said = lines.map((/** @type {string} */ line) => JSON.parse(line.slice(line.indexOf("{"))));
    assert.deepEqual(said.map((/** @type {any} */ { reason }) => reason), ["signed_in", "sessions_ended", "keys_rotated"]);
    for (const { message } of said) assert.match(message, /^operator [0-9a-f]{16}/);
    assert.ok(!lines.join("").includes("carol"));
    const overview = await (await at.ask("/api/overview", headers)).text();
    for (const secret of [apiKey, "another-key-another-key", '"d"', "private"]) assert.ok(!overview.includes(secret), secret);
  });
});

describe("behind Cloudflare Access", () => {
  /** @type {any} */
  let key;
  /** @type {any} */
  let at;
  before(async () => {
    key = await generateKeyPair("RS256", { extractable: true });
    const jwks = { keys: [{ ...(await exportJWK(key.publicKey)), kid: "k", alg: "RS256" }] };
    const entry = { provider: "cloudflare-access", issuer: TEAM, jwks };
    const it = await startPostern({
      vars: {
        CONSOLE: "access", CONSOLE_ACCESS: [{ id: "operators", ...entry, audience: [AUDIENCE] }],
        TRUSTED_ISSUERS: [{ id: "staff", ...entry, audience: ["another-application"] }],
      },
      secrets: { API_KEYS: apiKey }, entrypoints: ["SessionsAdmin"], bindings: { assets },
    });
    at = { it, ask: (/** @type {string} */ path, /** @type {any} */ headers, /** @type {any} */ body) => fetch(new URL(`/auth/console/api/${path}`, it.url), { headers, ...(body && { method: "POST", body: JSON.stringify(body) }) }) };
  });
  after(() => at?.it.close());
  const assertion = (/** @type {any} */ claims = {}, audience = AUDIENCE) => {
    const now = Math.floor(Date.now() / 1_000);
    return new SignJWT({ type: "app", email: "operator@example.com", identity_nonce: "n", iat: now, exp: now + 600, ...claims })
      .setProtectedHeader({ alg: "RS256", kid: "k" }).setIssuer(TEAM).setAudience(audience).setSubject("operator-1").sign(key.privateKey);
  };

  test("the assertion of its own application is good there, in its header, and nowhere else", async () => {
    const good = await assertion();
    const answer = await at.ask("overview", { "cf-access-jwt-assertion": good });
    assert.equal(answer.status, 200);
    assert.equal((await answer.json()).signsOut, false);
    const rotated = await at.ask("keys/rotate", { "cf-access-jwt-assertion": good, origin: at.it.url.origin }, {});
    assert.equal(rotated.status, 200);
    assert.ok(!at.it.logs().join("\n").includes("operator@example.com"));
    // Also after the console has seen it.
    assert.notEqual((await at.it.rpc.getSession({ accessToken: good })).status, "OK");
    assert.equal((await at.it.fetch("/auth/session", { headers: { "cf-access-jwt-assertion": good } })).status, 401);
    assert.equal((await at.it.fetch("/auth/session", { headers: { authorization: `Bearer ${good}` } })).status, 401);
  });

  test("another application's, an expired or unsigned one, and an API key are not", async () => {
    const staff = await assertion({}, "another-application");
    assert.equal((await at.it.rpc.getSession({ accessToken: staff })).status, "OK");
    const good = await assertion();
    const bad = [staff, await assertion({ exp: Math.floor(Date.now() / 1_000) - 10 }), await assertion({ type: "org" }), `${good.slice(0, -10)}AAAAAAAAAA`, "x", ""];
    for (const token of bad) assert.equal((await at.ask("overview", { "cf-access-jwt-assertion": token })).status, 401, token.slice(0, 20));
    for (const headers of [{ authorization: `Bearer ${good}` }, { cookie: `CF_Authorization=${good}` }, { "api-key": apiKey }]) assert.equal((await at.ask("overview", headers)).status, 401);
    assert.equal((await at.ask("sign-in", { origin: at.it.url.origin }, { apiKey })).status, 400);
  });
});

describe("switched off, or half set up", () => {
  test("there is no console without the setting, and none of its files", async () => {
    const it = await startPostern({ secrets: { API_KEYS: apiKey }, bindings: { assets } });
    for (const path of ["/auth/console", "/auth/console/", "/auth/console/console.js", "/auth/console/api/overview"]) assert.equal((await it.fetch(path)).status, 404, path);
    await it.close();
  });

  test("without the binding the log says what is missing; the API is there", async () => {
    const it = await startPostern({ vars: { CONSOLE: "api_key" }, secrets: { API_KEYS: apiKey } });
    assert.equal((await it.fetch("/auth/console/")).status, 503);
    assert.match(it.logs().join("\n"), /is the binding ASSETS there/);
    assert.equal((await it.fetch("/auth/console/api/overview")).status, 401);
    await it.close();
  });

  test("a console that nobody could enter is a fault of the settings", async () => {
    for (const vars of [{ CONSOLE: "api_key" }, { CONSOLE: "access" }, { CONSOLE: "on" }]) {
      const it = await startPostern({ vars });
      assert.equal((await it.fetch("/auth/healthz")).status, 500, JSON.stringify(vars));
      assert.match(it.logs().join("\n"), /CONSOLE/);
      await it.close();
    }
  });
});
