// @ts-check
// What the users' objects of a stopped workerd have on disk: their tables, and the alarms that the runtime will give them.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** @param {string} directory of `startWorkerd` */
export function readObjects(directory) {
  const objects = join(directory, "postern-objects", "postern-UserSessions");
  const tables = {
    /** @type {any[]} */ sessions: [],
    /** Handles that have data, with its text. @type {Map<string, string>} */ data: new Map(),
    /** @type {any[]} */ outbox: [],
    /** @type {any[]} */ revocations: [],
    /** When each object that holds something has something to do. @type {{object: string, due: number}[]} */ nextDue: [],
  };
  for (const file of readdirSync(objects).filter((name) => name.endsWith(".sqlite") && name !== "metadata.sqlite")) {
    const database = new DatabaseSync(join(objects, file));
    const rows = (/** @type {string} */ query) => /** @type {any[]} */ (database.prepare(query).all());
    if (rows("SELECT 1 FROM sqlite_master WHERE name = 'schema'").length > 0) {
      const sessions = rows("SELECT * FROM session");
      const outbox = rows("SELECT * FROM outbox");
      const revocations = rows("SELECT * FROM revocation");
      const busy = new Set([...outbox, ...revocations].map((row) => row.handle));
      const dues = [
        ...[...outbox, ...revocations].map((row) => row.due),
        ...sessions.filter((row) => row.live).map((row) => row.expiry + 1),
        ...sessions.filter((row) => !row.live && !busy.has(row.handle)).map((row) => row.keep_until + 1),
      ];
      tables.sessions.push(...sessions);
      tables.outbox.push(...outbox);
      tables.revocations.push(...revocations);
      for (const { handle, text } of rows("SELECT handle, text FROM session_data ORDER BY handle, part")) tables.data.set(handle, (tables.data.get(handle) ?? "") + text);
      tables.nextDue.push({ object: file.replace(".sqlite", ""), due: Math.min(...dues) });
    }
    database.close();
  }
  const metadata = new DatabaseSync(join(objects, "metadata.sqlite"));
  const statement = metadata.prepare("SELECT actor_id, scheduled_time / 1000000 AS due FROM _cf_ALARM");
  /** Object to the time of its alarm, in milliseconds. @type {Map<string, number>} */
  const alarms = new Map(statement.all().map((row) => [String(row.actor_id), Number(row.due)]));
  metadata.close();
  return { tables, alarms };
}
