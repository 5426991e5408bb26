// Where Postern is: as told by `init`, else as found in the surroundings.

import { PosternError } from "./error.js";
import { retryBudget, withLimits } from "./limits.js";
import { rpcTransport } from "./rpc.js";
import { serviceApiTransport } from "./service-api.js";

const DEFAULT_BASE_PATH = "/core";
const DEFAULT_TIMEOUT_MILLISECONDS = 10_000;
const DEFAULT_RETRIES = 2;

/** `send`: `(method, argument, signal) → Promise<{status, …}>`; and the limits of a call. Once known. */
let connection;

export function init(options) {
  connection = connectionOf(options);
}

/** `limits` are those of this call: `{signal, timeoutMilliseconds}`. */
export async function call(method, argument, { signal, timeoutMilliseconds } = {}) {
  // The connection is kept, never the promise of it: a Worker must not await what another request has begun.
  connection ??= await discover();
  const { send, ...limits } = connection;
  const own = timeoutMilliseconds === undefined ? {} : { timeoutMilliseconds: timeoutOf(method, timeoutMilliseconds) };
  return withLimits(method, (aborted) => send(method, argument, aborted), { ...limits, ...own, signal });
}

/** Whether calls go over a service binding, which knows more of them. */
export async function isBound() {
  connection ??= await discover();
  return connection.bound;
}

function connectionOf({ binding, adminBinding, url, apiKey, timeoutMilliseconds, retries = DEFAULT_RETRIES, enableAntiCsrf } = {}) {
  if (!Number.isInteger(retries) || retries < 0) throw new TypeError('postern.init: "retries" must be a whole number');
  const limits = { retries, budget: retryBudget() };
  if (binding !== undefined || adminBinding !== undefined) {
    if (url !== undefined || apiKey !== undefined) {
      throw new TypeError("postern.init: give either service bindings, or url and apiKey");
    }
    const bounded = timeoutMilliseconds === undefined ? {} : { timeoutMilliseconds: timeoutOf("postern.init", timeoutMilliseconds) };
    return { send: rpcTransport(binding, adminBinding), bound: true, ...limits, ...bounded };
  }
  const address = addressOf(url);
  const send = serviceApiTransport({ url: address, apiKey: keyOf(apiKey), enableAntiCsrf: enableAntiCsrf ?? false });
  return { send, bound: false, where: ` (service API at ${address})`, ...limits, timeoutMilliseconds: timeoutOf("postern.init", timeoutMilliseconds ?? DEFAULT_TIMEOUT_MILLISECONDS) };
}

function addressOf(url) {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.username || parsed.search || parsed.hash) {
    throw new TypeError('postern.init: "url" must be the address of the service API, such as https://host/core');
  }
  const path = parsed.pathname.replace(/\/+$/, "");
  return `${parsed.origin}${path || DEFAULT_BASE_PATH}`;
}

function keyOf(apiKey) {
  if (typeof apiKey !== "string" || !/^[A-Za-z0-9=-]+$/.test(apiKey)) {
    throw new TypeError('postern.init: "apiKey" must be a string of letters, digits, "=" and "-"');
  }
  return apiKey;
}

function timeoutOf(method, milliseconds) {
  if (!Number.isInteger(milliseconds) || milliseconds < 1) {
    throw new TypeError(`${method}: "timeoutMilliseconds" must be a whole number above 0`);
  }
  return milliseconds;
}

async function discover() {
  const variables = (await workerEnvironment()) ?? globalThis.process?.env ?? {};
  const { SESSIONS, SESSIONS_ADMIN, POSTERN_URL, POSTERN_API_KEY } = variables;
  const binding = bindingIn(SESSIONS);
  const adminBinding = bindingIn(SESSIONS_ADMIN);
  if (binding !== undefined || adminBinding !== undefined) return connectionOf({ binding, adminBinding });
  if (POSTERN_URL && POSTERN_API_KEY) return connectionOf({ url: POSTERN_URL, apiKey: POSTERN_API_KEY });
  throw new PosternError(
    PosternError.GENERAL_ERROR,
    "where is Postern? Call postern.init, or bind SESSIONS (and SESSIONS_ADMIN) in a Worker, " +
      "or set POSTERN_URL and POSTERN_API_KEY",
  );
}

/** In Node, where variables are text, one called SESSIONS is somebody else's. */
function bindingIn(variable) {
  return typeof variable === "string" ? undefined : variable;
}

/** The bindings and variables of the Worker that this runs in; undefined elsewhere. */
async function workerEnvironment() {
  if (globalThis.navigator?.userAgent !== "Cloudflare-Workers") return undefined;
  const { env } = await import(/* webpackIgnore: true */ "cloudflare:workers");
  return env;
}
