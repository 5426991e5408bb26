// Postern as an SDK's core: the Worker on workerd behind a small server that does what the platform's edge does, names
// the client's address, and that notes every call.
import http from "node:http";
import { apiKey } from "../../support/harness.mjs";
import { startWorkerd } from "../../support/workerd.mjs";

/**
 * @param {Record<string, unknown>} [vars] settings
 */
export async function startCore(vars = {}) {
  const workerd = await startWorkerd({
    vars: { API_KEYS: apiKey, LEGACY_KEYLESS_HOSTS: "localhost", LEGACY_KEYLESS_ALLOW: "127.0.0.1", ACCESS_TOKEN_VALIDITY_JITTER: "0", ...vars },
  });
  const calls = [];
  const edge = http.createServer((request, response) => {
    calls.push(`${request.method} ${request.url?.split("?")[0]}`);
    const upstream = http.request(
      workerd.url() + request.url,
      { method: request.method, headers: { ...request.headers, "cf-connecting-ip": "127.0.0.1" } },
      (answer) => answer.pipe(response.writeHead(answer.statusCode ?? 502, answer.headers)),
    );
    upstream.on("error", () => response.destroy());
    request.pipe(upstream);
  });
  await new Promise((resolve) => edge.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (edge.address());

  return {
    workerd,
    port,
    /** Where SDKs with a base path and a key reach it. */
    connection: { connectionURI: `http://127.0.0.1:${port}/core`, apiKey },
    /** Where SDKs without either reach it. */
    keyless: { hostname: "localhost", port },
    /** The calls since the last time this was asked, as `METHOD /path`. */
    takeCalls: () => calls.splice(0),
    /**
     * One request of the protocol, with a key.
     * @param {string | undefined} cdi @param {string} method @param {string} path @param {unknown} [body]
     * @param {{base?: string, headers?: Record<string, string>}} [options]
     */
    async call(cdi, method, path, body, { base = `http://127.0.0.1:${port}/core`, headers = { "api-key": apiKey } } = {}) {
      const answer = await fetch(base + path, {
        method,
        headers: { ...headers, ...(cdi ? { "cdi-version": cdi } : {}), "content-type": "application/json" },
        body: method === "GET" || body === undefined ? undefined : JSON.stringify(body),
      });
      const text = await answer.text();
      const type = answer.headers.get("content-type");
      const json = type?.startsWith("application/json") ? JSON.parse(text) : undefined;
      return { status: answer.status, type, text, json };
    },
    async close() {
      edge.closeAllConnections();
      await new Promise((resolve) => edge.close(resolve));
      await workerd.close();
    },
  };
}
