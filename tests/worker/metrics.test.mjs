// Metrics: what happened is counted, once, with bounded labels and without user data; with an API key, and with the binding.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { SignJWT, exportJWK, generateKeyPair } from "jose";
import { apiKey, startPostern } from "../support/harness.mjs";
import { startGateway } from "../support/gateway.mjs";
import { serviceApi } from "../support/service-api.mjs";
import { until } from "../support/until.mjs";

/** @type {Awaited<ReturnType<typeof startPostern>>} */
let postern;
before(async () => {
  postern = await startPostern({
    vars: { REFRESH_GRACE_PERIOD: "0s", LOG_LEVEL: "error" },
    secrets: { API_KEYS: apiKey },
    entrypoints: ["SessionsAdmin"],
    bindings: { analytics_engine_datasets: [{ binding: "METRICS", dataset: "postern" }] },
    gateway: { origins: { app: { url: "http://127.0.0.1:9" } }, rules: [{ name: "admin", path: "/admin/**", origin: "app", session: "required" }] },
  });
});
after(() => postern?.close());

/** Of the text, every line is one of Prometheus' format. @param {string} text */
function assertIsText(text) {
  for (const line of text.trimEnd().split("\n")) assert.match(line, /^(# (HELP|TYPE) postern_\w+ .+|postern_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? \d+(\.\d+)?)$/);
}
/** The value of a series. @param {string} text @param {string} series */
const valueOf = (text, series) => Number(text.split("\n").find((line) => line.startsWith(`${series} `))?.split(" ").at(-1) ?? 0);

const get = (headers = {}, method = "GET") => fetch(new URL("/auth/metrics", postern.url), { headers, method });
/** Every series and its count. */
async function counts() {
  const response = await get({ "api-key": apiKey });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(response.headers.get("cache-control"), "no-store");
  const text = await response.text();
  assertIsText(text);
  return { text, of: (/** @type {string} */ series) => valueOf(text, series) };
}

test("each thing that happens is counted once, at every entry point, whatever is logged", async () => {
  const admin = postern.entrypoint("SessionsAdmin");
  const secrets = ["alice-4711-secret", "agent-secret"];
  const created = await admin.createNewSession({ userId: secrets[0], device: { userAgent: secrets[1] } });
  const core = serviceApi(postern);
  const other = await core.create(secrets[0]);
  const refreshed = await core.refresh(other.refreshToken.token);
  await core.refresh(refreshed.refreshToken.token);
  assert.equal((await core.refresh(other.refreshToken.token)).status, "TOKEN_THEFT_DETECTED");
  for (let n = 0; n < 3; n += 1) assert.equal((await fetch(new URL(`/admin/${secrets[0]}/${n}`, postern.url))).status, 401);
  assert.equal((await fetch(new URL("/elsewhere", postern.url))).status, 403);
  await fetch(new URL("/auth/session", postern.url), { headers: { authorization: `Bearer ${created.accessToken.token}x` } });
  for (let n = 0; n < 2; n += 1) await core.create(secrets[0]);
  await admin.revokeAllSessionsForUser({ userId: secrets[0] });
  await fetch(new URL("/core/recipe/session/user?userId=a", postern.url), { headers: { "api-key": "wrong-key-wrong-key-wrong-key" } });
  assert.equal((await get({ "api-key": "wrong-key-wrong-key-wrong-key" })).status, 401);
  const { text, of } = await counts();
  assert.deepEqual(
    {
      rpc: of('postern_sessions_created_total{by="rpc"}'), core: of('postern_sessions_created_total{by="service_api"}'),
      refreshes: of("postern_refreshes_total"), ended: of('postern_revocations_total{by="rpc"}'),
      admin: of('postern_refusals_total{reason="session",rule="admin",event="gateway"}'), noRule: of('postern_refusals_total{reason="rule",rule="",event="gateway"}'),
      stale: of('postern_refusals_total{reason="TRY_REFRESH_TOKEN",rule="",event="browser_api"}'), wrongKeys: of('postern_log_events_total{event="wrong_api_key"}'),
    },
    { rpc: 1, core: 3, refreshes: 2, ended: 3, admin: 3, noRule: 1, stale: 1, wrongKeys: 2 },
    text,
  );
  assert.match(text, /postern_thefts_total\{reason="(RECENT_PREV|ORPHANED_BRANCH|STALE_LINEAGE)"\} 1\n/);
  for (const secret of [...secrets, created.session.handle, other.session.handle]) assert.ok(!text.includes(secret), secret);
});

test("without a key, or with another method, there is nothing to see", async () => {
  assert.equal((await get()).status, 401);
  assert.equal((await get({ authorization: `Bearer ${apiKey}` })).status, 200);
  assert.equal((await get({ "api-key": apiKey }, "POST")).status, 405);
});

test("origins, issuers, polls and verifications: what each did, how often and how long", { timeout: 120_000 }, async () => {
  const SLOW_MS = 300;
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const key = { ...(await exportJWK(publicKey)), kid: "one" };
  const server = createServer((request, response) => {
    if (request.url === "/keys") return response.end(JSON.stringify({ keys: [key] }));
    if (request.url?.startsWith("/slow")) return void setTimeout(() => response.end("late"), SLOW_MS);
    if (request.url?.startsWith("/never")) return;
    return response.writeHead(Number(request.url?.match(/\d{3}/)?.[0] ?? 200)).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${/** @type {any} */ (server.address()).port}`;
  const entry = (/** @type {string} */ id, /** @type {string} */ path) => ({ id, issuer: `https://${id}.example`, audience: ["api"], jwks_uri: `${url}${path}` });
  const gateway = await startGateway({
    origins: { app: { url, timeout: "1s" }, gone: { url: "http://127.0.0.1:9" } },
    rules: [
      { name: "gone", path: "/gone/**", origin: "gone", session: "none" },
      { name: "session", path: "/session/**", origin: "app", session: "required", methods: ["GET"], directives: true },
      { name: "open", path: "/**", origin: "app", session: "none" },
    ],
    vars: { FRESHNESS: "within 10s", TRUSTED_ISSUERS: [entry("idp", "/keys"), entry("lost", "/500")] },
  });
  try {
    const of = async () => {
      const text = await (await gateway.fetch("/auth/metrics", { headers: { "api-key": apiKey } })).text();
      assertIsText(text);
      return { text, of: (/** @type {string} */ series) => valueOf(text, series) };
    };
    const ask = async (/** @type {string} */ path, headers = {}) => (await gateway.fetch(path, { headers })).text();
    for (const path of ["/200", "/204", "/404", "/slow/x", "/never/x", "/gone/x"]) await ask(path);
    const alice = await gateway.session("alice-4711-secret");
    for (let n = 0; n < 130; n += 1) await ask("/session/201", alice.headers);
    const token = (/** @type {string} */ id) => new SignJWT({ sub: "bob-4711-secret", sid: "s" }).setProtectedHeader({ alg: "ES256", kid: "one" }).setIssuer(`https://${id}.example`).setAudience("api").setIssuedAt().setExpirationTime("5m").sign(privateKey);
    for (const id of ["idp", "lost"]) await ask("/auth/session", { authorization: `Bearer ${await token(id)}` });
    const { text, of: value } = await of();
    const origin = (/** @type {string} */ labels, part = "count") => value(`postern_origin_answer_seconds_${part}{${labels}}`);
    const open = (/** @type {string} */ status) => `rule="open",origin="app",status="${status}"`;
    assert.deepEqual(
      { ok: origin(open("2xx")), absent: origin(open("4xx")), late: origin(open("timed_out")), gone: origin('rule="gone",origin="gone",status="unreachable"'), session: origin('rule="session",origin="app",status="2xx"') },
      { ok: 3, absent: 1, late: 1, gone: 1, session: 130 },
      text,
    );
    assert.ok(origin(open("2xx"), "sum") >= SLOW_MS / 1_000 && origin(open("timed_out"), "sum") >= 1, text);
    assert.equal(value(`postern_origin_answer_seconds_bucket{${open("2xx")},le="0.25"}`), 2, text);
    assert.equal(value(`postern_origin_answer_seconds_bucket{${open("2xx")},le="+Inf"}`), 3);
    // A kept token: one in 64 is counted, for all of them.
    assert.deepEqual([value('postern_verifications_total{issuer="own",how="checked"}'), value('postern_verifications_total{issuer="idp",how="checked"}')], [1, 1], text);
    const remembered = value('postern_verifications_total{issuer="own",how="remembered"}');
    assert.ok(remembered >= 128 && remembered % 64 === 0, text);
    assert.equal(value('postern_issuer_key_fetches_total{issuer="idp",from="keeper",outcome="set"}'), 1, text);
    assert.ok(value('postern_issuer_key_fetches_total{issuer="lost",from="keeper",outcome="failed"}') >= 1, text);
    await until("a poll has renewed the copy", async () => {
      await ask("/session/200", alice.headers);
      return (await of()).of("postern_revocation_lag_seconds_count") > 0;
    });
    for (const secret of ["4711", alice.handle, url]) assert.ok(!text.includes(secret), secret);
  } finally {
    await gateway.close();
    server.closeAllConnections();
    server.close();
  }
});

test("the dashboard asks what the page asks, and the alerts and questions are of metrics and labels that there are", async () => {
  const read = (/** @type {string} */ name) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");
  const page = read("metrics.md");
  const questions = [...page.matchAll(/```sql\n([\s\S]*?)\n```/g)].map(([, query]) => query);
  const panels = JSON.parse(read("metrics/grafana.json")).panels.map((/** @type {any} */ panel) => panel.targets[0].query);
  assert.deepEqual(panels.sort(), questions.sort());
  const { text } = await counts();
  const types = new Map([...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => [name, type]));
  const named = [...`${page}${read("metrics/alerts.yml")}`.matchAll(/postern_\w+/g)].map(([name]) => name);
  for (const name of named) {
    const base = name.replace(/_(bucket|sum|count)$/, "");
    assert.ok(types.has(name) || types.get(base) === "histogram", name);
  }
  for (const name of types.keys()) assert.ok(page.includes(`| \`${name}\` |`), name);
  const labels = new Set([...page.matchAll(/^\| `postern_\w+` \|(.*)$/gm)].flatMap(([, row]) => [...row.matchAll(/`(\w+)` \(`blob/g)].map(([, label]) => label)));
  labels.add("le");
  const alerts = read("metrics/alerts.yml");
  // Of what lies beyond the last bucket a quantile is that bucket's end, which nothing exceeds.
  for (const [expression, most] of alerts.matchAll(/histogram_quantile\(.*\) > ([\d.]+)/g)) assert.ok(Number(most) < 60, expression);
  for (const [, end] of alerts.matchAll(/le="([^"]*)"/g)) assert.ok(text.includes(`le="${end}"`), end);
  for (const [, selector] of alerts.matchAll(/postern_\w+\{([^}]*)\}/g)) {
    for (const [, label] of selector.matchAll(/(\w+)=/g)) assert.ok(labels.has(label), label);
  }
});
