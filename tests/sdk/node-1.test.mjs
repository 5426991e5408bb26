// supertokens-node 1.0.1, unmodified, the package of the document's own time: every session function that it has, with
// express and as `supertokens-node/session`. It can send neither a key, a base path nor a version.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { browser, listen, load } from "./support/app.mjs";
import { startCore } from "./support/core.mjs";
import { decode } from "./support/tokens.mjs";

async function start(core) {
  const [sdk, functions] = load("supertokens-node-1", "", "session");
  sdk.init([core.keyless]);
  const app = await listen((app, express) => {
    app.use(express.json());
    const answer = (action) => async (request, response) => {
      try {
        response.json((await action(request, response)) ?? {});
      } catch (error) {
        if (!sdk.Error.isErrorFromAuth(error)) throw error;
        response.status(error.errType === sdk.Error.GENERAL_ERROR ? 500 : 401).json({ errType: error.errType });
      }
    };
    const shown = (session) => ({ handle: session.sessionHandle, userId: session.getUserId(), payload: session.getJWTPayload() });
    app.post("/login/:user", answer(async (request, response) => shown(await sdk.createNewSession(response, request.params.user, request.body.payload, request.body.data))));
    app.get("/me", answer(async (request, response) => shown(await sdk.getSession(request, response, false))));
    app.post("/me", answer(async (request, response) => shown(await sdk.getSession(request, response, true))));
    app.post("/auth/session/refresh", answer(async (request, response) => shown(await sdk.refreshSession(request, response))));
    app.post("/signout", answer(async (request, response) => (await sdk.getSession(request, response, true)).revokeSession()));
    app.post("/data", answer(async (request, response) => {
      const session = await sdk.getSession(request, response, true);
      const before = await session.getSessionData();
      await session.updateSessionData(request.body);
      return { before, after: await session.getSessionData() };
    }));
    app.options("/me", (request, response) => {
      sdk.setRelevantHeadersForOptionsAPI(response);
      response.end();
    });
  });
  return { ...app, sdk, functions, browser: () => browser(app.url) };
}

const ofType = (sdk, name) => (error) => sdk.Error.isErrorFromAuth(error) && error.errType === sdk.Error[name];

describe("with anti-CSRF tokens", () => {
  let core;
  let app;
  before(async () => {
    core = await startCore({ ANTI_CSRF: "VIA_TOKEN" });
    app = await start(core);
  });
  after(async () => {
    await app.close();
    await core.close();
  });

  test("a life in an express application", async () => {
    const alice = app.browser();
    const TRY_REFRESH_TOKEN = { errType: app.sdk.Error.TRY_REFRESH_TOKEN };
    assert.deepEqual((await alice.get("/me")).json, TRY_REFRESH_TOKEN);
    const { handle } = (await alice.post("/login/alice", { body: { payload: { p: 1 }, data: { d: 1 } } })).json;
    assert.equal(decode(decodeURIComponent(alice.cookies.sAccessToken.value)).header.version, "1");
    core.takeCalls();
    assert.deepEqual((await alice.post("/me")).json, { handle, userId: "alice", payload: { p: 1 } });
    assert.deepEqual(core.takeCalls(), [], "verified without the core");
    for (const token of ["wrong", undefined]) {
      assert.deepEqual((await alice.post("/me", { headers: { "anti-csrf": token } })).json, TRY_REFRESH_TOKEN);
      assert.equal((await alice.get("/me", { headers: { "anti-csrf": token } })).status, 200);
    }
    assert.deepEqual((await alice.post("/data", { body: { d: 2 } })).json, { before: { d: 1 }, after: { d: 2 } });
    assert.equal((await alice.post("/auth/session/refresh", { headers: { "anti-csrf": undefined } })).json.handle, handle);
    core.takeCalls();
    for (const calls of [["POST /session/verify"], []]) {
      assert.equal((await alice.post("/me")).status, 200);
      assert.deepEqual(core.takeCalls(), calls);
    }
    assert.equal((await alice.post("/signout")).status, 200);
    assert.deepEqual(Object.keys(alice.cookies), []);
    assert.match((await alice.send("OPTIONS", "/me")).headers.get("access-control-allow-headers") ?? "", /anti-csrf/);
  });

  test("theft, which this package leaves to the application, has ended the session", async () => {
    const alice = app.browser();
    const { handle } = (await alice.post("/login/alice", { body: {} })).json;
    const thief = alice.copy();
    await alice.post("/auth/session/refresh");
    await alice.get("/me");
    assert.deepEqual((await thief.post("/auth/session/refresh")).json, { errType: app.sdk.Error.TOKEN_THEFT_DETECTED });
    await assert.rejects(app.sdk.getSessionData(handle), ofType(app.sdk, "UNAUTHORISED"));
  });

  test("functions without request and response", async () => {
    const { functions: sdk } = app;
    const created = await sdk.createNewSession("bob", { p: 1 }, { d: 1 });
    const { handle } = created.session;
    for (const token of [created.accessToken, created.refreshToken]) {
      assert.deepEqual(Object.keys(token).sort(), ["cookiePath", "cookieSecure", "createdTime", "domain", "expiry", "token"]);
    }
    assert.deepEqual(Object.keys(created.idRefreshToken).sort(), ["createdTime", "expiry", "token"]);
    const read = await sdk.getSession(created.accessToken.token, created.antiCsrfToken, true, created.idRefreshToken.token);
    assert.deepEqual(read, { session: { handle, userId: "bob", userDataInJWT: { p: 1 } } });
    await assert.rejects(sdk.getSession(created.accessToken.token, undefined, false, undefined), ofType(sdk, "UNAUTHORISED"));
    const refreshed = await sdk.refreshSession(created.refreshToken.token);
    assert.equal(typeof (await sdk.getSession(refreshed.accessToken.token, undefined, false, "id")).accessToken.token, "string");
    await assert.rejects(sdk.refreshSession(created.refreshToken.token), (error) => {
      assert.deepEqual(error.err, { sessionHandle: handle, userId: "bob" });
      return ofType(sdk, "TOKEN_THEFT_DETECTED")(error);
    });
  });

  for (const form of ["sdk", "functions"]) {
    test(`data, lists and revocations, ${form}`, async () => {
      const sdk = app[form];
      const user = `user of ${form}`;
      const handles = [];
      for (let n = 0; n < 3; n += 1) handles.push((await app.functions.createNewSession(user, {}, { n })).session.handle);
      assert.deepEqual(await sdk.getSessionData(handles[1]), { n: 1 });
      await sdk.updateSessionData(handles[1], { deep: [null] });
      assert.deepEqual(await sdk.getSessionData(handles[1]), { deep: [null] });
      assert.deepEqual((await sdk.getAllSessionHandlesForUser(user)).sort(), [...handles].sort());
      assert.equal(await sdk.revokeSessionUsingSessionHandle(handles[0]), true);
      assert.equal(await sdk.revokeSessionUsingSessionHandle(handles[0]), false);
      assert.equal(await sdk.revokeAllSessionsForUser(user), 2);
      assert.deepEqual(await sdk.getAllSessionHandlesForUser(user), []);
      for (const call of [() => sdk.getSessionData(handles[0]), () => sdk.updateSessionData(handles[0], {})]) {
        await assert.rejects(call(), ofType(sdk, "UNAUTHORISED"));
      }
    });
  }

  for (const form of ["javascript", "typescript"]) {
    test(`the document's example, its ${form} form, with the edits of docs/compatibility.md`, async () => {
      const { functions } = app;
      const created = await functions.createNewSession("alice", { role: "editor" }, { comment: "old" });
      const seen = await runExample(form, core, {
        accessToken: created.accessToken.token,
        antiCsrfToken: created.antiCsrfToken,
        idRefreshToken: created.idRefreshToken.token,
      });
      assert.deepEqual(seen, { jwtPayload: { role: "editor" }, sessionData: { comment: "old" } });
      assert.deepEqual(await functions.getSessionData(created.session.handle), { comment: "new session data" });
      const refused = await runExample(form, core, { accessToken: "nonsense", antiCsrfToken: "x", idRefreshToken: "x" });
      assert.deepEqual(refused, {});
    });
  }
});

/**
 * Runs the document's example on this package. Every edit is one line of docs/compatibility.md, and each must fit.
 */
async function runExample(form, core, tokens) {
  const file = new URL(`../seed/document.${form === "javascript" ? "js" : "ts"}.txt`, import.meta.url);
  const edits = [
    // The values that the document leaves to the reader.
    ["let accessToken = //...", "let accessToken = tokens.accessToken;"],
    ["let antiCsrfToken = //...", "let antiCsrfToken = tokens.antiCsrfToken;"],
    // The edits.
    [/^(.*supertokens-node\/session.*)$/m, "$1\nsupertokens.init([host]);"],
    ["getSession(accessToken, antiCsrfToken)", "getSession(accessToken, antiCsrfToken, false, tokens.idRefreshToken)"],
    ["session.jwtPayload", "session.userDataInJWT"],
    // What the test looks at.
    ["// success!", "seen.jwtPayload = jwtPayload; seen.sessionData = sessionData;"],
  ];
  let text = readFileSync(file, "utf8");
  for (const [from, to] of edits) {
    const edited = text.replace(from, to);
    assert.notEqual(edited, text, String(from));
    text = edited;
  }
  const { transform } = await import("esbuild");
  const { code } = await transform(text, { loader: form === "javascript" ? "js" : "ts", format: "cjs" });
  const [functions] = load("supertokens-node-1", "session");
  const seen = {};
  const require = (name) => {
    assert.equal(name, "supertokens-node/session");
    return functions;
  };
  const run = new Function("require", "module", "exports", "tokens", "host", "seen", `${code}; return changeSessionDataAPI();`);
  await run(require, { exports: {} }, {}, tokens, core.keyless, seen);
  return seen;
}

test("blacklisting, expiry, rotating keys and a core started again", async () => {
  const core = await startCore({ CHECK_DATABASE: true, ACCESS_TOKEN_VALIDITY: "2s", SIGNING_KEY_ROTATION_INTERVAL: "3.6s" });
  const app = await start(core);
  try {
    const alice = app.browser();
    const { handle } = (await alice.post("/login/alice", { body: { data: { d: 1 } } })).json;
    assert.equal("anti-csrf" in alice.tokens, false);
    for (let round = 0; round < 3; round += 1) {
      core.takeCalls();
      assert.equal((await alice.post("/me")).status, 200);
      assert.deepEqual(core.takeCalls(), ["POST /session/verify"], "every request is checked");
      await sleep(2_600);
      assert.deepEqual((await alice.get("/me")).json, { errType: app.sdk.Error.TRY_REFRESH_TOKEN });
      if (round === 1) {
        await core.workerd.kill();
        await core.workerd.start();
      }
      assert.equal((await alice.post("/auth/session/refresh")).status, 200);
    }
    assert.deepEqual(await app.sdk.getSessionData(handle), { d: 1 });
    await app.sdk.revokeSessionUsingSessionHandle(handle);
    assert.deepEqual((await alice.get("/me")).json, { errType: app.sdk.Error.UNAUTHORISED });
  } finally {
    await app.close();
    await core.close();
  }
});

test("local verification outlives a change of the signing key", async () => {
  const core = await startCore({ SIGNING_KEY_ROTATION_INTERVAL: "3.6s" });
  const app = await start(core);
  try {
    const alice = app.browser();
    await alice.post("/login/alice", { body: {} });
    await sleep(4_500);
    assert.equal((await alice.get("/me")).status, 200, "the core is asked when the key at hand is too old");
    await alice.post("/login/alice", { body: {} });
    core.takeCalls();
    assert.equal((await alice.get("/me")).status, 200);
    assert.deepEqual(core.takeCalls(), [], "and its answers bring the new key");
  } finally {
    await app.close();
    await core.close();
  }
});

test("nobody else gets in without a key", async () => {
  const core = await startCore({ LEGACY_KEYLESS_ALLOW: "10.0.0.0/8" });
  const app = await start(core);
  try {
    await assert.rejects(app.functions.createNewSession("alice"), ofType(app.sdk, "GENERAL_ERROR"));
    const elsewhere = await core.call(undefined, "POST", "/session", {}, { base: `http://127.0.0.1:${core.port}`, headers: {} });
    assert.equal(elsewhere.status, 404);
  } finally {
    await app.close();
    await core.close();
  }
});
