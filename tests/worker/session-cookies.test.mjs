// Whose session cookies are: those of a sibling site, of another deployment under one parent domain, and of before a change of
// a setting. Real browsers do the same in `tests/browser/sibling-sites.test.mjs`.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { EPOCH, access, bearer, browserApi, cookie, decodeFrontToken, names, refreshCookie } from "../support/browser.mjs";

const UNAUTHORISED = { status: "UNAUTHORISED", message: "unauthorised" };
const hostAccess = (token) => `__Host-${access(token)}`;
const hostRefresh = (token) => `__Host-${refreshCookie(token)}`;
const whose = (answer) => decodeFrontToken(answer.frontToken).uid;
const isCleared = (line) => line.includes(EPOCH);

/** A token that only looks newer: of the session, with a mark of authenticity that is none. */
const forged = (refreshToken) => refreshToken.replace(/\.\d+\.\d+\.([^.]+)$/, ".99.0.$1");

describe("a sibling site that plants cookies", () => {
  const at = browserApi({ API_DOMAIN: "https://app.example.com", ACCESS_TOKEN_VALIDITY: "1s", WEBSITE_ORIGINS: [] });

  test("a refresh stays with the session of the access token, expired or not", async () => {
    const [victim, mallory] = [await at.byCookie({ userId: "victim" }), await at.byCookie({ userId: "mallory" })];
    const planted = refreshCookie(mallory.refreshToken);
    for (const pairs of [[refreshCookie(victim.refreshToken), planted], [planted, refreshCookie(victim.refreshToken)]]) {
      const answer = await at.refresh(cookie(access(victim.accessToken), ...pairs));
      assert.deepEqual([answer.status, whose(answer)], [200, "victim"]);
    }
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const expired = await at.refresh(cookie(planted, refreshCookie(victim.refreshToken), access(victim.accessToken)));
    assert.deepEqual([expired.status, whose(expired)], [200, "victim"]);
    const byBearer = await at.refresh({ ...bearer(victim.accessToken), ...cookie(planted, refreshCookie(victim.refreshToken)) });
    assert.deepEqual([byBearer.status, whose(byBearer)], [200, "victim"]);
    const dead = [];
    for (let i = 0; i < 5; i++) {
      const one = await at.byCookie({ userId: "mallory" });
      await at.admin("revokeSession", { handle: one.session.handle });
      dead.push(refreshCookie(one.refreshToken));
    }
    const beside = await at.refresh(cookie(access(victim.accessToken), refreshCookie(victim.refreshToken), ...dead));
    assert.deepEqual([beside.status, whose(beside)], [200, "victim"]);
  });

  test("another session's refresh token alone is refused; so are two without a witness, and two witnesses", async () => {
    const [victim, mallory] = [await at.byCookie({ userId: "victim" }), await at.byCookie({ userId: "mallory" })];
    for (const pairs of [
      [access(victim.accessToken), refreshCookie(mallory.refreshToken)],
      [refreshCookie(victim.refreshToken), refreshCookie(mallory.refreshToken)],
      [refreshCookie(mallory.refreshToken), refreshCookie(victim.refreshToken)],
      [access(victim.accessToken), access(mallory.accessToken), refreshCookie(victim.refreshToken), refreshCookie(mallory.refreshToken)],
    ]) {
      const answer = await at.refresh(cookie(...pairs));
      assert.deepEqual([answer.status, answer.body], [401, UNAUTHORISED], names(pairs).join());
      assert.ok(answer.headers.cookies.length > 0 && answer.headers.cookies.every(isCleared));
    }
    for (const [{ refreshToken }, user] of [[victim, "victim"], [mallory, "mallory"]]) {
      assert.equal(whose(await at.refresh(cookie(refreshCookie(refreshToken)))), user, "neither was used");
    }
  });

  test("a forged token that only looks newer does not log out", async () => {
    const victim = await at.byCookie({ userId: "victim" });
    const answer = await at.refresh(cookie(refreshCookie(forged(victim.refreshToken)), refreshCookie(victim.refreshToken), access(victim.accessToken)));
    assert.deepEqual([answer.status, whose(answer)], [200, "victim"]);
  });
});

describe("with HOST_PREFIXED_COOKIE", () => {
  const at = browserApi({ API_DOMAIN: "https://app.example.com", HOST_PREFIXED_COOKIE: "true" });

  test("a plain cookie of a sibling changes nothing", async () => {
    const [victim, mallory] = [await at.byCookie({ userId: "victim" }), await at.byCookie({ userId: "mallory" })];
    const planted = [access(mallory.accessToken), refreshCookie(mallory.refreshToken)];
    const own = [hostAccess(victim.accessToken), hostRefresh(victim.refreshToken)];
    for (const pairs of [[...own, ...planted], [...planted, ...own], [own[1], ...planted], [own[1], planted[1]]]) {
      const answer = await at.refresh(cookie(...pairs));
      assert.deepEqual([answer.status, whose(answer)], [200, "victim"]);
    }
    for (const pairs of [[own[0], planted[1]], [own[0], ...planted], [planted[1]]]) {
      assert.deepEqual([(await at.refresh(cookie(...pairs))).status], [401], names(pairs).join());
    }
    assert.equal((await at.session(cookie(planted[0]))).status, 401);
    const seen = await at.session(cookie(planted[0], own[0]));
    assert.equal(seen.body.session.userId, "victim");
  });

  test("a session with plain cookies, of before the setting, is carried over by its refresh", async () => {
    const before = await at.byCookie({ userId: "carol" });
    for (const witness of [access(before.accessToken), hostAccess(before.accessToken)]) {
      const answer = await at.refresh(cookie(witness, refreshCookie(before.refreshToken)));
      assert.deepEqual([answer.status, whose(answer)], [200, "carol"]);
      const set = answer.headers.cookies.filter((line) => !isCleared(line));
      assert.deepEqual(names(set).toSorted(), ["__Host-sAccessToken", "__Host-sRefreshToken"]);
      for (const line of set) assert.match(line, /; Path=\/; .*; Secure/);
      assert.ok(answer.headers.cookies.includes(`sRefreshToken=; Path=/auth/session/refresh; Expires=${EPOCH}; HttpOnly; Secure; SameSite=Lax`));
      const carried = await at.refresh(cookie(hostRefresh(answer.refreshToken), hostAccess(answer.accessToken)));
      assert.equal(carried.status, 200);
    }
  });
});

describe("after HOST_PREFIXED_COOKIE was switched off", () => {
  const at = browserApi({ API_DOMAIN: "https://app.example.com" });

  test("a session with prefixed cookies goes on", async () => {
    const before = await at.byCookie({ userId: "carol" });
    assert.equal((await at.session(cookie(hostAccess(before.accessToken)))).status, 200);
    const answer = await at.refresh(cookie(hostAccess(before.accessToken), hostRefresh(before.refreshToken)));
    assert.deepEqual([answer.status, whose(answer)], [200, "carol"]);
    const [cleared, set] = [answer.headers.cookies.filter(isCleared), answer.headers.cookies.filter((line) => !isCleared(line))];
    assert.deepEqual(names(cleared).toSorted(), ["__Host-sAccessToken", "__Host-sRefreshToken"]);
    assert.deepEqual(names(set).toSorted(), ["sAccessToken", "sRefreshToken"]);
  });
});

for (const domain of ["", ".example.com"]) {
  describe(`two deployments under one parent domain, ours with COOKIE_DOMAIN "${domain}"`, () => {
    const ours = browserApi({ API_DOMAIN: "https://a.example.com", COOKIE_DOMAIN: domain, OLDER_COOKIE_DOMAIN: domain === "" ? ".example.com" : "" });
    const theirs = browserApi({ API_DOMAIN: "https://b.example.com", COOKIE_DOMAIN: ".example.com" });

    test("what is theirs is not read, not cleared, and does not ask for a refresh", async () => {
      const other = await theirs.byCookie({ userId: "mallory" });
      const alone = await ours.session(cookie(access(other.accessToken)));
      assert.deepEqual([alone.status, alone.body, alone.headers.cookies], [401, UNAUTHORISED, []]);
      const refused = await ours.refresh(cookie(access(other.accessToken), refreshCookie(other.refreshToken)));
      assert.deepEqual([refused.status, refused.headers.cookies, refused.headers.other["front-token"]], [401, [], "remove"]);

      const own = await ours.byCookie({ userId: "alice" });
      for (const pairs of [[own, other], [other, own]]) {
        const both = [...pairs.map((one) => access(one.accessToken)), ...pairs.map((one) => refreshCookie(one.refreshToken))];
        const seen = await ours.session(cookie(...both));
        assert.deepEqual([seen.status, seen.body.session?.userId], [200, "alice"]);
        const refreshed = await ours.refresh(cookie(...both));
        assert.deepEqual([refreshed.status, whose(refreshed)], [200, "alice"]);
        assert.ok(!refreshed.headers.cookies.some(isCleared), String(refreshed.headers.cookies));
      }
      await ours.admin("revokeSession", { handle: own.session.handle });
      const ended = await ours.refresh(cookie(...[other, own].map((one) => refreshCookie(one.refreshToken)), access(other.accessToken)));
      assert.equal(ended.status, 401);
      assert.deepEqual(names(ended.headers.cookies), ["sRefreshToken"], "ours, where ours is");
      assert.equal((await theirs.session(cookie(access(other.accessToken)))).status, 200);
    });

    test("the refresh token of a SuperTokens core elsewhere is not ours to clear", async () => {
      const core = refreshCookie("c2VjcmV0+x/y=.bm9uY2U.V2");
      const refused = await ours.refresh(cookie(core));
      assert.deepEqual([refused.status, names(refused.headers.cookies)], [401, ["sAccessToken"]]);
    });

    test("a legacy cookie on the parent domain makes no loop", async () => {
      const legacy = "sIdRefreshToken=x";
      const { accessToken } = await ours.byCookie();
      assert.equal((await ours.session(cookie(legacy, access(accessToken)))).status, 200);
      const refused = await ours.refresh(cookie(legacy));
      const lines = refused.headers.cookies.filter((line) => line.startsWith("sIdRefreshToken=") && isCleared(line));
      for (const wanted of [/sIdRefreshToken=; Path/, /Domain=a\.example\.com/, /Domain=\.?example\.com/]) assert.ok(lines.some((line) => wanted.test(line)), String(wanted));
    });
  });
}

describe("tokens for scripts, partitioned cookies, and what a sign-out clears", () => {
  const at = browserApi({
    API_DOMAIN: "https://api.example.com",
    COOKIE_SAME_SITE: "none",
    COOKIE_PARTITIONED: "true",
    EXPOSE_ACCESS_TOKEN_TO_FRONTEND_IN_COOKIE_BASED_AUTH: "true",
    CLEAR_SITE_DATA_ON_SIGN_OUT: "true",
  });

  test("each is done if its setting says so", async () => {
    const { headers, refreshToken, accessToken } = await at.byCookie();
    assert.equal(headers.other["st-access-token"], accessToken);
    assert.equal(headers.other["st-refresh-token"], undefined);
    assert.equal(headers.other["access-control-expose-headers"], "front-token, st-access-token");
    for (const line of headers.cookies) assert.match(line, /; Secure; SameSite=None; Partitioned$/);
    const refreshed = await at.refresh({ rid: "session", ...cookie(refreshCookie(refreshToken), access(accessToken)) });
    assert.equal(refreshed.headers.other["st-access-token"], refreshed.headers.cookies[0].split(/[=;]/)[1]);
    const out = await at.signOut({ rid: "session", ...cookie(access(refreshed.accessToken)) });
    assert.deepEqual([out.status, out.response.headers.get("clear-site-data")], [200, '"cache", "storage"']);
    for (const line of out.headers.cookies) assert.match(line, /; Partitioned$/);
  });
});
