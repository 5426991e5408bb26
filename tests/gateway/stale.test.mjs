// @ts-check
// A session that is stale or has ended keeps nobody from logging in or out, and pages without a script stay signed in.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { request as httpRequest } from "node:http";
import { startGateway } from "../support/gateway.mjs";
import { bodyOf, startOrigin } from "../support/origin.mjs";
import { until } from "../support/until.mjs";

/** @type {Awaited<ReturnType<typeof startOrigin>>} */
let origin;
/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;

const b64 = (/** @type {unknown} */ value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const NAVIGATION = { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "sec-fetch-site": "same-origin", accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
/** What browsers send: to https and loopback, elsewhere, and those that ask for anything. */
/** @type {Record<string, string>[]} */
const BROWSERS = [NAVIGATION, { accept: "text/html,*/*;q=0.8" }, { accept: "*/*", "upgrade-insecure-requests": "1" }];
const LIFE = 2_000;

before(async () => {
  origin = await startOrigin(async (request, response) => {
    const key = { "postern-directive-key": request.headers["postern-directive-key"] ?? "" };
    const body = (await bodyOf(request)).toString();
    const user = request.headers["postern-user-id"] ?? null;
    if (request.method === "POST" && request.url === "/login") {
      const name = new URLSearchParams(body).get("name");
      if (!name) return response.writeHead(403).end("wrong");
      return response.writeHead(303, { ...key, location: "/app", "postern-create-session": b64({ userId: name }) }).end();
    }
    if (request.method === "POST" && /^\/(logout|open-logout)$/.test(request.url ?? "")) {
      return response.writeHead(303, { ...key, location: "/", "postern-revoke": "session" }).end();
    }
    if (request.method === "POST" && request.url === "/logout-everywhere") return response.writeHead(303, { ...key, location: "/", "postern-revoke": "user" }).end();
    response.writeHead(200, { "content-type": "text/html" }).end(JSON.stringify({ method: request.method, url: request.url, user, body }));
  });
  gateway = await startGateway({
    origins: { app: { url: origin.url } },
    rules: [
      { path: ["/login", "/logout", "/logout-everywhere"], methods: ["POST"], session: "optional", directives: true },
      { path: "/open-logout", methods: ["POST"], session: "none", directives: true },
      { path: ["/", "/login"], session: "none" },
      { path: "/app/**", session: "required", refuse: "/login" },
      { path: "/form", session: "required" },
      { path: "/**", session: "optional" },
    ],
    vars: { ACCESS_TOKEN_VALIDITY: `${LIFE / 1000}s`, FRESHNESS: "strict", REFRESH_GRACE_PERIOD: "1s" },
  });
});
after(async () => {
  await gateway?.close();
  await origin?.close();
});
beforeEach(() => origin.clear());

/** A browser's cookies, with their paths. */
function jar() {
  /** @type {Map<string, {value: string, path: string}>} */
  const cookies = new Map();
  return {
    cookies,
    /** @param {string} path */
    header: (path) => [...cookies].filter(([, { path: own }]) => path.startsWith(own)).map(([name, { value }]) => `${name}=${value}`).join("; "),
    /** @param {Response} answer */
    keep(answer) {
      for (const line of answer.headers.getSetCookie()) {
        const [, name, value] = /^([^=]*)=([^;]*)/.exec(line) ?? [];
        const path = /; path=([^;]*)/i.exec(line)?.[1] ?? "/";
        if (/expires=thu, 01 jan 1970/i.test(line)) cookies.delete(name);
        else cookies.set(name, { value, path });
      }
    },
  };
}

/**
 * A request as a browser sends it: `fetch` of Node's adds a `Sec-Fetch-Mode` of its own.
 * @param {string} path @param {{method?: string, body?: unknown, headers?: Record<string, string>}} init @returns {Promise<Response>}
 */
const send = (path, { method = "GET", body, headers = {} }) =>
  new Promise((resolve, reject) => {
    const type = body instanceof URLSearchParams ? { "content-type": "application/x-www-form-urlencoded" } : {};
    const text = body === undefined ? undefined : String(body);
    const sent = httpRequest(gateway.url() + path, { method, headers: { ...type, ...headers, ...(text === undefined ? {} : { "content-length": String(Buffer.byteLength(text)) }) } });
    sent.on("error", reject);
    sent.on("response", async (answer) => {
      const lines = answer.rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [/** @type {[string, string]} */ ([name, answer.rawHeaders[at + 1]])] : []));
      const content = await bodyOf(answer);
      resolve(new Response(content.length > 0 ? new Uint8Array(content) : null, { status: answer.statusCode, headers: lines }));
    });
    sent.end(text);
  });

/** A visitor without a script. */
function visitor() {
  const own = jar();
  const self = {
    ...own,
    /** @param {string} path @param {Omit<RequestInit, "headers"> & {headers?: Record<string, string>}} [init] */
    async ask(path, init = {}) {
      const answer = await send(path, { ...init, headers: { ...(init.headers?.accept ? {} : NAVIGATION), ...init.headers, cookie: own.header(path) } });
      own.keep(answer);
      return answer;
    },
    /** @param {string} path @param {Record<string, string>} fields @param {Record<string, string>} [headers] */
    send: (path, fields, headers) => self.ask(path, { method: "POST", body: new URLSearchParams(fields), headers }),
    /** Follows redirects as browsers do; every address on the way, and the last answer. @param {string} path @param {Omit<RequestInit, "headers"> & {headers?: Record<string, string>}} [init] */
    async go(path, init = {}) {
      const way = [path];
      let answer = await self.ask(path, init);
      while (answer.headers.has("location") && way.length < 12) {
        const keepsMethod = answer.status === 307;
        path = answer.headers.get("location") ?? "";
        way.push(path.split("?")[0]);
        answer = await self.ask(path, keepsMethod ? init : { headers: init.headers });
      }
      return { way, answer };
    },
  };
  return self;
}

async function loggedIn(name = "alice") {
  const someone = visitor();
  const answer = await someone.send("/login", { name });
  assert.equal(answer.status, 303);
  const handle = JSON.parse(Buffer.from(someone.cookies.get("sAccessToken")?.value.split(".")[1] ?? "", "base64url").toString()).sessionHandle;
  return { ...someone, handle };
}

const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));
const isLive = async (/** @type {string} */ handle) => (await gateway.call("SESSIONS", "getSessionData", { handle, freshness: "strict" })).status === "OK";
/** A token of ours with another signature. */
const garbled = (/** @type {string} */ token) => `${token.split(".").slice(0, 2).join(".")}.${Buffer.alloc(256, 7).toString("base64url")}`;

test("a login form works an hour later, whatever is wrong with the session", async () => {
  const alice = await loggedIn();
  const bob = await loggedIn("bob");
  await gateway.admin("revokeSession", { handle: bob.handle });
  await pause(LIFE + 200);
  const expired = alice.cookies.get("sAccessToken")?.value ?? "";
  const stranger = `${expired.split(".")[0]}.${b64({ ...JSON.parse(Buffer.from(expired.split(".")[1], "base64url").toString()), sessionHandle: "a.b.c" })}.AAAA`;
  const tokens = { expired, ended: bob.cookies.get("sAccessToken")?.value, garbled: garbled(expired), stranger, none: "no-token" };
  for (const [what, token] of Object.entries(tokens)) {
    for (const headers of BROWSERS) {
      // What only a refresh can tell goes through one first, and comes back as it was sent.
      const somebody = () => {
        const someone = visitor();
        someone.cookies.set("sAccessToken", { value: token ?? "", path: "/" });
        return someone;
      };
      const someone = somebody();
      const { way, answer } = await someone.go("/login", { method: "POST", body: new URLSearchParams({ name: "carol" }), headers });
      assert.equal(answer.status, 200, `${what} ${JSON.stringify(headers)} ${way}`);
      assert.deepEqual([way.at(-1), (/** @type {any} */ (await answer.json())).user], ["/app", "carol"], what);
      if (what !== "garbled") assert.deepEqual(way, ["/login", "/app"], what);
      const wrong = await somebody().go("/login", { method: "POST", body: "", headers: { ...headers, "content-type": "application/x-www-form-urlencoded" } });
      assert.equal(wrong.answer.status, 403, what);
    }
    // A script without the SDK, which cannot refresh either.
    const script = await send("/login", {
      method: "POST", body: new URLSearchParams({ name: "dave" }), headers: { "sec-fetch-mode": "cors", "sec-fetch-site": "same-origin", cookie: `sAccessToken=${token}` },
    });
    assert.equal(script.status, 303, what);
  }
});

test("the SDK is told to refresh, which heals its login; of an ended session it need not", async () => {
  const alice = await loggedIn();
  await pause(LIFE + 200);
  const sdk = { rid: "anti-csrf", "st-auth-mode": "cookie", "sec-fetch-mode": "cors", "sec-fetch-site": "same-origin" };
  const ask = () => send("/login", { method: "POST", body: new URLSearchParams({ name: "x" }), headers: { ...sdk, cookie: alice.header("/login") } });
  const stale = await ask();
  assert.deepEqual([stale.status, (/** @type {any} */ (await stale.json())).status], [401, "TRY_REFRESH_TOKEN"]);
  await gateway.admin("revokeSession", { handle: alice.handle });
  assert.equal((await ask()).status, 401, "the isolate cannot know yet");
});

test("what has ended is forgotten where it is seen", async () => {
  const alice = await loggedIn();
  await gateway.admin("revokeSession", { handle: alice.handle });
  const answer = await alice.ask("/some/page");
  assert.deepEqual([answer.status, (/** @type {any} */ (await answer.json())).user], [200, null]);
  assert.deepEqual([...alice.cookies.keys()], []);
  assert.equal(answer.headers.get("cache-control"), "no-store");
  // A wrong password on the way changes nothing about that.
  const bob = await loggedIn("bob");
  await gateway.admin("revokeSession", { handle: bob.handle });
  assert.equal((await bob.send("/login", {})).status, 403);
  assert.deepEqual([...bob.cookies.keys()], []);
});

test("a form that is posted to our own sign-out an hour later ends the session; a script is told to refresh", async () => {
  for (const headers of BROWSERS) {
    const alice = await loggedIn();
    await pause(LIFE + 200);
    const foreign = await alice.send("/auth/signout", {}, { ...headers, "sec-fetch-site": "cross-site", origin: "https://evil.example" });
    assert.deepEqual([foreign.status, await isLive(alice.handle)], [403, true]);
    const answer = await alice.send("/auth/signout", {}, { "sec-fetch-site": "same-origin", ...headers });
    assert.equal(answer.status, 200, JSON.stringify(headers));
    assert.deepEqual([alice.cookies.has("sAccessToken"), await isLive(alice.handle)], [false, false]);
  }
  const bob = await loggedIn();
  await pause(LIFE + 200);
  const script = await send("/auth/signout", { method: "POST", headers: { rid: "anti-csrf", cookie: bob.header("/auth/signout") } });
  assert.deepEqual([script.status, await isLive(bob.handle)], [401, true]);
});

test("a logout an hour later ends the session, and not only the cookies", async () => {
  for (const headers of BROWSERS) {
    const alice = await loggedIn();
    await pause(LIFE + 200);
    const answer = await alice.send("/logout", {}, headers);
    assert.equal(answer.status, 303, JSON.stringify(headers));
    assert.deepEqual([[...alice.cookies.keys()], await isLive(alice.handle)], [[], false]);
  }
  const [one, two] = [await loggedIn("erin"), await loggedIn("erin")];
  await pause(LIFE + 200);
  assert.equal((await one.send("/logout-everywhere", {})).status, 303);
  assert.deepEqual([await isLive(one.handle), await isLive(two.handle)], [false, false]);
  // A script's.
  const carol = await loggedIn("carol");
  await pause(LIFE + 200);
  const script = await send("/logout", { method: "POST", headers: { "sec-fetch-mode": "cors", "sec-fetch-site": "same-origin", cookie: carol.header("/logout") } });
  assert.deepEqual([script.status, await isLive(carol.handle)], [303, false]);
});

test("an old token of a session that has ended does not end the user's others", async () => {
  const [old, current] = [await loggedIn("frank"), await loggedIn("frank")];
  await pause(LIFE + 200);
  await gateway.admin("revokeSession", { handle: old.handle });
  assert.equal((await old.send("/logout-everywhere", {})).status, 303);
  assert.equal(await isLive(current.handle), true);
});

test("a logout whose token cannot be verified goes through a refresh and ends the session", async () => {
  const alice = await loggedIn();
  const token = alice.cookies.get("sAccessToken");
  if (token) token.value = garbled(token.value);
  const { way, answer } = await alice.go("/logout", { method: "POST", body: new URLSearchParams({ x: "1" }) });
  assert.deepEqual(way, ["/logout", "/auth/session/refresh", "/logout", "/"]);
  assert.deepEqual([answer.status, await isLive(alice.handle)], [200, false]);
  assert.equal(alice.cookies.has("sAccessToken"), false);
});

test("a rule that looks at no session cannot end one, and does not pretend to", async () => {
  const alice = await loggedIn();
  const answer = await alice.send("/open-logout", {});
  assert.deepEqual([answer.status, answer.headers.getSetCookie()], [502, []]);
  assert.equal(await isLive(alice.handle), true);
  await until("it is logged", async () => gateway.output().includes("postern-revoke needs a session"));
});

test("a page with a stale token goes through the refresh and stays signed in", async () => {
  for (const path of ["/app/x?a=1&b=%26", "/some/page"]) {
    const alice = await loggedIn();
    const before = alice.cookies.get("sRefreshToken")?.value;
    await pause(LIFE + 200);
    const first = await alice.ask(path);
    assert.equal(first.status, 303);
    assert.match(first.headers.get("location") ?? "", /^\/auth\/session\/refresh\?return_to=/);
    assert.deepEqual([first.headers.get("cache-control"), first.headers.getSetCookie()], ["no-store", []]);
    const second = await alice.ask(first.headers.get("location") ?? "");
    assert.deepEqual([second.status, second.headers.get("location"), second.headers.get("cache-control")], [303, path, "no-store"]);
    assert.notEqual(alice.cookies.get("sRefreshToken")?.value, before);
    const third = await alice.ask(path);
    assert.deepEqual([third.status, (/** @type {any} */ (await third.json())).user], [200, "alice"]);
    assert.equal(origin.received.some(({ headers }) => /sRefreshedFor/.test(headers.cookie ?? "")), false);
    // And an hour later again.
    await pause(LIFE + 200);
    const { way, answer } = await alice.go(path);
    assert.deepEqual([way.length, answer.status], [3, 200]);
  }
});

test("without a refresh token it ends at the login page, or as anonymous, and never in a circle", async () => {
  for (const [path, end] of [["/app/x", "/login"], ["/some/page", "/some/page"]]) {
    const alice = await loggedIn();
    alice.cookies.delete("sRefreshToken");
    await pause(LIFE + 200);
    const { way, answer } = await alice.go(path);
    assert.deepEqual([way.at(-1), answer.status, way.length <= 4], [end, 200, true], String(way));
    assert.equal(alice.cookies.has("sAccessToken"), false);
  }
  // A program that keeps sending what it was given.
  const bob = await loggedIn("bob");
  await pause(LIFE + 200);
  for (const cookie of [`sAccessToken=${bob.cookies.get("sAccessToken")?.value}`, `${bob.header("/auth/session/refresh")}`]) {
    let path = "/some/page";
    let hops = 0;
    for (; hops < 20; hops += 1) {
      const answer = await send(path, { headers: { ...NAVIGATION, cookie } });
      if (!answer.headers.has("location")) break;
      path = answer.headers.get("location") ?? "";
    }
    assert.ok(hops < 18, `${hops}`);
  }
});

test("a stale cookie that no refresh replaces does not go round", async () => {
  const alice = await loggedIn();
  const stale = alice.cookies.get("sAccessToken")?.value ?? "";
  await pause(LIFE + 200);
  let hops = 0;
  let path = "/some/page";
  for (; hops < 10; hops += 1) {
    const answer = await send(path, { headers: { ...NAVIGATION, cookie: `${alice.header(path)}; sAccessToken=${stale}` } });
    alice.keep(answer);
    if (!answer.headers.has("location")) break;
    path = answer.headers.get("location") ?? "";
  }
  assert.ok(hops <= 4, `${hops}`);
});

test("it leads to no other website, and no other website has it done", async () => {
  const alice = await loggedIn();
  for (const to of ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)", ""]) {
    const answer = await alice.ask(`/auth/session/refresh?return_to=${encodeURIComponent(to)}`);
    assert.deepEqual([answer.status, answer.headers.get("location"), answer.headers.getSetCookie()], [400, null, []], to);
  }
  const foreign = await alice.ask("/auth/session/refresh?return_to=%2F", { headers: { "sec-fetch-site": "cross-site" } });
  assert.deepEqual([foreign.status, foreign.headers.getSetCookie()], [403, []]);
  const own = await alice.ask("/auth/session/refresh?return_to=%2Fapp");
  assert.deepEqual([own.status, own.headers.get("location")], [303, "/app"]);
  assert.equal((await alice.ask("/auth/session/refresh")).status, 405);
  // A link on another website to a page of ours is followed, an hour later too.
  await pause(LIFE + 200);
  const { answer } = await alice.go("/app", { headers: { "sec-fetch-site": "cross-site" } });
  assert.deepEqual([answer.status, (/** @type {any} */ (await answer.json())).user], [200, "alice"]);
});

test("a form that needs a session is not lost: it goes through the refresh and arrives as it was typed", async () => {
  const alice = await loggedIn();
  await pause(LIFE + 200);
  const body = new URLSearchParams({ text: "an hour of typing é" });
  const { way, answer } = await alice.go("/form", { method: "POST", body });
  assert.deepEqual(way, ["/form", "/auth/session/refresh", "/form"]);
  const arrived = /** @type {any} */ (await answer.json());
  assert.deepEqual([arrived.user, new URLSearchParams(arrived.body).get("text"), origin.received.filter(({ url }) => url === "/form").length], ["alice", "an hour of typing é", 1]);
  // Where no refresh helps it is refused, and not redirected to a page where it would be gone.
  await gateway.admin("revokeSession", { handle: alice.handle });
  const refused = await alice.go("/form", { method: "POST", body });
  assert.deepEqual([refused.way.at(-1), refused.answer.status], ["/form", 401]);
});

test("a theft is told", async () => {
  const alice = await loggedIn();
  const stolen = alice.cookies.get("sRefreshToken")?.value ?? "";
  await alice.ask("/auth/session/refresh?return_to=%2F");
  await pause(700);
  await alice.ask("/auth/session/refresh?return_to=%2F");
  await pause(1_200);
  const thief = visitor();
  thief.cookies.set("sRefreshToken", { value: stolen, path: "/auth/session/refresh" });
  const answer = await thief.ask("/auth/session/refresh?return_to=%2Fapp");
  assert.deepEqual([answer.status, answer.headers.get("location")], [401, null]);
  assert.equal(await isLive(alice.handle), false);
});
