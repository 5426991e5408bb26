// Events out (docs/events.md): to a queue and to a webhook, in order, at least once, and lost by no crash.
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, test } from "node:test";

import { newSecret, startQueue, startWebhook } from "../support/event-receivers.mjs";
import { apiKey } from "../support/harness.mjs";
import { startWithCaller } from "../support/rpc.mjs";
import { until } from "../support/until.mjs";

const PATIENCE_MS = 60_000;

let open = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});
const opened = (one) => (open.push(one), one);

/** Postern with a webhook, a queue or both. */
async function start({ webhook = true, queue = false, vars = {}, secrets = [newSecret()] } = {}) {
  const hook = webhook ? opened(await startWebhook(secrets[0])) : undefined;
  const line = queue ? opened(await startQueue()) : undefined;
  const settings = hook ? { EVENTS_WEBHOOK_URL: hook.url, EVENTS_WEBHOOK_SECRETS: secrets.join(",") } : {};
  const postern = opened(await startWithCaller({ ...settings, ...vars }, { queues: line ? { EVENTS: line.port } : {} }));
  return { hook, line, postern };
}

const ofUser = (events, userId) => events.filter(({ data }) => data.userId === userId);
const types = (events) => events.map(({ type }) => type);
const arrives = (what, events, is) => until(what, async () => events.find(is), PATIENCE_MS);
const linesOf = (postern, event) => postern.output().split("\n").filter((line) => line.includes(`"event":"${event}"`)).map((line) => JSON.parse(line.slice(line.indexOf("{"))));

/** Each event once, by its id, as a consumer has to take them; in the order in which they came first. */
const once = (events) => [...new Map(events.toReversed().map((event) => [event.id, event])).values()].toReversed();

function isInOrder(events) {
  for (const [at, { sequence }] of events.entries()) assert.ok(at === 0 || sequence > events[at - 1].sequence, JSON.stringify(events));
}

/** The rows of the outboxes on disk; `undefined` for an object without the table. Only while the process is dead. */
function outboxes(postern, className) {
  return postern.objectFiles(className).map((file) => {
    const database = new DatabaseSync(file, { readOnly: true });
    try {
      const [table] = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'event'").all();
      return table && database.prepare("SELECT * FROM event ORDER BY sequence").all();
    } finally {
      database.close();
    }
  });
}

describe("what is told", () => {
  test("a session's life: created, ended with its reason, in order, to both, and nothing is left of it", async () => {
    const { hook, line, postern } = await start({ queue: true });
    const made = await postern.admin("createNewSession", { userId: "alice", tenantId: "t1", jwtPayload: { secret: "payload" }, sessionData: { secret: "data" }, device: { userAgent: "Agent/1", ip: "203.0.113.7" } });
    await postern.admin("refreshSession", { refreshToken: made.refreshToken.token });
    await postern.admin("revokeSession", { handle: made.session.handle });
    const own = { handle: made.session.handle, issuer: "own", userId: "alice", tenantId: "t1" };
    for (const { taken, faults } of [hook, line]) {
      await arrives("the end", taken, ({ type }) => type === "session.ended");
      const [created, ended, ...more] = ofUser(taken, "alice");
      assert.deepEqual(more, [], JSON.stringify(taken));
      assert.deepEqual([created.type, created.data], ["session.created", { ...own, by: "rpc" }]);
      assert.deepEqual([ended.type, ended.data], ["session.ended", { ...own, reason: "revoked", by: "rpc" }]);
      assert.match(created.id, /^evt_[\w-]{22}$/);
      assert.ok(Math.abs(Date.parse(created.timestamp) - Date.now()) < 10 * 60_000);
      isInOrder([created, ended]);
      for (const text of ["payload", "data\"", "Agent", "203.0"]) assert.ok(!JSON.stringify([created.data, ended.data]).includes(text));
      assert.deepEqual(faults, []);
    }
    assert.deepEqual(ofUser(hook.taken, "alice"), ofUser(line.taken, "alice"));
    await postern.kill();
    assert.deepEqual(outboxes(postern, "UserSessions").filter((rows) => rows?.length > 0), []);
    await postern.start();
  });

  test("refreshes if that is wanted, theft, and the end of all of a user's sessions", async () => {
    const { hook, postern } = await start({ vars: { EVENTS_REFRESHED: "true", REFRESH_GRACE_PERIOD: "0s", REFRESH_TOKEN_SUPERSEDED_BY: "time" } });
    const first = await postern.admin("createNewSession", { userId: "bob" });
    let refreshToken = first.refreshToken.token;
    for (let turn = 0; turn < 2; turn += 1) refreshToken = (await postern.admin("refreshSession", { refreshToken })).refreshToken.token;
    assert.equal((await postern.admin("refreshSession", { refreshToken: first.refreshToken.token })).status, "TOKEN_THEFT_DETECTED");
    for (let n = 0; n < 2; n += 1) await postern.admin("createNewSession", { userId: "bob" });
    await postern.admin("revokeAllSessionsForUser", { userId: "bob" });
    await arrives("the end of all", hook.taken, ({ type }) => type === "user.sessions_ended");
    const told = ofUser(hook.taken, "bob");
    assert.deepEqual(types(told), [
      "session.created", "session.refreshed", "session.refreshed", "session.theft", "session.ended",
      "session.created", "session.created", "session.ended", "session.ended", "user.sessions_ended",
    ]);
    isInOrder(told);
    assert.deepEqual(told[3].data.reason, "STALE_LINEAGE");
    assert.deepEqual(told.at(-1).data, { issuer: "own", userId: "bob", by: "rpc", count: 2 });
  });

  test("keys that are made and withdrawn, and a cut-off with the sessions that it ended", async () => {
    const { hook, postern } = await start({ queue: true, webhook: true });
    const made = await postern.admin("createNewSession", { userId: "carol" });
    await arrives("the first keys", hook.taken, ({ type }) => type === "key.created");
    const before = hook.taken.length;
    const rotated = await postern.admin("rotateSigningKeys", {});
    assert.equal(rotated.status, "OK");
    await until("new keys", async () => types(hook.taken.slice(before)).includes("key.created"), PATIENCE_MS);
    const { data } = hook.taken.find(({ type, data: { kind } }) => type === "key.created" && kind === "dynamic");
    assert.equal((await postern.admin("revokeSigningKey", { kid: data.kid })).status, "OK");
    const withdrawn = await arrives("the withdrawal", hook.taken, ({ type }) => type === "key.withdrawn");
    assert.deepEqual(withdrawn.data, { kid: data.kid, kind: "dynamic" });
    const moment = Date.now() + 1;
    await until("the moment is over", async () => Date.now() > moment, PATIENCE_MS);
    assert.equal((await postern.admin("revokeAllSessionsBefore", { time: moment })).status, "OK");
    const cutOff = await arrives("the cut-off", hook.taken, ({ type }) => type === "sessions.ended_before");
    assert.deepEqual(cutOff.data, { moment });
    const ended = await until("its session", async () => {
      await postern.admin("getSessionInformation", { handle: made.session.handle });
      return hook.taken.find(({ type }) => type === "session.ended");
    }, PATIENCE_MS);
    assert.deepEqual([ended.data.handle, ended.data.reason], [made.session.handle, "cut_off"]);
  });
});

describe("how it is told", () => {
  test("signed with every secret, so that a receiver that knows the old or the new one believes it", async () => {
    const secrets = [newSecret(), newSecret()];
    const { hook, postern } = await start({ secrets });
    const other = opened(await startWebhook(secrets[1]));
    await postern.admin("createNewSession", { userId: "dave" });
    await arrives("by the first secret", hook.taken, ({ data }) => data.userId === "dave");
    await postern.kill();
    await postern.start({ vars: { API_DOMAIN: "http://127.0.0.1:8787", API_KEYS: apiKey, EVENTS_WEBHOOK_URL: other.url, EVENTS_WEBHOOK_SECRETS: secrets.join(",") } });
    await postern.admin("createNewSession", { userId: "erin" });
    await arrives("by the second", other.taken, ({ data }) => data.userId === "erin");
    assert.deepEqual([...hook.faults, ...other.faults], []);
  });

  test("what is refused comes again, the same, before anything that came after it; another user's and the queue's do not wait", async () => {
    const { hook, line, postern } = await start({ queue: true });
    hook.answer(500);
    const made = await postern.admin("createNewSession", { userId: "frank" });
    const [refused] = await until("an attempt", async () => ofUser(hook.asked, "frank").length > 0 && ofUser(hook.asked, "frank"), PATIENCE_MS);
    await postern.admin("revokeSession", { handle: made.session.handle });
    await arrives("the queue has all", line.taken, ({ type, data }) => type === "session.ended" && data.userId === "frank");
    hook.answer(200);
    await postern.admin("createNewSession", { userId: "grace" });
    await arrives("another user's", hook.taken, ({ data }) => data.userId === "grace");
    await arrives("the end", hook.taken, ({ type }) => type === "session.ended");
    const told = ofUser(hook.taken, "frank");
    assert.deepEqual(types(told), ["session.created", "session.ended"]);
    assert.deepEqual(told[0], refused);
    const [logged] = linesOf(postern, "event_delivery");
    assert.equal(logged.message, "the webhook answered 500");
  });

  test("a redirect is not followed, and 410 is asked again seldom", async () => {
    const { hook, postern } = await start();
    const elsewhere = opened(await startWebhook(newSecret()));
    hook.answer({ status: 307, headers: { location: elsewhere.url } });
    await postern.admin("createNewSession", { userId: "heidi" });
    await until("an attempt", async () => ofUser(hook.asked, "heidi").length > 0, PATIENCE_MS);
    await until("it is logged", async () => linesOf(postern, "event_delivery").some(({ message }) => message === "the webhook answered 307"), PATIENCE_MS);
    hook.answer(410);
    await postern.admin("createNewSession", { userId: "ivan" });
    await until("it is logged", async () => linesOf(postern, "event_delivery").some(({ message }) => message === "the webhook answered 410"), PATIENCE_MS);
    assert.deepEqual([elsewhere.asked, elsewhere.faults], [[], []]);
    await postern.kill();
    const rows = outboxes(postern, "UserSessions").flatMap((found) => found ?? []);
    const ivan = rows.find(({ body }) => body.includes('"ivan"'));
    assert.ok(ivan.webhook_due > Date.now() + 25 * 60_000, JSON.stringify(ivan));
    await postern.start();
  });

  test("a queue that fails is tried again", async () => {
    const { line, postern } = await start({ webhook: false, queue: true });
    line.answer(503);
    await postern.admin("createNewSession", { userId: "judy" });
    await until("an attempt", async () => ofUser(line.asked, "judy").length > 0, PATIENCE_MS);
    line.answer(200);
    await arrives("it came", line.taken, ({ data }) => data.userId === "judy");
    assert.match(linesOf(postern, "event_delivery")[0].message, /^the queue took nothing/);
  });
});

describe("what no crash loses", () => {
  for (const [name, setUp] of Object.entries({ webhook: { webhook: true, queue: false }, queue: { webhook: false, queue: true } })) {
    test(`killed between the change and its delivery: the ${name} is told after the restart, though nobody asks`, async () => {
      const { hook, line, postern } = await start(setUp);
      const receiver = hook ?? line;
      receiver.answer("nothing");
      await postern.admin("createNewSession", { userId: "mallory" });
      const [event] = await until("it is under way", async () => ofUser(receiver.asked, "mallory").length > 0 && ofUser(receiver.asked, "mallory"), PATIENCE_MS);
      await postern.kill();
      assert.deepEqual(outboxes(postern, "UserSessions").flat().map(({ id }) => id), [event.id]);
      receiver.answer(200);
      await postern.start();
      assert.deepEqual(await arrives("it came", receiver.taken, ({ data }) => data.userId === "mallory"), event);
    });
  }

  test("a key change too", async () => {
    const { hook, postern } = await start();
    await postern.fetch("/auth/jwt/jwks.json");
    await arrives("the first keys", hook.taken, ({ type }) => type === "key.created");
    hook.answer("nothing");
    const asked = hook.asked.length;
    await postern.admin("revokeAllSessionsBefore", { time: Date.now() - 60_000 });
    await until("it is under way", async () => hook.asked.slice(asked).some(({ type }) => type === "sessions.ended_before"), PATIENCE_MS);
    await postern.kill();
    hook.answer(200);
    await postern.start();
    await arrives("it came", hook.taken, ({ type }) => type === "sessions.ended_before");
  });

  test("killed at any moment of many sign-ins and sign-outs: whatever was answered is told, in order for each user", async () => {
    const { hook, postern } = await start();
    const users = Array.from({ length: 8 }, (_, n) => `user-${n}`);
    const answered = [];
    let alive = true;
    const busy = users.map(async (userId) => {
      while (alive) {
        try {
          const made = await postern.admin("createNewSession", { userId });
          if (made.status !== "OK") continue;
          answered.push(["session.created", made.session.handle]);
          const ended = await postern.admin("revokeSession", { handle: made.session.handle });
          if (ended.status === "OK") answered.push(["session.ended", made.session.handle]);
        } catch {
          // The process is gone.
        }
      }
    });
    await until("many were answered", async () => answered.length > 60, PATIENCE_MS);
    await postern.kill();
    alive = false;
    await Promise.all(busy);
    await postern.start();
    const known = () => new Set(hook.taken.map(({ type, data }) => `${type} ${data.handle}`));
    await until("all of it is told", async () => answered.every((one) => known().has(one.join(" "))), PATIENCE_MS);
    for (const userId of users) isInOrder(once(ofUser(hook.taken, userId)));
    assert.deepEqual(hook.faults, []);
  });
});

describe("the backlog", () => {
  test("has a limit, at which the oldest events are given up and counted, and logins go on", async () => {
    const { hook, postern } = await start();
    hook.answer(500);
    await postern.admin("createNewSession", { userId: "oscar" });
    await until("an attempt", async () => ofUser(hook.asked, "oscar").length > 0, PATIENCE_MS);
    await postern.kill();
    // As many more as fit, none of which is due before long.
    for (const file of postern.objectFiles("UserSessions")) {
      const database = new DatabaseSync(file);
      database.exec(`UPDATE event SET webhook_due = webhook_due + 600000;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
        INSERT INTO event SELECT sequence + i, id || i, body, time, 0, NULL, 0, webhook_due, 0 FROM event, n`);
      database.close();
    }
    await postern.start();
    assert.equal((await postern.admin("createNewSession", { userId: "oscar" })).status, "OK");
    const [line] = await until("it is logged", async () => linesOf(postern, "events_dropped").length > 0 && linesOf(postern, "events_dropped"), PATIENCE_MS);
    assert.deepEqual([line.level, line.count], ["error", "100"]);
    const metrics = await (await fetch(`${postern.url()}/auth/metrics`, { headers: { "api-key": apiKey } })).text();
    assert.match(metrics, /postern_events_total\{to="webhook",outcome="dropped"\} 100\n/);
    await postern.kill();
    const [rows] = outboxes(postern, "UserSessions").filter((found) => found);
    assert.equal(rows.length, 902);
    const marker = JSON.parse(rows[0].body);
    assert.deepEqual([marker.type, marker.data], ["events.dropped", { count: 100 }]);
    hook.answer(200);
    for (const file of postern.objectFiles("UserSessions")) {
      const database = new DatabaseSync(file);
      database.exec("UPDATE event SET webhook_due = 1; DELETE FROM event WHERE sequence > (SELECT MIN(sequence) + 5 FROM event)");
      database.close();
    }
    await postern.start();
    await postern.admin("createNewSession", { userId: "oscar" });
    await arrives("the marker", hook.taken, ({ type }) => type === "events.dropped");
  });
});

describe("where nothing is set up", () => {
  test("no table is made, and events that an earlier set-up left are told when there is somebody again", async () => {
    const secrets = [newSecret()];
    const { hook, postern } = await start({ secrets });
    hook.answer(500);
    await postern.admin("createNewSession", { userId: "peggy" });
    const [event] = await until("an attempt", async () => ofUser(hook.asked, "peggy").length > 0 && ofUser(hook.asked, "peggy"), PATIENCE_MS);
    await postern.kill();
    const vars = { API_DOMAIN: "http://127.0.0.1:8787", API_KEYS: apiKey };
    await postern.start({ vars });
    await postern.admin("createNewSession", { userId: "peggy" });
    await postern.admin("createNewSession", { userId: "quentin" });
    await postern.kill();
    assert.deepEqual(outboxes(postern, "UserSessions").map((rows) => rows?.length).sort(), [1, undefined]);
    hook.answer(200);
    await postern.start({ vars: { ...vars, EVENTS_WEBHOOK_URL: hook.url, EVENTS_WEBHOOK_SECRETS: secrets[0] } });
    await postern.admin("createNewSession", { userId: "peggy" });
    await until("both come", async () => ofUser(hook.taken, "peggy").length === 2, PATIENCE_MS);
    assert.deepEqual(ofUser(hook.taken, "peggy")[0], event);
  });
});
