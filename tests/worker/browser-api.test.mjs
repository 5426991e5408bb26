// The browser API, as its protocol says, on real requests: refresh, sign-out, verify; cookies and headers byte by byte.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  EPOCH, NOTHING, access, assertDate, bearer, browserApi, cookie, decodeFrontToken, names, payloadOf, refreshCookie, sleep, undated,
  withBadSignature,
} from "../support/browser.mjs";

const EXPOSE_ALL = "front-token, st-access-token, st-refresh-token";
const CLEARED_COOKIES = [
  `sAccessToken=; Path=/; Expires=${EPOCH}; HttpOnly; SameSite=Lax`,
  `sRefreshToken=; Path=/auth/session/refresh; Expires=${EPOCH}; HttpOnly; SameSite=Lax`,
];
const ALL_CLEARED = {
  cookies: CLEARED_COOKIES,
  other: { "front-token": "remove", "st-access-token": "", "st-refresh-token": "", "access-control-expose-headers": EXPOSE_ALL },
};
const UNAUTHORISED = { status: "UNAUTHORISED", message: "unauthorised" };
const TRY_REFRESH = { status: "TRY_REFRESH_TOKEN", message: "try refresh token" };

const YEAR = 365 * 86_400_000;
const HUNDRED_DAYS = 100 * 86_400_000;

describe("with the default settings", () => {
  const at = browserApi();

  test("a fresh browser's first refresh is told once and for all that there is no session", async () => {
    const first = await at.refresh({ rid: "session", "st-auth-mode": "cookie", "fdi-version": "1.16,4.1" });
    assert.equal(first.status, 401);
    assert.deepEqual(first.body, UNAUTHORISED);
    assert.deepEqual(first.headers, ALL_CLEARED);
    assert.equal(first.response.headers.get("www-authenticate"), "Bearer");
  });

  test("a session is created in the shape that the request asks for", async () => {
    for (const [mode, shape] of [["cookie", "cookies"], ["header", "headers"], ["x", "headers"], [undefined, "headers"]]) {
      const { headers, session, accessToken, refreshToken, lines } = await at.logIn(mode ? { "st-auth-mode": mode } : {});
      assert.deepEqual(names(headers.cookies), shape === "cookies" ? ["sAccessToken", "sRefreshToken"] : []);
      const tokens = shape === "cookies" ? [] : ["st-access-token", "st-refresh-token"];
      assert.deepEqual(Object.keys(headers.other), ["front-token", ...tokens, "access-control-expose-headers"]);
      assert.equal(headers.other["access-control-expose-headers"], ["front-token", ...tokens].join(", "));
      assert.ok(lines.some(([name, value]) => name === "cache-control" && value === "no-store"));
      assert.equal(payloadOf(accessToken).sessionHandle, session.handle);
      assert.match(refreshToken, /^[A-Za-z0-9._-]+$/);
    }
  });

  test("creating clears the other method if the request used it", async () => {
    const toCookie = await at.logIn({ "st-auth-mode": "cookie", authorization: "Bearer x" });
    assert.equal(toCookie.headers.other["st-access-token"], "");
    assert.equal(toCookie.headers.other["st-refresh-token"], "");
    const toHeader = await at.logIn({ "st-auth-mode": "header", cookie: "sAccessToken=x" });
    assert.deepEqual(toHeader.headers.cookies, CLEARED_COOKIES);
    assert.notEqual(toHeader.frontToken, "remove");
  });

  test("the front token is the access token's payload, to the letter", async () => {
    const jwtPayload = { name: "łukasz 馬 / 马", deep: { list: [1, 2.5, null] }, "??>>~~": "ÿ" };
    for (const mode of ["cookie", "header"]) {
      const { accessToken, frontToken } = await at.logIn({ "st-auth-mode": mode }, { jwtPayload });
      const { uid, ate, up } = decodeFrontToken(frontToken);
      assert.deepEqual(up, payloadOf(accessToken));
      assert.deepEqual([uid, ate, up.name], ["alice", up.exp * 1000, jwtPayload.name]);
    }
  });

  test("cookies are set byte by byte: Lax, host-only", async () => {
    const { headers, accessToken, refreshToken } = await at.byCookie();
    const [[first, firstDate], [second, secondDate]] = headers.cookies.map(undated);
    assert.equal(first, `sAccessToken=${accessToken}; Path=/; Expires=DATE; HttpOnly; SameSite=Lax`);
    assert.equal(second, `sRefreshToken=${refreshToken}; Path=/auth/session/refresh; Expires=DATE; HttpOnly; SameSite=Lax`);
    assertDate(firstDate, Date.now() + YEAR);
    assertDate(secondDate, Date.now() + HUNDRED_DAYS);
  });

  /** Bearer, cookie, and where the tokens of a success go; both tables of the protocol. */
  const REFRESH_TABLE = [
    [false, false, undefined],
    [false, true, "cookie"],
    [true, false, "header"],
    [true, true, "header"],
  ];
  for (const [byHeader, byCookie, goes] of REFRESH_TABLE) {
    test(`refresh, any method allowed: ${byHeader ? "bearer" : "no bearer"}, ${byCookie ? "cookie" : "no cookie"}`, async () => {
      const { refreshToken } = await at.byHeader();
      const sent = (token) => ({ ...(byHeader && bearer(token)), ...(byCookie && cookie(refreshCookie(token))) });
      const good = await at.refresh(sent(refreshToken));
      if (goes === undefined) {
        assert.equal(good.status, 401);
        assert.deepEqual(good.headers, ALL_CLEARED);
        return;
      }
      assertRefreshed(good, goes, byHeader && byCookie);
      const bad = await at.refresh(sent(`${refreshToken}x`));
      assert.equal(bad.status, 401);
      assert.deepEqual(bad.body, UNAUTHORISED);
      assert.deepEqual(bad.headers, ALL_CLEARED);
    });
  }

  test("a refresh answers by the method of its token, whatever the SDK is set to", async () => {
    const byCookie = await at.byCookie();
    const toCookie = await at.refresh({ "st-auth-mode": "header", ...cookie(refreshCookie(byCookie.refreshToken)) });
    assertRefreshed(toCookie, "cookie", false);
    const byHeader = await at.byHeader();
    assertRefreshed(await at.refresh({ "st-auth-mode": "cookie", ...bearer(byHeader.refreshToken) }), "header", false);
  });

  test("refresh tokens are read only where the protocol says", async () => {
    const { refreshToken } = await at.byHeader();
    for (const headers of [{ "st-refresh-token": refreshToken }, cookie(access(refreshToken)), cookie("sRefreshToken=")]) {
      assert.equal((await at.refresh(headers)).status, 401);
    }
    assert.equal((await at.refresh(bearer(refreshToken))).status, 200);
  });

  test("the refreshed session is the same one, and the new access token works at once", async () => {
    const { session, refreshToken } = await at.byCookie({ jwtPayload: { role: "editor" } });
    const { accessToken } = await at.refresh(cookie(refreshCookie(refreshToken)));
    const { status, body } = await at.session(cookie(access(accessToken)));
    assert.equal(status, 200);
    assert.deepEqual(body, { session: { handle: session.handle, issuer: "own", userId: "alice", tenantId: "public", jwtPayload: { role: "editor" } } });
  });

  /** Header token, cookie token, and what answers. Letters: G good, B bad signature, X no token of ours, - none. */
  const VERIFY_TABLE = [
    ["-", "-", 401, UNAUTHORISED],
    ["X", "-", 401, UNAUTHORISED],
    ["-", "X", 401, UNAUTHORISED],
    ["X", "X", 401, UNAUTHORISED],
    ["G", "-", 200],
    ["-", "G", 200],
    ["G", "G", 200],
    ["X", "G", 200],
    ["G", "X", 200],
    ["B", "-", 401, TRY_REFRESH],
    ["-", "B", 401, TRY_REFRESH],
    ["B", "G", 200],
    ["X", "B", 401, TRY_REFRESH],
  ];
  for (const [inHeader, inCookie, status, body] of VERIFY_TABLE) {
    test(`verify: header ${inHeader}, cookie ${inCookie} is ${status}`, async () => {
      const { accessToken } = await at.byHeader();
      const foreign = `e30.${Buffer.from('{"sub":"x","exp":9999999999,"iat":1}').toString("base64url")}.c2ln`;
      const tokens = { G: accessToken, B: withBadSignature(accessToken), X: foreign };
      const answer = await at.session({
        ...(inHeader !== "-" && bearer(tokens[inHeader])),
        ...(inCookie !== "-" && cookie(access(tokens[inCookie]))),
      });
      assert.equal(answer.status, status);
      if (body) assert.deepEqual(answer.body, body);
      assert.deepEqual(answer.headers, NOTHING);
      const challenge = status === 200 ? null : body === UNAUTHORISED ? "Bearer" : 'Bearer error="invalid_token"';
      assert.equal(answer.response.headers.get("www-authenticate"), challenge);
    });
  }

  test("garbage for a token is no token, and clears nothing", async () => {
    for (const garbage of ["", "x", "a.b.c", "%E0%A4%A", "..", "e30.e30.", "ey".repeat(3_000)]) {
      const answer = await at.session(cookie(access(garbage)));
      assert.equal(answer.status, 401, garbage);
      assert.deepEqual(answer.body, UNAUTHORISED);
      assert.deepEqual(answer.headers, NOTHING);
    }
  });

  test("of access tokens of two sessions the one in Authorization decides; two in one header are bad input", async () => {
    const [first, second] = [await at.byHeader(), await at.byHeader()];
    const two = await at.session({ ...bearer(first.accessToken), ...cookie(access(second.accessToken)) });
    assert.deepEqual([two.status, two.body.session.handle], [200, first.session.handle]);
    const doubled = await at.session({ authorization: `Bearer ${first.accessToken}, Bearer ${second.accessToken}` });
    assert.equal(doubled.status, 400);
    for (const answer of [two, doubled]) assert.deepEqual(answer.headers, NOTHING);
  });

  test("a Bearer that is refused, or is nothing to us, does not lock out whoever has a good cookie", async () => {
    const { session, accessToken } = await at.byCookie();
    const ended = await at.byHeader();
    await at.admin("revokeSession", { handle: ended.session.handle });
    for (const token of ["opaque", "a.b.c", withBadSignature(accessToken), ended.accessToken]) {
      const answer = await at.session({ ...bearer(token), ...cookie(access(accessToken)) });
      assert.deepEqual([answer.status, answer.body.session?.handle], [200, session.handle], token);
      assert.deepEqual(answer.headers, NOTHING);
    }
    const out = await at.signOut({ ...bearer(ended.accessToken), ...cookie(access(accessToken)) });
    assert.equal(out.status, 200, "nor does it keep anybody from signing out");
    const refused = await at.session({ ...bearer(withBadSignature(accessToken)), ...cookie(access("garbage")) });
    assert.deepEqual([refused.status, refused.body], [401, TRY_REFRESH]);
  });

  test("a Bearer that is no refresh token of ours does not hide the cookie that is", async () => {
    const { session, refreshToken, accessToken } = await at.byCookie();
    for (const token of ["opaque", "e30.e30.e30", accessToken]) {
      const answer = await at.refresh({ ...bearer(token), ...cookie(refreshCookie(refreshToken)) });
      assert.deepEqual([answer.status, decodeFrontToken(answer.frontToken).up.sessionHandle], [200, session.handle]);
    }
  });

  test("a session that has ended is refused where it is looked up, and its tokens are cleared", async () => {
    const { session, accessToken, refreshToken } = await at.byCookie();
    await at.admin("revokeSession", { handle: session.handle });
    const gone = await at.session(cookie(access(accessToken)));
    assert.equal(gone.status, 401);
    assert.deepEqual(gone.body, UNAUTHORISED);
    assert.deepEqual(gone.headers, ALL_CLEARED);
    const refreshed = await at.refresh(cookie(refreshCookie(refreshToken)));
    assert.equal(refreshed.status, 401);
    assert.deepEqual(refreshed.headers, ALL_CLEARED);
  });

  test("signing out by cookie clears the cookies, by header the headers, and ends the session", async () => {
    const byCookie = await at.byCookie();
    const outByCookie = await at.signOut({ rid: "anti-csrf", ...cookie(access(byCookie.accessToken)) });
    assert.equal(outByCookie.status, 200);
    assert.deepEqual(outByCookie.body, { status: "OK" });
    assert.deepEqual(outByCookie.headers, {
      cookies: CLEARED_COOKIES,
      other: { "front-token": "remove", "access-control-expose-headers": "front-token" },
    });
    const byHeader = await at.byHeader();
    const outByHeader = await at.signOut(bearer(byHeader.accessToken));
    assert.deepEqual(outByHeader.headers, { ...ALL_CLEARED, cookies: [] });
    for (const { refreshToken } of [byCookie, byHeader]) assert.equal((await at.refresh(bearer(refreshToken))).status, 401);
  });

  test("signing out of a session that has ended already is no mistake; without a token it is 401 and clears nothing", async () => {
    const { session, accessToken } = await at.byCookie();
    await at.admin("revokeSession", { handle: session.handle });
    const again = await at.signOut(cookie(access(accessToken)));
    assert.equal(again.status, 200);
    assert.deepEqual(again.body, { status: "OK" });
    for (const [headers, body] of [[{}, UNAUTHORISED], [cookie(access(withBadSignature(accessToken))), TRY_REFRESH]]) {
      const refused = await at.signOut(headers);
      assert.equal(refused.status, 401);
      assert.deepEqual(refused.body, body);
      assert.deepEqual(refused.headers, NOTHING);
    }
  });

  test("signing out everywhere ends every session of the user", async () => {
    const userId = "bob";
    const [one, two] = [await at.byCookie({ userId }), await at.byHeader({ userId })];
    const { revoked } = await at.admin("revokeAllSessionsForUser", { userId });
    assert.deepEqual(revoked.toSorted(), [one.session.handle, two.session.handle].sort());
    for (const { refreshToken } of [one, two]) assert.equal((await at.refresh(bearer(refreshToken))).status, 401);
  });

  test("the legacy cookie asks for a refresh, which takes it away", async () => {
    const { accessToken, refreshToken } = await at.byCookie();
    const legacy = "sIdRefreshToken=anything";
    const cleared = `sIdRefreshToken=; Path=/; Expires=${EPOCH}; HttpOnly; SameSite=Lax`;
    for (const headers of [cookie(legacy, access(accessToken)), { ...bearer(accessToken), ...cookie(legacy) }]) {
      assert.equal((await at.session(headers)).status, 200, "where a token of ours is, it says nothing");
    }
    for (const headers of [cookie(legacy), cookie(legacy, access("garbage"))]) {
      const verified = await at.session(headers);
      assert.equal(verified.status, 401);
      assert.deepEqual(verified.body, TRY_REFRESH);
      assert.deepEqual(verified.headers, NOTHING);
    }
    const refreshed = await at.refresh(cookie(legacy, refreshCookie(refreshToken)));
    assert.equal(refreshed.status, 200);
    assert.ok(refreshed.headers.cookies.includes(cleared));
    const refused = await at.refresh(cookie(legacy));
    assert.equal(refused.status, 401);
    assert.ok(refused.headers.cookies.includes(cleared));
  });

  test("cookie headers of any kind break nothing", async () => {
    const { accessToken, refreshToken } = await at.byCookie();
    const noise = {
      "broken escapes": "a=%zz; b=%E0%A4%A; c=%",
      quotes: 'a="x; b=""; c="y"',
      "nothing but separators": ";;;=;==;  ; =x",
      "a name that is an object's": "__proto__=1; constructor=2; toString=3",
      "thousands of pairs": Array.from({ length: 4_000 }, (_, i) => `c${i}=${i}`).join("; "),
      "64 KB in one": `big=${"x".repeat(65_000)}`,
      "bytes beyond ASCII": "ü=ÿ; é=%FF",
    };
    for (const [kind, text] of Object.entries(noise)) {
      for (const pairs of [[text, access(accessToken)], [access(accessToken), text], [text, `sAccessToken="${accessToken}"`]]) {
        assert.equal((await at.session(cookie(...pairs))).status, 200, kind);
      }
      assert.equal((await at.session(cookie(text))).status, 401, kind);
    }
    const { status } = await at.refresh(cookie(noise["broken escapes"], refreshCookie(refreshToken), noise["thousands of pairs"]));
    assert.equal(status, 200);
  });

  test("nothing but the key and discovery documents may be kept by a cache", async () => {
    const { accessToken } = await at.byHeader();
    for (const answer of [
      await at.session({}),
      await at.session(bearer(accessToken)),
      await at.refresh({}),
      await at.signOut({}),
      await at.signOut(bearer(accessToken)),
      await at.ask("GET", "/auth/healthz"),
      await at.ask("GET", "/auth/nothing"),
      await at.ask("PUT", "/auth/signout"),
      await at.ask("OPTIONS", "/auth/signout"),
    ]) {
      assert.equal(answer.response.headers.get("cache-control"), "no-store");
    }
    for (const path of ["/auth/jwt/jwks.json", "/auth/.well-known/openid-configuration"]) {
      const { status, response } = await at.ask("GET", path);
      assert.equal(status, 200);
      assert.match(response.headers.get("cache-control"), /^max-age=\d+, must-revalidate$/);
      assert.equal(response.headers.get("access-control-allow-origin"), "*");
    }
  });

  test("paths and methods are matched as they are written; one slash at the end is nothing", async () => {
    const { refreshToken } = await at.byHeader();
    for (const [method, path, status] of [
      ["POST", "/auth/session/refresh/", 200],
      ["POST", "/auth/session/refresh?x=1", 200],
      ["POST", "/Auth/session/refresh", 404],
      ["POST", "/auth/session/refresh//", 404],
      ["GET", "/auth/session/refresh", 405],
      ["GET", "/auth/signout", 405],
      ["POST", "/auth/session", 405],
      ["DELETE", "/auth/session", 405],
    ]) {
      assert.equal((await at.ask(method, path, bearer(refreshToken))).status, status, `${method} ${path}`);
    }
  });

  test("twenty refreshes at once with one token all succeed, and every one of the new tokens lives on", async () => {
    const { refreshToken } = await at.byCookie();
    const answers = await Promise.all(Array.from({ length: 20 }, () => at.refresh(cookie(refreshCookie(refreshToken)))));
    assert.deepEqual(answers.map(({ status }) => status), Array(20).fill(200));
    // Lost and reordered answers: the browser may be left with any of them.
    const again = await Promise.all(answers.map((answer) => at.refresh(cookie(refreshCookie(answer.refreshToken)))));
    assert.deepEqual(again.map(({ status }) => status), Array(20).fill(200));
  });

  test("the size budget: a payload whose tokens a browser would drop is refused with both numbers, and no session is made", async () => {
    const objects = (await at.it.objectIds("UserSessions")).length;
    const userId = "has-no-session-yet";
    for (const mode of ["cookie", "header"]) {
      const request = { headers: { "st-auth-mode": mode } };
      const create = (length) => at.admin("createNewSessionForRequest", { request, userId, jwtPayload: { text: "x".repeat(length) } });
      await assert.rejects(create(3_000), (err) => {
        assert.equal(err.name, "TypeError");
        const [, size, limit] = err.message.match(/would take (\d+) bytes; the limit is (\d+) bytes/) ?? [];
        assert.ok(Number(size) > Number(limit) && Number(limit) <= 4096, err.message);
        return true;
      });
      assert.equal((await at.it.objectIds("UserSessions")).length, objects);
    }
    // The largest that is taken fits: every cookie that the browser and its SDK make of it is within 4,096 bytes.
    let [most, least] = [3_000, 0];
    const request = { headers: { "st-auth-mode": "cookie" } };
    const create = (length) =>
      at.admin("createNewSessionForRequest", { request, userId, jwtPayload: { text: "x".repeat(length) } }).catch(() => undefined);
    while (most - least > 1) {
      const middle = Math.floor((most + least) / 2);
      if (await create(middle)) least = middle;
      else most = middle;
    }
    const largest = await create(least);
    const cookies = largest.headers.filter(([name]) => name === "set-cookie").map(([, value]) => value);
    const frontToken = largest.headers.find(([name]) => name === "front-token")[1];
    cookies.push(`sFrontToken=${frontToken};expires=Fri, 31 Dec 9999 23:59:59 GMT;path=/;samesite=none;secure`);
    const longest = Math.max(...cookies.map((line) => line.length));
    assert.ok(longest <= 4096 && longest > 4000, String(longest));
  });

  test("what a login route sends is checked by name", async () => {
    for (const [argument, message] of [
      [{ userId: "u" }, /createNewSessionForRequest: "request" must be an object with "headers"/],
      [{ userId: "u", request: {} }, /"request" must be/],
      [{ userId: "u", request: { headers: { cookie: 1 } } }, /"cookie" must be a string/],
      [{ request: { headers: {} } }, /"userId" must be a string/],
    ]) {
      await assert.rejects(async () => await at.admin("createNewSessionForRequest", argument), (err) => err.name === "TypeError" && message.test(err.message));
    }
  });
});

/** @param {boolean} clearsOther that the request carried a token by the other method too */
function assertRefreshed(answer, goes, clearsOther) {
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, {});
  const { cookies, other } = answer.headers;
  assert.equal(decodeFrontToken(other["front-token"]).uid, "alice");
  if (goes === "cookie") {
    assert.deepEqual(names(cookies), ["sAccessToken", "sRefreshToken"]);
    assert.ok(cookies.every((line) => !line.includes(EPOCH)));
    assert.deepEqual([other["st-access-token"], other["st-refresh-token"]], clearsOther ? ["", ""] : [undefined, undefined]);
  } else {
    assert.deepEqual(cookies, clearsOther ? CLEARED_COOKIES : []);
    assert.ok(other["st-access-token"] && other["st-refresh-token"]);
    assert.equal(other["access-control-expose-headers"], EXPOSE_ALL);
  }
}

describe("with one transfer method allowed", () => {
  for (const allowed of ["cookie", "header"]) {
    describe(allowed, () => {
      const at = browserApi({ TOKEN_TRANSFER_METHOD: allowed });

      for (const [byHeader, byCookie] of [[false, false], [false, true], [true, false], [true, true]]) {
        test(`refresh: ${byHeader ? "bearer" : "no bearer"}, ${byCookie ? "cookie" : "no cookie"}`, async () => {
          const { refreshToken } = await at.logIn({});
          const answer = await at.refresh({ ...(byHeader && bearer(refreshToken)), ...(byCookie && cookie(refreshCookie(refreshToken))) });
          if (allowed === "cookie" ? byCookie : byHeader) return assertRefreshed(answer, allowed, byHeader && byCookie);
          assert.equal(answer.status, 401);
          assert.deepEqual(answer.headers, ALL_CLEARED);
        });
      }

      test("verify looks only there, and a new session goes only there", async () => {
        const { accessToken, headers } = await at.logIn({ "st-auth-mode": allowed === "cookie" ? "header" : "cookie" });
        assert.equal(headers.cookies.length, allowed === "cookie" ? 2 : 0);
        assert.equal((await at.session(bearer(accessToken))).status, allowed === "header" ? 200 : 401);
        assert.equal((await at.session(cookie(access(accessToken)))).status, allowed === "cookie" ? 200 : 401);
      });
    });
  }
});

describe("with access tokens of one second", () => {
  const at = browserApi({ ACCESS_TOKEN_VALIDITY: "1s" });

  test("an expired token is 401 try refresh token and clears nothing; a refresh and the request again are 200", async () => {
    const { accessToken, refreshToken } = await at.byCookie();
    await sleep(2_100);
    for (const headers of [cookie(access(accessToken)), bearer(accessToken)]) {
      for (const answer of [await at.session(headers), await at.signOut(headers)]) {
        assert.equal(answer.status, 401);
        assert.deepEqual(answer.body, TRY_REFRESH);
        assert.deepEqual(answer.headers, NOTHING);
      }
    }
    const refreshed = await at.refresh(cookie(refreshCookie(refreshToken)));
    assert.equal(refreshed.status, 200);
    assert.equal((await at.signOut(cookie(access(refreshed.accessToken)))).status, 200);
  });

  test("an expired token in the header asks for a refresh, and does not lock out whoever has a good cookie", async () => {
    const old = await at.byHeader();
    await sleep(2_100);
    const alone = await at.session(bearer(old.accessToken));
    assert.deepEqual([alone.status, alone.body], [401, TRY_REFRESH]);
    const { session, accessToken } = await at.byCookie();
    const beside = await at.session({ ...bearer(old.accessToken), ...cookie(access(accessToken)) });
    assert.deepEqual([beside.status, beside.body.session.handle], [200, session.handle]);
  });
});
