// @ts-check
// What each operation costs in what the platform bills: counted on workerd, by counting-worker.mjs.
import { setTimeout as sleep } from "node:timers/promises";
import { startPostern } from "./harness.mjs";
import { objectOf } from "./service-api.mjs";

/**
 * @typedef {object} Cost
 * @property {number} requests to Durable Objects, alarms among them
 * @property {number} statements
 * @property {number} rowsRead
 * @property {number} rowsWritten
 * @property {number} alarms set or taken away: each is billed as a row written
 * @property {number} kvReads
 * @property {number} kvWrites
 * @property {number} kvDeletes
 */

/** @returns {Cost} */
const nothing = () => ({ requests: 0, statements: 0, rowsRead: 0, rowsWritten: 0, alarms: 0, kvReads: 0, kvWrites: 0, kvDeletes: 0 });

/** Which member of a cost each event counts for. @type {Record<string, keyof Cost>} */
const MEMBERS = { request: "requests", alarm: "requests", statement: "statements", setAlarm: "alarms", deleteAlarm: "alarms", get: "kvReads", getWithMetadata: "kvReads", put: "kvWrites", delete: "kvDeletes" };

/** @typedef {{of: string, what: string, rowsRead?: number, rowsWritten?: number}} Event */

/** @param {Event[]} events */
function costOf(events) {
  const cost = nothing();
  for (const { of, what, rowsRead = 0, rowsWritten = 0 } of events) {
    // The key ring is asked and the authority polled by isolates in their own time, whatever the operation: docs/costs.md counts
    // that by itself. Of the authority an operation has the reports and the rows that they write; its alarm is for all of them.
    const isOwn = of !== "KeyRing" && (of !== "Revocations" || what === "request");
    const member = MEMBERS[what];
    if (member && isOwn) cost[member] += 1;
    if (isOwn) cost.rowsRead += rowsRead;
    if (of !== "KeyRing") cost.rowsWritten += rowsWritten;
  }
  return cost;
}

const DATA = { cart: ["book"] };
const DAY = 86_400_000;

/** Counts everything: without events, and with events to a queue. @returns {Promise<Record<string, {atOnce: Cost, later: Cost}>>} */
export async function countCosts() {
  const told = Object.entries(await countedCosts({ hasEvents: true }));
  return { ...(await countedCosts({ hasEvents: false })), ...Object.fromEntries(told.map(([name, cost]) => [`${name}, with an event`, cost])) };
}

/** @param {{hasEvents: boolean}} events @returns {Promise<Record<string, {atOnce: Cost, later: Cost}>>} */
async function countedCosts({ hasEvents }) {
  const postern = await startPostern({
    main: "support/counting-worker.mjs",
    entrypoints: ["SessionsAdmin", "Counts"],
    ...(hasEvents && { vars: { EVENTS_REFRESHED: "true" }, bindings: { queues: { producers: [{ binding: "EVENTS", queue: "events" }] } } }),
  });
  const admin = postern.entrypoint("SessionsAdmin");
  const counts = postern.entrypoint("Counts");
  const take = async () => /** @type {Promise<any>} */ ((await counts.fetch("https://counts/")).json());
  const setAhead = (/** @type {number} */ milliseconds) => counts.fetch("https://counts/ahead", { method: "POST", body: String(milliseconds) });

  /** What has happened once nothing is under way. @returns {Promise<Event[]>} */
  const settled = async () => {
    const events = [];
    for (let quiet = 0; quiet < 3; quiet += 1) {
      await sleep(50);
      const { found, underWay } = await take();
      events.push(...found);
      if (found.length > 0 || underWay > 0) quiet = -1;
    }
    return events;
  };
  /** Asks an object for what the test wants of it: it is awake then. @param {string} handle @param {string} path */
  const ask = async (handle, path) => {
    const objects = await postern.namespace("USER_SESSIONS");
    return (await objects.get(objects.idFromName(handle.split(".")[0])).fetch(`https://object${path}`)).json();
  };
  /** What the alarms of an object do that go off within `within`. @param {string} handle @param {number} within */
  const alarms = async (handle, within) => {
    const events = [];
    for (let turn = 0; turn < 20; turn += 1) {
      const due = await ask(handle, "/alarm-time");
      if (due === null || due > Date.now() + within) break;
      await settled();
      await setAhead(Math.max(0, due - Date.now()));
      await ask(handle, "/alarm");
      events.push(...(await settled()));
    }
    await setAhead(0);
    return events;
  };

  /** @type {Record<string, {atOnce: Cost, later: Cost}>} */
  const costs = {};
  /**
   * @param {string} name @param {{handle: () => string, asleep?: boolean, laterThan?: number}} of whose object, whether it sleeps, and how long its alarms are of this operation
   * @param {() => Promise<any>} operation
   */
  const counted = async (name, { handle, asleep = false, laterThan = DAY }, operation) => {
    await alarms(handle(), DAY);
    if (asleep) await postern.evict("UserSessions", objectOf(handle()));
    else await ask(handle(), "/alarm-time");
    await settled();
    const answer = await operation();
    if (answer.status !== "OK") throw new Error(`${name}: ${JSON.stringify(answer)}`);
    const atOnce = costOf(await settled());
    costs[name] = { atOnce, later: costOf(await alarms(handle(), laterThan)) };
    return answer;
  };
  const create = (/** @type {string} */ userId, more = {}) => admin.createNewSession({ userId, ...more });
  try {
    // The keys, the ring, and a first copy of the revocations; the authority's tables.
    const first = await create("first");
    await admin.revokeSession({ handle: first.session.handle });
    for (const freshness of ["stateless", "within 300s"]) await admin.getSession({ accessToken: (await create("second")).accessToken.token, freshness });

    let made = await create("nobody");
    const handle = () => made.session.handle;
    // The first of these has the key ring's next keys reported to the authority, because of the time that passes: it is one row.
    const signOuts = async () => {
      await counted("sign-out with data", { handle, asleep: true, laterThan: 60 * DAY }, () => admin.revokeSession({ handle: handle() }));
      made = await create("dave");
      await counted("sign-out without data", { handle, asleep: true, laterThan: 60 * DAY }, () => admin.revokeSession({ handle: handle() }));
    };
    made = await counted("login of a new user", { handle }, async () => (made = await create("alice")));
    made = await counted("login of a known user", { handle, asleep: true }, async () => (made = await create("alice")));
    if (hasEvents) {
      made = await create("bob");
      made = await counted("refresh, object asleep", { handle, asleep: true }, () => admin.refreshSession({ refreshToken: made.refreshToken.token }));
      made = await create("carol", { sessionData: DATA });
      await signOuts();
      return costs;
    }
    const accessToken = made.accessToken.token;
    for (const freshness of ["stateless", "within 300s", "strict"]) {
      await counted(`API call, ${freshness}`, { handle, asleep: true }, () => admin.getSession({ accessToken, freshness }));
    }
    made = await counted("refresh, object awake", { handle }, () => admin.refreshSession({ refreshToken: made.refreshToken.token }));
    await counted("first API call after a refresh", { handle }, () => admin.getSession({ accessToken: made.accessToken.token, freshness: "within 300s" }));
    made = await create("bob");
    made = await counted("refresh, object asleep", { handle, asleep: true }, () => admin.refreshSession({ refreshToken: made.refreshToken.token }));
    made = await create("carol", { sessionData: DATA });
    await settled();
    await counted("read of session data", { handle, asleep: true }, () => admin.getSessionData({ handle: handle(), freshness: "within 300s" }));
    await counted("overwrite of session data", { handle, asleep: true }, () => admin.updateSessionData({ handle: handle(), sessionData: { cart: ["lamp"] } }));
    await signOuts();
    return costs;
  } finally {
    await postern.close();
  }
}
