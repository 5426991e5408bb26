// Sessions that are bound to a device, with a client that knows only the draft: registration, renewal, and everything that is
// not to work.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { payloadOf } from "../support/browser.mjs";
import { dbscBrowser, deviceKey } from "../support/dbsc-client.mjs";
import { startGateway } from "../support/gateway.mjs";
import { apiKey } from "../support/harness.mjs";
import { bodyOf, startOrigin } from "../support/origin.mjs";

const MINUTE = 60_000;
const DEVICE = "/auth/session/device";
const REFRESH = "/auth/session/device/refresh";

let origin, gateway;
before(async () => {
  origin = await startOrigin(async (request, response) => {
    const userId = (await bodyOf(request)).toString();
    if (request.url === "/login") {
      response.setHeader("postern-directive-key", request.headers["postern-directive-key"] ?? "");
      response.setHeader("postern-create-session", Buffer.from(JSON.stringify({ userId })).toString("base64url"));
    }
    response.setHeader("secure-session-registration", '(ES256);path="/of-the-origin";challenge="c"');
    response.end(JSON.stringify({ user: request.headers["postern-user-id"] ?? null, headers: request.headers }));
  });
  const rule = { origin: "app", session: "required" };
  gateway = await startGateway({
    origins: { app: { url: origin.url } },
    rules: [
      { ...rule, path: "/login", methods: ["POST"], session: "optional", directives: true },
      { ...rule, path: "/bound/**", device_bound: true },
      { ...rule, path: "/optional/**", session: "optional" },
      { ...rule, path: "/**" },
    ],
    vars: { API_KEYS: apiKey, DEVICE_BINDING: "offer", HOST_PREFIXED_COOKIE: false, MAX_SESSIONS_PER_USER: 100 },
    entry: "tests/support/clock-entry.mjs",
  });
});
after(async () => {
  await gateway?.close();
  await origin?.close();
});

let users = 0;
const clock = { ahead: 0 };
/** A browser that has signed in, and bound its session unless it knows nothing of that. */
async function signedIn({ algorithm = "ES256", registers = true, at = gateway } = {}) {
  const browser = dbscBrowser(at.url(), { algorithm, clock });
  const userId = `user-${++users}`;
  const answer = await (registers ? browser.fetch : browser.send)("/login", { method: "POST", body: userId });
  assert.equal(answer.status, 200);
  const offer = answer.headers.get("secure-session-registration");
  const token = browser.jar.get("sAccessToken").value;
  const handle = payloadOf(token).sessionHandle;
  if (registers) await arrived(browser);
  return { browser, userId, offer, handle, id: [...browser.sessions.keys()][0] };
}
/** The first request after the registration tells Postern, beside its answer, that the browser has the key. */
async function arrived(browser) {
  await browser.fetch("/a");
  await new Promise((resolve) => setTimeout(resolve, 50));
}
const user = async (response) => [response.status, (await response.json()).user];
const status = async (asked) => {
  const answer = await asked;
  await answer.arrayBuffer();
  return answer.status;
};
const header = (token) => JSON.parse(Buffer.from(token.split(".")[0], "base64url"));
const boundCookie = (browser) => [...browser.jar.keys()].find((name) => name.startsWith("__Host-sDevice-"));
const challengeOf = (answer) => /^"([^"]+)"/.exec(answer.headers.get("secure-session-challenge"))?.[1];
/** A challenge for a session, and the request that answers it. */
async function challenged(browser, id) {
  const answer = await browser.send(REFRESH, { method: "POST", headers: { "sec-secure-session-id": id } });
  assert.equal(answer.status, 403);
  return challengeOf(answer);
}
const answering = (browser, id, proof) => browser.send(REFRESH, { method: "POST", headers: { "sec-secure-session-id": id, "secure-session-response": proof } });
const lives = async ({ handle }) => (await gateway.admin("getSessionInformation", { handle })).status === "OK";

for (const algorithm of ["ES256", "RS256"]) {
  test(`a session is bound to a key of ${algorithm}, and renewed by it without a script`, async () => {
    const { browser, userId, handle, id } = await signedIn({ algorithm });
    assert.deepEqual(browser.asked, [`${DEVICE} 200`]);
    assert.ok(header(browser.jar.get("sAccessToken").value).device_jkt, "the token says so");
    assert.ok(boundCookie(browser));
    assert.deepEqual(await user(await browser.fetch("/bound/a")), [200, userId]);
    assert.ok((await gateway.admin("getSessionInformation", { handle })).session.deviceBound > 0);
    browser.advance(11 * MINUTE);
    browser.asked.length = 0;
    assert.deepEqual(await user(await browser.fetch("/bound/a")), [200, userId]);
    assert.deepEqual(browser.asked, [`${REFRESH} 403`, `${REFRESH} 200`]);
    assert.deepEqual([...browser.sessions.keys()], [id]);
    // A page that is opened after hours: the proof renews the access token, too.
    const old = browser.jar.get("sAccessToken").value;
    browser.advance(3 * 60 * MINUTE);
    assert.deepEqual(await user(await browser.fetch("/bound/a")), [200, userId]);
    const token = browser.jar.get("sAccessToken").value;
    assert.notEqual(token, old);
    assert.equal(header(token).device_jkt, header(old).device_jkt);
    // And the refresh token of before is as good as ever.
    assert.equal(await status(browser.fetch("/auth/session/refresh", { method: "POST" })), 200);
    assert.deepEqual(await user(await browser.fetch("/bound/a")), [200, userId]);
  });
}

test("the origin sees and says nothing of it, and only an answer that creates a session offers it", async () => {
  const { browser, offer } = await signedIn();
  assert.match(offer, /^\(ES256 RS256\);path="\/auth\/session\/device";challenge="[^"]+"$/);
  const answer = await browser.fetch("/a", { headers: { "secure-session-response": "x.y.z", "sec-secure-session-id": "x", "secure-session-skipped": "unreachable" } });
  assert.equal(answer.headers.get("secure-session-registration"), null);
  const { headers } = await answer.json();
  for (const [name, value] of Object.entries(headers)) assert.ok(!/secure-session|sDevice/i.test(`${name}: ${value}`), name);
  const refreshed = await browser.fetch("/auth/session/refresh", { method: "POST" });
  assert.equal(refreshed.headers.get("secure-session-registration"), null);
  const inHeaders = await gateway.admin("createNewSessionForRequest", { userId: "h", request: { headers: { "st-auth-mode": "header" } } });
  assert.ok(!inHeaders.headers.some(([name]) => name.startsWith("secure-session")), "a session in headers cannot be bound");
  const inCookies = await gateway.admin("createNewSessionForRequest", { userId: "h", request: { headers: { "st-auth-mode": "cookie" } } });
  assert.ok(inCookies.headers.some(([name]) => name === "secure-session-registration"));
});

test("a browser that does not know it goes on as ever", async () => {
  const { browser, userId } = await signedIn({ registers: false });
  assert.deepEqual(await user(await browser.send("/a")), [200, userId]);
  browser.advance(2 * 60 * MINUTE);
  assert.equal(await status(browser.send("/a")), 401);
  assert.equal(await status(browser.send("/auth/session/refresh", { method: "POST" })), 200);
  assert.deepEqual(await user(await browser.send("/a")), [200, userId]);
  const refused = await browser.send("/bound/a");
  assert.deepEqual([refused.status, (await refused.json()).status], [403, "DEVICE_BINDING_REQUIRED"]);
  const page = await browser.send("/bound/a", { headers: { accept: "text/html" } });
  assert.match(await page.text(), /sign in again with a browser/);
});

test("what is no registration is none, and takes nothing away", async () => {
  const { browser, userId, offer } = await signedIn({ registers: false });
  const other = await signedIn({ registers: false });
  const challenge = /challenge="([^"]+)"/.exec(offer)[1];
  const othersChallenge = /challenge="([^"]+)"/.exec(other.offer)[1];
  const key = deviceKey();
  const [ec, rsa] = [key, deviceKey("RS256")];
  const proof = (more = {}, of = key, over = challenge) => of.proof(over, { withKey: true, ...more });
  const post = (text, headers = {}) => browser.send(DEVICE, { method: "POST", headers: { origin: gateway.url(), ...(text === undefined ? {} : { "secure-session-response": text }), ...headers } });
  const good = proof();
  for (const [what, expected, text, headers] of [
    ["no proof", 400, undefined],
    ["no token", 400, "proof"],
    ["no key", 400, key.proof(challenge)],
    ["the challenge of another session", 400, proof({}, key, othersChallenge)],
    ["no challenge of ours", 400, proof({}, key, "challenge")],
    ["no challenge", 400, proof({ payload: { jti: undefined } })],
    ["a challenge that is none", 400, proof({ payload: { jti: 7 } })],
    ["another typ", 400, proof({ header: { typ: "JWT" } })],
    ["DPoP's typ", 400, proof({ header: { typ: "dpop+jwt" } })],
    ["no typ", 400, proof({ header: { typ: undefined } })],
    ["alg none", 400, `${good.split(".").slice(0, 2).join(".").replace(/^[^.]+/, Buffer.from(JSON.stringify({ alg: "none", typ: "dbsc+jwt", jwk: key.jwk })).toString("base64url"))}.`],
    ["an alg that is not offered", 400, proof({ header: { alg: "ES384" } })],
    ["HS256 with the public key", 400, proof({ header: { alg: "HS256" } })],
    ["RS256 with an EC key", 400, proof({ header: { alg: "RS256" } })],
    ["ES256 with an RSA key", 400, proof({ header: { alg: "ES256" } }, rsa)],
    ["another's key", 400, proof({ header: { jwk: deviceKey().jwk } })],
    ["a private key", 400, proof({ header: { jwk: { ...ec.jwk, d: "AAAA" } } })],
    ["a symmetric key", 400, proof({ header: { jwk: { kty: "oct", k: "AAAA" } } })],
    ["a critical extension", 400, proof({ header: { crit: ["exp"] } })],
    ["a bad signature", 400, `${good.slice(0, -8)}AAAAAAAA`],
    ["two of them", 400, `${good}, ${good}`],
    ["too long", 400, proof({ payload: { filler: "x".repeat(8_000) } })],
    ["another website", 403, good, { origin: "https://evil.example", "sec-fetch-site": "cross-site" }],
    ["no session", 401, good, { cookie: "" }],
    ["the cookies of another session", 400, good, { cookie: other.browser.cookies("/") }],
    ["a session in Authorization", 401, good, { cookie: "", authorization: `Bearer ${browser.jar.get("sAccessToken").value}` }],
  ]) {
    const answer = await post(text, headers);
    assert.equal(answer.status, expected, `${what}: ${await answer.text()}`);
    assert.deepEqual(answer.headers.getSetCookie(), [], what);
  }
  assert.equal(await status(browser.send(DEVICE)), 405);
  assert.deepEqual(await user(await browser.send("/a")), [200, userId]);
  // The draft has the proof in quotes.
  await browser.register(offer, { proof: `"${good}"`, key });
  assert.deepEqual(await user(await browser.fetch("/bound/a")), [200, userId]);
  // The same answer again may be a repeated request; another key never is one.
  assert.equal(await status(post(good)), 200);
  assert.equal(await status(post(proof({}, deviceKey()))), 401);
});

test("a challenge of a registration can be answered for five minutes", async () => {
  const { browser, offer } = await signedIn({ registers: false });
  browser.advance(5 * MINUTE + 1_000);
  await assert.rejects(browser.register(offer), /400/);
});

test("what is no proof is asked for again, and ends nothing", async () => {
  const { browser, id } = await signedIn();
  const other = await signedIn();
  const { key } = browser.sessions.get(id);
  const fresh = () => challenged(browser, id);
  for (const [what, proof] of [
    ["no token", async () => "proof"],
    ["another key", async () => deviceKey().proof(await fresh())],
    ["another key in the header", async () => deviceKey().proof(await fresh(), { withKey: true })],
    ["another algorithm", async () => deviceKey("RS256").proof(await fresh())],
    ["the challenge of another session", async () => key.proof(await challenged(other.browser, other.id))],
    ["the challenge of the registration", async () => key.proof(/challenge="([^"]+)"/.exec((await signedIn({ registers: false })).offer)[1])],
    ["no challenge", async () => key.proof("")],
    ["another typ", async () => key.proof(await fresh(), { header: { typ: "JWT" } })],
    ["alg none", async () => key.proof(await fresh(), { header: { alg: "none" } })],
    ["too long", async () => key.proof(await fresh(), { payload: { filler: "x".repeat(8_000) } })],
  ]) {
    const answer = await answering(browser, id, await proof());
    assert.equal(answer.status, 403, what);
    assert.ok(challengeOf(answer), what);
    assert.deepEqual(answer.headers.getSetCookie(), [], what);
  }
  // Late, and then once more.
  const late = key.proof(await fresh());
  browser.advance(2 * MINUTE + 1_000);
  assert.equal(await status(answering(browser, id, late)), 403);
  const good = key.proof(await fresh());
  const many = await Promise.all(Array.from({ length: 5 }, () => status(answering(browser, id, good))));
  assert.deepEqual(many.sort(), [200, 403, 403, 403, 403], "each challenge counts once");
  // Several tabs ask at once.
  const skipped = await Promise.all(Array.from({ length: 4 }, () => browser.refresh(id)));
  assert.deepEqual(skipped, [undefined, undefined, undefined, undefined]);
  assert.ok(browser.sessions.has(id));
});

test("of a session that is not there any more the browser is told so", async () => {
  const { browser, id, handle } = await signedIn();
  const ended = async (sent) => {
    const answer = await browser.send(REFRESH, { method: "POST", headers: { "sec-secure-session-id": sent } });
    assert.equal(answer.status, 200);
    return answer.json();
  };
  for (const unknown of ["x", id.slice(0, -1), `a${id}`, id.replace(/^../, "aa")]) assert.deepEqual(await ended(unknown), { session_identifier: unknown, continue: false });
  assert.equal(await status(browser.send(REFRESH, { method: "POST" })), 400);
  await gateway.admin("revokeSession", { handle });
  assert.deepEqual(await ended(id), { session_identifier: id, continue: false });
});

test("a sign-out ends the browser's session, too", async () => {
  const { browser, id } = await signedIn();
  const out = await browser.fetch("/auth/signout", { method: "POST" });
  assert.equal(out.status, 200);
  assert.equal(boundCookie(browser), undefined);
  assert.equal(await status(browser.fetch("/optional/a")), 200);
  assert.deepEqual([...browser.sessions], []);
  browser.asked.length = 0;
  assert.equal(await status(browser.fetch("/optional/a")), 200);
  assert.deepEqual(browser.asked, [], `${id} is asked for no more`);
});

test("two accounts in one browser do not get in each other's way", async () => {
  const { browser, id } = await signedIn();
  const second = await browser.fetch("/login", { method: "POST", body: "second" });
  assert.equal(second.status, 200);
  assert.equal(browser.sessions.size, 2);
  browser.advance(11 * MINUTE);
  assert.deepEqual(await user(await browser.fetch("/bound/a")), [200, "second"]);
  assert.equal(browser.sessions.size, 1);
  assert.ok(!browser.sessions.has(id), "the first one's cookies are gone");
  browser.advance(11 * MINUTE);
  assert.deepEqual(await user(await browser.fetch("/bound/a")), [200, "second"]);
});

test("a browser that could not renew its cookie is not signed out", async () => {
  const session = await signedIn();
  const { browser, id, userId } = session;
  browser.advance(11 * MINUTE);
  for (const reason of ["server_error", "unreachable", "quota_exceeded"]) {
    const skipped = { "secure-session-skipped": `${reason};session_identifier="${id}"` };
    for (const [method, path] of [["GET", "/a"], ["GET", "/bound/a"], ["GET", "/auth/session"], ["POST", "/auth/session/refresh"]]) {
      const answer = await browser.send(path, { method, headers: skipped });
      assert.equal(answer.status, 503, `${reason} ${path}`);
      assert.ok(answer.headers.get("retry-after"));
      assert.deepEqual(answer.headers.getSetCookie(), []);
    }
  }
  assert.ok(gateway.output().includes("quota_exceeded"), "the log says so");
  assert.deepEqual(await user(await browser.fetch("/bound/a")), [200, userId]);
  assert.equal(await status(browser.fetch("/auth/session/refresh", { method: "POST" })), 200);
});

test("a link on another site leads to the page: the browser asks again, and renews its cookie before", async () => {
  const session = await signedIn();
  const { browser, userId } = session;
  const page = (site) => ({ headers: { accept: "text/html", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "sec-fetch-site": site } });
  for (const later of [11 * MINUTE, 3 * 60 * MINUTE]) {
    browser.advance(later);
    for (const path of ["/a", "/optional/a"]) {
      const first = await browser.send(path, page("cross-site"));
      assert.deepEqual([first.status, first.headers.get("refresh"), first.headers.get("location")], [401, "0", null], path);
      assert.deepEqual(first.headers.getSetCookie(), []);
    }
    // The way of a stale session may have begun elsewhere, too: nothing ends.
    const way = await browser.send("/auth/session/refresh?return_to=%2Fa", page("cross-site"));
    assert.equal(way.status, 403, "another website asks for a refresh");
    assert.ok(await lives(session));
    assert.deepEqual(await user(await browser.fetch("/optional/a", page("same-origin"))), [200, userId]);
  }
});

test("a key that is gone: the session ends, once, and a new login is as good as the first", async () => {
  const session = await signedIn();
  const { browser } = session;
  browser.advance(11 * MINUTE);
  browser.sessions.clear();
  const page = { headers: { accept: "text/html", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "sec-fetch-site": "none" } };
  const first = await browser.send("/optional/a", page);
  assert.equal(first.status, 303);
  const refreshed = await browser.send(first.headers.get("location"), { headers: { ...page.headers, "sec-fetch-site": "same-origin" } });
  assert.deepEqual([refreshed.status, refreshed.headers.get("location")], [303, "/optional/a"]);
  assert.ok(!browser.jar.has("sAccessToken") && !browser.jar.has("sRefreshToken"));
  assert.deepEqual(await user(await browser.send("/optional/a", page)), [200, null]);
  assert.equal(await lives(session), false);
  assert.ok(gateway.output().includes("device_key_missing"));
  const again = await browser.fetch("/login", { method: "POST", body: "again" });
  assert.equal(again.status, 200);
  assert.deepEqual(await user(await browser.fetch("/bound/a")), [200, "again"]);
});

test("an answer to a registration that was lost costs nobody a session", async () => {
  const { browser, userId, offer } = await signedIn({ registers: false });
  const kept = new Map(browser.jar);
  await browser.register(offer);
  browser.jar.clear();
  for (const [name, cookie] of kept) browser.jar.set(name, cookie);
  assert.deepEqual(await user(await browser.send("/a")), [200, userId]);
  assert.equal(await status(browser.send("/auth/session/refresh", { method: "POST" })), 200);
  assert.deepEqual(await user(await browser.send("/a")), [200, userId]);
});
