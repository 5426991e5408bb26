// The platform's rate limiter, as the binding RATE_LIMIT: a real one of wrangler's. It counts in windows that the clock sets, so
// a test asks until it is refused, and then until it is let through again.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { access, cookie, logIn, read, refreshCookie } from "../support/browser.mjs";
import { apiKey, startPostern } from "../support/harness.mjs";
import { until } from "../support/until.mjs";

/** More than two windows can let through. */
const MOST = 20;
const binding = (period) => ({ ratelimits: [{ name: "RATE_LIMIT", namespace_id: "1001", simple: { limit: 3, period } }] });
const gateway = { origins: { app: { url: "http://127.0.0.1:9" } }, rules: [{ path: "/events/**", origin: "app", session: "required" }] };

let postern;
/** @param {object} [options] */
const start = async (options) => {
  postern = await startPostern({ secrets: { API_KEYS: apiKey }, entrypoints: ["SessionsAdmin"], gateway, ...options });
};
const ask = async (path, init) => read(await fetch(new URL(path, postern.url), { method: "POST", redirect: "manual", ...init }));
const refresh = (token, network = "203.0.113.7") => ask("/auth/session/refresh", { headers: { ...cookie(refreshCookie(token)), "cf-connecting-ip": network } });
const ticket = (token) => ask("/auth/session/ticket", { headers: cookie(access(token)), body: '{"path":"/events/1"}' });
const withKey = (key, network = "203.0.113.7") => fetch(new URL("/core/recipe/session/user?userId=alice", postern.url), { headers: { "api-key": key, "cf-connecting-ip": network } });
/** Does it until it is answered 429. @template {{status: number}} A @param {() => Promise<A>} once @returns {Promise<A>} */
async function untilRefused(once) {
  for (let so_far = 0; so_far < MOST; so_far++) {
    const answer = await once();
    if (answer.status === 429) return answer;
  }
  assert.fail(`${MOST} were let through`);
}
const lines = (event) => postern.logs().filter((line) => line.includes(`"event":"${event}"`)).map((line) => JSON.parse(line));

describe("with a limiter", () => {
  before(() => start({ bindings: binding(10) }));
  after(() => postern?.close());

  test("one refresh too many is answered 429, changes nothing, and is no theft", async () => {
    const [{ refreshToken }, other] = [await logIn(postern, { "st-auth-mode": "cookie" }), await logIn(postern, { "st-auth-mode": "cookie" })];
    let token = refreshToken;
    const refused = await untilRefused(async () => {
      const answer = await refresh(token);
      if (answer.status === 200) token = answer.refreshToken;
      return answer;
    });
    assert.deepEqual(refused.body, { status: "TOO_MANY_REQUESTS", message: "too many requests; try again later" });
    assert.equal(refused.response.headers.get("retry-after"), "10");
    assert.deepEqual(refused.headers, { cookies: [], other: {} }, "nothing is set and nothing is cleared");
    assert.equal(refused.response.headers.get("www-authenticate"), null);
    assert.equal((await refresh(other.refreshToken)).status, 200, "another session is not counted with it");
    // Whoever knows a handle can make tokens that count for it, and they count where they come from.
    const elsewhere = await refresh(token, "198.51.100.7");
    assert.equal(elsewhere.status, 200, "another network is not counted with it");
    await until("the next token is taken after the window", async () => (await refresh(elsewhere.refreshToken)).status === 200, 60_000);
    assert.deepEqual(lines("token_theft"), []);
    assert.ok(lines("rate_limited").some(({ level, message }) => level === "warn" && message === "too many refreshes of one session from one network"));
  });

  test("a page that is sent through a refresh is told, and does not go round in a circle", async () => {
    const { refreshToken } = await logIn(postern, { "st-auth-mode": "cookie" });
    let token = refreshToken;
    const refused = await untilRefused(async () => {
      const headers = { ...cookie(refreshCookie(token)), accept: "text/html", "sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
      const response = await fetch(new URL("/auth/session/refresh?return_to=/events/1", postern.url), { headers, redirect: "manual" });
      const given = response.headers.getSetCookie().find((line) => /^sRefreshToken=[^;]/.test(line));
      if (given) token = decodeURIComponent(given.split(";")[0].slice("sRefreshToken=".length));
      return response;
    });
    assert.equal(refused.headers.get("location"), null);
    assert.equal(refused.headers.get("retry-after"), "10");
    assert.match(await refused.text(), /Too many requests/);
  });

  test("tickets of one session are counted by themselves, and other sessions are not", async () => {
    const [one, other] = [await logIn(postern, { "st-auth-mode": "cookie" }), await logIn(postern, { "st-auth-mode": "cookie" })];
    const refused = await untilRefused(() => ticket(one.accessToken));
    assert.equal(refused.body.status, "TOO_MANY_REQUESTS");
    assert.equal(refused.response.headers.get("retry-after"), "10");
    assert.equal((await refresh(one.refreshToken)).status, 200, "its refresh has a count of its own");
    assert.equal((await ticket(other.accessToken)).status, 200);
  });

  test("wrong API keys of a network are answered 429 at every door, and a right one never is", async () => {
    const wrong = "wrong-key-wrong-key-wrong-key";
    const refused = await untilRefused(() => withKey(wrong));
    assert.equal(refused.headers.get("retry-after"), "10");
    assert.equal((await withKey(wrong, "192.0.2.1")).status, 401, "another network is not counted with it");
    for (const [path, init] of [
      ["/auth/explain", { method: "POST", body: "{}" }],
      ["/auth/metrics", { method: "GET" }],
      ["/core/postern/keys/rotate", { method: "POST", body: "{}" }],
    ]) {
      const at = () => fetch(new URL(path, postern.url), { ...init, headers: { "api-key": wrong, "cf-connecting-ip": "198.51.100.9" } });
      assert.equal((await untilRefused(at)).status, 429, path);
    }
    assert.equal((await untilRefused(() => withKey(wrong, "203.0.113.99"))).status, 429);
    for (let so_far = 0; so_far < MOST; so_far++) assert.equal((await withKey(apiKey)).status, 200);
    assert.ok(lines("rate_limited").some(({ message }) => message === "too many requests of one network without a right API key"));
  });

  test("what is no token of ours is refused without being counted", async () => {
    for (let so_far = 0; so_far < MOST; so_far++) assert.equal((await refresh("1.made.up.token.0.0.mac")).status, 401);
  });
});

describe("without one", () => {
  before(() => start());
  after(() => postern?.close());

  test("nothing is counted", async () => {
    let { refreshToken: token, accessToken } = await logIn(postern, { "st-auth-mode": "cookie" });
    for (let so_far = 0; so_far < MOST; so_far++) {
      const answer = await refresh(token);
      assert.equal(answer.status, 200);
      token = answer.refreshToken;
      assert.equal((await ticket(accessToken)).status, 200);
      assert.equal((await withKey("wrong-key-wrong-key-wrong-key")).status, 401);
    }
  });
});

describe("a limiter that fails", () => {
  for (const [entrypoint, said] of [["Throwing", "the limiter is broken"], ["Silent", "it gave no answer in time"], ["Vague", "does not say"]]) {
    test(`${entrypoint}: lets everything through, and the log says so`, async () => {
      await start({
        workers: [{ config: { name: "limiter", main: "support/limiter-worker.mjs", compatibility_date: "2026-11-01" } }],
        services: [{ binding: "RATE_LIMIT", service: "limiter", entrypoint }],
      });
      try {
        const { refreshToken } = await logIn(postern, { "st-auth-mode": "cookie" });
        assert.equal((await refresh(refreshToken)).status, 200);
        assert.equal((await withKey("wrong-key-wrong-key-wrong-key")).status, 401);
        const [line] = lines("rate_limiter");
        assert.equal(line.level, "error");
        assert.ok(line.message.includes(said), line.message);
        assert.deepEqual(lines("rate_limited"), []);
      } finally {
        await postern.close();
      }
    });
  }
});

describe("a binding that is none", () => {
  for (const [what, options, said] of [
    ["KV", { bindings: { kv_namespaces: [{ binding: "SESSION_DATA", id: "a" }, { binding: "RATE_LIMIT", id: "b" }] } }, "RATE_LIMIT"],
    ["a variable", { vars: { RATE_LIMIT: "10" } }, "RATE_LIMIT"],
    ["one beside a status that it would be taken for", { bindings: binding(60), vars: { SESSION_EXPIRED_STATUS_CODE: "429" } }, "SESSION_EXPIRED_STATUS_CODE"],
  ]) {
    test(`${what}: the Worker refuses its configuration`, async () => {
      await start(options);
      try {
        assert.equal((await postern.fetch("/auth/healthz")).status, 500);
        assert.ok(lines("bad_setting").some((line) => JSON.stringify(line).includes(said)));
      } finally {
        await postern.close();
      }
    });
  }
});
