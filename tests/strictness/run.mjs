// @ts-check
// Shows the rows of the strictness table to Postern and to other libraries, in workerd where they run there.
import { readFileSync } from "node:fs";
import { startWithIssuers } from "../support/issuers.mjs";
import { verdict } from "./peers.mjs";

/** @typedef {import("./rows.mjs").Row} Row */
/** @typedef {import("../support/issuers.mjs").Issuer} Issuer */
/** @type {{good: {from: number, until: number}, keySets: Issuer[], rows: Row[]}} */
export const table = JSON.parse(readFileSync(new URL("table.json", import.meta.url), "utf8"));

/** Starts Postern with every issuer, and with `withPeers` the other libraries. @param {{withPeers?: boolean}} [options] */
export async function startTable({ withPeers = false } = {}) {
  const peers = { name: "peers", path: "tests/strictness/peers-worker.mjs", bindings: {} };
  const running = await startWithIssuers(table.keySets, {
    members: { max_token_age: "3650d", typ: "JWT" },
    callers: withPeers ? [peers] : [],
  });
  return {
    /** What Postern's `getSession` says of tokens of one issuer: statuses. */
    postern: running.statuses,
    /** Whether another library accepts. @param {string} library @param {Row} row @returns {Promise<{accepted: boolean, why?: string}>} */
    async peer(library, { set, token }) {
      const issuer = table.keySets.find(({ name }) => name === set);
      if (!issuer) throw new Error(`no issuer ${set}`);
      if (library !== "fast-jwt") return running.post(set, "peers", { library, issuer, token });
      const { fastJwt } = await import("./peers-node.mjs");
      return verdict(() => fastJwt(issuer, token));
    },
    close: running.close,
  };
}
