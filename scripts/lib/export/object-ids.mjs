// @ts-check
// The ids of the objects that hold users' sessions: of a deployment from Cloudflare's API, of this machine's server from the API of the
// same shape that `wrangler dev` has. It tells ids only; what an object holds is Postern's to say.
import { configurationFile } from "../place.mjs";
import { StepFailed } from "../process.mjs";
import { option, wranglerConfig } from "../wrangler-settings.mjs";

const CLASS_NAME = "UserSessions";
const CLOUDFLARE = "https://api.cloudflare.com/client/v4";
/** Where `wrangler dev` has its own. */
const LOCAL_PATH = "/cdn-cgi/explorer/api";
const NAMESPACES = "/workers/durable_objects/namespaces";
const PAGE = 1_000;
const MAX_NAMESPACE_PAGES = 100;
const ANSWER_MS = 60_000;

/** @typedef {{ids: string[], next: string | undefined}} IdPage ids in order; `next` is the cursor of the page after it */

/**
 * Whom to ask, and of which namespace.
 * @param {string[]} args @param {{isLocal: boolean, origin: string}} api
 * @returns {Promise<(cursor: string | undefined) => Promise<IdPage>>}
 */
export async function objectIds(args, { isLocal, origin }) {
  const ask = isLocal ? asker(`${origin}${LOCAL_PATH}`, {}) : await ofAccount(args);
  const namespace = option(args, "namespace") ?? (await namespaceOf(args, ask));
  return async (cursor) => {
    const { result, result_info: info } = await ask(`${NAMESPACES}/${encodeURIComponent(namespace)}/objects`, { limit: String(PAGE), ...(cursor && { cursor }) });
    const stored = result.filter((/** @type {any} */ { hasStoredData }) => hasStoredData !== false);
    // Documented in one place as `cursors.after`, and in another as `cursor`.
    const next = info?.cursors?.after || info?.cursor || undefined;
    if (next !== undefined && next === cursor) throw new StepFailed("the list of objects does not go on: its cursor is the one that was given");
    return { ids: stored.map((/** @type {any} */ { id }) => String(id)).sort(), next };
  };
}

/** @typedef {ReturnType<typeof asker>} Ask */

/** @param {string[]} args @returns {Promise<Ask>} */
async function ofAccount(args) {
  const token = process.env.CLOUDFLARE_API_TOKEN;
  if (!token) throw new StepFailed("the objects of a deployment are listed by Cloudflare: set CLOUDFLARE_API_TOKEN to a token that may read Workers scripts");
  const account = process.env.CLOUDFLARE_ACCOUNT_ID ?? (await wranglerConfig(args)).account_id;
  if (!account) throw new StepFailed(`which account? Set CLOUDFLARE_ACCOUNT_ID, or account_id in ${configurationFile()}`);
  const base = (process.env.CLOUDFLARE_API_BASE_URL ?? CLOUDFLARE).replace(/\/+$/, "");
  return asker(`${base}/accounts/${encodeURIComponent(account)}`, { authorization: `Bearer ${token}` });
}

/** The namespace of the class in this project's Worker; of the only Worker that has one, whatever its name. @param {string[]} args @param {Ask} ask @returns {Promise<string>} */
async function namespaceOf(args, ask) {
  const found = new Map();
  for (let page = 1, known = -1; page <= MAX_NAMESPACE_PAGES && known < found.size; page++) {
    known = found.size;
    const { result, result_info: info } = await ask(NAMESPACES, { page: String(page), per_page: String(PAGE) });
    for (const namespace of result) found.set(namespace.id, namespace);
    if (found.size >= (info?.total_count ?? 0)) break;
  }
  const ours = [...found.values()].filter((namespace) => namespace.class === CLASS_NAME);
  if (ours.length === 1) return ours[0].id;
  const { name } = await wranglerConfig(args);
  const named = ours.filter(({ script }) => script === name);
  if (named.length === 1) return named[0].id;
  const which = ours.map(({ id, script }) => `${id} (${script})`).join(", ");
  throw new StepFailed(ours.length === 0 ? `nobody has objects of the class ${CLASS_NAME} there` : `which of these? Add --namespace and one of ${which}`);
}

/** @param {string} base @param {Record<string, string>} headers */
function asker(base, headers) {
  return async (/** @type {string} */ path, /** @type {Record<string, string>} */ query) => {
    const url = `${base}${path}?${new URLSearchParams(query)}`;
    let response;
    let answer;
    try {
      response = await fetch(url, { headers, redirect: "manual", signal: AbortSignal.timeout(ANSWER_MS) });
      answer = /** @type {any} */ (await response.json().catch(() => undefined));
    } catch {
      throw new StepFailed(`the list of objects at ${new URL(base).origin} cannot be had: there is no answer`);
    }
    if (response.status === 200 && answer?.success && Array.isArray(answer.result)) return answer;
    const why = (answer?.errors ?? []).map((/** @type {any} */ { message }) => message).join("; ");
    throw new StepFailed(`the list of objects at ${new URL(base).origin} cannot be had: status ${response.status}${why && `, ${why}`}`);
  };
}
