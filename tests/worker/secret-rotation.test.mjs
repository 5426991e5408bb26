// The secrets beside the signing keys are rotated while sessions live: nobody is logged out, and the old ones are dropped in the end.
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { apiKey } from "../support/harness.mjs";
import { startWithCaller } from "../support/rpc.mjs";

/** @type {Awaited<ReturnType<typeof startWithCaller>>} */
let bed;
before(async () => {
  // An overlap of one second.
  bed = await startWithCaller({ SIGNING_KEY_ROTATION_INTERVAL: "5s", SIGNING_ALGORITHM: "ES256" });
});
after(() => bed?.close());

/** What each object of a class has, while the process is dead. @param {string} className @param {string} table @param {(database: DatabaseSync) => any} look @returns {any[]} */
function stored(className, table, look) {
  return bed.objectFiles(className).flatMap((file) => {
    const database = new DatabaseSync(file);
    try {
      return database.prepare("SELECT 1 FROM sqlite_master WHERE name = ?").get(table) ? [look(database)] : [];
    } finally {
      database.close();
    }
  });
}
const head = () => stored("KeyRing", "ring", (database) => JSON.parse(String(database.prepare("SELECT record FROM ring").get()?.record)))[0];
/** @param {string} text @returns {any} */
const changeHead = (text) => stored("KeyRing", "ring", (database) => void database.prepare("UPDATE ring SET record = ?").run(text));
const numbers = (/** @type {any} */ ring) => ring.secrets.refresh_secrets.map((/** @type {any} */ { number }) => number);

/** @param {string} userId */
async function login(userId) {
  const created = await bed.admin("createNewSession", { userId, sessionData: { of: userId } });
  assert.equal(created.status, "OK", JSON.stringify(created));
  return created;
}
/** @param {any} session */
async function goesOn(session) {
  for (const freshness of ["stateless", "strict"]) {
    assert.equal((await bed.call("SESSIONS", "getSession", { accessToken: session.accessToken.token, freshness })).status, "OK");
  }
  const handle = session.session.handle;
  const { sessionData } = await bed.call("SESSIONS", "getSessionData", { handle });
  assert.deepEqual(sessionData, { of: session.session.userId });
  const next = await bed.admin("refreshSession", { refreshToken: session.refreshToken.token });
  assert.equal(next.status, "OK", JSON.stringify(next));
  return { ...next, session: session.session };
}
const bound = { enableAntiCsrf: true, userDataInJWT: {}, userDataInDatabase: {} };
/** @param {any} session */
async function refreshedWithAntiCsrf(session) {
  const body = { refreshToken: session.refreshToken.token, antiCsrfToken: session.antiCsrfToken, enableAntiCsrf: true, useDynamicSigningKey: true };
  const { body: next } = await bed.core("POST", "/recipe/session/refresh", body);
  assert.equal(next.status, "OK", JSON.stringify(next));
  return next;
}

test("sessions from before and after a rotation go on, and the old secrets are dropped when nothing of them can live", async () => {
  const before = await login("before");
  const sleeper = await login("sleeper");
  const csrf = (await bed.core("POST", "/recipe/session", { userId: "csrf", ...bound })).body;
  const rotated = await bed.admin("rotateSecrets", {});
  assert.equal(rotated.status, "OK", JSON.stringify(rotated));
  const days = (rotated.until - rotated.from) / 86_400_000;
  assert.ok(days > 101 && days < 101.01, `${days} days`);
  // A repeated call changes nothing while the new ones wait.
  const again = await bed.admin("rotateSecrets", {});
  if (Date.now() < rotated.from) assert.deepEqual(again, rotated);
  const during = await goesOn(before);
  while (Date.now() < Math.max(rotated.from, again.from) + 1_500) await sleep(100);
  const next = await goesOn(during);
  await goesOn(await login("after"));
  const nextCsrf = await refreshedWithAntiCsrf(csrf);
  const afterCsrf = (await bed.core("POST", "/recipe/session", { userId: "csrf-after", ...bound })).body;
  await refreshedWithAntiCsrf(afterCsrf);

  await bed.kill();
  const during2 = head();
  assert.equal(during2.schema, 2);
  assert.ok(numbers(during2).length >= 2);
  const newest = numbers(during2).at(-1);
  const sessions = stored("UserSessions", "session", (database) => database.prepare("SELECT user_id, secret_number FROM session").get());
  const of = (/** @type {string} */ user) => sessions.find(({ user_id }) => user_id === user)?.secret_number;
  assert.deepEqual([of("before"), of("after"), of("csrf"), of("sleeper")], [newest, newest, newest, 1]);
  // 200 days pass for the ring's secrets, and with them the life of whoever was not refreshed.
  for (const list of [during2.secrets.refresh_secrets, during2.secrets.anti_csrf_keys]) {
    for (const secret of list) {
      if (secret.from) secret.from -= 200 * 86_400_000;
      if (secret.until) secret.until -= 200 * 86_400_000;
    }
  }
  changeHead(JSON.stringify(during2));
  stored("UserSessions", "session", (database) => database.exec("UPDATE session SET expiry = 1 WHERE user_id = 'sleeper'"));
  await bed.start();
  await goesOn(next);
  await refreshedWithAntiCsrf(nextCsrf);
  assert.equal((await bed.admin("refreshSession", { refreshToken: sleeper.refreshToken.token })).status, "UNAUTHORISED");
  await bed.kill();
  const after = head();
  assert.deepEqual([after.schema, numbers(after), after.secrets.anti_csrf_keys], [1, [newest], undefined]);
  assert.equal(after.secrets.anti_csrf_key, during2.secrets.anti_csrf_keys.at(-1).key);
  assert.equal(after.secrets.route_key, during2.secrets.route_key);
  await bed.start();
});

test("the alarm drops them without a question", async () => {
  const { from } = await bed.admin("rotateSecrets", {});
  while (Date.now() < from + 500) await sleep(100);
  const kept = await login("alarm");
  await bed.kill();
  const ring = head();
  const oldest = numbers(ring)[0];
  // The next question sets the alarm to the drop, six seconds ahead; then nobody asks.
  const ahead = ring.secrets.refresh_secrets[0].until - Date.now() - 6_000;
  for (const list of [ring.secrets.refresh_secrets, ring.secrets.anti_csrf_keys]) {
    for (const secret of list) {
      if (secret.from) secret.from -= ahead;
      if (secret.until) secret.until -= ahead;
    }
  }
  changeHead(JSON.stringify(ring));
  await bed.start();
  await goesOn(kept);
  await bed.kill();
  assert.ok(numbers(head()).includes(oldest));
  await bed.start();
  // The runtime gives the alarm that was stored, with nobody asking.
  await sleep(9_000);
  await bed.kill();
  assert.ok(!numbers(head()).includes(oldest), JSON.stringify(numbers(head())));
  await bed.start();
  await goesOn(await login("later"));
});

test("a ring of several secrets is one that a release from before leaves alone", async () => {
  await bed.admin("rotateSecrets", {});
  await bed.kill();
  // What such a release compares with the one number that it knows.
  assert.ok(head().schema > 1);
  await bed.start();
});

test("it takes an API key, is in the log, and is refused beyond eight", async () => {
  assert.equal((await bed.fetch("/core/postern/secrets/rotate", { method: "POST", body: "{}" })).status, 401);
  assert.equal((await bed.fetch("/core/postern/secrets/rotate", { headers: { "api-key": apiKey } })).status, 405);
  let count = 0;
  for (; count < 12; count += 1) {
    const { status, body } = await bed.core("POST", "/postern/secrets/rotate", {});
    if (status !== 200) {
      assert.equal(status, 400);
      assert.match(body.message, /as many secrets as may be/);
      break;
    }
    while (Date.now() < body.from + 50) await sleep(50);
  }
  assert.ok(count >= 4 && count <= 8, String(count));
  assert.ok(bed.output().includes('"reason":"secrets_rotated"'));
  await goesOn(await login("last"));
  await bed.kill();
  assert.equal(numbers(head()).length, 8);
  await bed.start();
});
