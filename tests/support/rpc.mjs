// @ts-check
// Postern on raw workerd with a Worker bound to it: RPC with values that no harness would let through, and HTTP beside it.
import { apiKey } from "./harness.mjs";
import { parse, text } from "./values.mjs";
import { startWorkerd } from "./workerd.mjs";

const postern = (/** @type {string} */ entrypoint) => ({ service: "postern", entrypoint });

/** Starts both. @param {Record<string, unknown>} [vars] @param {Omit<NonNullable<Parameters<typeof startWorkerd>[0]>, "vars">} [more] */
export async function startWithCaller(vars = {}, more = {}) {
  const bindings = { SESSIONS: { service: "postern" }, ADMIN: postern("SessionsAdmin"), VERIFY: postern("SessionsVerify") };
  const callers = [{ name: "caller", path: "tests/support/rpc-caller-worker.mjs", bindings }, ...(more.callers ?? [])];
  const workerd = await startWorkerd({ ...more, vars: { API_KEYS: apiKey, ...vars }, callers });
  /**
   * One call by the caller Worker: its result, or a rejection with what Postern threw.
   * @param {"SESSIONS" | "ADMIN" | "VERIFY"} service @param {string} method @param {unknown[]} args
   */
  const call = async (service, method, ...args) => {
    const response = await fetch(workerd.url("caller"), { method: "POST", body: text({ service, method, args }) });
    const { value, thrown } = parse(await response.text());
    if (thrown) workerd.watch.refused(`${method} threw`, thrown.message.replaceAll(method, ""));
    else if (value?.status && value.status !== "OK") workerd.watch.refused(`${method} refused`, JSON.stringify(value));
    if (thrown) throw Object.assign(new Error(), thrown);
    return value;
  };
  return {
    ...workerd,
    call,
    /** @param {string} method @param {unknown} argument */
    admin: (method, argument) => call("ADMIN", method, argument),
    /** A call of the service API; a string is sent as it is. @param {string} method @param {string} path @param {unknown} [body] */
    core: async (method, path, body) => {
      const headers = { "api-key": apiKey, "content-type": "application/json" };
      const text = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
      const response = await fetch(`${workerd.url()}/core${path}`, { method, headers, body: text });
      const answer = await response.text();
      const isJson = response.headers.get("content-type")?.startsWith("application/json");
      return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(answer) : answer };
    },
  };
}
