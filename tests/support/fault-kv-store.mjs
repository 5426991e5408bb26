// The data and the faults behind the stand-in for KV: one Durable Object, so that what was accepted outlives a kill.
import { DurableObject } from "cloudflare:workers";

/**
 * @typedef {object} Fault
 * @property {("get" | "put" | "delete" | "list")[]} [operations] which calls it hits; all when absent
 * @property {string} [key] only this key
 * @property {number} [times] how many calls it hits before it is spent; for ever when absent
 * @property {"refuse" | "rate" | "hang" | "drop" | "lost answer"} [outcome]
 *   `refuse`: fails, nothing done. `rate`: fails as KV does above one write a second. `hang`: never answers.
 *   `drop`: says yes, does nothing. `lost answer`: does it, then fails.
 * @property {number} [delayMs] waits first; alone, it only slows down
 * @property {number} [lagMs] a write is accepted, and readers see the old state for so long
 * @property {number} [cacheMissMs] a miss is remembered: readers go on missing for so long
 *
 * @typedef {{value: string, metadata: unknown, expiration?: number}} Entry `expiration` in Unix seconds
 * @typedef {{refused: string} | {value: any}} Answer `refused`: an HTTP status line
 */

const MAX_TIMER_MS = 2 ** 31 - 1;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class FaultKvStore extends DurableObject {
  /** What readers are still shown of a key, and until when. */
  #shown = new Map();
  #calls = [];
  #faults = [];

  constructor(context, env) {
    super(context, env);
    this.sql = context.storage.sql;
    this.sql.exec("CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, entry TEXT NOT NULL)");
  }

  /** @returns {Promise<Answer>} */
  get(key) {
    return this.#under("get", key, (fault) => {
      const shown = this.#shown.get(key);
      if (shown && shown.until > Date.now()) return shown.entry;
      this.#shown.delete(key);
      const entry = this.#accepted(key);
      if (!entry && fault?.cacheMissMs) this.#shown.set(key, { entry: null, until: Date.now() + fault.cacheMissMs });
      return entry;
    });
  }

  /** @param {string} key @param {Entry} entry @returns {Promise<Answer>} */
  put(key, entry) {
    return this.#under("put", key, () => {
      this.sql.exec("INSERT OR REPLACE INTO entries VALUES (?, ?)", key, JSON.stringify(entry));
    });
  }

  /** @returns {Promise<Answer>} */
  delete(key) {
    return this.#under("delete", key, () => {
      this.sql.exec("DELETE FROM entries WHERE key = ?", key);
    });
  }

  /** @returns {Promise<Answer>} */
  list(prefix) {
    return this.#under("list", prefix, () => Object.entries(this.entries()).filter(([key]) => key.startsWith(prefix)));
  }

  // --- the test's side ---

  /** From now on behave like this; the first fault that fits a call applies. @param {Fault[]} faults */
  setFaults(faults) {
    this.#faults = faults;
  }

  /** Every call since the start or the last `clear`, and what was made of it. */
  calls() {
    return this.#calls;
  }

  /** What was accepted, whatever readers are shown. @returns {Record<string, Entry>} */
  entries() {
    const keys = [...this.sql.exec("SELECT key FROM entries ORDER BY key")].map((row) => row.key);
    return Object.fromEntries(keys.map((key) => [key, this.#accepted(key)]).filter(([, entry]) => entry));
  }

  /** Puts an entry behind Postern's back. */
  store(key, value, metadata = null) {
    this.sql.exec("INSERT OR REPLACE INTO entries VALUES (?, ?)", key, JSON.stringify({ value, metadata }));
  }

  /** Forgets data, faults and calls. */
  clear() {
    this.sql.exec("DELETE FROM entries");
    this.#shown.clear();
    this.#calls = [];
    this.#faults = [];
  }

  #accepted(key) {
    const row = [...this.sql.exec("SELECT entry FROM entries WHERE key = ?", key)][0];
    const entry = row && JSON.parse(row.entry);
    return entry && (entry.expiration ?? Infinity) * 1000 > Date.now() ? entry : null;
  }

  /** Runs one operation under the first fault that fits. */
  async #under(operation, key, action) {
    const fits = (f) => (f.operations?.includes(operation) ?? true) && (f.key ?? key) === key && f.times !== 0;
    const fault = this.#faults.find(fits);
    if (fault?.times) fault.times -= 1;
    this.#calls.push({ operation, key, at: Date.now(), outcome: fault?.outcome ?? "done" });
    if (fault?.delayMs) await pause(fault.delayMs);
    if (fault?.outcome === "refuse") return { refused: "500 Internal Server Error" };
    if (fault?.outcome === "rate") return { refused: "429 Too Many Requests" };
    if (fault?.outcome === "hang") await pause(MAX_TIMER_MS);
    if (fault?.outcome === "drop") return { value: null };
    const before = this.#accepted(key);
    const value = action(fault) ?? null;
    if (fault?.lagMs && operation !== "get") this.#shown.set(key, { entry: before, until: Date.now() + fault.lagMs });
    if (fault?.outcome === "lost answer") return { refused: "500 Internal Server Error" };
    return { value };
  }
}
