// Stands in for a KV namespace that fails. Postern is bound to it in place of KV (`SESSION_DATA` as a service binding:
// `env.SESSION_DATA.get(…)` is then a remote call to this class), so faults come from outside the product.
// Data lives in this Worker's memory; `FaultControl` tells it how to behave and what it was asked.
import { WorkerEntrypoint } from "cloudflare:workers";

/** @type {Map<string, {value: string, metadata: unknown, expiration?: number}>} what has been accepted */
const stored = new Map();
/** @type {Map<string, {entry: object | undefined, until: number}>} what readers elsewhere still see of a key */
const seen = new Map();
/** @type {{operation: string, key: string, at: number, outcome: string}[]} */
let calls = [];
/** @type {Fault[]} */
let faults = [];

/**
 * @typedef {object} Fault
 * @property {("get" | "put" | "delete" | "list")[]} [operations] which calls it hits; all when absent
 * @property {string} [key] only this key
 * @property {number} [times] how many calls it hits before it is spent; for ever when absent
 * @property {"refuse" | "rate" | "hang" | "drop" | "lost answer"} [outcome]
 *   `refuse`: fails, nothing done. `rate`: fails as KV's 429 does. `hang`: never answers.
 *   `drop`: says yes, does nothing. `lost answer`: does it, then fails.
 * @property {number} [delayMs] waits first; alone, it only slows down
 * @property {number} [lagMs] a write is accepted, and readers see the old state for so long
 * @property {number} [cacheMissMs] a miss is remembered: readers go on missing for so long
 */

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs one KV operation under the first fault that fits. */
async function under(operation, key, action) {
  const fault = faults.find((f) => (!f.operations || f.operations.includes(operation)) && (!f.key || f.key === key) && f.times !== 0);
  if (fault?.times) fault.times -= 1;
  const call = { operation, key, at: Date.now(), outcome: fault?.outcome ?? "done" };
  calls.push(call);
  if (fault?.delayMs) await pause(fault.delayMs);
  switch (fault?.outcome) {
    case "refuse":
      throw new Error(`KV ${operation.toUpperCase()} failed: 500 Internal Server Error`);
    case "rate":
      throw new Error(`KV ${operation.toUpperCase()} failed: 429 Too Many Requests`);
    case "hang":
      await pause(2 ** 31 - 1);
      break;
    case "drop":
      return undefined;
    default:
  }
  const before = stored.get(key);
  const result = action(fault);
  if (fault?.lagMs && (operation === "put" || operation === "delete")) {
    seen.set(key, { entry: before, until: Date.now() + fault.lagMs });
  }
  if (fault?.outcome === "lost answer") throw new Error(`KV ${operation.toUpperCase()} failed: connection lost`);
  return result;
}

function read(key, fault) {
  const stale = seen.get(key);
  if (stale && stale.until > Date.now()) return stale.entry;
  seen.delete(key);
  const entry = live(key);
  if (!entry && fault?.cacheMissMs) seen.set(key, { entry: undefined, until: Date.now() + fault.cacheMissMs });
  return entry;
}

function live(key) {
  const entry = stored.get(key);
  if (entry?.expiration === undefined || entry.expiration * 1000 > Date.now()) return entry;
  stored.delete(key);
  return undefined;
}

function typed(value, options) {
  const type = typeof options === "string" ? options : (options?.type ?? "text");
  if (type === "text") return value;
  if (type === "json") return JSON.parse(value);
  const bytes = new TextEncoder().encode(value);
  return type === "stream" ? new Blob([bytes]).stream() : bytes.buffer;
}

/** KV's own interface, as far as Postern may use it. */
export default class FaultKv extends WorkerEntrypoint {
  async get(key, options) {
    const entry = await under("get", key, (fault) => read(key, fault));
    return entry ? typed(entry.value, options) : null;
  }

  async getWithMetadata(key, options) {
    const entry = await under("get", key, (fault) => read(key, fault));
    return { value: entry ? typed(entry.value, options) : null, metadata: entry?.metadata ?? null, cacheStatus: null };
  }

  async put(key, value, options = {}) {
    const text = typeof value === "string" ? value : await new Response(value).text();
    // KV's own bounds, so that a call that production refuses is refused here.
    if (options.expirationTtl !== undefined && options.expirationTtl < 60) {
      throw new Error(`KV PUT failed: 400 Invalid expiration_ttl of ${options.expirationTtl}. Expiration TTL must be at least 60.`);
    }
    if (new TextEncoder().encode(key).length > 512) throw new Error("KV PUT failed: 414 UTF-8 encoded length of key exceeds key length limit of 512.");
    if (new TextEncoder().encode(JSON.stringify(options.metadata ?? null)).length > 1024) {
      throw new Error("KV PUT failed: 413 Metadata length exceeds limit of 1024.");
    }
    const expiration = options.expiration ?? (options.expirationTtl && Math.floor(Date.now() / 1000) + options.expirationTtl);
    await under("put", key, () => void stored.set(key, { value: text, metadata: options.metadata ?? null, expiration }));
  }

  async delete(key) {
    await under("delete", key, () => void stored.delete(key));
  }

  async list(options = {}) {
    const keys = await under("list", options.prefix ?? "", () =>
      [...stored.keys()].filter((name) => name.startsWith(options.prefix ?? "") && live(name)).sort()
        .map((name) => ({ name, expiration: stored.get(name)?.expiration, metadata: stored.get(name)?.metadata })),
    );
    return { keys: keys ?? [], list_complete: true, cacheStatus: null };
  }

  /** Any request over HTTP is an error in the test. */
  fetch() {
    return new Response("this Worker speaks KV over RPC", { status: 400 });
  }
}

/** The test's side. */
export class FaultControl extends WorkerEntrypoint {
  /** From now on, behave like this; the first fault that fits a call applies. @param {Fault[]} next */
  setFaults(next) {
    faults = next;
  }
  /** Every call since the start or the last `clear`, with what was made of it. */
  calls() {
    return calls;
  }
  /** What was accepted, whatever readers are shown. */
  entries() {
    return Object.fromEntries([...stored].filter(([key]) => live(key)));
  }
  /** Puts an entry behind Postern's back. */
  store(key, value, metadata) {
    stored.set(key, { value, metadata: metadata ?? null });
  }
  /** Forgets everything: data, faults, calls. */
  clear() {
    stored.clear();
    seen.clear();
    calls = [];
    faults = [];
  }
}
