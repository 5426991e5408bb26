// The protocol's version matrix, every cell of it asked of the running Worker, one request set for each version.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startCore } from "./support/core.mjs";
import { decode, signerOf, spki } from "./support/tokens.mjs";

const LEGACY_HEADERS = {
  1: "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsInZlcnNpb24iOiIxIn0=",
  2: "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsInZlcnNpb24iOiIyIn0=",
};
const COLUMNS = [
  ["2.7"],
  ["2.8"],
  ["2.9", "2.10", "2.11", "2.12", "2.13", "2.14", "2.15", "2.16", "2.17", "2.18", "2.19", "2.20"],
  ["2.21"],
  ["3.0", "3.1"],
  ["4.0"],
  ["5.0", "5.1", "5.2", "5.3", "5.4", "5.5"],
  ["5.6"],
];
const [YES, NO] = [true, false];
// Row by row as the protocol has it; columns as above.
const MATRIX = {
  minted: [2, 2, 2, 3, 4, 5, 5, 5],
  keys: ["pair", "pair", "list", "", "", "", "", ""],
  idRefreshToken: [YES, YES, YES, NO, NO, NO, NO, NO],
  tenantId: [NO, NO, NO, NO, YES, YES, YES, YES],
  recipeUserId: [NO, NO, NO, NO, NO, YES, YES, YES],
  handshake: [YES, YES, YES, NO, NO, NO, NO, NO],
  createKey: ["config", "config", "config", "optional", "optional", "optional", "optional", "optional"],
  refreshKey: ["ignored", "ignored", "ignored", "ignored", "optional", "optional", "required", "required"],
  checkDatabase: ["config", "config", "config", "required", "required", "required", "required", "required"],
  protectedClaims: [NO, NO, NO, YES, YES, YES, YES, YES],
  tenantPaths: [NO, NO, NO, NO, YES, YES, YES, YES],
  allTenants: [404, 404, 404, 404, 200, 200, 403, 403],
  newest: [NO, NO, NO, NO, NO, NO, NO, YES],
  sessionInformation: [NO, YES, YES, YES, YES, YES, YES, YES],
  userIdLookup: [NO, NO, NO, NO, NO, YES, YES, YES],
};
const cells = COLUMNS.flatMap((versions, column) =>
  versions.map((cdi) => ({ cdi, ...Object.fromEntries(Object.entries(MATRIX).map(([row, values]) => [row, values[column]])) })),
);
const PROTECTED = { 3: ["sub", "exp", "iat", "sessionHandle", "refreshTokenHash1", "parentRefreshTokenHash1", "antiCsrfToken"], 4: ["tId"], 5: ["rsub"] };
const protectedOf = (version) => [3, 4, 5].filter((since) => since <= version).flatMap((since) => PROTECTED[since]);
const KEY_FIELDS = {
  "": [],
  pair: ["jwtSigningPublicKey", "jwtSigningPublicKeyExpiryTime"],
  list: ["jwtSigningPublicKey", "jwtSigningPublicKeyExpiryTime", "jwtSigningPublicKeyList"],
};
const sessionFields = (cell) => ["handle", "userId", "userDataInJWT", ...(cell.tenantId ? ["tenantId"] : []), ...(cell.recipeUserId ? ["recipeUserId"] : [])];

/** @type {Record<"standard" | "strict", Awaited<ReturnType<typeof startCore>>>} */
let cores;
let jwks;
before(async () => {
  const [standard, strict] = await Promise.all([startCore(), startCore({ USE_DYNAMIC_SIGNING_KEY: false, CHECK_DATABASE: true })]);
  cores = { standard, strict };
  const sets = await Promise.all([standard, strict].map((core) => core.call(undefined, "GET", "/.well-known/jwks.json")));
  jwks = { standard: sets[0]?.json.keys, strict: sets[1]?.json.keys };
});
after(() => Promise.all(Object.values(cores).map((core) => core.close())));

const fields = (object, expected) => assert.deepEqual(Object.keys(object).sort(), [...expected].sort());
const isText = (answer, status, text) => assert.deepEqual([answer.status, answer.type, answer.text], [status, "text/html; charset=UTF-8", `${text}\n`]);
function ok(answer) {
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.type, "application/json; charset=UTF-8");
  assert.ok(answer.text.endsWith("}\n"));
  return answer.json;
}
const post = async (cell, path, body, core = "standard") => cores[core].call(cell.cdi, "POST", path, body);
const creation = (more = {}) => ({ userId: "u", userDataInJWT: { a: null, b: [1] }, userDataInDatabase: {}, enableAntiCsrf: false, ...more });
const create = async (cell, more, core, path = "/recipe/session") => ok(await post(cell, path, creation(more), core));
const refresh = (cell, refreshToken, more = {}, core) =>
  post(cell, "/recipe/session/refresh", { refreshToken, enableAntiCsrf: false, useDynamicSigningKey: true, ...more }, core);
const verify = (cell, accessToken, more = {}, core) =>
  post(cell, "/recipe/session/verify", { accessToken, doAntiCsrfCheck: false, enableAntiCsrf: false, checkDatabase: false, ...more }, core);

for (const cell of cells) {
  const { cdi } = cell;
  test(`${cdi}: the access token minted, at create and refresh`, async () => {
    const created = await create(cell);
    const refreshed = ok(await refresh(cell, created.refreshToken.token));
    for (const [token, parent] of [[created.accessToken, null], [refreshed.accessToken, "a hash"]]) {
      const { header, payload } = decode(token.token);
      if (cell.minted === 2) {
        assert.equal(token.token.split(".")[0], LEGACY_HEADERS[2]);
        const names = ["userId", "expiryTime", "timeCreated", "sessionHandle", "refreshTokenHash1", "userData"];
        fields(payload, parent ? [...names, "parentRefreshTokenHash1"] : names);
        assert.deepEqual(payload.userData, { a: null, b: [1] });
        assert.equal(token.expiry, payload.expiryTime);
      } else {
        fields(header, ["alg", "typ", "kid", "version"]);
        assert.deepEqual([header.alg, header.typ, header.version], ["RS256", "JWT", String(cell.minted)]);
        fields(payload, [...protectedOf(cell.minted), "a", "b"]);
        assert.equal(payload.antiCsrfToken, null);
        assert.equal(payload.parentRefreshTokenHash1 === null, parent === null || cell.newest);
        assert.equal(token.expiry, payload.exp * 1000);
        assert.equal(token.createdTime, payload.iat * 1000);
      }
      assert.match(signerOf(token.token, jwks.standard) ?? "", /^d-\d+$/);
    }
  });

  test(`${cdi}: fields of create, verify, refresh and the session`, async () => {
    const created = await create(cell, { enableAntiCsrf: true });
    const id = cell.idRefreshToken ? ["idRefreshToken"] : [];
    fields(created, ["status", "session", "accessToken", "refreshToken", "antiCsrfToken", ...id, ...KEY_FIELDS[cell.keys]]);
    fields(await create(cell), ["status", "session", "accessToken", "refreshToken", ...id, ...KEY_FIELDS[cell.keys]]);
    fields(created.session, sessionFields(cell));
    for (const name of ["accessToken", "refreshToken", ...id]) fields(created[name], ["token", "expiry", "createdTime"]);
    const verified = ok(await verify(cell, created.accessToken.token));
    fields(verified, ["status", "session", ...KEY_FIELDS[cell.keys]]);
    fields(verified.session, sessionFields(cell));
    const tryRefresh = ok(await verify(cell, `${created.accessToken.token.slice(0, -8)}AAAAAAA=`));
    assert.equal(tryRefresh.status, "TRY_REFRESH_TOKEN");
    fields(tryRefresh, ["status", "message", ...KEY_FIELDS[cell.keys]]);
    const refreshed = ok(await refresh(cell, created.refreshToken.token, { enableAntiCsrf: true, antiCsrfToken: created.antiCsrfToken }));
    fields(refreshed, ["status", "session", "accessToken", "refreshToken", "antiCsrfToken", ...id]);
    fields(refreshed.session, sessionFields(cell));
    if (cell.keys) {
      const signer = jwks.standard.find((jwk) => spki(jwk) === created.jwtSigningPublicKey);
      assert.match(signer.kid, /^d-/);
      assert.ok(verified.jwtSigningPublicKeyExpiryTime > Date.now());
      for (const entry of created.jwtSigningPublicKeyList ?? []) fields(entry, ["publicKey", "expiryTime", "createdAt"]);
    }
  });

  test(`${cdi}: the handshake, and the answers that need no session`, async () => {
    const handshake = await post(cell, "/recipe/handshake", {});
    if (cell.handshake) {
      const answer = ok(handshake);
      fields(answer, ["status", "accessTokenBlacklistingEnabled", "accessTokenValidity", "refreshTokenValidity", ...KEY_FIELDS[cell.keys]]);
      assert.equal(answer.accessTokenValidity, 3_600_000);
    } else isText(handshake, 404, "Not found");
    const get = (path) => cores.standard.call(cdi, "GET", path);
    const lookup = await get("/user/id?userId=u");
    if (cell.userIdLookup) assert.deepEqual(ok(lookup), { status: "UNKNOWN_USER_ID_ERROR" });
    else assert.equal(lookup.status, 404);
    assert.deepEqual(ok(await get("/telemetry")), { exists: false });
    assert.ok(ok(await get("/apiversion")).versions.includes(cdi));
    isText(await get("/hello"), 200, "Hello");
    const keys = ok(await get("/recipe/jwt/jwks"));
    fields(keys, ["status", "keys"]);
    fields(ok(await get("/.well-known/jwks.json")), ["keys"]);
    isText(await get("/recipe/session/verify"), 405, "Method not supported");
    isText(await get("/recipe/nothing"), 404, "Not found");
  });

  test(`${cdi}: which key signs at create`, async () => {
    const kid = async (core, more) => signerOf((await create(cell, more, core)).accessToken.token, jwks[core]) ?? "";
    if (cell.createKey === "config") {
      assert.match(await kid("standard", { useDynamicSigningKey: false }), /^d-/);
      assert.match(await kid("strict", { useDynamicSigningKey: true }), /^s-/);
    } else {
      for (const core of /** @type {const} */ (["standard", "strict"])) {
        assert.match(await kid(core, {}), /^d-/);
        assert.match(await kid(core, { useDynamicSigningKey: false }), /^s-/);
      }
    }
  });

  test(`${cdi}: which key signs at refresh`, async () => {
    const { refreshToken } = await create(cell);
    const kid = (answer) => signerOf(ok(answer).accessToken.token, jwks.standard) ?? "";
    const asked = await refresh(cell, refreshToken.token, { useDynamicSigningKey: false });
    assert.match(kid(asked), cell.refreshKey === "ignored" ? /^d-/ : /^s-/);
    const unsaid = await refresh(cell, asked.json.refreshToken.token, { useDynamicSigningKey: undefined });
    if (cell.refreshKey === "required") isText(unsaid, 400, "Field name 'useDynamicSigningKey' is invalid in JSON input");
    else assert.match(kid(unsaid), cell.refreshKey === "ignored" ? /^d-/ : /^s-/);
  });

  test(`${cdi}: whether verify asks the database`, async () => {
    const statuses = {};
    for (const core of /** @type {const} */ (["standard", "strict"])) {
      const { accessToken, session } = await create(cell, {}, core);
      assert.deepEqual(ok(await post(cell, "/recipe/session/remove", { sessionHandles: [session.handle] }, core)).sessionHandlesRevoked, [session.handle]);
      const ask = async (checkDatabase) => verify(cell, accessToken.token, { checkDatabase }, core);
      if (cell.checkDatabase === "required") {
        isText(await ask(undefined), 400, "Field name 'checkDatabase' is invalid in JSON input");
        assert.equal(ok(await ask(true)).status, "UNAUTHORISED");
        assert.equal(ok(await ask(false)).status, "OK");
      } else statuses[core] = [ok(await ask(false)).status, ok(await ask(true)).status, ok(await ask(undefined)).status];
    }
    const [good, gone] = [["OK", "OK", "OK"], ["UNAUTHORISED", "UNAUTHORISED", "UNAUTHORISED"]];
    if (cell.checkDatabase === "config") assert.deepEqual(statuses, { standard: good, strict: gone });
  });

  test(`${cdi}: claims of the protocol's own in payloads`, async () => {
    const { session, accessToken, refreshToken } = await create(cell);
    const claims = [...protectedOf(5), "userId", "userData"];
    for (const claim of claims) {
      const payload = { userDataInJWT: { [claim]: 1 } };
      const writes = [
        await post(cell, "/recipe/session", creation(payload)),
        await cores.standard.call(cdi, "PUT", "/recipe/jwt/data", { sessionHandle: session.handle, ...payload }),
        await post(cell, "/recipe/session/regenerate", { accessToken: accessToken.token, ...payload }),
      ];
      for (const answer of writes) {
        if (cell.protectedClaims && protectedOf(cell.minted).includes(claim)) {
          assert.equal(answer.status, 400, claim);
          assert.match(answer.text, /The user payload contains protected field/);
        } else assert.equal(ok(answer).status, "OK", claim);
      }
    }
    const old = { cdi: "2.18" };
    ok(await cores.standard.call("2.18", "PUT", "/recipe/jwt/data", { sessionHandle: session.handle, userDataInJWT: { sub: 1 } }));
    const refused = ok(await refresh(cell, refreshToken.token));
    assert.equal(refused.status, cell.protectedClaims ? "UNAUTHORISED" : "OK");
    if (cell.protectedClaims) assert.match(refused.message, /The user payload contains protected field/);
    const remint = await verify(cell, accessToken.token, { checkDatabase: true });
    // Where verify mints, it may not mint such a token either.
    if (cell.protectedClaims && !cell.newest) {
      assert.equal(remint.status, 400);
      assert.match(remint.text, /The user payload contains protected field/);
    } else assert.equal(ok(remint).status, "OK");
    ok(await cores.standard.call(old.cdi, "PUT", "/recipe/jwt/data", { sessionHandle: session.handle, userDataInJWT: { c: 1 } }));
    assert.deepEqual(ok(await refresh(cell, refreshToken.token)).session.userDataInJWT, { c: 1 });
  });

  test(`${cdi}: apps and tenants in the path`, async () => {
    for (const prefix of ["", "/public", "/appid-public", "/appid-public/public"]) {
      const { session } = await create(cell, {}, "standard", `${prefix}/recipe/session`);
      assert.equal(session.tenantId, cell.tenantId ? "public" : undefined);
    }
    const other = await post(cell, "/appid-x/recipe/session", creation());
    assert.equal(other.status, 400);
    assert.match(other.text, /^AppId or tenantId not found => /);
    const tenant = await post(cell, "/Blue/recipe/session/", creation());
    if (!cell.tenantPaths) return isText(tenant, 404, "Not found");
    const { session, accessToken, refreshToken } = ok(tenant);
    assert.equal(session.tenantId, "blue");
    assert.match(session.handle, /_blue$/);
    assert.equal(decode(accessToken.token).payload.tId, "blue");
    assert.equal(ok(await refresh(cell, refreshToken.token)).session.tenantId, "blue");
  });

  test(`${cdi}: calls across all tenants, from a tenant's path`, async () => {
    const userId = `user of ${cdi}`;
    const home = await create(cell, { userId });
    const list = (prefix, query = "") =>
      cores.standard.call(cdi, "GET", `${prefix}/recipe/session/user?userId=${encodeURIComponent(userId)}${query}`);
    const remove = (prefix, more = {}) => post(cell, `${prefix}/recipe/session/remove`, { userId, ...more });
    if (!cell.tenantPaths) {
      for (const answer of [await list("/blue"), await remove("/blue")]) isText(answer, 404, "Not found");
      return assert.deepEqual(ok(await list("")).sessionHandles, [home.session.handle]);
    }
    const [one, two] = [await create(cell, { userId }, "standard", "/blue/recipe/session"), await create(cell, { userId }, "standard", "/red/recipe/session")];
    const all = [home, one, two].map(({ session }) => session.handle).sort();
    assert.deepEqual(ok(await list("")).sessionHandles.sort(), all);
    assert.deepEqual(ok(await list("/blue", "&fetchAcrossAllTenants=false")).sessionHandles, [one.session.handle]);
    assert.deepEqual(ok(await list("", "&fetchAcrossAllTenants=false")).sessionHandles, [home.session.handle]);
    if (cell.allTenants === 200) assert.deepEqual(ok(await list("/blue")).sessionHandles.sort(), all);
    else isText(await list("/blue"), 403, "Only public tenantId can call this app specific API");
    assert.deepEqual(ok(await remove("/blue", { revokeAcrossAllTenants: false })).sessionHandlesRevoked, [one.session.handle]);
    if (cell.allTenants === 403) isText(await remove("/red"), 403, "Only public tenantId can call this app specific API");
    const revoked = ok(await remove(cell.allTenants === 200 ? "/red" : "")).sessionHandlesRevoked;
    assert.deepEqual(revoked.sort(), [home, two].map(({ session }) => session.handle).sort());
    assert.deepEqual(ok(await list("")).sessionHandles, []);
  });

  test(`${cdi}: what 5.6 brought: stateless verify, accessTokenValidity`, async () => {
    for (const [asked, allowed] of [[2_000, true], [3_600_001, false], [0, false], ["1", false]]) {
      const created = await post(cell, "/recipe/session", creation({ accessTokenValidity: asked }));
      if (cell.newest && !allowed) isText(created, 400, "Field name 'accessTokenValidity' is invalid in JSON input");
      else {
        const { expiry, createdTime } = ok(created).accessToken;
        assert.equal(Math.round((expiry - createdTime) / 1000), cell.newest ? 2 : 3600);
      }
    }
    const { accessToken, session, refreshToken } = await create(cell);
    assert.equal((await post(cell, "/public/recipe/session/verify", {})).status, 400);
    if (cell.tenantPaths) assert.equal((await post(cell, "/blue/recipe/session/verify", { accessToken: accessToken.token, doAntiCsrfCheck: false, enableAntiCsrf: false, checkDatabase: false })).status, cell.newest ? 403 : 200);
    const child = ok(await refresh(cell, refreshToken.token));
    const verified = ok(await verify(cell, child.accessToken.token, { checkDatabase: true }));
    assert.equal(verified.accessToken === undefined, cell.newest);
    assert.equal(verified.payloadUpdateAvailable, cell.newest ? false : undefined);
    ok(await cores.standard.call(cdi, "PUT", "/recipe/jwt/data", { sessionHandle: session.handle, userDataInJWT: { new: 1 } }));
    const changed = ok(await verify(cell, child.accessToken.token, { checkDatabase: true }));
    assert.equal(changed.payloadUpdateAvailable, cell.newest ? true : undefined);
    if (cell.newest) assert.deepEqual(changed.session.userDataInJWT, { a: null, b: [1] });
  });

  test(`${cdi}: session information, data and payload`, async () => {
    const { session } = await create(cell, { userDataInDatabase: { n: null } });
    const get = (path, handle = session.handle) => cores.standard.call(cdi, "GET", `${path}?sessionHandle=${handle}`);
    const put = (path, body) => cores.standard.call(cdi, "PUT", path, { sessionHandle: session.handle, ...body });
    const information = await get("/recipe/session");
    if (cell.sessionInformation) {
      const { handle, ...rest } = Object.fromEntries(sessionFields(cell).map((name) => [name, true]));
      fields(ok(information), ["status", "sessionHandle", "userDataInDatabase", "expiry", "timeCreated", ...Object.keys(rest)]);
    } else isText(information, 405, "Method not supported");
    assert.deepEqual(ok(await get("/recipe/session/data")), { status: "OK", userDataInDatabase: { n: null } });
    assert.deepEqual(ok(await put("/recipe/session/data", { userDataInDatabase: { x: 1e21 } })), { status: "OK" });
    assert.match((await get("/recipe/session/data")).text, /"x":1e\+?21/);
    assert.deepEqual(ok(await put("/recipe/jwt/data", { userDataInJWT: { y: 1 } })), { status: "OK" });
    assert.deepEqual(ok(await get("/recipe/jwt/data")), { status: "OK", userDataInJWT: { y: 1 } });
    for (const path of ["/recipe/session/data", "/recipe/jwt/data"]) {
      assert.deepEqual(ok(await get(path, "nothing")), { status: "UNAUTHORISED", message: "Session does not exist." });
      isText(await cores.standard.call(cdi, "GET", path), 400, "Field name 'sessionHandle' is missing in GET request");
    }
    isText(await put("/recipe/session/data", { userDataInDatabase: null }), 400, "Field name 'userDataInDatabase' is invalid in JSON input");
  });

  test(`${cdi}: a JWT that is no session`, async () => {
    const ask = (more) => post(cell, "/recipe/jwt", { algorithm: "RS256", jwksDomain: "https://app", payload: { p: 1 }, validity: 60, ...more });
    const { jwt } = ok(await ask({}));
    const { header, payload } = decode(jwt);
    fields(header, ["alg", "typ", "kid"]);
    assert.deepEqual(payload, { p: 1, iat: payload.iat, exp: payload.iat + 60, iss: "https://app" });
    assert.match(signerOf(jwt, jwks.standard) ?? "", /^s-/);
    const dynamic = ok(await ask({ useStaticSigningKey: false })).jwt;
    assert.match(signerOf(dynamic, jwks.standard) ?? "", cell.createKey === "config" ? /^s-/ : /^d-/);
    assert.equal(ok(await ask({ algorithm: "ES256" })).status, "UNSUPPORTED_ALGORITHM_ERROR");
    assert.equal(ok(await verify(cell, jwt)).status, "TRY_REFRESH_TOKEN");
  });
}
