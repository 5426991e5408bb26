// @ts-check
// Shows the rows of the strictness table to Postern and to other libraries, in workerd where they run there.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { startWorkerd } from "../support/workerd.mjs";
import { verdict } from "./peers.mjs";

/** @typedef {import("./rows.mjs").Row} Row */
/** @typedef {import("./peers.mjs").Issuer & {name: string}} NamedIssuer */
/** @type {{good: {from: number, until: number}, keySets: NamedIssuer[], rows: Row[]}} */
export const table = JSON.parse(readFileSync(new URL("table.json", import.meta.url), "utf8"));

/** The platform's cap on a variable is 5 KB. */
const MAX_SETTING_BYTES = 5_000;

/** Starts Postern with every issuer, and with `withPeers` the other libraries. @param {{withPeers?: boolean}} [options] */
export async function startTable({ withPeers = false } = {}) {
  const issuers = Object.fromEntries(table.keySets.map((issuer) => [issuer.name, issuer]));
  const server = createServer((request, response) => response.end(issuers[(request.url ?? "").slice(1)]?.jwks)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const settings = table.keySets.map(({ name, issuer, algorithms, source, jwks }) => ({
    id: name, issuer, algorithms, audience: ["postern"], max_token_age: "3650d", typ: "JWT",
    ...(source === "settings" ? { jwks: JSON.parse(jwks) } : { jwks_uri: `http://127.0.0.1:${port}/${name}` }),
  }));
  const caller = { name: "caller", path: "tests/support/many-caller-worker.mjs", bindings: { VERIFY: { service: "postern", entrypoint: "SessionsVerify" } } };
  const peers = { name: "peers", path: "tests/strictness/peers-worker.mjs", bindings: {} };
  /** @type {{names: string[], workerd: Awaited<ReturnType<typeof startWorkerd>>}[]} */
  const running = [];
  for (const some of chunks(settings)) {
    const workerd = await startWorkerd({ vars: { TRUSTED_ISSUERS: some }, callers: withPeers ? [caller, peers] : [caller] });
    running.push({ names: some.map(({ id }) => id), workerd });
  }
  /** @returns {Promise<any>} */
  const post = async (/** @type {string} */ set, /** @type {string} */ worker, /** @type {unknown} */ body) => {
    const { workerd } = running.find(({ names }) => names.includes(set)) ?? running[0];
    const answer = await fetch(workerd.url(worker), { method: "POST", body: JSON.stringify(body) });
    if (answer.status !== 200) throw new Error(`${worker}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  return {
    /** What Postern's `getSession` says of tokens of one issuer: statuses. @param {string} set @param {string[]} tokens @returns {Promise<string[]>} */
    postern: (set, tokens) => post(set, "caller", tokens),
    /** Whether another library accepts. @param {string} library @param {Row} row @returns {Promise<{accepted: boolean, why?: string}>} */
    async peer(library, row) {
      const issuer = issuers[row.set];
      if (library !== "fast-jwt") return post(row.set, "peers", { library, issuer, token: row.token });
      const { fastJwt } = await import("./peers-node.mjs");
      return verdict(() => fastJwt(issuer, row.token));
    },
    async close() {
      for (const { workerd } of running) await workerd.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** As many values together as fit into one setting. @template T @param {T[]} values @returns {T[][]} */
function chunks(values) {
  /** @type {T[][]} */
  const all = [[]];
  for (const value of values) {
    const last = all[all.length - 1];
    if (JSON.stringify([...last, value]).length > MAX_SETTING_BYTES) all.push([value]);
    else last.push(value);
  }
  return all;
}
