// Outages of ours: keys, objects or KV out of reach are 503, never 401, and nothing rotates meanwhile (invariant I9).
// At `strict`; what `within` survives is in freshness.test.mjs.
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";

import { startWithCaller } from "../support/rpc.mjs";

let postern;
let alice;
before(async () => {
  postern = await startWithCaller({ FRESHNESS: "strict" });
  alice = await postern.admin("createNewSession", { userId: "alice", jwtPayload: { a: 1 }, sessionData: { kept: true } });
  await postern.fetch("/auth/jwt/jwks.json");
});
after(() => postern?.close());

/** Runs SQL in every object of a class while the process is dead: what comes back reads it from disk. */
async function betweenLives(className, ...statements) {
  await postern.kill();
  for (const file of postern.objectFiles(className)) {
    const database = new DatabaseSync(file);
    for (const statement of statements) database.exec(statement);
    database.close();
  }
  await postern.start();
}

const isOutage = ({ status, retryAfterSeconds }) => {
  assert.equal(status, "GENERAL_ERROR");
  assert.ok(retryAfterSeconds >= 1);
};

/** Every door with good credentials; each must say 503. */
async function everyDoorIsOut() {
  const { session, accessToken, refreshToken } = alice;
  const { handle } = session;
  isOutage(await postern.call("SESSIONS", "getSession", { accessToken: accessToken.token, freshness: "strict" }));
  isOutage(await postern.call("VERIFY", "getSession", { accessToken: accessToken.token, freshness: "strict" }));
  isOutage(await postern.call("SESSIONS", "getSessionData", { handle, freshness: "strict" }));
  isOutage(await postern.call("SESSIONS", "updateSessionData", { handle, sessionData: { lost: true } }));
  isOutage(await postern.admin("refreshSession", { refreshToken: refreshToken.token }));
  isOutage(await postern.admin("createNewSession", { userId: "alice" }));
  isOutage(await postern.admin("getSessionInformation", { handle }));
  isOutage(await postern.admin("revokeSession", { handle }));
  const answers = {
    session: await postern.fetch("/auth/session", { headers: { authorization: `Bearer ${accessToken.token}` } }),
    cookie: await postern.fetch("/auth/session", { headers: { cookie: `sAccessToken=${accessToken.token}` } }),
    refresh: await postern.fetch("/auth/session/refresh", { method: "POST", headers: { authorization: `Bearer ${refreshToken.token}` } }),
    core: await postern.core("GET", `/recipe/session/data?sessionHandle=${handle}`),
    coreRefresh: await postern.core("POST", "/recipe/session/refresh", { refreshToken: refreshToken.token, enableAntiCsrf: false, useDynamicSigningKey: true }),
    coreCreate: await postern.core("POST", "/recipe/session", { userId: "alice", userDataInJWT: {}, userDataInDatabase: {}, enableAntiCsrf: false }),
  };
  for (const [door, answer] of Object.entries(answers)) {
    assert.equal(answer.status, 503, door);
    assert.match(answer.headers.get("retry-after"), /^[1-9]\d*$/, door);
    assert.equal(answer.headers.get("set-cookie"), null, door);
    assert.equal(answer.headers.get("cache-control"), "no-store", door);
  }
}

/** Everything works with the credentials from before: nothing rotated, nothing was lost. */
async function everythingIsBack() {
  const { session, accessToken, refreshToken } = alice;
  const { handle } = session;
  assert.equal((await postern.call("SESSIONS", "getSession", { accessToken: accessToken.token, freshness: "strict" })).status, "OK");
  assert.deepEqual((await postern.call("SESSIONS", "getSessionData", { handle, freshness: "strict" })).sessionData, { kept: true });
  const refreshed = await postern.admin("refreshSession", { refreshToken: refreshToken.token });
  assert.equal(refreshed.status, "OK");
  assert.equal(refreshed.session.handle, handle);
  alice = refreshed;
}

const RING_FAULTS = {
  "is written by a newer version": `UPDATE ring SET record = json_set(record, '$.schema', 99)`,
  "is not readable": "UPDATE ring SET record = 'x' || record",
  "has lost a key's shape": "UPDATE signing_keys SET record = '{' || record",
};
const RING_REPAIRS = {
  "is written by a newer version": `UPDATE ring SET record = json_set(record, '$.schema', 1)`,
  "is not readable": "UPDATE ring SET record = substr(record, 2)",
  "has lost a key's shape": "UPDATE signing_keys SET record = substr(record, 2)",
};

for (const [kind, damage] of Object.entries(RING_FAULTS)) {
  test(`when the key ring's storage ${kind}, every entry point is 503; afterwards all is as before`, async () => {
    await betweenLives("KeyRing", damage);
    try {
      await everyDoorIsOut();
      for (const path of ["jwt/jwks.json", "readyz"]) assert.equal((await postern.fetch(`/auth/${path}`)).status, 503, path);
    } finally {
      await betweenLives("KeyRing", RING_REPAIRS[kind]);
    }
    await everythingIsBack();
  });
}

test("when the storage of a user's object cannot be read, what needs it is 503; afterwards all is as before", async () => {
  await betweenLives("UserSessions", "UPDATE schema SET version = 99");
  try {
    await everyDoorIsOut();
  } finally {
    await betweenLives("UserSessions", "UPDATE schema SET version = 2");
  }
  await everythingIsBack();
});

test("when KV is out, nobody is refused and nothing rotates: verifying, reading and refreshing go on", async () => {
  await postern.faults("setFaults", [{ outcome: "refuse" }]);
  await everythingIsBack();
  const update = await postern.call("SESSIONS", "updateSessionData", { handle: alice.session.handle, sessionData: { kept: true } });
  isOutage(update);
  const response = await postern.fetch("/auth/session", { headers: { authorization: `Bearer ${alice.accessToken.token}` } });
  assert.equal(response.status, 200);
  await postern.faults("setFaults", []);
  await everythingIsBack();
});
