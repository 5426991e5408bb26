// @ts-check
// Postern on raw workerd with many trusted issuers: as many instances as their settings need, and a server for the key sets
// that are fetched.
import { once } from "node:events";
import { createServer } from "node:http";
import { startWorkerd } from "./workerd.mjs";

/**
 * @typedef {object} Issuer
 * @property {string} name its id in settings
 * @property {string} issuer its `iss`
 * @property {string[]} algorithms
 * @property {"settings" | "fetched"} source where its keys come from
 * @property {string} jwks its key set, as text
 * @property {null} [typ] null = its entry names none, whatever `members` say
 */

/** The platform's cap on a variable is 5 KB. */
const MAX_SETTING_BYTES = 5_000;

/**
 * Starts it. Every token is to be for the audience `postern`.
 * @param {Issuer[]} issuers
 * @param {{members?: object, callers?: import("./workerd.mjs").Caller[], entry?: string, flags?: string[]}} [options] `members`: further
 *   members of every issuer's entry in settings
 */
export async function startWithIssuers(issuers, { members = {}, callers = [], entry, flags } = {}) {
  const sets = Object.fromEntries(issuers.map(({ name, jwks }) => [name, jwks]));
  const server = createServer((request, response) => response.end(sets[(request.url ?? "").slice(1)])).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const settings = issuers.map(({ name, issuer, algorithms, source, jwks, typ }) => ({
    id: name, issuer, algorithms, audience: ["postern"], ...members, ...(typ === null && { typ }),
    ...(source === "settings" ? { jwks: JSON.parse(jwks) } : { jwks_uri: `http://127.0.0.1:${port}/${name}` }),
  }));
  const caller = { name: "caller", path: "tests/support/many-caller-worker.mjs", bindings: { VERIFY: { service: "postern", entrypoint: "SessionsVerify" } } };
  /** @type {{names: string[], workerd: Awaited<ReturnType<typeof startWorkerd>>}[]} */
  const running = [];
  for (const some of chunks(settings)) {
    const workerd = await startWorkerd({ vars: { TRUSTED_ISSUERS: some }, callers: [caller, ...callers], entry, flags });
    running.push({ names: some.map(({ id }) => id), workerd });
  }
  /** Has a caller of the instance that knows an issuer answer. @param {string} name @param {string} worker @param {unknown} body @returns {Promise<any>} */
  const post = async (name, worker, body) => {
    const { workerd } = running.find(({ names }) => names.includes(name)) ?? running[0];
    const answer = await fetch(workerd.url(worker), { method: "POST", body: JSON.stringify(body) });
    if (answer.status !== 200) throw new Error(`${worker}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  return {
    post,
    /** What `getSession` says of tokens of one issuer: statuses. @param {string} name @param {string[]} tokens @returns {Promise<string[]>} */
    statuses: (name, tokens) => post(name, "caller", tokens),
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
