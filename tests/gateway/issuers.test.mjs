// A partner's token that says what ours say of our user, at every entry point: it is never taken for that user's.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { access, bearer, cookie } from "../support/browser.mjs";
import { startGateway } from "../support/gateway.mjs";
import { apiKey } from "../support/harness.mjs";
import { startIssuer } from "../support/issuer.mjs";
import { echo, startOrigin } from "../support/origin.mjs";
import { until } from "../support/until.mjs";

const ADMIN = { claim: "role", equals: "admin" };
const decoded = (value) => JSON.parse(Buffer.from(value, "base64url").toString());

let origin;
let gateway;
let partner;
let staff;
/** Whether the origin ends all of the user's sessions. */
let revoke = false;
const leave = (request, response) =>
  response.writeHead(200, { "postern-directive-key": request.headers["postern-directive-key"] ?? "", "postern-revoke": "user" }).end();
before(async () => {
  partner = await startIssuer("partner");
  staff = await startIssuer("staff");
  origin = await startOrigin((request, response) => (revoke ? leave(request, response) : echo(request, response)));
  gateway = await startGateway({
    origins: { app: { url: origin.url } },
    rules: [
      { path: "/admin/**", require: ADMIN },
      { path: "/page/**", require: ADMIN, refuse: "/login" },
      { path: "/any/**", session: "optional" },
      { path: "/shadow/**", shadow: true },
      { path: "/partner/**", issuers: ["partner"], require: ADMIN },
      { path: "/each/**", issuers: ["own", "partner", "staff"], require: { by_issuer: { own: ADMIN, partner: { claim: "groups", contains: "reports" }, staff: {} } } },
      { path: "/leave", methods: ["POST"], issuers: ["own", "partner"], directives: true },
      { path: "/socket", issuers: ["own"] },
    ],
    vars: { TRUSTED_ISSUERS: [partner.setting, staff.setting] },
  });
});
after(async () => {
  await gateway?.close();
  await origin?.close();
});

const ask = async (path, headers = {}, more = {}) => {
  origin.clear();
  const answer = await gateway.fetch(path, { headers, redirect: "manual", ...more });
  await answer.text();
  return { status: answer.status, answer, got: origin.last()?.headers };
};
/** What of ours an origin was told. */
const told = (got) => Object.fromEntries(Object.entries(got ?? {}).filter(([name]) => name.startsWith("postern") && name !== "postern-assertion"));
const assertion = async (got) =>
  (await jwtVerify(got["postern-assertion"], createRemoteJWKSet(new URL(`${gateway.url()}/auth/assertion/jwks.json`)), { audience: origin.url })).payload;
const explained = async (path, token) => {
  const answer = await gateway.fetch("/auth/explain", { method: "POST", headers: { "api-key": apiKey }, body: JSON.stringify({ url: `${gateway.url()}${path}`, token }) });
  return answer.json();
};
/** Tokens of both issuers that say what our admin's session says. */
const likeOurs = (issuer, more = {}) => issuer.token({ sub: "alice", sid: "s-1", role: "admin", tId: "public", ...more });

describe("a rule that names no issuer", () => {
  test("is closed to a partner's admin, by Bearer and by cookie, as if there were no token", async () => {
    const alice = await gateway.session("alice", { role: "admin" });
    assert.equal((await ask("/admin/x", alice.headers)).status, 200);
    for (const issuer of [partner, staff]) {
      const token = await likeOurs(issuer);
      for (const headers of [bearer(token), cookie(access(token)), { ...bearer(token), ...cookie(access(token)) }]) {
        for (const _ of [1, 2]) {
          const { status, answer, got } = await ask("/admin/x", headers);
          assert.deepEqual([status, answer.headers.get("www-authenticate"), got], [401, "Bearer", undefined]);
          assert.deepEqual(answer.headers.getSetCookie(), []);
        }
      }
    }
    const page = await ask("/page/x", { ...bearer(await likeOurs(partner)), accept: "text/html", "sec-fetch-mode": "navigate" });
    assert.equal(page.status, 302);
    assert.match(page.answer.headers.get("location"), /^\/login\?/);
  });

  test("lets it pass as nobody where a session is optional, or the rule is a shadow", async () => {
    for (const path of ["/any/x", "/shadow/x"]) {
      const { status, got } = await ask(path, bearer(await likeOurs(partner)));
      assert.deepEqual([status, told(got), got["postern-assertion"], got.authorization], [200, {}, undefined, undefined]);
    }
  });

  test("goes by our own cookie beside a partner's Bearer token", async () => {
    const alice = await gateway.session("alice", { role: "admin" });
    const { status, got } = await ask("/admin/x", { ...bearer(await likeOurs(partner)), ...cookie(access(alice.token)) });
    assert.deepEqual([status, got["postern-user-id"], got["postern-session-handle"]], [200, "alice", alice.handle]);
    assert.deepEqual([got.authorization, got.cookie], [undefined, undefined]);
  });

  test("says whose token it passed over, in the log and to explain", async () => {
    const token = await likeOurs(partner);
    await ask("/admin/x", bearer(token));
    await until("the log says it", async () => /rule \/admin\/\*\*: session: issuer partner: its sessions are not accepted here/.test(gateway.output()));
    await ask("/any/x", bearer(token));
    await until("the log says it", async () => /rule \/any\/\*\*: passed as anonymous: issuer partner: /.test(gateway.output()));
    const refused = await explained("/admin/x", token);
    assert.deepEqual([refused.decision, refused.decidedBy, refused.rule.issuers], ["refuse", "session", ["own"]]);
    assert.match(refused.reason, /issuer partner: its sessions are not accepted here/);
    const anonymous = await explained("/any/x", token);
    assert.deepEqual([anonymous.decision, anonymous.withIdentity, anonymous.decidedBy], ["forward", false, "issuers"]);
    assert.match(anonymous.reason, /issuer partner/);
  });
});

describe("a rule that names issuers", () => {
  test("tells the origin the issuer and its subject, and no user id", async () => {
    const token = await likeOurs(partner);
    const { status, got } = await ask("/partner/x", bearer(token));
    assert.equal(status, 200);
    const handle = got["postern-session-handle"];
    assert.match(handle, /^x\.partner\./);
    assert.deepEqual(told(got), {
      "postern-session-handle": handle, "postern-issuer": "partner", "postern-subject": "alice", "postern-tenant-id": "public",
      "postern-payload": Buffer.from(partner.payloadOf(token)).toString("base64url"),
    });
    const claims = await assertion(got);
    assert.deepEqual([claims.idp, claims.idp_sub, claims.sid, claims.tid], ["partner", "alice", handle, "public"]);
    assert.ok(!("sub" in claims));
  });

  test("tells of our own session the user id and the tenant", async () => {
    const created = await gateway.admin("createNewSession", { userId: "alice", tenantId: "t1", jwtPayload: { role: "admin" } });
    const { got } = await ask("/each/x", bearer(created.accessToken.token));
    const { "postern-payload": _, ...rest } = told(got);
    assert.deepEqual(rest, { "postern-session-handle": created.session.handle, "postern-user-id": "alice", "postern-tenant-id": "t1" });
    const claims = await assertion(got);
    assert.deepEqual([claims.sub, claims.tid, claims.idp, claims.idp_sub], ["alice", "t1", undefined, undefined]);
  });

  test("asks of each what is asked of it", async () => {
    const alice = await gateway.session("alice", { groups: ["reports"] });
    assert.equal((await ask("/each/x", alice.headers)).status, 403);
    assert.equal((await ask("/each/x", bearer(await likeOurs(partner)))).status, 403);
    assert.equal((await ask("/each/x", bearer(await likeOurs(partner, { groups: ["reports"] })))).status, 200);
    assert.equal((await ask("/each/x", bearer(await staff.token({ sub: "a", sid: "b" })))).status, 200);
    assert.equal((await ask("/partner/x", (await gateway.session("alice", { role: "admin" })).headers)).status, 401);
    assert.equal((await ask("/partner/x", bearer(await likeOurs(staff)))).status, 401);
  });
});

test("a token of the one issuer with the other's name is neither's", async () => {
  for (const [signer, named] of [[partner, staff], [staff, partner]]) {
    const token = await likeOurs(signer);
    const [header, , signature] = token.split(".");
    const claims = { ...decoded(token.split(".")[1]), iss: named.setting.issuer };
    const forged = `${header}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.${signature}`;
    assert.equal((await ask("/each/x", bearer(forged))).status, 401);
    assert.notEqual((await gateway.call("SESSIONS", "getSession", { accessToken: forged })).status, "OK");
  }
});

describe("over RPC and the browser API", () => {
  test("a session says who vouches for it", async () => {
    const alice = await gateway.session("alice", { role: "admin" });
    const token = await likeOurs(partner);
    const own = await gateway.call("SESSIONS", "getSession", { accessToken: alice.token });
    const theirs = await gateway.call("SESSIONS", "getSession", { accessToken: token });
    assert.deepEqual([own.session.issuer, own.session.tenantId, own.session.userId], ["own", "public", "alice"]);
    assert.deepEqual([theirs.session.issuer, theirs.session.tenantId, theirs.session.userId], ["partner", "public", "alice"]);
    assert.notEqual(own.session.handle, theirs.session.handle);
    for (const [accessToken, expected] of [[alice.token, own], [token, theirs]]) {
      const { session } = await (await gateway.fetch("/auth/session", { headers: bearer(accessToken) })).json();
      assert.deepEqual(session, expected.session);
    }
    const information = await gateway.admin("getSessionInformation", { handle: alice.handle });
    assert.equal(information.session.issuer, "own");
  });

  test("the backend protocol, whose users are ours, takes no token of a partner", async () => {
    const body = { accessToken: await likeOurs(partner), enableAntiCsrf: false, doAntiCsrfCheck: false, checkDatabase: true };
    assert.notEqual((await gateway.core("POST", "/recipe/session/verify", body)).body.status, "OK");
    const regenerated = await gateway.admin("regenerateAccessToken", { accessToken: body.accessToken, jwtPayload: { role: "root" } });
    assert.notEqual(regenerated.status, "OK");
  });
});

describe("data and revocation", () => {
  const theirHandle = async (issuer, more) => (await gateway.call("SESSIONS", "getSession", { accessToken: await likeOurs(issuer, more) })).session.handle;

  test("data of one name in three places is three data", async () => {
    const { handle: own } = await gateway.session("alice");
    const handles = [own, await theirHandle(partner), await theirHandle(staff)];
    for (const handle of handles) assert.equal((await gateway.call("SESSIONS", "updateSessionData", { handle, sessionData: { of: handle } })).status, "OK");
    for (const handle of handles) {
      for (const freshness of ["within 60s", "strict"]) {
        assert.deepEqual((await gateway.call("SESSIONS", "getSessionData", { handle, freshness })).sessionData, { of: handle });
      }
    }
  });

  test("ending all of our user's sessions ends none of a partner's, and the other way round", async () => {
    const alice = await gateway.session("alice");
    const token = await likeOurs(partner, { sid: "s-2" });
    const theirs = await theirHandle(partner, { sid: "s-2" });
    const { handles } = await gateway.admin("getAllSessionHandlesForUser", { userId: "alice" });
    assert.ok(handles.includes(alice.handle) && handles.every((handle) => !handle.startsWith("x.")));
    assert.deepEqual((await gateway.admin("revokeSession", { handle: theirs })).revoked, [theirs]);
    assert.equal((await gateway.call("SESSIONS", "getSession", { accessToken: token, freshness: "strict" })).status, "UNAUTHORISED");
    assert.equal((await gateway.call("SESSIONS", "getSession", { accessToken: alice.token, freshness: "strict" })).status, "OK");

    const other = await likeOurs(partner, { sid: "s-3" });
    const { revoked } = await gateway.admin("revokeAllSessionsForUser", { userId: "alice" });
    assert.ok(revoked.includes(alice.handle) && revoked.every((handle) => !handle.startsWith("x.")));
    assert.equal((await gateway.call("SESSIONS", "getSession", { accessToken: alice.token, freshness: "strict" })).status, "UNAUTHORISED");
    assert.equal((await gateway.call("SESSIONS", "getSession", { accessToken: other, freshness: "strict" })).status, "OK");
  });

  test("a partner's user who leaves everywhere ends no session of ours", async () => {
    const alice = await gateway.session("alice");
    revoke = true;
    try {
      const { status } = await ask("/leave", bearer(await likeOurs(partner, { sid: "s-4" })), { method: "POST" });
      assert.equal(status, 502);
      assert.equal((await gateway.call("SESSIONS", "getSession", { accessToken: alice.token, freshness: "strict" })).status, "OK");
    } finally {
      revoke = false;
    }
  });
});
