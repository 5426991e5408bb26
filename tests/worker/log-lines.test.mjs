// Log lines that answer "why": which request, which rule, which session, and what happened to it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { apiKey } from "../support/harness.mjs";
import { startGateway } from "../support/gateway.mjs";
import { startOrigin } from "../support/origin.mjs";
import { until } from "../support/until.mjs";

let origin, postern;
before(async () => {
  origin = await startOrigin((request, response) => void response.end("ok"));
  const app = { origin: "app" };
  postern = await startGateway({
    origins: { app: { url: origin.url } },
    rules: [{ name: "admin pages", path: "/admin/**", session: "required", ...app }, { path: "/members/**", session: "required", ...app }],
    vars: { LOG_LEVEL: "debug", REFRESH_GRACE_PERIOD: "0s" },
  });
});
after(async () => {
  await postern?.close();
  await origin?.close();
});

/** The lines about an event so far. @param {string} event @returns {any[]} */
const lines = (event) =>
  postern.output().split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line)).filter((line) => line.event === event);
/** The first line that fits, once it is there. @param {string} event @param {(line: any) => boolean} fits */
async function line(event, fits = () => true) {
  await until(`a line ${event}`, async () => lines(event).some(fits));
  return lines(event).find(fits);
}

test("a refusal says which request, which rule by its name, and why", async () => {
  const answer = await fetch(`${postern.url()}/admin/users/alice@example.test?token=query-value`, { headers: { "cf-ray": "7d1f0a2b3c4d5e6f-FRA" } });
  assert.equal(answer.status, 401);
  const { level, request, method, path, rule, reason, status } = await line("gateway", ({ rule }) => rule === "admin pages");
  assert.deepEqual({ level, request, method, path, rule, reason, status }, {
    level: "info", request: "7d1f0a2b3c4d5e6f-FRA", method: "GET", path: "/admin/users/…", rule: "admin pages", reason: "session", status: "401",
  });
  await fetch(`${postern.url()}/members/a`, { method: "POST" });
  const unnamed = await line("gateway", ({ method }) => method === "POST");
  assert.equal(unnamed.rule, "/members/**");
  assert.match(unnamed.request, /^\w{16}$/);
  // At once, so that requests take turns: each line is about its own.
  await Promise.all(Array.from({ length: 20 }, (_, n) => fetch(`${postern.url()}/auth/session`, { headers: { "cf-ray": `ray-${n}`, authorization: `Bearer ${"x".repeat(n)}.y.z` } })));
  await until("all lines", async () => lines("browser_api").length >= 20);
  const rays = new Set(lines("browser_api").map(({ request }) => request));
  assert.equal(rays.size, 20);
});

test("the life of a session can be followed by its digest", async () => {
  const created = await postern.admin("createNewSession", { userId: "alice", device: { userAgent: "agent", country: "DE" } });
  const { session } = await line("session_created", ({ method }) => method === "createNewSession");
  assert.match(session, /^[0-9a-f]{16}$/);
  assert.ok(!created.session.handle.includes(session));
  const refreshed = await postern.admin("refreshSession", { refreshToken: created.refreshToken.token });
  await postern.admin("refreshSession", { refreshToken: refreshed.refreshToken.token });
  assert.equal((await line("session_refreshed")).session, session);
  const theft = await postern.admin("refreshSession", { refreshToken: created.refreshToken.token });
  assert.equal(theft.status, "TOKEN_THEFT_DETECTED");
  const { level, reason, country, method, session: stolen } = await line("token_theft");
  assert.deepEqual({ level, country, method, stolen }, { level: "warn", country: "DE", method: "refreshSession", stolen: session });
  assert.match(reason, /^(RECENT_PREV|ORPHANED_BRANCH|STALE_LINEAGE)$/);
  const other = await postern.session("bob");
  await fetch(`${postern.url()}/auth/signout`, { method: "POST", headers: other.headers });
  const ended = await line("sessions_ended");
  assert.equal(ended.reason, "sign_out");
  assert.notEqual(ended.session, session);
  for (let n = 0; n < 3; n += 1) await postern.session("carol");
  await postern.admin("revokeAllSessionsForUser", { userId: "carol" });
  assert.equal((await line("sessions_ended", ({ reason }) => reason === "rpc")).count, "3");
});

test("changes of keys and wrong API keys leave a line; many wrong ones leave one", async () => {
  await postern.admin("rotateSigningKeys", {});
  assert.equal((await line("signing_keys")).reason, "rotated");
  for (let n = 0; n < 5; n += 1) {
    assert.equal((await fetch(`${postern.url()}/core/recipe/session/user?userId=a`, { headers: { "api-key": `${apiKey}x` } })).status, 401);
    assert.equal((await fetch(`${postern.url()}/core/postern/sessions?userId=a`, { headers: { "api-key": `${apiKey}x` } })).status, 401);
  }
  assert.equal((await line("wrong_api_key")).level, "warn");
  assert.equal(lines("wrong_api_key").length, 1);
});
