// @ts-check
// Several Workers of the same bundle over the same objects, each an isolate of its own, as the platform runs them.
import { apiKey } from "./harness.mjs";
import { startWorkerd } from "./workerd.mjs";

/**
 * @param {number} count @param {Record<string, unknown>} [vars]
 * @param {Pick<NonNullable<Parameters<typeof startWorkerd>[0]>, "next" | "varsOf" | "gateway">} [more]
 */
export async function startIsolates(count, vars = {}, more = {}) {
  const names = Array.from({ length: count }, (_, n) => (n === 0 ? "postern" : `postern-${n + 1}`));
  const callers = names.map((service) => ({
    name: `caller-of-${service}`,
    path: "tests/support/rpc-caller-worker.mjs",
    bindings: { SESSIONS: { service }, ADMIN: { service, entrypoint: "SessionsAdmin" } },
  }));
  const objectCallers = ["UserSessions", "Revocations"].map((objects) => ({
    name: `objects-${objects}`,
    path: "tests/support/object-requests-worker.mjs",
    bindings: { OBJECTS: { objects, service: "postern" } },
  }));
  const workerd = await startWorkerd({ vars: { API_KEYS: apiKey, ...vars }, callers: [...callers, ...objectCallers], isolates: count, faultyObjects: true, ...more });
  /** @param {string} name */
  const isolate = (name) => {
    /** @param {string} service @param {string} method @param {unknown} argument */
    const call = async (service, method, argument) => {
      const body = JSON.stringify({ service, method, args: [argument] });
      const response = await fetch(workerd.url(`caller-of-${name}`), { method: "POST", body });
      const { value, thrown } = /** @type {any} */ (await response.json());
      if (thrown) throw Object.assign(new Error(), thrown);
      return value;
    };
    return {
      name,
      /** @param {string} method @param {unknown} argument */
      ask: (method, argument) => call("SESSIONS", method, argument),
      /** @param {string} method @param {unknown} argument */
      admin: (method, argument) => call("ADMIN", method, argument),
      /** @param {string} path @param {RequestInit} [init] */
      fetch: (path, init) => fetch(workerd.url(name) + path, { redirect: "manual", ...init }),
      /** What it says of an access token. @param {string} accessToken @param {string} [freshness] */
      verdict: async (accessToken, freshness) => (await call("SESSIONS", "getSession", { accessToken, freshness, doAntiCsrfCheck: false })).status,
      /** @param {string} path @param {unknown} body */
      core: async (path, body) => {
        const headers = { "api-key": apiKey, "content-type": "application/json", "cdi-version": "5.6", rid: "session" };
        const response = await fetch(`${workerd.url(name)}/core${path}`, { method: "POST", headers, body: JSON.stringify(body) });
        const text = await response.text();
        return { status: response.status, body: response.status === 200 ? JSON.parse(text) : text };
      },
    };
  };
  return {
    ...workerd,
    isolates: names.map(isolate),
    /** A message to an object, as an isolate of any release might send it. @param {"UserSessions" | "Revocations"} className @param {string} name @param {unknown} message */
    asks: async (className, name, message) => {
      const response = await fetch(`${workerd.url(`objects-${className}`)}/${name}/`, { method: "POST", body: JSON.stringify(message) });
      return { status: response.status, body: /** @type {any} */ (JSON.parse(await response.text())) };
    },
    /** Sets which objects are out. @param {import("./fault-objects-worker.mjs").ObjectFault[]} faults */
    out: (...faults) => workerd.objectFaults("setFaults", faults),
    /** What the objects of a class were asked since the last look. @param {string} className @returns {Promise<any[]>} */
    calls: async (className) => {
      const calls = /** @type {any[]} */ (await workerd.objectFaults("calls"));
      return calls.filter((call) => call.className === className);
    },
    clearCalls: () => workerd.objectFaults("clearCalls"),
  };
}
