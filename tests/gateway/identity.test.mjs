// What an origin learns about a session, what it can verify of it, and what never reaches it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { createLocalJWKSet, createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { pythonForTests } from "../../scripts/lib/python.mjs";
import { access, bearer, cookie } from "../support/browser.mjs";
import { startGateway } from "../support/gateway.mjs";
import { startIssuer } from "../support/issuer.mjs";
import { linesOf, startOrigin } from "../support/origin.mjs";

const decoded = (value) => JSON.parse(Buffer.from(value, "base64url").toString());

describe("identity", () => {
  let origin;
  let other;
  let gateway;
  let issuer;
  before(async () => {
    issuer = await startIssuer();
    origin = await startOrigin();
    other = await startOrigin();
    gateway = await startGateway({
      origins: { app: { url: origin.url }, other: { url: other.url } },
      rules: [
        { path: "/public/**", origin: "app", session: "none" },
        { path: "/other/**", origin: "other", session: "required" },
        { path: "/raw/**", origin: "app", session: "optional", forward_credentials: true },
        { path: "/private/**", origin: "app", session: "required", issuers: ["own", "idp"] },
        { path: "/**", origin: "app", session: "optional" },
      ],
      vars: { TRUSTED_ISSUERS: [issuer.setting] },
    });
  });
  after(async () => {
    await gateway?.close();
    await origin?.close();
    await other?.close();
  });
  const ask = async (path, init = {}) => {
    origin.clear();
    const answer = await gateway.fetch(path, init);
    await answer.text();
    return { status: answer.status, headers: origin.last()?.headers, answer };
  };

  test("handle, user and payload arrive, by bearer and by cookie, with the claims as they were given", async () => {
    const payload = { role: "admin", name: "Zoë 😀", list: [1, { deep: null }], "a-b": "x" };
    const session = await gateway.session("alice", payload);
    for (const headers of [session.headers, cookie(access(session.token)), { authorization: `bEaReR ${session.token}` }]) {
      const { status, headers: got } = await ask("/private/x", { headers });
      assert.equal(status, 200);
      assert.equal(got["postern-session-handle"], session.handle);
      assert.equal(got["postern-user-id"], "alice");
      const told = decoded(got["postern-payload"]);
      for (const [name, value] of Object.entries(payload)) assert.deepEqual(told[name], value);
    }
  });

  test("values are visible ASCII whatever the user and the claims are called", async () => {
    for (const userId of ["Zoë", "a,b;c", "x\r\nPostern-User-Id: root", " lead", "100%", "\u0001\u007f", "日本 語", "-"]) {
      const session = await gateway.session(userId, { text: "\r\nX: 1\u0000" });
      const { status, headers } = await ask("/private/x", { headers: session.headers });
      assert.equal(status, 200, JSON.stringify(userId));
      assert.match(headers["postern-user-id"], /^[\x21-\x7e]+$/);
      assert.equal(decodeURIComponent(headers["postern-user-id"]), userId);
      assert.equal(decoded(headers["postern-payload"]).text, "\r\nX: 1\u0000");
    }
  });

  test("our cookies and tokens stay here, the others pass", async () => {
    const { token } = await gateway.session();
    const { headers } = await ask("/x", { headers: { ...bearer(token), ...cookie("theme=dark", access(token), "sRefreshToken=r", "sFrontToken=f", "lang=de"), "anti-csrf": "x" } });
    assert.deepEqual([headers.cookie, headers.authorization, headers["anti-csrf"]], ["theme=dark; lang=de", undefined, undefined]);
    assert.ok(!JSON.stringify(origin.last().rawHeaders).includes(token));
    const foreign = await ask("/x", { headers: { authorization: "Basic YTpi" } });
    assert.equal(foreign.headers.authorization, "Basic YTpi");
  });

  test("a second Cookie line does not carry them past us", async () => {
    const { token } = await gateway.session();
    await gateway.raw("GET", "/x", ["Cookie: a=1", `Cookie: ${access(token)}; b=2`]);
    assert.ok(!JSON.stringify(linesOf(origin.last())).includes(token));
    assert.match(origin.last().headers.cookie, /a=1.*b=2/);
  });

  test("a rule may ask for them", async () => {
    const { token } = await gateway.session();
    const { headers } = await ask("/raw/x", { headers: { ...bearer(token), ...cookie(access(token)) } });
    assert.deepEqual([headers.authorization, headers.cookie], [`Bearer ${token}`, access(token)]);
  });

  test("names of ours from a client are gone on every route, in every spelling", async () => {
    const { token } = await gateway.session();
    const lies = ["Postern-User-Id: root", "postern_user_id: root", "POSTERN-Payload: e30", "Postern_Session-Handle: x", "Postern-Assertion: x.y.z", "postern-anything: root", "Postern-Directive-Key: x", "postern: root", "Postern.User.Id: root"];
    for (const path of ["/public/x", "/x", "/private/x"]) {
      origin.clear();
      const answer = await gateway.raw("GET", path, [...lies, `Authorization: Bearer ${token}`]);
      assert.equal(answer.status, 200, answer.text);
      const got = linesOf(origin.last()).filter(([name]) => /postern/i.test(name)).map(([name]) => name.toLowerCase()).sort();
      const ours = ["postern-assertion", "postern-payload", "postern-session-handle", "postern-tenant-id", "postern-user-id"];
      assert.deepEqual(got, path === "/public/x" ? [] : ours);
      assert.ok(!JSON.stringify(origin.last().rawHeaders).includes("root"));
    }
  });

  test("a payload over the budget is left out, and said to be; the assertion is bound to it all the same", async () => {
    for (const [length, fits] of [[5_900, true], [9_000, false]]) {
      const token = await issuer.token({ sid: "s1", sub: "zoe", groups: "g".repeat(length) });
      const { status, headers } = await ask("/private/x", { headers: bearer(token) });
      assert.equal(status, 200);
      assert.equal(headers["postern-subject"], "zoe");
      assert.equal(headers["postern-payload"] !== undefined, fits);
      assert.equal(headers["postern-payload-omitted"], fits ? undefined : String(Math.ceil((Buffer.byteLength(issuer.payloadOf(token)) * 4) / 3)));
      const { payload } = await jwtVerify(headers["postern-assertion"], createRemoteJWKSet(new URL(`${gateway.url()}/auth/assertion/jwks.json`)), { audience: origin.url });
      const value = Buffer.from(issuer.payloadOf(token)).toString("base64url");
      assert.equal(payload.postern_payload_sha256, Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(value))).toString("base64url"));
    }
  });

  describe("the assertion", () => {
    const keys = () => createRemoteJWKSet(new URL(`${gateway.url()}/auth/assertion/jwks.json`));
    const expected = () => ({ issuer: "http://127.0.0.1:8787/auth", audience: origin.url, typ: "postern-assertion+jwt", algorithms: ["ES256"] });
    const assertion = async (session, path = "/private/x") => (await ask(path, { headers: session.headers })).headers["postern-assertion"];

    test("verifies with npm jose", async () => {
      const session = await gateway.session("Zoë", { p: 1 });
      const token = await assertion(session);
      const { payload } = await jwtVerify(token, keys(), { ...expected(), maxTokenAge: "60s" });
      assert.deepEqual([payload.sub, payload.sid, payload.stt, payload.exp - payload.iat], ["Zoë", session.handle, 1, 60]);
      const digest = await crypto.subtle.digest("SHA-256", Buffer.from(origin.last().headers["postern-payload"]));
      assert.equal(payload.postern_payload_sha256, Buffer.from(digest).toString("base64url"));
      await assert.rejects(jwtVerify(token, keys(), { ...expected(), audience: other.url }), /aud/);
    });

    test("verifies with PyJWT", async () => {
      const program = [
        "import json, sys, jwt",
        "told = json.load(sys.stdin)",
        "key = next(key for key in jwt.PyJWKSet.from_dict(told['keys']).keys if key.key_id == jwt.get_unverified_header(told['token'])['kid'])",
        "print(json.dumps(jwt.decode(told['token'], key, algorithms=['ES256'], audience=told['audience'], issuer=told['issuer'], options={'require': ['exp', 'iat', 'aud', 'iss', 'sub']})))",
      ].join("\n");
      const session = await gateway.session("bob");
      const told = { token: await assertion(session), keys: await (await gateway.fetch("/auth/assertion/jwks.json")).json(), ...expected() };
      const verify = (more) =>
        new Promise((resolve) => {
          const child = spawn(pythonForTests, ["-I", "-c", program], { stdio: ["pipe", "pipe", "pipe"] });
          let out = "";
          let err = "";
          child.stdout.on("data", (chunk) => (out += chunk));
          child.stderr.on("data", (chunk) => (err += chunk));
          child.on("close", (code) => resolve({ code, claims: code === 0 ? JSON.parse(out) : undefined, err }));
          child.stdin.end(JSON.stringify({ ...told, ...more }));
        });
      const good = await verify({});
      assert.equal(good.code, 0, good.err);
      assert.deepEqual([good.claims.sub, good.claims.sid], ["bob", session.handle]);
      assert.match((await verify({ audience: other.url })).err, /InvalidAudienceError/);
      assert.match((await verify({ token: `${told.token.slice(0, -8)}AAAAAAAA` })).err, /InvalidSignatureError/);
    });

    test("is used again for the same token and origin, and made anew for another of either", async () => {
      const [alice, bob] = [await gateway.session("alice"), await gateway.session("bob")];
      const first = await assertion(alice);
      assert.equal(await assertion(alice), first);
      assert.notEqual(await assertion(bob), first);
      other.clear();
      await (await gateway.fetch("/other/x", { headers: alice.headers })).text();
      const elsewhere = other.last().headers["postern-assertion"];
      assert.notEqual(elsewhere, first);
      await jwtVerify(elsewhere, keys(), { ...expected(), audience: other.url });
      assert.equal(await assertion(alice), first);
    });

    test("is no token to us: an origin gains nothing by sending it back", async () => {
      const token = await assertion(await gateway.session());
      for (const headers of [bearer(token), cookie(access(token))]) {
        assert.equal((await ask("/private/x", { headers })).status, 401);
        assert.equal((await gateway.fetch("/auth/session", { headers })).status, 401);
      }
      for (const freshness of ["stateless", "strict"]) {
        const verdict = await gateway.call("SESSIONS", "getSession", { accessToken: token, freshness });
        assert.notEqual(verdict.status, "OK");
      }
      const core = await gateway.core("POST", "/recipe/session/verify", { accessToken: token, enableAntiCsrf: false, doAntiCsrfCheck: false, checkDatabase: false });
      assert.notEqual(core.body.status, "OK");
    });

    test("its keys are none of the session keys, and the other way round", async () => {
      const sessions = await (await gateway.fetch("/auth/jwt/jwks.json")).json();
      const assertions = await (await gateway.fetch("/auth/assertion/jwks.json")).json();
      const kids = (set) => set.keys.map(({ kid }) => kid);
      assert.deepEqual(kids(sessions).filter((kid) => kids(assertions).includes(kid)), []);
      assert.ok(assertions.keys.every(({ alg, crv, kid, d }) => alg === "ES256" && crv === "P-256" && kid.startsWith("a-") && d === undefined));
      const session = await gateway.session();
      const token = await assertion(session);
      await assert.rejects(jwtVerify(token, createLocalJWKSet(sessions)));
      await assert.rejects(jwtVerify(session.token, createLocalJWKSet(assertions)));
      assert.equal(decodeProtectedHeader(token).typ, "postern-assertion+jwt");
    });

    test("a withdrawn key signs no more, and is no longer published", async () => {
      const session = await gateway.session();
      const { kid } = decodeProtectedHeader(await assertion(session));
      assert.equal((await gateway.admin("revokeSigningKey", { kid })).status, "OK");
      const now = await assertion(await gateway.session());
      assert.notEqual(decodeProtectedHeader(now).kid, kid);
      assert.notEqual(decodeProtectedHeader(await assertion(session)).kid, kid);
      const { keys: published } = await (await gateway.fetch("/auth/assertion/jwks.json")).json();
      assert.ok(published.every((key) => key.kid !== kid));
      await jwtVerify(now, keys(), expected());
    });
  });

  test("nothing of it reaches an origin without a good session", async () => {
    for (const headers of [{}, bearer("no.token.ours"), { authorization: "Basic x" }]) {
      const { status, headers: got } = await ask("/x", { headers });
      assert.equal(status, 200);
      assert.deepEqual(Object.keys(got).filter((name) => name.startsWith("postern")), []);
    }
  });
});

test("storage from before there were assertion keys gets them, and nobody is logged out", async () => {
  const origin = await startOrigin();
  const gateway = await startGateway({ origins: { app: { url: origin.url } }, rules: [{ path: "/**", origin: "app", session: "required" }] });
  try {
    const session = await gateway.session();
    await gateway.kill();
    gateway.sql("KeyRing", "DROP TABLE assertion_keys");
    await gateway.start();
    const answer = await gateway.fetch("/x", { headers: session.headers });
    assert.equal(answer.status, 200, await answer.text());
    const keys = createRemoteJWKSet(new URL(`${gateway.url()}/auth/assertion/jwks.json`));
    await jwtVerify(origin.last().headers["postern-assertion"], keys, { audience: origin.url });
  } finally {
    await gateway.close();
    await origin.close();
  }
});
