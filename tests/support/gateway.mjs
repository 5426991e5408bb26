// @ts-check
// Postern as a gateway on raw workerd, in front of origins on loopback.
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { bearer } from "./browser.mjs";
import { exchange, request } from "./raw-socket.mjs";
import { startWithCaller } from "./rpc.mjs";

/**
 * @typedef {object} Options
 * @property {Record<string, object>} origins `[origins.NAME]`
 * @property {object[]} rules `[[rules]]`
 * @property {Record<string, unknown>} [vars]
 * @property {Record<string, string>} [services]
 * @property {import("./workerd.mjs").Caller[]} [callers]
 * @property {boolean} [traced] see `startWorkerd`
 * @property {number} [internet] see `startWorkerd`
 * @property {import("./gateway-rules.mjs").Rules} [issuers] see `startWorkerd`
 * @property {string} [entry] a module that is Postern's own entry and more, from the repository's root
 */

/** Starts it. @param {Options} options */
export async function startGateway({ origins, rules, vars = {}, services = {}, callers = [], entry, ...more }) {
  const all = { ACCESS_TOKEN_VALIDITY_JITTER: "0", ...vars };
  const postern = await startWithCaller(all, { gateway: { origins, rules }, services, callers, entry, ...more });
  return {
    ...postern,
    /** Bytes on a connection of their own. @param {string} method @param {string} target @param {(string | [string, string])[]} [lines] @param {string} [body] */
    raw: (method, target, lines, body) => exchange(postern.url(), request(method, target, lines, body)),
    /**
     * Runs SQL in every object of a class that holds anything, whether or not the process lives.
     * @param {string} className @param {string} statement
     */
    sql(className, statement) {
      for (const file of postern.objectFiles(className)) {
        const database = new DatabaseSync(file);
        database.exec("PRAGMA busy_timeout = 2000");
        // An object that was only ever read holds nothing.
        if (database.prepare("SELECT name FROM sqlite_master WHERE name IN ('ring', 'schema')").get()) database.exec(statement);
        database.close();
      }
    },
    /** A session, with the headers that carry it. @param {string} [userId] @param {object} [jwtPayload] */
    async session(userId = "alice", jwtPayload = {}) {
      const created = await postern.admin("createNewSession", { userId, jwtPayload });
      assert.equal(created.status, "OK", created.message);
      return { ...created.session, token: created.accessToken.token, headers: bearer(created.accessToken.token) };
    },
  };
}
