// One release back: what the next release has written is read and written by this one as if it were its own, and what only the
// next one knows is still there when it comes again.
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { startIsolates } from "../support/isolates.mjs";
import { startOrigin } from "../support/origin.mjs";
import { until } from "../support/until.mjs";
import { browserAndGateway, gatewayTo, rpc, serviceApi } from "./calls.mjs";

const ALL = ["postern", "postern-2"];
const MEMBER = "postern_next";

/** @type {Awaited<ReturnType<typeof startIsolates>>} */
let bed;
/** @type {Awaited<ReturnType<typeof startOrigin>>} */
let origin;
before(async () => {
  origin = await startOrigin();
  bed = await startIsolates(2, { SIGNING_ALGORITHM: "ES256" }, { next: ALL, gateway: gatewayTo(origin.url) });
});
after(async () => {
  await bed?.close();
  await origin?.close();
});

const at = (n = 0) => /** @type {(typeof bed.isolates)[number]} */ (bed.isolates[n]);

/** Kills the process, does something to its storage, and starts it as the given release. @param {string[]} next @param {() => void} [meanwhile] */
async function deploy(next, meanwhile) {
  await bed.kill();
  meanwhile?.();
  await bed.start({ next });
}

/** The answers of every object of a class that holds the table. @param {string} className @param {string} table @param {string} query @returns {any[]} */
function stored(className, table, query) {
  return bed.objectFiles(className).flatMap((file) => {
    const database = new DatabaseSync(file);
    try {
      const holds = database.prepare("SELECT 1 FROM sqlite_master WHERE name = ?").get(table);
      return holds ? database.prepare(query).all() : [];
    } finally {
      database.close();
    }
  });
}
/** Runs a statement in every user's object that holds anything. @param {string} statement */
function change(statement) {
  for (const file of bed.objectFiles("UserSessions")) {
    const database = new DatabaseSync(file);
    if (database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'schema'").get()) database.exec(statement);
    database.close();
  }
}
/** How much of the next release's own is in storage. */
const notes = () => ({
  shapes: stored("UserSessions", "schema", "SELECT * FROM schema").map(({ version, step }) => `${version}/${step ?? version}`),
  sessions: stored("UserSessions", "session", "SELECT * FROM session").filter((row) => row[MEMBER]).length,
  tables: stored("UserSessions", MEMBER, `SELECT * FROM ${MEMBER}`).length,
  authority: stored("Revocations", "schema", "SELECT * FROM schema").map(({ version, step }) => `${version}/${step ?? version}`),
  heads: stored("KeyRing", "ring", "SELECT record FROM ring").map(({ record }) => (record.match(new RegExp(MEMBER, "g")) ?? []).length),
  keys: stored("KeyRing", "signing_keys", "SELECT record FROM signing_keys").filter(({ record }) => record.includes(MEMBER)).length,
});

test("rolled back over what the next release wrote, everything works; rolled forward again, nothing of its own is lost", async () => {
  /** @type {any[]} */
  const kept = [];
  for (const userId of ["alice", "bob", "carol", "dave"]) {
    const created = await at().admin("createNewSession", { userId, jwtPayload: { a: 1 }, sessionData: { of: userId } });
    assert.equal(created.status, "OK");
    kept.push(created);
  }
  const [alice, bob, carol, dave] = kept;
  const ended = await at().admin("createNewSession", { userId: "alice" });
  assert.equal((await at().admin("revokeSession", { handle: ended.session.handle })).status, "OK");
  // What the outbox holds when the process dies: a copy that KV did not take, and a revocation that is not recorded.
  await bed.faults("setFaults", [{ operations: ["put"], key: dave.session.handle, outcome: "refuse" }]);
  await at().ask("updateSessionData", { handle: dave.session.handle, sessionData: { late: true } });
  await bed.out({ className: "Revocations", call: "report", outcome: "refuse" });
  assert.equal((await at().admin("revokeSession", { handle: carol.session.handle })).status, "GENERAL_ERROR");
  await deploy([]);
  const before = notes();
  assert.ok(before.sessions >= 5 && before.heads[0] >= 3 && before.keys >= 2, JSON.stringify(before));
  // Its steps only added: what a release must know is what it was.
  const [user, authority] = [before.shapes[0] ?? "", before.authority[0] ?? ""];
  assert.match(user, /^2\/[3-9]$/);
  assert.match(authority, /^1\/[2-9]$/);

  // Verify, refresh, data, payload: of a session that the next release made.
  assert.equal(await at().verdict(alice.accessToken.token, "strict"), "OK");
  assert.equal(await at().verdict(ended.accessToken.token, "strict"), "UNAUTHORISED");
  assert.equal(await at(1).verdict(ended.accessToken.token, "within 10s"), "UNAUTHORISED");
  const refreshed = await at().admin("refreshSession", { refreshToken: alice.refreshToken.token });
  assert.equal(refreshed.status, "OK");
  assert.equal((await at().ask("updateSessionData", { handle: alice.session.handle, sessionData: { again: 1 } })).status, "OK");
  assert.equal((await at().admin("mergeIntoAccessTokenPayload", { handle: alice.session.handle, jwtPayload: { b: 2 } })).status, "OK");
  // Revoke, sign out, log in.
  assert.deepEqual((await at().admin("revokeSession", { handle: bob.session.handle })).revoked, [bob.session.handle]);
  assert.equal(await at(1).verdict(bob.accessToken.token, "strict"), "UNAUTHORISED");
  const again = await at().admin("createNewSession", { userId: "bob" });
  assert.equal(again.status, "OK");
  const out = { method: "POST", headers: { authorization: `Bearer ${again.accessToken.token}`, "st-auth-mode": "header" } };
  const signedOut = await at().fetch("/auth/signout", out);
  assert.equal(signedOut.status, 200, await signedOut.text());
  // Both outboxes and the alarms go on.
  await until("the outbox towards KV is worked off", async () => {
    const entries = await bed.faults("entries");
    return entries[dave.session.handle]?.value === '{"late":true}';
  }, 60_000);
  await until("the revocation is reported", async () => (await at().admin("revokeSession", { handle: carol.session.handle })).status === "OK");
  // Keys.
  assert.equal((await at().admin("rotateSigningKeys", {})).status, "OK");
  // And every call, for users that this release has never seen, and over objects that the next one made.
  await rpc(at(1), "rpc");
  await serviceApi(at(), "bob");
  await browserAndGateway(at(1), "dave-2");

  // An expiry that falls into the roll-back is carried out by its alarm.
  await bed.kill();
  change("UPDATE session SET expiry = 1 WHERE live = 1 AND user_id = 'dave'");
  await bed.start({ next: [] });
  assert.equal((await at().admin("getSessionInformation", { handle: dave.session.handle })).status, "UNAUTHORISED");

  await deploy(ALL);
  const now = notes();
  assert.ok(now.shapes.includes(user) && now.shapes.every((shape) => shape <= user) && now.authority[0] === authority, JSON.stringify(now));
  assert.equal(now.tables, before.tables);
  assert.ok(now.heads[0] >= before.heads[0] && now.keys >= before.keys, JSON.stringify([before, now]));
  const noted = stored("UserSessions", "session", `SELECT * FROM session WHERE handle = '${alice.session.handle}'`);
  assert.equal(noted[0]?.[MEMBER], "n");
  assert.equal(await at().verdict(refreshed.accessToken.token, "strict"), "OK");
  assert.deepEqual((await at().admin("getSessionInformation", { handle: alice.session.handle })).session.jwtPayload, { a: 1, b: 2 });
  assert.equal((await at(1).admin("refreshSession", { refreshToken: refreshed.refreshToken.token })).status, "OK");
  assert.equal(await at(1).verdict(bob.accessToken.token, "within 10s"), "UNAUTHORISED");
});
