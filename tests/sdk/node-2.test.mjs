// supertokens-node 2.0.0, unmodified, with its express middleware: every session function that it has. It can send
// neither a key nor a base path.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { browser, listen, load } from "./support/app.mjs";
import { startCore } from "./support/core.mjs";
import { decode } from "./support/tokens.mjs";

const ANTI_CSRF = { ANTI_CSRF: "VIA_TOKEN" };

async function start(core) {
  const [sdk, functions] = load("supertokens-node-2", "", "lib/build/session");
  sdk.init([core.keyless]);
  const app = await listen((app, express) => {
    app.use(express.json());
    app.post("/login/:user", async (request, response) => {
      const { payload, data } = request.body ?? {};
      const session = await sdk.createNewSession(response, request.params.user, payload, data);
      response.json({ handle: session.getHandle() });
    });
    const shown = (request, response) => {
      const { session } = request;
      response.json({ handle: session.getHandle(), userId: session.getUserId(), payload: session.getJWTPayload() });
    };
    app.get("/me", sdk.middleware(), shown);
    app.post("/me", sdk.middleware(), shown);
    app.post("/auth/session/refresh", sdk.middleware(), shown);
    app.post("/elsewhere/refresh", async (request, response, next) => {
      request.session = await sdk.refreshSession(request, response).catch(next);
      if (request.session) shown(request, response);
    });
    app.post("/signout", sdk.middleware(), async (request, response) => {
      await request.session.revokeSession();
      response.json({});
    });
    app.post("/data", sdk.middleware(), async (request, response, next) => {
      try {
        const before = await request.session.getSessionData();
        await request.session.updateSessionData(request.body);
        response.json({ before, after: await request.session.getSessionData() });
      } catch (error) {
        next(error);
      }
    });
    app.post("/payload", sdk.middleware(), async (request, response, next) => {
      try {
        await request.session.updateJWTPayload(request.body);
        response.json(request.session.getJWTPayload());
      } catch (error) {
        next(error);
      }
    });
    app.options("/me", (request, response) => {
      sdk.setRelevantHeadersForOptionsAPI(response);
      response.end();
    });
    app.use(sdk.errorHandler());
  });
  return { ...app, sdk, functions, browser: () => browser(app.url) };
}

const ofType = (sdk, name) => (error) => sdk.Error.isErrorFromAuth(error) && error.errType === sdk.Error[name];

describe("with anti-CSRF tokens", () => {
  let core;
  let app;
  before(async () => {
    core = await startCore(ANTI_CSRF);
    app = await start(core);
  });
  after(async () => {
    await app.close();
    await core.close();
  });

  test("a life in an express application", async () => {
    const alice = app.browser();
    assert.equal((await alice.get("/me")).status, 401);
    const { handle } = (await alice.post("/login/alice", { body: { payload: { p: 1 }, data: { d: 1 } } })).json;
    assert.match(alice.cookies.sAccessToken.attributes, /Path=\/;.*HttpOnly/);
    assert.equal(alice.cookies.sRefreshToken.path, "/auth/session/refresh");
    assert.equal(decode(decodeURIComponent(alice.cookies.sAccessToken.value)).header.version, "2");
    core.takeCalls();
    assert.deepEqual((await alice.get("/me")).json, { handle, userId: "alice", payload: { p: 1 } });
    assert.deepEqual(core.takeCalls(), [], "verified without the core");
    assert.deepEqual((await alice.post("/data", { body: { d: 2 } })).json, { before: { d: 1 }, after: { d: 2 } });
    assert.deepEqual((await alice.post("/payload", { body: { p: 2 } })).json, { p: 2 });
    assert.deepEqual((await alice.get("/me")).json.payload, { p: 2 });
    assert.equal((await alice.post("/auth/session/refresh")).json.handle, handle);
    core.takeCalls();
    assert.equal((await alice.post("/me")).status, 200);
    assert.deepEqual(core.takeCalls(), ["POST /session/verify"], "the first use promotes");
    assert.equal((await alice.post("/me")).status, 200);
    assert.deepEqual(core.takeCalls(), []);
    assert.equal((await alice.post("/signout")).status, 200);
    assert.deepEqual([Object.keys(alice.cookies), (await alice.get("/me")).status], [[], 401]);
    assert.match((await alice.send("OPTIONS", "/me")).headers.get("access-control-allow-headers") ?? "", /anti-csrf/);
  });

  test("the anti-CSRF token is compared where the middleware asks for it", async () => {
    const alice = app.browser();
    await alice.post("/login/alice");
    for (const token of ["wrong", undefined]) {
      assert.equal((await alice.post("/me", { headers: { "anti-csrf": token } })).status, 401);
      assert.equal((await alice.get("/me", { headers: { "anti-csrf": token } })).status, 200);
    }
    assert.equal((await alice.post("/auth/session/refresh", { headers: { "anti-csrf": undefined } })).status, 200, "refresh sends none");
    assert.equal((await alice.post("/me")).status, 200);
  });

  test("theft", async () => {
    const alice = app.browser();
    const { handle } = (await alice.post("/login/alice")).json;
    const thief = alice.copy();
    await alice.post("/auth/session/refresh");
    await alice.get("/me");
    const answer = await thief.post("/auth/session/refresh");
    assert.deepEqual([answer.status, answer.json], [401, { message: "token theft detected" }]);
    await assert.rejects(app.sdk.getSessionData(handle), ofType(app.sdk, "UNAUTHORISED"));
    assert.equal((await alice.post("/auth/session/refresh")).status, 401);
  });

  test("functions without request and response", async () => {
    const { functions: sdk } = app;
    const created = await sdk.createNewSession("bob", { p: 1 }, { d: 1 });
    const { handle } = created.session;
    for (const token of [created.accessToken, created.refreshToken, created.idRefreshToken]) {
      assert.deepEqual(Object.keys(token).sort(), ["cookiePath", "cookieSecure", "createdTime", "domain", "expiry", "sameSite", "token"]);
    }
    const read = await sdk.getSession(created.accessToken.token, created.antiCsrfToken, true, created.idRefreshToken.token);
    assert.deepEqual(read, { session: { handle, userId: "bob", userDataInJWT: { p: 1 } } });
    await assert.rejects(sdk.getSession(created.accessToken.token, "wrong", true, "id"), ofType(sdk, "TRY_REFRESH_TOKEN"));
    const refreshed = await sdk.refreshSession(created.refreshToken.token);
    const promoted = await sdk.getSession(refreshed.accessToken.token, refreshed.antiCsrfToken, true, "id");
    assert.equal(typeof promoted.accessToken.token, "string");
    await assert.rejects(sdk.refreshSession(created.refreshToken.token), (error) => {
      assert.deepEqual(error.err, { sessionHandle: handle, userId: "bob" });
      return ofType(sdk, "TOKEN_THEFT_DETECTED")(error);
    });
    await assert.rejects(sdk.refreshSession("nonsense"), ofType(sdk, "UNAUTHORISED"));
  });

  for (const form of ["sdk", "functions"]) {
    test(`data, payloads, lists and revocations, ${form}`, async () => {
      const sdk = app[form];
      const user = `user of ${form}`;
      const handles = [];
      for (let n = 0; n < 4; n += 1) handles.push((await app.functions.createNewSession(user, { n }, { n })).session.handle);
      assert.deepEqual(await sdk.getSessionData(handles[1]), { n: 1 });
      await sdk.updateSessionData(handles[1], { deep: [null] });
      assert.deepEqual(await sdk.getSessionData(handles[1]), { deep: [null] });
      assert.deepEqual(await sdk.getJWTPayload(handles[2]), { n: 2 });
      await sdk.updateJWTPayload(handles[2], { m: 1 });
      assert.deepEqual(await sdk.getJWTPayload(handles[2]), { m: 1 });
      assert.deepEqual((await sdk.getAllSessionHandlesForUser(user)).sort(), [...handles].sort());
      assert.equal(await sdk.revokeSession(handles[0]), true);
      assert.equal(await sdk.revokeSession(handles[0]), false);
      assert.deepEqual(await sdk.revokeMultipleSessions([handles[0], handles[1]]), [handles[1]]);
      assert.deepEqual((await sdk.revokeAllSessionsForUser(user)).sort(), handles.slice(2).sort());
      assert.deepEqual(await sdk.getAllSessionHandlesForUser(user), []);
      for (const call of [() => sdk.getSessionData(handles[0]), () => sdk.updateSessionData(handles[0], {}), () => sdk.getJWTPayload(handles[0]), () => sdk.updateJWTPayload(handles[0], {})]) {
        await assert.rejects(call(), ofType(sdk, "UNAUTHORISED"));
      }
    });
  }

  test("refreshSession on a path of the application's own", async () => {
    const alice = app.browser();
    await alice.post("/login/alice");
    const cookie = `sRefreshToken=${alice.cookies.sRefreshToken.value}`;
    assert.equal((await alice.post("/elsewhere/refresh", { headers: { cookie } })).status, 200);
  });

  // The document's example in this package's own form.
  test("the document's calls", async () => {
    const supertokens = app.sdk;
    const changed = await listen((web) => {
      web.post("/change", async (request, response) => {
        const session = await supertokens.getSession(request, response, false);
        const jwtPayload = session.getJWTPayload();
        const sessionData = await supertokens.getSessionData(session.getHandle());
        await supertokens.updateSessionData(session.getHandle(), { comment: "new session data" });
        response.json({ jwtPayload, sessionData });
      });
    });
    try {
      const alice = app.browser();
      const { handle } = (await alice.post("/login/alice", { body: { payload: { role: "editor" }, data: { comment: "old" } } })).json;
      const visitor = browser(changed.url);
      visitor.assume(alice.cookies, alice.tokens);
      assert.deepEqual((await visitor.post("/change")).json, { jwtPayload: { role: "editor" }, sessionData: { comment: "old" } });
      assert.deepEqual(await supertokens.getSessionData(handle), { comment: "new session data" });
    } finally {
      await changed.close();
    }
  });
});

test("blacklisting, expiry, rotating keys and a core started again", async () => {
  const core = await startCore({ CHECK_DATABASE: true, ACCESS_TOKEN_VALIDITY: "2s", SIGNING_KEY_ROTATION_INTERVAL: "3.6s", SESSION_EXPIRED_STATUS_CODE: 440 });
  const app = await start(core);
  try {
    const alice = app.browser();
    const { handle } = (await alice.post("/login/alice", { body: { data: { d: 1 } } })).json;
    assert.equal("anti-csrf" in alice.tokens, false);
    const keys = new Set();
    for (let round = 0; round < 3; round += 1) {
      core.takeCalls();
      assert.equal((await alice.post("/me")).status, 200);
      assert.deepEqual(core.takeCalls(), ["POST /session/verify"], "every request is checked");
      keys.add((await app.functions.createNewSession("other")) && (await core.call("2.0", "POST", "/handshake", {}, { base: `http://localhost:${core.port}` })).json.jwtSigningPublicKey);
      await sleep(2_600);
      assert.deepEqual((await alice.get("/me")).json, { message: "try refresh token" });
      if (round === 1) {
        await core.workerd.kill();
        await core.workerd.start();
      }
      assert.equal((await alice.post("/auth/session/refresh")).status, 200);
    }
    assert.ok(keys.size > 1, "the key has changed");
    assert.deepEqual(await app.sdk.getSessionData(handle), { d: 1 });
    assert.equal((await alice.get("/me")).status, 200);
    await app.sdk.revokeSession(handle);
    const refused = await alice.get("/me");
    assert.deepEqual([refused.status, refused.json], [440, { message: "unauthorised" }]);
  } finally {
    await app.close();
    await core.close();
  }
});
