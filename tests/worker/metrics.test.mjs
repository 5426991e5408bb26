// Metrics: what happened is counted, once, with bounded labels and without user data; with an API key, and with the binding.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { apiKey, startPostern } from "../support/harness.mjs";
import { serviceApi } from "../support/service-api.mjs";

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

const get = (headers = {}, method = "GET") => fetch(new URL("/auth/metrics", postern.url), { headers, method });
/** Every series and its count. */
async function counts() {
  const response = await get({ "api-key": apiKey });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(response.headers.get("cache-control"), "no-store");
  const text = await response.text();
  for (const line of text.trimEnd().split("\n")) assert.match(line, /^(# (HELP|TYPE) postern_\w+ .+|postern_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? \d+)$/);
  return { text, of: (/** @type {string} */ series) => Number(text.split("\n").find((line) => line.startsWith(`${series} `))?.split(" ").at(-1) ?? 0) };
}

test("each thing that happens is counted once, at every door, whatever is logged", async () => {
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
