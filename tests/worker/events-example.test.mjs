// examples/events: the Worker that consumes the queue, and the server that verifies the webhook, told by a Postern that runs.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";

import { told } from "../../examples/events/handle.js";
import { receiver } from "../../examples/events/webhook.mjs";
import { newSecret } from "../support/event-receivers.mjs";
import { compatibilityDate, startPostern } from "../support/harness.mjs";
import { startWithCaller } from "../support/rpc.mjs";
import { until } from "../support/until.mjs";

const PATIENCE_MS = 60_000;

test("a Worker takes events from the queue that Postern is bound to, each once", async () => {
  const config = {
    name: "postern-events",
    main: "../examples/events/src/index.js",
    compatibility_date: compatibilityDate,
    kv_namespaces: [{ binding: "AUDIT", id: "audit" }],
    queues: { consumers: [{ queue: "postern-events", max_batch_size: 10, max_batch_timeout: 1, max_retries: 10 }] },
  };
  const bindings = { queues: { producers: [{ binding: "EVENTS", queue: "postern-events" }] } };
  const postern = await startPostern({ entrypoints: ["SessionsAdmin"], bindings, workers: [{ config }] });
  after(() => postern.close());
  const admin = postern.entrypoint("SessionsAdmin");
  const made = await admin.createNewSession({ userId: "alice", jwtPayload: { secret: "payload" } });
  await admin.revokeSession({ handle: made.session.handle });
  const { AUDIT } = await postern.worker("postern-events").getEnv();
  const kept = async () => {
    const { keys } = await AUDIT.list();
    const events = await Promise.all(keys.map(async ({ name }) => [name, JSON.parse(await AUDIT.get(name))]));
    return events.filter(([, { data }]) => data.userId === "alice").sort(([, one], [, other]) => one.sequence - other.sequence);
  };
  const events = await until("both are kept", async () => (await kept()).length >= 2 && kept(), PATIENCE_MS);
  assert.deepEqual(events.map(([, { type }]) => type), ["session.created", "session.ended"]);
  for (const [name, { id, data }] of events) assert.deepEqual([name, data.handle], [id, made.session.handle]);
  assert.ok(!JSON.stringify(events).includes("payload"));
});

test("a server on Node verifies the webhook with the library, and does each event once", async () => {
  const [secret, stranger] = [newSecret(), newSecret()];
  const happened = [];
  let fails = 1;
  const server = receiver(secret, async (event) => {
    // What could not be done comes again.
    if (event.type === "session.created" && fails-- > 0) throw new Error("the database is away");
    happened.push(event);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => (server.closeAllConnections(), server.close()));
  const url = `http://127.0.0.1:${server.address().port}/`;
  const postern = await startWithCaller({ EVENTS_WEBHOOK_URL: url, EVENTS_WEBHOOK_SECRETS: `${stranger},${secret}` });
  after(() => postern.close());
  const made = await postern.admin("createNewSession", { userId: "bob" });
  await postern.admin("revokeSession", { handle: made.session.handle });
  await until("both happened", async () => happened.filter(({ data }) => data.userId === "bob").length === 2, PATIENCE_MS);
  assert.deepEqual(happened.filter(({ data }) => data.userId === "bob").map(({ type }) => type), ["session.created", "session.ended"]);

  // Who does not know the secret is told nothing, and nothing is done.
  const before = happened.length;
  const body = JSON.stringify({ ...happened[0], id: "evt_forged" });
  const headers = { "webhook-id": "evt_forged", "webhook-timestamp": String(Math.floor(Date.now() / 1000)), "webhook-signature": `v1,${"A".repeat(43)}=` };
  assert.equal((await fetch(url, { method: "POST", body, headers })).status, 400);
  assert.equal(happened.length, before);
});

test("what both do about an event tells people of thefts, and passes over what it does not know", async () => {
  const { handle } = await import("../../examples/events/handle.js");
  told.length = 0;
  const event = (type, data) => ({ type, data, id: "evt_1", sequence: 1, timestamp: "2026-11-27T08:00:00.000Z" });
  await handle(event("session.theft", { userId: "carol", reason: "STALE_LINEAGE" }));
  await handle(event("of.a.later.release", {}));
  assert.deepEqual(told, ["carol: two holders of one refresh token (STALE_LINEAGE); the session was ended"]);
});
