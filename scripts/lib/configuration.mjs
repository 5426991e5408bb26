// @ts-check
// What can be wrong with a configuration before the Worker runs: bindings that an environment lacks, variables that are too
// large, and origins that only this machine can reach.
import { isIP } from "node:net";
import { gatewayOrigins } from "./gateway-file.mjs";
import { option, settingsReader, wranglerConfig } from "./wrangler-settings.mjs";

/** The bindings without which no call can be answered; wrangler does not pass them on to an environment. */
const OBJECTS = ["USER_SESSIONS", "KEY_RING", "REVOCATIONS"];
const NAMESPACE = "SESSION_DATA";
/** The queue that events go to, where there is one. */
const EVENTS = "EVENTS";
/** The platform's limit for one variable; a larger one it refuses only when the Worker is deployed. */
const MAX_VARIABLE_BYTES = 5 * 1024;

/** @param {string[]} args of wrangler @param {{asDeployed?: boolean}} [options] @returns {Promise<string[]>} a line for each fault */
export async function configurationFaults(args, { asDeployed = false } = {}) {
  const config = await wranglerConfig(args);
  const environment = option(args, "env", "e");
  const where = environment ? `[env.${environment}] of the configuration` : "the configuration";
  /** @type {{vars: Record<string, unknown>, kv_namespaces: {binding: string}[], durable_objects: {bindings: {name: string}[]}, queues?: {producers?: {binding: string}[]}}} */
  const { vars, kv_namespaces: namespaces, durable_objects: objects, queues } = config;
  const bound = new Set([...namespaces.map(({ binding }) => binding), ...objects.bindings.map(({ name }) => name)]);
  const faults = [NAMESPACE, ...OBJECTS].filter((name) => !bound.has(name)).map((name) => `binding ${name}: ${where} does not have it`);
  const producers = (queues?.producers ?? []).map(({ binding }) => binding);
  for (const name of producers.filter((name) => name !== EVENTS)) faults.push(`binding ${name}: events go to a queue of the name ${EVENTS}, and to no other`);
  for (const [name, value] of Object.entries(vars)) {
    const bytes = Buffer.byteLength(typeof value === "string" ? value : JSON.stringify(value));
    if (bytes > MAX_VARIABLE_BYTES) faults.push(`setting ${name}: ${bytes} bytes, and the platform takes ${MAX_VARIABLE_BYTES}`);
  }
  const setting = await settingsReader(args);
  if (setting("EVENTS_REFRESHED") === "true" && !producers.includes(EVENTS) && !setting("EVENTS_WEBHOOK_URL")) {
    faults.push(`setting EVENTS_REFRESHED: there is no destination: neither a queue ${EVENTS} nor EVENTS_WEBHOOK_URL`);
  }
  if (asDeployed) {
    const addresses = ["ORIGIN", "EVENTS_WEBHOOK_URL", "FORMER_CORE_URL"].map((name) => ({ name: `setting ${name}`, url: setting(name) ?? "" }));
    const origins = [...addresses.filter(({ url }) => url), ...gatewayOrigins()];
    for (const { name, url } of origins) {
      const fault = originFault(url);
      if (fault) faults.push(`${name}: ${fault}`);
    }
  }
  return faults;
}

/** Optional bindings that the top level has and the chosen environment lacks: a wish more often than not forgotten. @param {string[]} args of wrangler @returns {Promise<string[]>} a line for each */
export async function configurationWarnings(args) {
  const names = async (/** @type {string | undefined} */ environment) => {
    const { ratelimits, analytics_engine_datasets: datasets, assets, queues } = await wranglerConfig(args, environment);
    return [...ratelimits.map((/** @type {{name: string}} */ { name }) => name), ...[...datasets, ...(queues?.producers ?? []), ...(assets ? [assets] : [])].map(({ binding }) => binding)];
  };
  const present = new Set(await names(undefined));
  const lacking = (await names("")).filter((name) => ["RATE_LIMIT", "METRICS", EVENTS, "ASSETS"].includes(name) && !present.has(name));
  return lacking.map((name) => `binding ${name}: the top level of the configuration has it, and this environment does not`);
}

/** Why a deployment cannot use an origin at this address; what is no address at all the Worker says. @param {string} url */
function originFault(url) {
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  const isLoopback = host === "localhost" || host.endsWith(".localhost") || (isIP(host) === 4 && host.startsWith("127.")) || host === "::1" || host === "0.0.0.0";
  if (isLoopback) return "is an address of this machine; a deployment cannot reach it";
  return protocol === "http:" ? "is not https: what is sent there could be read and changed on its way" : undefined;
}
