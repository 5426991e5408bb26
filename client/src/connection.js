// Where Postern is: as told by `init`, else as found in the surroundings.

import { PosternError } from "./error.js";
import { rpcTransport } from "./rpc.js";
import { serviceApiTransport } from "./service-api.js";

const DEFAULT_BASE_PATH = "/core";
const DEFAULT_TIMEOUT_MILLISECONDS = 10_000;

/** `(method, argument) → Promise<{status, …}>`, once known. */
let transport;

export function init(options) {
  transport = transportOf(options);
}

export async function call(method, argument) {
  // The transport is kept, never the promise of it: a Worker must not await what another request has begun.
  transport ??= await discover();
  return transport(method, argument);
}

function transportOf({ binding, adminBinding, url, apiKey, timeoutMilliseconds, enableAntiCsrf } = {}) {
  if (binding !== undefined || adminBinding !== undefined) {
    if (url !== undefined || apiKey !== undefined) {
      throw new TypeError("postern.init: give either service bindings, or url and apiKey");
    }
    return rpcTransport(binding, adminBinding);
  }
  return serviceApiTransport({
    url: addressOf(url),
    apiKey: keyOf(apiKey),
    timeoutMilliseconds: timeoutOf(timeoutMilliseconds ?? DEFAULT_TIMEOUT_MILLISECONDS),
    enableAntiCsrf: enableAntiCsrf ?? false,
  });
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

function timeoutOf(milliseconds) {
  if (!Number.isInteger(milliseconds) || milliseconds < 1) {
    throw new TypeError('postern.init: "timeoutMilliseconds" must be a whole number above 0');
  }
  return milliseconds;
}

async function discover() {
  const variables = (await workerEnvironment()) ?? globalThis.process?.env ?? {};
  const { SESSIONS, SESSIONS_ADMIN, POSTERN_URL, POSTERN_API_KEY } = variables;
  const binding = bindingIn(SESSIONS);
  const adminBinding = bindingIn(SESSIONS_ADMIN);
  if (binding !== undefined || adminBinding !== undefined) return transportOf({ binding, adminBinding });
  if (POSTERN_URL && POSTERN_API_KEY) return transportOf({ url: POSTERN_URL, apiKey: POSTERN_API_KEY });
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
