// @ts-check
// Shows the rows of the strictness table to Postern and to other libraries, in workerd where they run there.
import { readFileSync } from "node:fs";
import { startWithIssuers } from "../support/issuers.mjs";
import { startWithCaller } from "../support/rpc.mjs";
import * as proofs from "./proofs.mjs";
import * as signals from "./signals.mjs";
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
    // ML-DSA is there with it only.
    flags: ["webcrypto_modern_algorithms"],
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

/** Shows Postern, and the library that each kind is compared with, what is made when it is shown. @returns {Promise<Record<string, import("./document.mjs").MadeResult[]>>} */
export async function measureMade() {
  const postern = await startWithCaller({ TRUSTED_ISSUERS: [proofs.setting, signals.setting] });
  /** @param {import("./proofs.mjs").Sent} request */
  const proofAccepted = async (request) => (await postern.call("SESSIONS", "getSessionForRequest", { request })).status === "OK";
  /** @param {import("./signals.mjs").Signal} signal */
  const signalAccepted = async ({ kind, text }) => {
    const body = kind === "logout" ? new URLSearchParams({ logout_token: text }).toString() : text;
    const type = kind === "logout" ? "application/x-www-form-urlencoded" : "application/secevent+jwt";
    const { status } = await postern.fetch(`/auth/issuers/${signals.setting.id}/logout`, { method: "POST", body, headers: { "content-type": type } });
    if (![200, 202, 400].includes(status)) throw new Error(`a signal was answered ${status}`);
    return status !== 400;
  };
  /** What is said of the last. @template T @param {T[]} sent @param {(one: T) => Promise<boolean>} show */
  const shown = async (sent, show) => {
    let last = false;
    for (const one of sent) last = await show(one);
    return last;
  };
  try {
    /** @type {Record<string, import("./document.mjs").MadeResult[]>} */
    const all = { proofs: [], signals: [] };
    for (const row of proofs.rows) all.proofs.push({ row, postern: await shown(row.make(), proofAccepted), peer: (await proofs.oauth4webapi(row.make())).accepted });
    for (const row of signals.rows) all.signals.push({ row, postern: await shown(row.make(), signalAccepted), peer: (await signals.jose(row.make())).accepted });
    return all;
  } finally {
    await postern.close();
  }
}
