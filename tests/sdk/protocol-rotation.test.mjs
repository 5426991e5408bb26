// Rotation, verify and regenerate as the protocol's tables have them: R1 to R6 and C1 to C8 up to version 5.5, cases 1
// to 4c of version 5.6, and sessions that are served by both.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startCore } from "./support/core.mjs";
import { decode, sha256, signerOf } from "./support/tokens.mjs";

const LAZY = ["2.7", "2.8", "2.9", "2.10", "2.11", "2.12", "2.13", "2.14", "2.15", "2.16", "2.17", "2.18", "2.19", "2.20", "2.21", "3.0", "3.1", "4.0", "5.0", "5.1", "5.2", "5.3", "5.4", "5.5"];
const GRACE_MS = 1_000;

let core;
let lenient;
before(async () => {
  [core, lenient] = await Promise.all([
    startCore({ REFRESH_GRACE_PERIOD: `${GRACE_MS}ms` }),
    startCore({ REFRESH_GRACE_PERIOD: "0s", RECENT_TOKEN_REUSE_BEHAVIOUR: "UNAUTHORISED", ACCESS_TOKEN_VALIDITY: "1s", REFRESH_TOKEN_VALIDITY: "4s" }),
  ]);
});
after(() => Promise.all([core, lenient].map((each) => each.close())));

const good = (answer, status = "OK") => {
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.status, status, answer.text);
  return answer.json;
};
/** The calls of one version. */
const speak = (cdi, at = () => core) => {
  const post = (path, body) => at().call(cdi, "POST", `/recipe/session${path}`, body);
  return {
    create: async (more = {}) =>
      good(await post("", { userId: "u", userDataInJWT: { a: 1 }, userDataInDatabase: {}, enableAntiCsrf: false, useDynamicSigningKey: true, ...more })),
    refresh: (refreshToken, more = {}) => post("/refresh", { refreshToken, enableAntiCsrf: false, useDynamicSigningKey: true, ...more }),
    verify: (accessToken, more = {}) => post("/verify", { accessToken, doAntiCsrfCheck: true, enableAntiCsrf: false, checkDatabase: false, ...more }),
    regenerate: (accessToken, userDataInJWT) => post("/regenerate", { accessToken, userDataInJWT }),
    remove: async (handle) => good(await post("/remove", { sessionHandles: [handle] })).sessionHandlesRevoked,
    put: async (sessionHandle, userDataInJWT) => good(await at().call(cdi, "PUT", "/recipe/jwt/data", { sessionHandle, userDataInJWT })),
    data: async (handle) => (await at().call(cdi, "GET", `/recipe/session/data?sessionHandle=${handle}`)).json.status,
  };
};
const [R, A] = [(issued) => issued.refreshToken.token, (issued) => issued.accessToken.token];
const parentOf = (token) => decode(token).payload.parentRefreshTokenHash1 ?? null;

for (const cdi of LAZY) {
  const { create, refresh, verify, regenerate, remove, put, data } = speak(cdi);
  const current = Number(cdi.split(".")[1]) >= 21 || Number(cdi.split(".")[0]) > 2;

  test(`${cdi}: refresh, rows R1 to R6`, async () => {
    for (const token of ["", "x", "a.b.c"]) good(await refresh(token), "UNAUTHORISED"); // R1
    const bound = await create({ enableAntiCsrf: true });
    for (const antiCsrfToken of [undefined, "", "wrong"]) good(await refresh(R(bound), { enableAntiCsrf: true, antiCsrfToken }), "UNAUTHORISED"); // R2
    good(await refresh(R(bound), { enableAntiCsrf: true, antiCsrfToken: bound.antiCsrfToken }));
    const unbound = await create();
    assert.equal(typeof good(await refresh(R(unbound), { enableAntiCsrf: true })).antiCsrfToken, "string");
    const ended = await create();
    await remove(ended.session.handle);
    good(await refresh(R(ended)), "UNAUTHORISED"); // R3

    const first = await create();
    const children = [good(await refresh(R(first))), good(await refresh(R(first)))]; // R4, as often as one likes
    assert.notEqual(R(children[0]), R(children[1]));
    for (const child of children) {
      assert.equal(decode(A(child)).payload.refreshTokenHash1, sha256(R(child)));
      assert.equal(parentOf(A(child)), sha256(R(first)));
    }
    const grandchild = good(await refresh(R(children[1]))); // R5
    assert.equal(parentOf(A(grandchild)), sha256(R(children[1])));
    const theft = good(await refresh(R(first)), "TOKEN_THEFT_DETECTED"); // R6
    const { handle, userId } = first.session;
    assert.deepEqual(theft, { status: "TOKEN_THEFT_DETECTED", session: { handle, userId, recipeUserId: userId } });
    assert.equal(await data(handle), "UNAUTHORISED");
    const second = await create();
    const [winner, loser] = [good(await refresh(R(second))), good(await refresh(R(second)))];
    good(await refresh(R(winner)));
    good(await refresh(R(loser)), "TOKEN_THEFT_DETECTED"); // a sibling of the promoted child
  });

  test(`${cdi}: verify, rows C1 to C8`, async () => {
    const first = await create({ enableAntiCsrf: true });
    const checked = (antiCsrfToken) => verify(A(first), { enableAntiCsrf: true, antiCsrfToken });
    for (const antiCsrfToken of [undefined, "wrong"]) good(await checked(antiCsrfToken), "TRY_REFRESH_TOKEN"); // C1
    good(await checked(first.antiCsrfToken));
    good(await verify(A(first), { enableAntiCsrf: true, doAntiCsrfCheck: false }));
    good(await verify("nonsense"), "TRY_REFRESH_TOKEN");
    good(await verify(A(await create()), { enableAntiCsrf: true, antiCsrfToken: "x" }), "TRY_REFRESH_TOKEN"); // wanted, and null in the token

    assert.equal(good(await verify(A(first))).accessToken, undefined); // C3
    if (current) {
      assert.equal(good(await verify(A(first), { checkDatabase: true })).accessToken, undefined); // C3
      await put(first.session.handle, { a: 2 });
      const seven = good(await verify(A(first), { checkDatabase: true })); // C7
      assert.deepEqual(seven.session.userDataInJWT, { a: 2 });
      assert.equal(decode(A(seven)).payload.a, 2);
      await put(first.session.handle, { b: [{ y: 1, x: 2 }], a: 1 });
      const reordered = good(await verify(A(good(await regenerate(A(first), { a: 1, b: [{ x: 2, y: 1 }] }))), { checkDatabase: true }));
      assert.equal(reordered.accessToken, undefined);
      assert.equal(decode(A(seven)).payload.antiCsrfToken, first.antiCsrfToken);
    }

    const old = await create();
    const [child, sibling] = [good(await refresh(R(old))), good(await refresh(R(old)))];
    const five = good(await verify(A(child))); // C5
    assert.equal(parentOf(A(five)), null);
    assert.equal(decode(A(five)).payload.refreshTokenHash1, sha256(R(child)));
    assert.equal(decode(A(five)).header.version, decode(A(child)).header.version);
    assert.equal(decode(A(five)).header.kid, decode(A(child)).header.kid);
    assert.equal(good(await verify(A(five))).accessToken, undefined); // C3 again
    assert.equal(parentOf(A(good(await verify(A(child))))), null); // C6: asked again
    const eight = good(await verify(A(sibling))); // C8
    assert.equal(eight.accessToken, undefined);
    good(await verify(A(old))); // of the generation before: until it expires
    good(await refresh(R(old)), "TOKEN_THEFT_DETECTED"); // promotion has ended it
    good(await verify(A(child)), "UNAUTHORISED"); // C4
    if (current) good(await verify(A(old), { checkDatabase: true }), "UNAUTHORISED"); // C2
  });

  test(`${cdi}: regenerate`, async () => {
    const first = await create({ enableAntiCsrf: true });
    const child = good(await refresh(R(first), { enableAntiCsrf: true, antiCsrfToken: first.antiCsrfToken }));
    const regenerated = good(await regenerate(A(child), { c: 1 }));
    assert.deepEqual(regenerated.session.userDataInJWT, { c: 1 });
    const [before, now] = [decode(A(child)), decode(A(regenerated))];
    for (const claim of ["sessionHandle", "refreshTokenHash1", "parentRefreshTokenHash1", "antiCsrfToken"]) {
      assert.equal(now.payload[claim], before.payload[claim], claim);
    }
    assert.equal(regenerated.accessToken.expiry, child.accessToken.expiry);
    assert.equal(now.header.version, before.header.version);
    assert.deepEqual(good(await regenerate(A(regenerated))).session.userDataInJWT, { c: 1 });
    assert.equal(parentOf(A(good(await verify(A(regenerated), { enableAntiCsrf: true, antiCsrfToken: child.antiCsrfToken })))), null);
    good(await refresh(R(first), { enableAntiCsrf: true, antiCsrfToken: first.antiCsrfToken }), "TOKEN_THEFT_DETECTED");
    good(await regenerate(A(regenerated), { d: 1 }), "UNAUTHORISED");
  });
}

const newest = speak("5.6");

test("5.6: refresh, cases 1 to 4c", async () => {
  const { create, refresh, data } = newest;
  const first = await create();
  const second = good(await refresh(R(first))); // 1
  assert.equal(parentOf(A(second)), null);
  const retried = good(await refresh(R(first))); // 3: within the window
  good(await refresh(R(retried)));
  await sleep(GRACE_MS + 200);
  assert.equal(good(await refresh(R(first)), "TOKEN_THEFT_DETECTED").recentTokenReuseSubtype, "STALE_LINEAGE"); // 4c: two generations old
  assert.equal(await data(first.session.handle), "UNAUTHORISED");
  good(await refresh(R(retried)), "UNAUTHORISED");

  const left = await create();
  good(await refresh(R(left)));
  await sleep(GRACE_MS + 200);
  const recent = good(await refresh(R(left)), "TOKEN_THEFT_DETECTED"); // 4a: the window is over
  assert.deepEqual(recent, { status: "TOKEN_THEFT_DETECTED", session: { handle: left.session.handle, userId: "u", recipeUserId: "u" }, recentTokenReuseSubtype: "RECENT_PREV" });
  assert.equal(await data(left.session.handle), "UNAUTHORISED");

  const root = await create();
  const [used, orphan] = [good(await refresh(R(root))), good(await refresh(R(root)))];
  good(await refresh(R(used)));
  assert.equal(good(await refresh(R(orphan)), "TOKEN_THEFT_DETECTED").recentTokenReuseSubtype, "ORPHANED_BRANCH"); // 4b
  assert.equal(await data(root.session.handle), "UNAUTHORISED");
});

test("5.6: verify never mints; with the database asked, only the living branch is good", async () => {
  const { create, refresh, verify } = newest;
  const first = await create();
  const [used, orphan] = [good(await refresh(R(first))), good(await refresh(R(first)))];
  good(await refresh(R(used)));
  for (const each of [first, used, orphan]) assert.deepEqual(Object.keys(good(await verify(A(each)))).sort(), ["session", "status"]);
  assert.deepEqual(good(await verify(A(used), { checkDatabase: true })).payloadUpdateAvailable, false);
  good(await verify(A(orphan), { checkDatabase: true }), "UNAUTHORISED");
});

test("5.6: recent reuse is UNAUTHORISED where the setting says so, and the session has ended all the same", async () => {
  const { create, refresh, data } = speak("5.6", () => lenient);
  const old = speak("5.4", () => lenient);
  const first = await create();
  good(await refresh(R(first)));
  await sleep(20);
  const answer = good(await refresh(R(first)), "UNAUTHORISED");
  assert.equal(answer.recentTokenReuseSubtype, "RECENT_PREV");
  assert.equal(await data(first.session.handle), "UNAUTHORISED");
  // Versions that do not know the setting report theft.
  const root = await old.create();
  const [used, orphan] = [good(await old.refresh(R(root))), good(await old.refresh(R(root)))];
  good(await old.refresh(R(used)));
  good(await old.refresh(R(orphan)), "TOKEN_THEFT_DETECTED");
});

test("one session served by 5.4 and 5.6", async () => {
  const lazy = speak("5.4");
  const first = await lazy.create();
  const child = good(await lazy.refresh(R(first)));
  const eager = good(await newest.refresh(R(child))); // 2: a child left by the older version
  assert.equal(parentOf(A(eager)), null);
  good(await newest.refresh(R(child))); // 3
  good(await lazy.verify(A(eager), { checkDatabase: true }));
  const next = good(await lazy.refresh(R(eager)));
  assert.equal(parentOf(A(next)), sha256(R(eager)));
  assert.equal(parentOf(A(good(await lazy.verify(A(next))))), null);
  good(await newest.refresh(R(first)), "TOKEN_THEFT_DETECTED");
});

test("an old session becomes new at its refresh, and its tokens verify in every version", async () => {
  const [old, today] = [speak("2.18"), speak("5.4")];
  const first = await old.create();
  assert.equal(decode(A(first)).header.version, "2");
  good(await today.verify(A(first)));
  const refreshed = good(await today.refresh(R(first)));
  assert.equal(decode(A(refreshed)).header.version, "5");
  good(await old.verify(A(refreshed)));
  await old.remove(first.session.handle);
  good(await today.verify(A(first), { checkDatabase: true }), "UNAUTHORISED");
});

test("access tokens expire, refreshes slide the session's expiry, and an expired session is gone", async () => {
  const { create, refresh, verify, regenerate, data } = speak("5.4", () => lenient);
  const first = await create();
  await sleep(2_100);
  good(await verify(A(first)), "TRY_REFRESH_TOKEN");
  assert.equal(good(await regenerate(A(first), { late: 1 })).accessToken, undefined);
  const child = good(await refresh(R(first)));
  assert.deepEqual(child.session.userDataInJWT, { late: 1 });
  good(await verify(A(child)));
  await sleep(2_500);
  assert.equal(await data(first.session.handle), "OK", "promoted, so its expiry has moved");
  await sleep(1_700);
  assert.equal(await data(first.session.handle), "UNAUTHORISED");
  good(await refresh(R(child)), "UNAUTHORISED");
});

test("the keys of tokens, whatever the version, are all in the JWK Set", async () => {
  const { keys } = (await core.call(undefined, "GET", "/.well-known/jwks.json")).json;
  assert.deepEqual(keys.map(({ kid }) => kid.slice(0, 2)).sort(), ["d-", "s-"]);
  for (const cdi of ["2.18", "5.4"]) assert.ok(signerOf(A(await speak(cdi).create()), keys));
});
