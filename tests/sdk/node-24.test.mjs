// supertokens-node 24.0.3, unmodified, with its express middleware: every session function that it has.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { browser, listen, load } from "./support/app.mjs";
import { startCore } from "./support/core.mjs";
import { decode } from "./support/tokens.mjs";

/**
 * The SDK and an application with it.
 * @param {{connection: object}} core @param {object} [config] of the session recipe
 */
async function start(core, config = {}) {
  const [supertokens, Session, claims, expressParts, middleware] = load(
    "supertokens-node-24",
    "",
    "recipe/session",
    "recipe/session/claims",
    "framework/express",
    "recipe/session/framework/express",
  );
  const { verifySession } = middleware;
  const role = new claims.PrimitiveClaim({ key: "role", fetchValue: (userId) => (userId === "admin" ? "admin" : "user") });
  const id = (userId) => supertokens.convertToRecipeUserId(userId);
  const app = await listen((app, express, url) => {
    supertokens.init({
      framework: "express",
      supertokens: core.connection,
      appInfo: { appName: "app", apiDomain: url, websiteDomain: url },
      recipeList: [Session.init(config)],
      telemetry: false,
    });
    app.use(expressParts.middleware(), express.json());
    app.post("/login/:user", async (request, response) => {
      const { payload, data, tenant = "public" } = request.body ?? {};
      const session = await Session.createNewSession(request, response, tenant, id(request.params.user), payload, data);
      response.json({ handle: session.getHandle() });
    });
    const shown = (request, response) => response.json({ handle: request.session.getHandle(), userId: request.session.getUserId(), payload: request.session.getAccessTokenPayload() });
    app.get("/me", verifySession(), shown);
    app.post("/me", verifySession(), shown);
    app.get("/checked", verifySession({ checkDatabase: true }), shown);
    app.get("/perhaps", verifySession({ sessionRequired: false }), (request, response) => response.json({ session: request.session !== undefined }));
    app.get("/admins", verifySession({ overrideGlobalClaimValidators: (validators) => [...validators, role.validators.hasValue("admin")] }), shown);
    app.post("/merge", verifySession(), async (request, response) => {
      await request.session.mergeIntoAccessTokenPayload(request.body);
      response.json(request.session.getAccessTokenPayload());
    });
    app.use(expressParts.errorHandler());
  });
  return { app, url: app.url, Session, id, role, supertokens, close: app.close, browser: (options) => browser(app.url, options) };
}

const makeSession = async (sdk, userId = "alice", payload = { p: 1 }, data = { d: 1 }, tenant = "public") =>
  sdk.Session.createNewSessionWithoutRequestResponse(tenant, sdk.id(userId), payload, data);
const refused = (type) => (error) => error.type === type;

describe("with an ordinary core", () => {
  let core;
  let sdk;
  before(async () => {
    core = await startCore();
    sdk = await start(core);
  });
  after(async () => {
    await sdk.close();
    await core.close();
  });

  for (const header of [false, true]) {
    test(`a life in an express application, tokens in ${header ? "headers" : "cookies"}`, async () => {
      const alice = sdk.browser({ header });
      assert.equal((await alice.get("/me")).status, 401);
      assert.deepEqual((await alice.get("/perhaps")).json, { session: false });
      const { handle } = (await alice.post("/login/alice", { body: { payload: { p: 1 } } })).json;
      const me = await alice.get("/me");
      assert.deepEqual([me.json.handle, me.json.userId, me.json.payload.p], [handle, "alice", 1]);
      assert.deepEqual((await alice.get("/perhaps")).json, { session: true });
      core.takeCalls();
      await alice.get("/me");
      assert.deepEqual(core.takeCalls(), [], "verified without the core");

      assert.equal((await alice.post("/auth/session/refresh")).status, 200);
      assert.deepEqual(core.takeCalls(), ["POST /core/recipe/session/refresh"]);
      assert.equal((await alice.get("/me")).status, 200);
      assert.deepEqual(core.takeCalls(), ["POST /core/recipe/session/verify"], "the first use promotes");
      assert.equal((await alice.get("/me")).status, 200);
      assert.deepEqual(core.takeCalls(), []);
      assert.deepEqual((await alice.post("/merge", { body: { q: 2, p: null } })).json.q, 2);
      const changed = (await alice.get("/me")).json.payload;
      assert.deepEqual([changed.p, changed.q], [undefined, 2]);
      assert.equal((await alice.post("/auth/signout")).status, 200);
      assert.equal((await alice.get("/me")).status, 401);
      assert.equal(await sdk.Session.getSessionInformation(handle), undefined);
    });
  }

  test("theft: the older of two holders of one refresh token ends the session", async () => {
    const alice = sdk.browser();
    const { handle } = (await alice.post("/login/alice")).json;
    const thief = alice.copy();
    await alice.post("/auth/session/refresh");
    await alice.get("/me");
    const refreshToken = decodeURIComponent(alice.cookies.sRefreshToken.value);
    const answer = await thief.post("/auth/session/refresh");
    assert.deepEqual([answer.status, answer.json], [401, { message: "token theft detected" }]);
    assert.equal((await alice.get("/checked")).status, 401);
    assert.equal(await sdk.Session.getSessionInformation(handle), undefined);
    await assert.rejects(sdk.Session.refreshSessionWithoutRequestResponse(refreshToken), refused("UNAUTHORISED"));
  });

  test("a refresh is repeatable until its answer is used", async () => {
    const alice = sdk.browser();
    await alice.post("/login/alice");
    const tabs = Array.from({ length: 10 }, () => alice.copy());
    const answers = await Promise.all(tabs.map((tab) => tab.post("/auth/session/refresh")));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.equal((await tabs[3].get("/me")).status, 200);
    assert.equal((await tabs[3].post("/auth/session/refresh")).status, 200);
    assert.equal((await tabs[4].post("/auth/session/refresh")).status, 401);
  });

  test("a revoked session is refused at once only where the database is asked", async () => {
    const alice = sdk.browser();
    const { handle } = (await alice.post("/login/alice")).json;
    assert.equal((await alice.get("/checked")).status, 200);
    assert.equal(await sdk.Session.revokeSession(handle), true);
    assert.equal(await sdk.Session.revokeSession(handle), false);
    assert.equal((await alice.get("/me")).status, 200);
    assert.equal((await alice.get("/checked")).status, 401);
  });

  test("functions without request and response", async () => {
    const { Session } = sdk;
    const session = await makeSession(sdk);
    const { accessToken, refreshToken, frontToken, antiCsrfToken } = session.getAllSessionTokensDangerously();
    assert.ok(frontToken && refreshToken);
    assert.equal(antiCsrfToken, undefined);
    assert.equal(accessToken, session.getAccessToken());
    const found = await Session.getSessionWithoutRequestResponse(accessToken);
    assert.deepEqual(
      [found.getUserId(), found.getRecipeUserId().getAsString(), found.getTenantId(), found.getHandle()],
      ["alice", "alice", "public", session.getHandle()],
    );
    assert.equal((await Session.getSessionWithoutRequestResponse(accessToken, undefined, { checkDatabase: true })).getAccessTokenPayload().p, 1);
    await assert.rejects(Session.getSessionWithoutRequestResponse("nonsense"), refused("UNAUTHORISED"));
    const refreshed = await Session.refreshSessionWithoutRequestResponse(refreshToken);
    assert.equal(refreshed.getHandle(), session.getHandle());
    await assert.rejects(Session.refreshSessionWithoutRequestResponse("nonsense"), refused("UNAUTHORISED"));
    assert.ok(Math.abs((await session.getTimeCreated()) - Date.now()) < 60_000);
    assert.ok((await session.getExpiry()) > Date.now());
    await refreshed.revokeSession();
    await assert.rejects(session.getSessionDataFromDatabase(), refused("UNAUTHORISED"));
  });

  test("session data and payload", async () => {
    const { Session } = sdk;
    const session = await makeSession(sdk);
    const handle = session.getHandle();
    assert.deepEqual(await session.getSessionDataFromDatabase(), { d: 1 });
    await session.updateSessionDataInDatabase({ e: [null, { deep: true }] });
    const information = await Session.getSessionInformation(handle);
    assert.deepEqual(information.sessionDataInDatabase, { e: [null, { deep: true }] });
    assert.equal(information.customClaimsInAccessTokenPayload.p, 1);
    assert.deepEqual(
      [information.sessionHandle, information.userId, information.recipeUserId.getAsString(), information.tenantId],
      [handle, "alice", "alice", "public"],
    );
    assert.equal(await Session.updateSessionDataInDatabase(handle, { f: 1 }), true);
    assert.deepEqual(await session.getSessionDataFromDatabase(), { f: 1 });
    assert.equal(await Session.updateSessionDataInDatabase("nothing", {}), false);
    assert.equal(await Session.mergeIntoAccessTokenPayload(handle, { q: { r: 1 }, p: null }), true);
    assert.equal(await Session.mergeIntoAccessTokenPayload("nothing", {}), false);
    const changed = (await Session.getSessionInformation(handle)).customClaimsInAccessTokenPayload;
    assert.deepEqual([changed.p, changed.q], [undefined, { r: 1 }]);
    // The token at hand keeps its payload until the database is asked.
    assert.equal((await Session.getSessionWithoutRequestResponse(session.getAccessToken())).getAccessTokenPayload().p, 1);
    const checked = await Session.getSessionWithoutRequestResponse(session.getAccessToken(), undefined, { checkDatabase: true });
    assert.deepEqual(checked.getAccessTokenPayload().q, { r: 1 });
    assert.equal(checked.getAllSessionTokensDangerously().accessAndFrontTokenUpdated, true);
    await session.mergeIntoAccessTokenPayload({ s: 1 });
    assert.equal(session.getAccessTokenPayload().s, 1);
    await session.revokeSession();
    await assert.rejects(session.mergeIntoAccessTokenPayload({ s: 2 }), refused("UNAUTHORISED"));
    await assert.rejects(session.updateSessionDataInDatabase({}), refused("UNAUTHORISED"));
  });

  test("claims, on a session, by its handle, and in the middleware", async () => {
    const { Session, role } = sdk;
    const session = await makeSession(sdk);
    const handle = session.getHandle();
    assert.equal(await session.getClaimValue(role), undefined);
    await session.fetchAndSetClaim(role);
    assert.equal(await session.getClaimValue(role), "user");
    await assert.rejects(session.assertClaims([role.validators.hasValue("admin")]), refused("INVALID_CLAIMS"));
    await session.setClaimValue(role, "admin");
    await session.assertClaims([role.validators.hasValue("admin")]);
    await session.removeClaim(role);
    assert.equal(await session.getClaimValue(role), undefined);
    assert.equal(await Session.fetchAndSetClaim(handle, role), true);
    assert.deepEqual(await Session.getClaimValue(handle, role), { status: "OK", value: "user" });
    assert.equal(await Session.setClaimValue(handle, role, "admin"), true);
    const validators = () => [role.validators.hasValue("user")];
    const validated = await Session.validateClaimsForSessionHandle(handle, validators);
    assert.deepEqual([validated.status, validated.invalidClaims.map(({ id }) => id)], ["OK", ["role"]]);
    assert.equal(await Session.removeClaim(handle, role), true);
    assert.deepEqual(await Session.getClaimValue(handle, role), { status: "OK", value: undefined });
    assert.deepEqual(await Session.validateClaimsForSessionHandle("nothing"), { status: "SESSION_DOES_NOT_EXIST_ERROR" });

    const alice = sdk.browser();
    const { handle: hers } = (await alice.post("/login/alice", { body: { payload: await role.build("alice", sdk.id("alice"), "public", {}, {}) } })).json;
    const before = await alice.get("/admins");
    assert.deepEqual([before.status, before.json.message, before.json.claimValidationErrors.length], [403, "invalid claim", 1]);
    await Session.setClaimValue(hers, role, "admin");
    await alice.post("/auth/session/refresh");
    assert.equal((await alice.get("/admins")).status, 200);
  });

  test("a user's sessions, listed and revoked", async () => {
    const { Session } = sdk;
    const handles = [];
    for (let n = 0; n < 4; n += 1) handles.push((await makeSession(sdk, "bob")).getHandle());
    const other = (await makeSession(sdk, "carol")).getHandle();
    const list = async () => (await Session.getAllSessionHandlesForUser("bob")).sort();
    assert.deepEqual(await list(), [...handles].sort());
    assert.deepEqual(await Session.revokeMultipleSessions([handles[0], "nothing", handles[1]]), [handles[0], handles[1]]);
    assert.deepEqual(await list(), handles.slice(2).sort());
    assert.deepEqual((await Session.revokeAllSessionsForUser("bob")).sort(), handles.slice(2).sort());
    assert.deepEqual(await list(), []);
    assert.deepEqual(await Session.getAllSessionHandlesForUser("carol"), [other]);
    assert.deepEqual(await Session.getAllSessionHandlesForUser("nobody"), []);
  });

  test("a user with sessions in two tenants", async () => {
    const { Session } = sdk;
    const at = {};
    for (const tenant of ["public", "blue", "red"]) at[tenant] = await makeSession(sdk, "dora", {}, { tenant }, tenant);
    const handle = (tenant) => at[tenant].getHandle();
    assert.equal(at.blue.getTenantId(), "blue");
    assert.equal((await Session.getSessionWithoutRequestResponse(at.blue.getAccessToken(), undefined, { checkDatabase: true })).getTenantId(), "blue");
    assert.equal((await Session.refreshSessionWithoutRequestResponse(at.blue.getAllSessionTokensDangerously().refreshToken)).getTenantId(), "blue");
    assert.equal((await Session.getSessionInformation(handle("blue"))).tenantId, "blue");
    const all = () => Session.getAllSessionHandlesForUser("dora").then((handles) => handles.sort());
    assert.deepEqual(await all(), ["public", "blue", "red"].map(handle).sort());
    assert.deepEqual(await Session.getAllSessionHandlesForUser("dora", true, "blue"), [handle("blue")]);
    assert.deepEqual(await Session.revokeAllSessionsForUser("dora", true, "blue"), [handle("blue")]);
    assert.deepEqual(await all(), ["public", "red"].map(handle).sort());
    assert.deepEqual((await Session.revokeAllSessionsForUser("dora")).sort(), ["public", "red"].map(handle).sort());
    assert.deepEqual(await all(), []);
  });

  test("JWTs that are no sessions, the JWK Set and the discovery document", async () => {
    const { Session } = sdk;
    const { jwt } = await Session.createJWT({ hello: 1 }, 60, false);
    assert.equal(decode(jwt).payload.hello, 1);
    assert.match(decode(jwt).header.kid, /^d-/);
    assert.match(decode((await Session.createJWT({})).jwt).header.kid, /^s-/);
    const { keys, validityInSeconds } = await Session.getJWKS();
    assert.equal(keys.length, 2);
    assert.ok(validityInSeconds >= 1);
    assert.match((await Session.getOpenIdDiscoveryConfiguration()).jwks_uri, /\/auth\/jwt\/jwks\.json$/);
    await assert.rejects(Session.getSessionWithoutRequestResponse(jwt), (error) => ["TRY_REFRESH_TOKEN", "UNAUTHORISED"].includes(error.type));
  });

  test("claims of the protocol's own never reach a payload", async () => {
    const session = await makeSession(sdk, "alice", { sub: "mallory", p: 1 });
    assert.equal(decode(session.getAccessToken()).payload.sub, "alice");
  });
});

for (const antiCsrf of ["VIA_TOKEN", "VIA_CUSTOM_HEADER", "NONE"]) {
  test(`anti-CSRF ${antiCsrf}`, async () => {
    const core = await startCore();
    const sdk = await start(core, { antiCsrf });
    try {
      const alice = sdk.browser();
      await alice.post("/login/alice");
      assert.equal("anti-csrf" in alice.tokens, antiCsrf === "VIA_TOKEN");
      const wrong = { VIA_TOKEN: { "anti-csrf": "wrong" }, VIA_CUSTOM_HEADER: {}, NONE: {} }[antiCsrf];
      const missing = { VIA_TOKEN: { "anti-csrf": undefined }, VIA_CUSTOM_HEADER: {}, NONE: {} }[antiCsrf];
      const right = antiCsrf === "VIA_CUSTOM_HEADER" ? { rid: "session" } : {};
      for (const headers of [wrong, missing]) {
        assert.equal((await alice.post("/me", { headers })).status, antiCsrf === "NONE" ? 200 : 401);
        assert.equal((await alice.get("/me", { headers })).status, 200, "reading needs none");
      }
      assert.equal((await alice.post("/me", { headers: right })).status, 200);
      if (antiCsrf !== "NONE") assert.equal((await alice.copy().post("/auth/session/refresh", { headers: wrong })).status, 401);
      assert.equal((await alice.post("/auth/session/refresh", { headers: right })).status, 200);
      assert.equal((await alice.post("/me", { headers: right })).status, 200);
      if (antiCsrf === "VIA_TOKEN") assert.equal((await alice.post("/me", { headers: wrong })).status, 401);
    } finally {
      await sdk.close();
      await core.close();
    }
  });
}

test("access tokens expire, and keys rotate while sessions live", async () => {
  const core = await startCore({ ACCESS_TOKEN_VALIDITY: "2s", SIGNING_KEY_ROTATION_INTERVAL: "3.6s" });
  const sdk = await start(core);
  try {
    const alice = sdk.browser();
    const { handle } = (await alice.post("/login/alice", { body: { data: { d: 1 } } })).json;
    const kids = [];
    const keySets = [];
    for (let round = 0; round < 3; round += 1) {
      assert.equal((await alice.get("/me")).status, 200);
      kids.push(decode(decodeURIComponent(alice.cookies.sAccessToken.value)).header.kid);
      keySets.push((await core.call(undefined, "GET", "/.well-known/jwks.json")).json.keys.map(({ kid }) => kid));
      await sleep(3_000);
      const expired = await alice.get("/me");
      assert.deepEqual([expired.status, expired.json], [401, { message: "try refresh token" }]);
      assert.equal((await alice.post("/auth/session/refresh")).status, 200);
    }
    assert.equal((await alice.get("/checked")).json.handle, handle);
    assert.ok(new Set(kids).size > 1, kids.join());
    assert.ok(!keySets[0]?.includes(kids.at(-1)), "a key is not shown long before it signs");
    assert.deepEqual(await (await sdk.Session.getSessionInformation(handle)).sessionDataInDatabase, { d: 1 });
  } finally {
    await sdk.close();
    await core.close();
  }
});

test("static keys, for applications that ask for them", async () => {
  const core = await startCore();
  const sdk = await start(core, { useDynamicAccessTokenSigningKey: false });
  try {
    const session = await makeSession(sdk);
    assert.match(decode(session.getAccessToken()).header.kid, /^s-/);
    assert.ok(await sdk.Session.getSessionWithoutRequestResponse(session.getAccessToken()));
    const refreshed = await sdk.Session.refreshSessionWithoutRequestResponse(session.getAllSessionTokensDangerously().refreshToken);
    assert.match(decode(refreshed.getAccessToken()).header.kid, /^s-/);
  } finally {
    await sdk.close();
    await core.close();
  }
});

test("a core that is killed and started again has lost nothing", async () => {
  const core = await startCore();
  const sdk = await start(core);
  try {
    const alice = sdk.browser();
    const { handle } = (await alice.post("/login/alice", { body: { payload: { p: 1 }, data: { d: 1 } } })).json;
    await alice.post("/auth/session/refresh");
    const revoked = await makeSession(sdk, "alice");
    await sdk.Session.revokeSession(revoked.getHandle());
    await sdk.Session.updateSessionDataInDatabase(handle, { d: 2 });
    await core.workerd.kill();
    await assert.rejects(sdk.Session.getSessionInformation(handle));
    await core.workerd.start();
    assert.deepEqual((await sdk.Session.getSessionInformation(handle)).sessionDataInDatabase, { d: 2 });
    assert.equal((await alice.get("/checked")).json.payload.p, 1);
    assert.equal((await alice.post("/auth/session/refresh")).status, 200);
    assert.equal((await alice.get("/me")).status, 200);
    assert.deepEqual(await sdk.Session.getAllSessionHandlesForUser("alice"), [handle]);
    await assert.rejects(sdk.Session.getSessionWithoutRequestResponse(revoked.getAccessToken(), undefined, { checkDatabase: true }), refused("UNAUTHORISED"));
  } finally {
    await sdk.close();
    await core.close();
  }
});

test("a wrong key is said to be wrong", async () => {
  const core = await startCore();
  const sdk = await start({ connection: { ...core.connection, apiKey: "another-key-another-key" } });
  try {
    await assert.rejects(makeSession(sdk), (error) => error.message.includes("status code: 401") && error.message.endsWith("Invalid API key\n"));
  } finally {
    await sdk.close();
    await core.close();
  }
});
