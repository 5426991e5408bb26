// The browser API under settings that change it: other sites, anti-CSRF, cookie domains, names and status codes.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  EPOCH, NOTHING, access, bearer, browserApi, cookie, decodeFrontToken, names, payloadOf, refreshCookie, undated, withBadSignature,
} from "../support/browser.mjs";

const TRY_REFRESH = { status: "TRY_REFRESH_TOKEN", message: "try refresh token" };
const UNAUTHORISED = { status: "UNAUTHORISED", message: "unauthorised" };

/** Asserts a verify: 200, or the answer to a failed anti-CSRF check. */
function assertVerified(answer, passes, what) {
  assert.equal(answer.status, passes ? 200 : 401, what);
  if (!passes && answer.body) assert.deepEqual(answer.body, TRY_REFRESH, what);
  assert.deepEqual(answer.headers, NOTHING, what);
}

/** A request that is verified with one of the methods: sign-out is the POST of the browser API. */
const verify = (at, method, headers) => (method === "POST" ? at.signOut(headers) : at.session(headers, method));

describe("for websites of another site", () => {
  const website = "https://app.example.com";
  const second = "https://two.example:8443";
  const at = browserApi(
    { API_DOMAIN: "https://api.example.com", WEBSITE_ORIGINS: [website, second], COOKIE_DOMAIN: ".Example.com", API_BASE_PATH: "/x/y" },
    "/x/y",
  );

  test("cookies are set and cleared byte by byte: None, Secure, with a domain and another base path", async () => {
    const { headers, accessToken, refreshToken } = await at.byCookie();
    assert.deepEqual(headers.cookies.map((line) => undated(line)[0]), [
      `sAccessToken=${accessToken}; Domain=.example.com; Path=/; Expires=DATE; HttpOnly; Secure; SameSite=None`,
      `sRefreshToken=${refreshToken}; Domain=.example.com; Path=/x/y/session/refresh; Expires=DATE; HttpOnly; Secure; SameSite=None`,
    ]);
    const cleared = await at.refresh({});
    assert.deepEqual(cleared.headers.cookies, [
      `sAccessToken=; Domain=.example.com; Path=/; Expires=${EPOCH}; HttpOnly; Secure; SameSite=None`,
      `sRefreshToken=; Domain=.example.com; Path=/x/y/session/refresh; Expires=${EPOCH}; HttpOnly; Secure; SameSite=None`,
    ]);
    assert.equal(payloadOf(accessToken).iss, "https://api.example.com/x/y");
  });

  test("preflights are answered for listed websites on every path of ours, and for nobody else", async () => {
    const asked = { "access-control-request-method": "POST", "access-control-request-headers": "rid,st-auth-mode,x-app" };
    for (const path of ["/x/y/session/refresh", "/x/y/signout", "/x/y/session", "/x/y/jwt/jwks.json"]) {
      for (const origin of [website, second]) {
        const { status, response } = await at.ask("OPTIONS", path, { origin, ...asked });
        assert.equal(status, 204);
        const header = (name) => response.headers.get(`access-control-${name}`);
        assert.equal(header("allow-origin"), origin);
        assert.equal(header("allow-credentials"), "true");
        const allowed = header("allow-headers").split(", ");
        for (const name of ["content-type", "rid", "fdi-version", "anti-csrf", "authorization", "st-auth-mode", "x-app"]) assert.ok(allowed.includes(name), name);
        for (const method of ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"]) assert.ok(header("allow-methods").split(", ").includes(method));
        assert.ok(Number(header("max-age")) > 0);
        assert.match(response.headers.get("vary"), /\bOrigin\b/);
      }
      for (const origin of ["https://evil.example", "null", "https://app.example.com.evil.example", "http://app.example.com", `${website}:8443`, undefined]) {
        const { status, response } = await at.ask("OPTIONS", path, { ...(origin && { origin }), ...asked });
        assert.equal(status, 204);
        assert.deepEqual([...response.headers.keys()].filter((name) => name.startsWith("access-control-")), [], origin);
      }
    }
  });

  test("every status has the headers that let a listed website read it, and a stranger gets none", async () => {
    const { accessToken, refreshToken } = await at.byCookie();
    const requests = [
      [200, "GET", "/x/y/session", cookie(access(accessToken))],
      [200, "POST", "/x/y/session/refresh", { rid: "session", ...cookie(refreshCookie(refreshToken)) }],
      [200, "GET", "/x/y/jwt/jwks.json", {}],
      [401, "GET", "/x/y/session", {}],
      [401, "POST", "/x/y/session/refresh", {}],
      [401, "POST", "/x/y/signout", {}],
      [400, "GET", "/x/y/session", { authorization: `Bearer ${accessToken}, Bearer ${accessToken}` }],
      [404, "GET", "/x/y/nothing", {}],
      [405, "GET", "/x/y/signout", {}],
    ];
    for (const [status, method, path, headers] of requests) {
      for (const origin of [website, "https://evil.example", undefined]) {
        const answer = await at.ask(method, path, { ...headers, ...(origin && { origin }) });
        const isRefused = path.endsWith("refresh") && origin === "https://evil.example";
        assert.equal(answer.status, isRefused ? 403 : status, `${method} ${path}`);
        const own = origin === website;
        const open = path.endsWith("jwks.json") ? "*" : null;
        assert.equal(answer.response.headers.get("access-control-allow-origin"), own ? website : open, path);
        assert.equal(answer.response.headers.get("access-control-allow-credentials"), own ? "true" : null);
        assert.match(answer.response.headers.get("vary") ?? "", /\bOrigin\b/);
        const exposed = answer.response.headers.get("access-control-expose-headers")?.split(", ") ?? [];
        for (const name of Object.keys(answer.headers.other)) {
          if (!name.startsWith("access-control-")) assert.ok(exposed.includes(name), name);
        }
      }
    }
  });

  test("an outage is 503, which the website can read, and nothing is cleared or spent", async () => {
    const { session, accessToken, refreshToken } = await at.byCookie({ userId: "carol" });
    const object = { name: session.handle.split(".")[0] };
    const headers = { origin: website, rid: "session", ...cookie(access(accessToken), refreshCookie(refreshToken)) };
    await at.it.sql("UserSessions", object, "ALTER TABLE session RENAME TO out_of_reach");
    for (const answer of [await at.refresh(headers), await at.signOut(headers)]) {
      assert.equal(answer.status, 503);
      assert.equal(answer.body.status, "GENERAL_ERROR");
      assert.ok(Number(answer.response.headers.get("retry-after")) > 0);
      assert.equal(answer.response.headers.get("access-control-allow-origin"), website);
      assert.deepEqual(answer.headers, NOTHING);
    }
    await at.it.sql("UserSessions", object, "ALTER TABLE out_of_reach RENAME TO session");
    assert.equal((await at.refresh(headers)).status, 200);
  });

  for (const method of ["GET", "HEAD", "POST"]) {
    for (const [what, rid] of [["missing", {}], ["empty", { rid: "" }], ["present", { rid: "anti-csrf" }]]) {
      test(`anti-CSRF by custom header: ${method}, rid ${what}`, async () => {
        const passes = method === "GET" || what !== "missing";
        const byCookie = await at.byCookie();
        assertVerified({ ...(await verify(at, method, { ...rid, ...cookie(access(byCookie.accessToken)) })), ...(method === "POST" && passes && { headers: NOTHING }) }, passes);
        const byHeader = await at.byHeader();
        assert.equal((await verify(at, method, { ...rid, ...bearer(byHeader.accessToken) })).status, 200, "header mode is never checked");
        const refreshed = await at.refresh({ ...rid, ...cookie(refreshCookie((await at.byCookie()).refreshToken)) });
        assert.equal(refreshed.status, what === "missing" ? 401 : 200);
        if (what === "missing") {
          assert.deepEqual(refreshed.body, UNAUTHORISED);
          assert.equal(refreshed.headers.other["front-token"], "remove");
        }
        assert.equal((await at.refresh({ ...rid, ...bearer(byHeader.refreshToken) })).status, method === "POST" ? 401 : 200);
      });
    }
  }
});

describe("with anti-CSRF tokens", () => {
  const at = browserApi({ ANTI_CSRF: "VIA_TOKEN" });

  test("a session by cookie is bound to a token, one by header is not", async () => {
    const byCookie = await at.byCookie();
    assert.ok(byCookie.antiCsrf);
    assert.equal(payloadOf(byCookie.accessToken).antiCsrfToken, byCookie.antiCsrf);
    assert.equal(byCookie.headers.other["access-control-expose-headers"], "front-token, anti-csrf");
    const byHeader = await at.byHeader();
    assert.equal(byHeader.antiCsrf, undefined);
    assert.equal(payloadOf(byHeader.accessToken).antiCsrfToken, null);
  });

  for (const method of ["GET", "HEAD", "POST"]) {
    for (const what of ["missing", "empty", "wrong", "right"]) {
      test(`anti-CSRF by token: ${method}, token ${what}`, async () => {
        const { accessToken, refreshToken, antiCsrf } = await at.byCookie();
        const sent = { missing: {}, empty: { "anti-csrf": "" }, wrong: { "anti-csrf": `${antiCsrf}x` }, right: { "anti-csrf": antiCsrf } }[what];
        const passes = method === "GET" || what === "right";
        // Refresh first: a sign-out that passes ends the session. The token of the access token is not changed by it.
        const refreshed = await at.refresh({ ...sent, rid: "session", ...cookie(refreshCookie(refreshToken)) });
        if (what === "right") {
          assert.equal(refreshed.status, 200);
          assert.notEqual(refreshed.antiCsrf, undefined);
          assert.equal(payloadOf(refreshed.accessToken).antiCsrfToken, refreshed.antiCsrf);
        } else {
          assert.deepEqual([refreshed.status, refreshed.body], [401, UNAUTHORISED]);
          assert.equal(refreshed.headers.other["front-token"], "remove");
        }
        const verified = await verify(at, method, { ...sent, rid: "anti-csrf", ...cookie(access(accessToken)) });
        assertVerified({ ...verified, ...(method === "POST" && passes && { headers: NOTHING }) }, passes);
        const byHeader = await at.byHeader();
        assert.equal((await verify(at, method, { ...sent, ...bearer(byHeader.accessToken) })).status, 200, "header mode is never checked");
      });
    }
  }

  test("an access token without the claim asks for a refresh, which binds it", async () => {
    const { accessToken, refreshToken } = await at.byHeader();
    assertVerified(await at.session({ "anti-csrf": "x", ...cookie(access(accessToken)) }, "HEAD"), false);
    const bound = await at.refresh(cookie(refreshCookie(refreshToken)));
    assert.equal(bound.status, 200);
    assert.ok(bound.antiCsrf);
    assertVerified(await at.session({ "anti-csrf": bound.antiCsrf, ...cookie(access(bound.accessToken)) }, "HEAD"), true);
  });

  test("a refresh over RPC keeps a session bound, or not, and honours the token", async () => {
    const { refreshToken, antiCsrf } = await at.byCookie();
    for (const wrong of [{}, { antiCsrfToken: "x" }]) {
      assert.equal((await at.admin("refreshSession", { refreshToken, ...wrong })).status, "UNAUTHORISED");
    }
    const bound = await at.admin("refreshSession", { refreshToken, antiCsrfToken: antiCsrf });
    assert.equal(bound.status, "OK");
    assert.equal(payloadOf(bound.accessToken.token).antiCsrfToken, bound.antiCsrfToken);
    for (const check of [{}, { antiCsrfToken: "x" }]) {
      assert.equal((await at.admin("getSession", { accessToken: bound.accessToken.token, ...check })).status, "TRY_REFRESH_TOKEN");
    }
    for (const check of [{ antiCsrfToken: bound.antiCsrfToken }, { doAntiCsrfCheck: false }]) {
      assert.equal((await at.admin("getSession", { accessToken: bound.accessToken.token, ...check })).status, "OK");
    }
    const byHeader = await at.byHeader();
    const unbound = await at.admin("refreshSession", { refreshToken: byHeader.refreshToken, antiCsrfToken: "a stray one" });
    assert.deepEqual([unbound.status, unbound.antiCsrfToken], ["OK", undefined]);
    assert.equal(payloadOf(unbound.accessToken.token).antiCsrfToken, null);
  });
});

describe("without anti-CSRF", () => {
  const at = browserApi({ ANTI_CSRF: "NONE" });
  for (const method of ["GET", "HEAD", "POST"]) {
    test(`${method} needs nothing, by cookie or by header`, async () => {
      for (const headers of [cookie(access((await at.byCookie()).accessToken)), bearer((await at.byHeader()).accessToken)]) {
        assert.equal((await verify(at, method, headers)).status, 200);
      }
      assert.equal((await at.refresh(cookie(refreshCookie((await at.byCookie()).refreshToken)))).status, 200);
    });
  }
});

describe("after a change of the cookie domain", () => {
  for (const [older, cleared] of [[undefined, [undefined, "api.example.com"]], ["", [undefined]], [".old.example.com", [".old.example.com"]]]) {
    describe(`OLDER_COOKIE_DOMAIN ${older === undefined ? "not set" : `"${older}"`}`, () => {
      const at = browserApi({
        API_DOMAIN: "https://api.example.com",
        COOKIE_DOMAIN: ".example.com",
        WEBSITE_ORIGINS: ["https://example.com"],
        ...(older !== undefined && { OLDER_COOKIE_DOMAIN: older }),
      });
      const clearing = (name, path) =>
        cleared.map((domain) => `${name}=;${domain ? ` Domain=${domain};` : ""} Path=${path}; Expires=${EPOCH}; HttpOnly; Secure; SameSite=Lax`);

      test("doubled access tokens ask for a refresh, even when one is good", async () => {
        const { accessToken } = await at.byCookie();
        for (const pairs of [[access(accessToken), access("old")], [access("old"), access(accessToken)], [access(accessToken), access(accessToken)]]) {
          const answer = await at.session(cookie(...pairs));
          assert.deepEqual([answer.status, answer.body], [401, TRY_REFRESH]);
          assert.deepEqual(answer.headers, NOTHING);
        }
        assert.equal((await at.session({ ...bearer(accessToken), ...cookie(access(accessToken), access(accessToken)) })).status, 200);
      });

      test("one refresh repairs both cookies with a 200 and a front token", async () => {
        const old = await at.byCookie();
        const { session, refreshToken, accessToken } = await at.byCookie({ userId: "bob" });
        const doubled = [access("x"), access(accessToken), refreshCookie("x"), refreshCookie(refreshToken)];
        const answer = await at.refresh({ rid: "session", ...cookie(...doubled) });
        assert.equal(answer.status, 200);
        assert.equal(decodeFrontToken(answer.frontToken).up.sessionHandle, session.handle);
        assert.deepEqual(answer.headers.cookies.slice(0, -2), [...clearing("sAccessToken", "/"), ...clearing("sRefreshToken", "/auth/session/refresh")]);
        assert.deepEqual(names(answer.headers.cookies.slice(-2)), ["sAccessToken", "sRefreshToken"]);
        assert.ok(answer.headers.cookies.slice(-2).every((line) => line.includes("Domain=.example.com") && !line.includes(EPOCH)));
        assert.equal(payloadOf(old.accessToken).sub, "alice");
      });

      test("beside a leftover of another session, the access token says which one it is; without it neither is used", async () => {
        const ended = await at.byCookie();
        await at.admin("revokeSession", { handle: ended.session.handle });
        for (const leftover of [ended, await at.byCookie()]) {
          const { session, refreshToken, accessToken } = await at.byCookie({ userId: "bob" });
          for (const pairs of [[leftover.refreshToken, refreshToken], [refreshToken, leftover.refreshToken]]) {
            const answer = await at.refresh(cookie(...pairs.map(refreshCookie), access(accessToken)));
            assert.equal(answer.status, 200);
            assert.equal(decodeFrontToken(answer.frontToken).up.sessionHandle, session.handle);
            const refused = await at.refresh(cookie(...pairs.map(refreshCookie)));
            assert.equal(refused.status, 401);
            assert.equal(refused.headers.other["front-token"], "remove");
          }
          assert.equal((await at.refresh(cookie(refreshCookie(refreshToken)))).status, 200, "it lives on");
        }
      });

      test("when no session lives, everything is cleared, on the older domain too: no loop", async () => {
        const answer = await at.refresh(cookie(refreshCookie("x"), refreshCookie("y"), access("x"), access("y")));
        assert.equal(answer.status, 401);
        assert.equal(answer.headers.other["front-token"], "remove");
        assert.deepEqual(answer.headers.cookies.slice(0, -2), [...clearing("sAccessToken", "/"), ...clearing("sRefreshToken", "/auth/session/refresh")]);
        assert.ok(answer.headers.cookies.every((line) => line.includes(EPOCH)));
      });
    });
  }
});

describe("with the tokens in __Host- cookies", () => {
  const at = browserApi({ API_DOMAIN: "https://api.example.com", HOST_PREFIXED_COOKIE: "true" });

  test("only those names are set, read and cleared", async () => {
    const { headers, accessToken, refreshToken } = await at.byCookie();
    for (const [i, name] of ["sAccessToken", "sRefreshToken"].entries()) {
      assert.match(headers.cookies[i], new RegExp(`^__Host-${name}=[^;]+; Path=/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$`));
    }
    assert.equal((await at.session(cookie(`__Host-sAccessToken=${accessToken}`))).status, 200);
    assert.equal((await at.session(cookie(access("tossed"), `__Host-sAccessToken=${accessToken}`))).status, 200);
    assert.equal((await at.session(cookie(access(accessToken)))).status, 401);
    assert.equal((await at.refresh(cookie(`__Host-sRefreshToken=${refreshToken}`))).status, 200);
    const out = await at.signOut(cookie(`__Host-sAccessToken=${accessToken}`));
    for (const [i, name] of ["sAccessToken", "sRefreshToken"].entries()) {
      assert.equal(out.headers.cookies[i], `__Host-${name}=; Path=/; Expires=${EPOCH}; HttpOnly; Secure; SameSite=Lax`);
    }
  });
});

describe("with another status for expired sessions, at the root path", () => {
  const at = browserApi({ SESSION_EXPIRED_STATUS_CODE: "440", API_BASE_PATH: "/" }, "");

  test("every 401 is that status, and the refresh cookie's path is /session/refresh", async () => {
    const { headers, accessToken } = await at.byCookie();
    assert.match(headers.cookies[1], /; Path=\/session\/refresh;/);
    for (const answer of [await at.session({}), await at.refresh({}), await at.signOut({}), await at.session(bearer(withBadSignature(accessToken)))]) {
      assert.equal(answer.status, 440);
    }
  });
});

describe("where browsers would drop the cookies", () => {
  const at = browserApi({ API_DOMAIN: "http://127.0.0.1:8787", WEBSITE_ORIGINS: ["http://other.example"] });

  test("a session by cookie is refused, naming the setting, before it exists; by header it is made", async () => {
    const create = (mode) => at.admin("createNewSessionForRequest", { request: { headers: { "st-auth-mode": mode } }, userId: "alice" });
    await assert.rejects(async () => await create("cookie"), /COOKIE_SAME_SITE/);
    assert.deepEqual(await at.it.objectIds("UserSessions"), []);
    assert.equal((await create("header")).status, "OK");
  });
});
