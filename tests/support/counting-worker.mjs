// Postern that counts what is billed: requests to its objects, their statements, rows and alarms, and operations on KV.
//
// `Counts` is the test's side: `GET` gives what was counted since the last time, and how much is under way.
import { WorkerEntrypoint } from "cloudflare:workers";
import * as entry from "../../src/entry.mjs";

export * from "../../src/entry.mjs";
export { default } from "../../src/entry.mjs";

const real = Date.now;
let ahead = 0;
Date.now = () => real.call(Date) + ahead;

/** Each thing that was counted, with the class of its object. @type {{of: string, what: string, cursor?: any}[]} */
let events = [];
let underWay = 0;

/** @param {string} of @param {string} what */
const count = (of, what) => void events.push({ of, what });

/** Counts the calls of a method, which stays as it is. @param {any} object @param {string} method @param {() => void} noted */
function watch(object, method, noted) {
  const own = object[method];
  Object.defineProperty(object, method, {
    value(/** @type {any[]} */ ...values) {
      noted();
      return own.apply(this, values);
    },
  });
}

/** @param {string} name @param {any} state of an object, before anything is made of it */
function watchStorage(name, { storage }) {
  const { sql } = storage;
  const exec = sql.exec.bind(sql);
  Object.defineProperty(storage, "sql", {
    value: {
      exec: (/** @type {[string, ...any[]]} */ ...values) => {
        // Of several statements a cursor counts the last.
        const statements = values[0].split(";").filter((statement) => statement.trim() !== "");
        let cursor;
        for (const statement of statements) {
          cursor = exec(statement, ...values.slice(1));
          // Wrangler notes the names of objects in their storage.
          if (!statement.includes("miniflare")) events.push({ of: name, what: "statement", cursor });
        }
        return cursor;
      },
    },
  });
  for (const method of ["setAlarm", "deleteAlarm", "deleteAll"]) watch(storage, method, () => count(name, method));
}

/** The methods that are watched already are all namespaces' own. */
let isKvWatched = false;
/** @param {any} namespace */
function watchKv(namespace) {
  if (isKvWatched) return;
  isKvWatched = true;
  for (const method of ["get", "getWithMetadata", "put", "delete"]) watch(Object.getPrototypeOf(namespace), method, () => count("KV", method));
}

/** What is told to a queue is under way as long as the platform takes. @param {any} queue */
function watchQueue(queue) {
  if (isQueueWatched) return;
  isQueueWatched = true;
  const methods = Object.getPrototypeOf(queue);
  const { sendBatch } = methods;
  methods.sendBatch = function (/** @type {any[]} */ ...values) {
    return waited(() => sendBatch.apply(this, values));
  };
}
let isQueueWatched = false;

/** @template T @param {() => Promise<T>} work */
async function waited(work) {
  underWay += 1;
  try {
    return await work();
  } finally {
    underWay -= 1;
  }
}

/** @param {any} Own a class of Postern's objects @param {string} name */
const counted = (Own, name) =>
  class extends Own {
    /** @param {any} state @param {any} env */
    constructor(state, env) {
      watchStorage(name, state);
      watchKv(env.SESSION_DATA);
      if (env.EVENTS) watchQueue(env.EVENTS);
      super(state, env);
    }

    /** A request; or, for the test, when the alarm goes off, and the alarm itself. @param {Request} request */
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/alarm-time") return Response.json(await this.ctx.storage.getAlarm());
      if (pathname === "/alarm") {
        await this.ctx.storage.deleteAlarm();
        events.pop();
        await this.alarm();
        return Response.json(null);
      }
      // The authority is also polled, and told of new keys.
      if (name !== "Revocations" || (await request.clone().text()).includes('"report"')) count(name, "request");
      return waited(() => super.fetch(request));
    }

    alarm() {
      count(name, "alarm");
      return waited(() => super.alarm());
    }
  };

export class UserSessions extends counted(entry.UserSessions, "UserSessions") {}
export class KeyRing extends counted(entry.KeyRing, "KeyRing") {}
export class Revocations extends counted(entry.Revocations, "Revocations") {}

export class Counts extends WorkerEntrypoint {
  /** `GET` what was counted; `POST /ahead` with milliseconds: the clock of this isolate. @param {Request} request */
  async fetch(request) {
    if (new URL(request.url).pathname === "/ahead") {
      ahead = Number(await request.text());
      return new Response("");
    }
    const found = events.map(({ of, what, cursor }) => ({ of, what, ...(cursor && { rowsRead: cursor.rowsRead, rowsWritten: cursor.rowsWritten }) }));
    events = [];
    return Response.json({ found, underWay });
  }
}
