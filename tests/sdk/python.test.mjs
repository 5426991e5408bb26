// supertokens-python 0.31.4, unmodified, with its Flask middleware: every session function that it has.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { pythonForTests } from "../../scripts/lib/python.mjs";
import { browser } from "./support/app.mjs";
import { startCore } from "./support/core.mjs";
import { decode } from "./support/tokens.mjs";

const program = fileURLToPath(new URL("python/app.py", import.meta.url));

/** The application; `call` and `method` run what the SDK has. */
async function start(core, session = {}) {
  const connection = { connection_uri: core.connection.connectionURI, api_key: core.connection.apiKey };
  const child = spawn(pythonForTests, ["-I", "-B", program, JSON.stringify({ connection, session })], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  const port = await new Promise((resolve, reject) => {
    child.stdout.on("data", (chunk) => resolve(Number(String(chunk))));
    ended.then((code) => reject(new Error(`the application ended with ${code}`)));
  });
  const url = `http://127.0.0.1:${port}`;
  const ask = async (path, body) => (await browser(url).post(path, { body })).json;
  return {
    browser: (options) => browser(url, options),
    /** A function's result, or an `Error` named like the exception. */
    async call(name, ...args) {
      const named = args.at(-1)?.named && args.pop().named;
      return outcome(await ask("/call", { call: name, args, named: named ?? {} }));
    },
    /** A method's result, and the session afterwards. */
    method: async (accessToken, name, ...args) => outcome(await ask("/method", { accessToken, call: name, args })),
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}

function outcome({ value, error, message }) {
  if (error) throw Object.assign(new Error(message), { name: error });
  return value;
}

const role = { $: "role" };
const refused = (name) => (error) => {
  assert.equal(error.name, name, error.message);
  return true;
};
const make = (sdk, user = "alice", payload = { p: 1 }, data = { d: 1 }, tenant = "public") =>
  sdk.call("create_new_session_without_request_response", tenant, { $: "user", id: user }, payload, data);

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
    test(`a life in a Flask application, tokens in ${header ? "headers" : "cookies"}`, async () => {
      const alice = sdk.browser({ header });
      assert.equal((await alice.get("/me")).status, 401);
      assert.deepEqual((await alice.get("/perhaps")).json, { session: false });
      const { handle } = (await alice.post("/login/alice", { body: { payload: { p: 1 } } })).json;
      const me = (await alice.get("/me")).json;
      assert.deepEqual([me.handle, me.userId, me.recipeUserId, me.tenantId, me.payload.p], [handle, "alice", "alice", "public", 1]);
      assert.equal((await alice.get("/function")).json.handle, handle);
      core.takeCalls();
      await alice.get("/me");
      assert.deepEqual(core.takeCalls(), [], "verified without the core");
      assert.equal((await alice.post("/auth/session/refresh")).status, 200);
      core.takeCalls();
      for (const calls of [["POST /core/recipe/session/verify"], []]) {
        assert.equal((await alice.get("/me")).status, 200);
        assert.deepEqual(core.takeCalls(), calls);
      }
      assert.equal((await alice.post("/merge", { body: { q: 2, p: null } })).json.q, 2);
      const { payload } = (await alice.get("/me")).json;
      assert.deepEqual([payload.p, payload.q], [undefined, 2]);
      assert.equal((await alice.post("/auth/signout")).status, 200);
      assert.equal((await alice.get("/me")).status, 401);
      assert.equal(await sdk.call("get_session_information", handle), null);
    });
  }

  test("theft: the older of two holders of one refresh token ends the session", async () => {
    const alice = sdk.browser();
    const { handle } = (await alice.post("/login/alice")).json;
    const thief = alice.copy();
    await alice.post("/auth/session/refresh");
    await alice.get("/me");
    const answer = await thief.post("/auth/session/refresh");
    assert.deepEqual([answer.status, answer.json], [401, { message: "token theft detected" }]);
    assert.equal((await alice.get("/checked")).status, 401);
    assert.equal(await sdk.call("get_session_information", handle), null);
  });

  test("a revoked session is refused at once only where the database is asked", async () => {
    const alice = sdk.browser();
    const { handle } = (await alice.post("/login/alice")).json;
    assert.equal((await alice.get("/checked")).status, 200);
    assert.equal(await sdk.call("revoke_session", handle), true);
    assert.equal(await sdk.call("revoke_session", handle), false);
    assert.deepEqual([(await alice.get("/me")).status, (await alice.get("/checked")).status], [200, 401]);
  });

  test("functions without request and response", async () => {
    const made = await make(sdk);
    const found = await sdk.call("get_session_without_request_response", made.accessToken);
    assert.deepEqual([found.handle, found.payload.p], [made.handle, 1]);
    await assert.rejects(sdk.call("get_session_without_request_response", "nonsense"), refused("UnauthorisedError"));
    const refreshed = await sdk.call("refresh_session_without_request_response", made.tokens.refreshToken);
    assert.equal(refreshed.handle, made.handle);
    await assert.rejects(sdk.call("refresh_session_without_request_response", "nonsense"), refused("UnauthorisedError"));
    assert.equal((await sdk.call("get_session_without_request_response", refreshed.accessToken)).tokens.accessAndFrontTokenUpdated, true);
    await assert.rejects(sdk.call("refresh_session_without_request_response", made.tokens.refreshToken), refused("TokenTheftError"));
    const alice = sdk.browser();
    await alice.post("/login/alice");
    const cookie = `sRefreshToken=${alice.cookies.sRefreshToken.value}`;
    assert.equal((await alice.post("/elsewhere/refresh", { headers: { cookie } })).status, 200);
  });

  test("session data and payload", async () => {
    const { handle, accessToken } = await make(sdk);
    const method = async (name, ...args) => (await sdk.method(accessToken, name, ...args)).result;
    assert.deepEqual(await method("sync_get_session_data_from_database"), { d: 1 });
    await method("sync_update_session_data_in_database", { e: [null, { deep: true }] });
    const information = await sdk.call("get_session_information", handle);
    assert.deepEqual(information.sessionDataInDatabase, { e: [null, { deep: true }] });
    assert.deepEqual([information.sessionHandle, information.userId, information.tenantId], [handle, "alice", "public"]);
    assert.equal(await method("sync_get_expiry"), information.expiry);
    assert.equal(await method("sync_get_time_created"), information.timeCreated);
    assert.equal(await sdk.call("update_session_data_in_database", handle, { f: 1 }), true);
    assert.equal(await sdk.call("update_session_data_in_database", "nothing", {}), false);
    assert.deepEqual(await method("sync_get_session_data_from_database"), { f: 1 });
    assert.equal(await sdk.call("merge_into_access_token_payload", handle, { q: { r: 1 }, p: null }), true);
    assert.equal(await sdk.call("merge_into_access_token_payload", "nothing", {}), false);
    const checked = await sdk.call("get_session_without_request_response", accessToken, { named: { check_database: true } });
    assert.deepEqual([checked.payload.p, checked.payload.q, checked.tokens.accessAndFrontTokenUpdated], [undefined, { r: 1 }, true]);
    assert.equal((await sdk.method(accessToken, "sync_merge_into_access_token_payload", { s: 1 })).session.payload.s, 1);
    await method("sync_revoke_session");
    await assert.rejects(method("sync_get_session_data_from_database"), refused("UnauthorisedError"));
    await assert.rejects(method("sync_merge_into_access_token_payload", { s: 2 }), refused("UnauthorisedError"));
  });

  test("claims, on a session, by its handle, and in the middleware", async () => {
    const made = await make(sdk);
    const { handle } = made;
    let { accessToken } = made;
    const method = async (name, ...args) => {
      const { result, session } = await sdk.method(accessToken, name, ...args);
      accessToken = session.accessToken;
      return result;
    };
    assert.equal(await method("sync_get_claim_value", role), null);
    await method("sync_fetch_and_set_claim", role);
    assert.equal(await method("sync_get_claim_value", role), "user");
    const admin = { $: "validator list", value: "admin" };
    await assert.rejects(method("sync_assert_claims", admin), refused("InvalidClaimsError"));
    await method("sync_set_claim_value", role, "admin");
    await method("sync_assert_claims", admin);
    await method("sync_remove_claim", role);
    assert.equal(await method("sync_get_claim_value", role), null);
    assert.equal(await sdk.call("fetch_and_set_claim", handle, role), true);
    assert.equal((await sdk.call("get_claim_value", handle, role)).value, "user");
    assert.equal(await sdk.call("set_claim_value", handle, role, "admin"), true);
    const invalid = async (value) => (await sdk.call("validate_claims_for_session_handle", handle, { $: "validators", value })).invalidClaims.length;
    assert.deepEqual([await invalid("user"), await invalid("admin")], [1, 0]);
    assert.equal(await sdk.call("remove_claim", handle, role), true);
    assert.equal((await sdk.call("get_claim_value", handle, role)).value, null);
    assert.equal(await sdk.call("remove_claim", "nothing", role), false);

    const alice = sdk.browser();
    const hers = (await alice.post("/login/alice")).json.handle;
    const before = await alice.get("/admins");
    assert.deepEqual([before.status, before.json.message, before.json.claimValidationErrors.length], [403, "invalid claim", 1]);
    await sdk.call("set_claim_value", hers, role, "admin");
    await alice.post("/auth/session/refresh");
    assert.equal((await alice.get("/admins")).status, 200);
  });

  test("a user's sessions, in one tenant and in all", async () => {
    const handles = {};
    for (const tenant of ["public", "blue", "red"]) handles[tenant] = (await make(sdk, "dora", {}, {}, tenant)).handle;
    const more = [];
    for (let n = 0; n < 2; n += 1) more.push((await make(sdk, "dora")).handle);
    const list = async (...rest) => (await sdk.call("get_all_session_handles_for_user", "dora", ...rest)).sort();
    assert.deepEqual(await list(), [...Object.values(handles), ...more].sort());
    assert.deepEqual(await list(true, "blue"), [handles.blue]);
    assert.deepEqual(await sdk.call("revoke_multiple_sessions", [more[0], "nothing", more[1]]), more);
    assert.deepEqual(await sdk.call("revoke_all_sessions_for_user", "dora", true, "blue"), [handles.blue]);
    assert.deepEqual(await list(), [handles.public, handles.red].sort());
    assert.deepEqual((await sdk.call("revoke_all_sessions_for_user", "dora")).sort(), [handles.public, handles.red].sort());
    assert.deepEqual(await list(), []);
  });

  test("JWTs that are no sessions, the JWK Set and the discovery document", async () => {
    const { jwt } = await sdk.call("create_jwt", { hello: 1 }, 60, false);
    assert.equal(decode(jwt).payload.hello, 1);
    assert.match(decode(jwt).header.kid, /^d-/);
    assert.equal((await sdk.call("get_jwks")).keys.length, 2);
    assert.match(JSON.stringify(await sdk.call("get_open_id_discovery_configuration")), /\/auth\/jwt\/jwks\.json/);
  });

  test("a core that is killed and started again has lost nothing", async () => {
    const alice = sdk.browser();
    const { handle } = (await alice.post("/login/erin", { body: { payload: { p: 1 }, data: { d: 1 } } })).json;
    await alice.post("/auth/session/refresh");
    await sdk.call("update_session_data_in_database", handle, { d: 2 });
    await core.workerd.kill();
    await assert.rejects(sdk.call("get_session_information", handle));
    await core.workerd.start();
    assert.deepEqual((await sdk.call("get_session_information", handle)).sessionDataInDatabase, { d: 2 });
    assert.equal((await alice.get("/checked")).json.payload.p, 1);
    assert.equal((await alice.post("/auth/session/refresh")).status, 200);
    assert.deepEqual(await sdk.call("get_all_session_handles_for_user", "erin"), [handle]);
  });

  for (const anti_csrf of ["VIA_TOKEN", "VIA_CUSTOM_HEADER", "NONE"]) {
    test(`anti-CSRF ${anti_csrf}`, async () => {
      const other = await start(core, { anti_csrf });
      try {
        const alice = other.browser();
        await alice.post("/login/alice");
        assert.equal("anti-csrf" in alice.tokens, anti_csrf === "VIA_TOKEN");
        const right = anti_csrf === "VIA_CUSTOM_HEADER" ? { rid: "session" } : {};
        const wrong = anti_csrf === "VIA_TOKEN" ? { "anti-csrf": "wrong" } : {};
        assert.equal((await alice.post("/me", { headers: wrong })).status, anti_csrf === "NONE" ? 200 : 401);
        assert.equal((await alice.get("/me", { headers: wrong })).status, 200, "reading needs none");
        assert.equal((await alice.post("/me", { headers: right })).status, 200);
        if (anti_csrf !== "NONE") assert.equal((await alice.copy().post("/auth/session/refresh", { headers: wrong })).status, 401);
        assert.equal((await alice.post("/auth/session/refresh", { headers: right })).status, 200);
        assert.equal((await alice.post("/me", { headers: right })).status, 200);
      } finally {
        await other.close();
      }
    });
  }

  test("a wrong key is said to be wrong", async () => {
    const stranger = await start({ connection: { ...core.connection, apiKey: "another-key-another-key" } });
    try {
      await assert.rejects(make(stranger), /401.*Invalid API key\n/s);
    } finally {
      await stranger.close();
    }
  });

  test("static keys, for applications that ask for them", async () => {
    const other = await start(core, { use_dynamic_access_token_signing_key: false });
    try {
      const made = await make(other);
      assert.match(decode(made.accessToken).header.kid, /^s-/);
      assert.equal((await other.call("get_session_without_request_response", made.accessToken)).handle, made.handle);
    } finally {
      await other.close();
    }
  });
});

test("access tokens expire, and keys rotate while sessions live", async () => {
  const core = await startCore({ ACCESS_TOKEN_VALIDITY: "2s", SIGNING_KEY_ROTATION_INTERVAL: "3.6s" });
  const sdk = await start(core);
  try {
    const alice = sdk.browser();
    const { handle } = (await alice.post("/login/alice")).json;
    const kids = [];
    for (let round = 0; round < 3; round += 1) {
      assert.equal((await alice.get("/me")).status, 200);
      kids.push(decode(decodeURIComponent(alice.cookies.sAccessToken.value)).header.kid);
      await sleep(3_000);
      assert.deepEqual((await alice.get("/me")).json, { message: "try refresh token" });
      assert.equal((await alice.post("/auth/session/refresh")).status, 200);
    }
    assert.equal((await alice.get("/checked")).json.handle, handle);
    assert.ok(new Set(kids).size > 1, kids.join());
  } finally {
    await sdk.close();
    await core.close();
  }
});
