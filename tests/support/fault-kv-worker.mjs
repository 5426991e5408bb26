// Stands in for a KV namespace that can fail, so that faults come from outside the product. It is bound in two ways:
//
// - in wrangler's harness, as a service binding named SESSION_DATA: `env.SESSION_DATA.get(…)` is then a remote call;
// - on raw workerd, as the service behind a real KV binding: the runtime turns each call into an HTTP request.
//
// `FaultControl` is the test's side. Data and faults live in fault-kv-store.mjs.
import { WorkerEntrypoint } from "cloudflare:workers";
export { FaultKvStore } from "./fault-kv-store.mjs";

const MIN_TTL_SECONDS = 60;
const MAX_KEY_BYTES = 512;
const MAX_METADATA_BYTES = 1024;

const bytesIn = (text) => new TextEncoder().encode(text).length;
const store = (env) => env.STORE.get(env.STORE.idFromName("kv"));

/** What KV itself refuses, as a status line; `undefined` when it would accept. */
function refusal(key, { expirationTtl, metadata } = {}) {
  if (bytesIn(key) > MAX_KEY_BYTES) return `414 UTF-8 encoded length of key exceeds key length limit of ${MAX_KEY_BYTES}.`;
  if (expirationTtl < MIN_TTL_SECONDS) return `400 Invalid expiration_ttl of ${expirationTtl}. Expiration TTL must be at least ${MIN_TTL_SECONDS}.`;
  if (metadata !== undefined && bytesIn(JSON.stringify(metadata)) > MAX_METADATA_BYTES) return `413 Metadata length exceeds limit of ${MAX_METADATA_BYTES}.`;
  return undefined;
}

/** One `put`, checked as KV checks it. @returns {Promise<import("./fault-kv-store.mjs").Answer>} */
async function put(env, key, value, options) {
  const refused = refusal(key, options);
  if (refused) return { refused };
  const now = Math.floor(Date.now() / 1000);
  const expiration = options.expiration ?? (options.expirationTtl === undefined ? undefined : now + options.expirationTtl);
  return store(env).put(key, { value, metadata: options.metadata ?? null, expiration });
}

function typed(value, options) {
  const type = typeof options === "string" ? options : (options?.type ?? "text");
  if (type === "text") return value;
  if (type === "json") return JSON.parse(value);
  const bytes = new TextEncoder().encode(value);
  return type === "stream" ? new Blob([bytes]).stream() : bytes.buffer;
}

/** The result of an operation, or the error that a KV binding throws. */
function orThrow(operation, answer) {
  if ("refused" in answer) throw new Error(`KV ${operation} failed: ${answer.refused}`);
  return answer.value;
}

/** KV's interface, as far as Postern may use it. */
export default class FaultKv extends WorkerEntrypoint {
  async get(key, options) {
    const entry = orThrow("GET", await store(this.env).get(key));
    return entry && typed(entry.value, options);
  }

  async getWithMetadata(key, options) {
    const entry = orThrow("GET", await store(this.env).get(key));
    return { value: entry && typed(entry.value, options), metadata: entry?.metadata ?? null, cacheStatus: null };
  }

  async put(key, value, options = {}) {
    const text = typeof value === "string" ? value : await new Response(value).text();
    orThrow("PUT", await put(this.env, key, text, options));
  }

  async delete(key) {
    orThrow("DELETE", await store(this.env).delete(key));
  }

  async list(options = {}) {
    const found = orThrow("LIST", await store(this.env).list(options.prefix ?? ""));
    const keys = (found ?? []).map(([name, { expiration, metadata }]) => ({ name, expiration, metadata }));
    return { keys, list_complete: true, cacheStatus: null };
  }

  /** The same, as workerd's KV binding asks it over HTTP. */
  async fetch(request) {
    const url = new URL(request.url);
    const number = (name) => (url.searchParams.has(name) ? Number(url.searchParams.get(name)) : undefined);
    const key = decodeURIComponent(url.pathname.slice(1));
    const operation = key === "" ? "LIST" : request.method;
    const answer = await {
      LIST: () => store(this.env).list(url.searchParams.get("prefix") ?? ""),
      GET: () => store(this.env).get(key),
      DELETE: () => store(this.env).delete(key),
      PUT: async () =>
        put(this.env, key, await request.text(), {
          expiration: number("expiration"),
          expirationTtl: number("expiration_ttl"),
          metadata: JSON.parse(request.headers.get("CF-KV-Metadata") ?? "null") ?? undefined,
        }),
    }[operation]();
    if ("refused" in answer) return new Response(answer.refused, { status: Number(answer.refused.slice(0, 3)) });
    if (operation === "LIST") {
      const keys = answer.value.map(([name, entry]) => ({ name, expiration: entry.expiration, metadata: JSON.stringify(entry.metadata) }));
      return Response.json({ keys, list_complete: true, cacheStatus: null });
    }
    if (operation !== "GET") return new Response();
    if (!answer.value) return new Response("Not Found", { status: 404 });
    return new Response(answer.value.value, { headers: { "CF-KV-Metadata": JSON.stringify(answer.value.metadata) } });
  }
}

/** The test's side: `setFaults`, `calls`, `entries`, `store`, `clear` of the store, over RPC or as `POST /METHOD` with a JSON list of arguments. */
export class FaultControl extends WorkerEntrypoint {
  setFaults(faults) {
    return store(this.env).setFaults(faults);
  }
  calls() {
    return store(this.env).calls();
  }
  entries() {
    return store(this.env).entries();
  }
  store(key, value, metadata) {
    return store(this.env).store(key, value, metadata);
  }
  clear() {
    return store(this.env).clear();
  }
  async fetch(request) {
    const method = new URL(request.url).pathname.slice(1);
    if (!["setFaults", "calls", "entries", "store", "clear"].includes(method)) return new Response("no such method", { status: 404 });
    return Response.json((await this[method](...(await request.json()))) ?? null);
  }
}
