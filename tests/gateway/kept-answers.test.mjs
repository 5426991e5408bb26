// Answers of repeated requests are kept beside the isolate's verified tokens. Whatever request follows whatever other, what
// is answered is what would be without that: another query, which `GET /auth/session` does not look at, makes a request that
// was never asked before.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { dbscBrowser } from "../support/dbsc-client.mjs";
import { startGateway } from "../support/gateway.mjs";
import { apiKey } from "../support/harness.mjs";
import { startIssuer } from "../support/issuer.mjs";
import { bodyOf, startOrigin } from "../support/origin.mjs";

const website = "http://127.0.0.1:3000";
const STEPS = 1_500;

let origin, postern, issuer;
before(async () => {
  issuer = await startIssuer("idp");
  origin = await startOrigin(async (request, response) => {
    const userId = (await bodyOf(request)).toString();
    response.setHeader("postern-directive-key", request.headers["postern-directive-key"] ?? "");
    response.setHeader("postern-create-session", Buffer.from(JSON.stringify({ userId })).toString("base64url"));
    response.end();
  });
  postern = await startGateway({
    origins: { app: { url: origin.url } },
    rules: [{ path: "/login", methods: ["POST"], session: "optional", directives: true }],
    vars: { API_KEYS: apiKey, WEBSITE_ORIGINS: [website], TRUSTED_ISSUERS: [issuer.setting], DEVICE_BINDING: "offer", HOST_PREFIXED_COOKIE: false, MAX_SESSIONS_PER_USER: 1_000 },
    entry: "tests/support/clock-entry.mjs",
  });
});
after(async () => {
  await postern?.close();
  await origin?.close();
});

/** Numbers that are the same in every run. @param {number} seed */
function random(seed) {
  let state = seed;
  return (/** @type {number} */ below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Everything of an answer. @param {string} path @param {RequestInit} init */
async function whole(path, init) {
  const answer = await postern.fetch(path, init);
  const headers = [...answer.headers].filter(([name]) => name !== "date");
  return { status: answer.status, headers, body: await answer.text() };
}
let others = 0;
/** The same request twice over, and as one that was never asked before. @param {RequestInit} init @param {string} [query] */
async function same(init, query = "") {
  const path = `/auth/session${query}`;
  const first = await whole(path, init);
  const again = await whole(path, init);
  const fresh = await whole(`/auth/session?other=${(others += 1)}`, init);
  assert.deepEqual(first, fresh);
  assert.deepEqual(again, fresh);
  return fresh;
}
const login = async (/** @type {string} */ userId, more = {}) => (await postern.admin("createNewSession", { userId, jwtPayload: { n: userId }, ...more }));
const bearer = (/** @type {string} */ token) => ({ authorization: `Bearer ${token}` });
const ahead = (/** @type {number} */ ms) => postern.fetch("/auth/healthz", { headers: { "test-clock-ahead": String(ms) } });

test("the cookie that shows a device decides, however often its session was answered", async () => {
  const browser = dbscBrowser(postern.url());
  assert.equal((await browser.fetch("/login", { method: "POST", body: "bound" })).status, 200, postern.output());
  assert.equal((await browser.fetch("/auth/session")).status, 200);
  const name = [...browser.jar.keys()].find((name) => name.startsWith("__Host-sDevice-")) ?? "";
  const cookie = browser.cookies("/auth/session");
  assert.ok(cookie.includes(`${name}=`), cookie);
  const keep = async () => {
    for (let time = 0; time < 4; time += 1) assert.equal((await same({ headers: { cookie } })).status, 200);
  };
  await keep();
  const without = cookie.split("; ").filter((pair) => !pair.startsWith(`${name}=`)).join("; ");
  assert.equal((await same({ headers: { cookie: without } })).status, 401);
  assert.equal((await same({ headers: { cookie: `${without}; ${name}=x` } })).status, 401);
  await keep();
  // The token lives for an hour, the cookie for minutes.
  await ahead(30 * 60_000);
  assert.equal((await same({ headers: { cookie } })).status, 401);
  await ahead(0);
});

// From here on keys are left behind that are valid from a later time on.
test("an answer that is kept ends with its session, its token, and its key", async () => {
  const asks = (/** @type {Record<string, string>} */ headers) => postern.fetch("/auth/session", { headers }).then(({ status }) => status);
  const keep = async (/** @type {Record<string, string>} */ headers) => {
    for (let time = 0; time < 4; time += 1) assert.equal(await asks(headers), 200);
  };
  const ended = await login("ended");
  await keep(bearer(ended.accessToken.token));
  await postern.admin("revokeSession", { handle: ended.session.handle });
  assert.equal(await asks(bearer(ended.accessToken.token)), 401, "at once in the isolate that ended it");

  const withdrawn = await login("withdrawn");
  await keep(bearer(withdrawn.accessToken.token));
  const { kid } = JSON.parse(Buffer.from(withdrawn.accessToken.token.split(".")[0], "base64url").toString());
  await postern.admin("revokeSigningKey", { kid });
  assert.equal(await asks(bearer(withdrawn.accessToken.token)), 401);

  const old = await login("old");
  await keep(bearer(old.accessToken.token));
  const foreign = await issuer.token({ sub: "bob", sid: "b" }, "10m");
  await keep(bearer(foreign));
  await ahead(2 * 3_600_000);
  assert.equal(await asks(bearer(old.accessToken.token)), 401);
  assert.equal(await asks(bearer(foreign)), 401);
  await ahead(0);
});

test("random sequences of requests, ended sessions, key changes and hours", async () => {
  const seed = Number(process.env.MODEL_SEED ?? Date.now() % 2 ** 32);
  const pick = random(seed);
  const one = (/** @type {any[]} */ list) => list[pick(list.length)];
  /** @type {{token: string, handle?: string, ended: boolean}[]} */
  const sessions = [];
  const add = async () => {
    if (pick(3) === 0) return sessions.push({ token: await issuer.token({ sub: `user-${pick(3)}`, sid: `s-${pick(100)}` }, one(["5m", "50m"])), ended: false });
    const { accessToken, session } = await login(`user-${pick(3)}`);
    return sessions.push({ token: accessToken.token, handle: session.handle, ended: false });
  };
  await add();
  let time = 0;
  const seen = new Set();
  for (let step = 0; step < STEPS; step += 1) {
    const what = pick(100);
    if (what < 4) await add();
    else if (what === 4) {
      const session = one(sessions.slice(-6));
      if (session.handle) await postern.admin("revokeSession", { handle: session.handle });
    } else if (what === 5) await ahead((time += pick(90) * 1_000));
    else if (what === 6 && pick(8) === 0) await postern.admin("rotateSigningKeys", {});
    else if (what === 7 && pick(20) === 0) await postern.admin("revokeAllSessionsForUser", { userId: `user-${pick(3)}` });
    else {
      const { token } = one(sessions.slice(-6));
      const other = one(sessions).token;
      const credentials = one([
        bearer(token),
        bearer(token),
        { cookie: `sAccessToken=${token}` },
        { cookie: `a=1; sAccessToken=${token}; b=${pick(2)}` },
        { ...bearer(token), cookie: `sAccessToken=${other}` },
        { cookie: `sAccessToken=${token}; sAccessToken=${other}` },
        { ...bearer(`${token.slice(0, -2)}AA`), cookie: `sAccessToken=${other}` },
        bearer(token.toUpperCase()),
        { authorization: `DPoP ${token}` },
        {},
      ]);
      const origin = one([{}, {}, { origin: website }, { origin: "https://other.example" }, { origin: "" }]);
      const method = one(["GET", "GET", "GET", "GET", "HEAD", "POST", "OPTIONS"]);
      const found = await same({ method, headers: { ...credentials, ...origin } }, one(["", "", "?a=1"])).catch((error) => {
        error.message = `MODEL_SEED=${seed}, step ${step}: ${error.message}`;
        throw error;
      });
      seen.add(found.status);
    }
  }
  await ahead(0);
  assert.ok(seen.has(200) && seen.has(401), [...seen].join());
});
