// @ts-check
// Load by autocannon, and what it cost the process that answered it.
import { createRequire } from "node:module";

const autocannon = createRequire(import.meta.url)("autocannon");

/** Enough requests at a time that the process never waits for the load generator's next one. */
const CONNECTIONS = 32;

/**
 * @typedef {object} Load
 * @property {string} [path]
 * @property {string} [method]
 * @property {Record<string, string>} [headers]
 * @property {string} [body]
 * @property {(client: any) => void} [setupClient] what one connection sends, when each request differs
 * @property {number} [connections]
 * @property {number} [each] requests of each connection
 */

/**
 * Requests per CPU second of the process over a number of requests, of which every answer is waited for. Any answer but 2xx
 * fails the bench: a refusal is cheap.
 * @param {import("./workerd.mjs").Served} served @param {string} url @param {Load & {each: number}} load
 * @returns {Promise<{rate: number, answers: number, cpu: number}>}
 */
export async function requestsPerCpuSecond(served, url, load) {
  const connections = load.connections ?? CONNECTIONS;
  const before = served.cpuSeconds();
  const result = await autocannon({
    url: url + (load.path ?? "/"),
    method: load.method ?? "GET",
    headers: load.headers,
    body: load.body,
    setupClient: load.setupClient,
    connections,
    amount: load.each * connections,
    skipAggregateResult: true,
  });
  const cpu = served.cpuSeconds() - before;
  const answers = result["2xx"];
  if (result.non2xx > 0 || result.errors > 0 || result.timeouts > 0 || answers === 0) {
    throw new Error(`${url}: ${JSON.stringify(result.statusCodeStats)}, ${result.errors} errors, ${result.timeouts} timeouts\n${served.output().slice(-2000)}`);
  }
  return { rate: answers / cpu, answers, cpu };
}

/** A client whose every request has the next value of a list as its bearer token. @param {() => string} next */
export const withTokens = (next) => (/** @type {any} */ client) => {
  client.setRequests([{ setupRequest: (/** @type {any} */ request) => ({ ...request, headers: { ...request.headers, authorization: `Bearer ${next()}` } }) }]);
};
