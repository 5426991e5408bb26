// @ts-check
// Postern under test: the built Worker in workerd, with its storage in memory, reached over HTTP and RPC.
//
// Functional tests only. Outbound requests pass through Node here, hostile RPC values are refused before the Worker,
// and nothing can be killed: for those use `workerd.mjs`.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createTestHarness } from "wrangler";
import { entryWithRules } from "./gateway-rules.mjs";
import { Watch } from "./leaks.mjs";

/** `tests/`, not the repository: wrangler gives each Worker the developer's `.dev.vars` that it finds beside its root. */
const root = fileURLToPath(new URL("../", import.meta.url));
const deployed = readFileSync(`${root}../wrangler.toml`, "utf8");
/** As in wrangler.toml. */
export const compatibilityDate = deployed.match(/^compatibility_date = "(.*)"/m)?.[1] ?? "";
/** Binding name to class name, as in wrangler.toml. @type {Record<string, string>} */
export const durableObjects = Object.fromEntries(
  [...deployed.matchAll(/^name = "(.*)"\nclass_name = "(.*)"/gm)].map(([, binding, className]) => [binding, className]),
);

// No look at the network for the properties of a request's connection: the built-in ones will do.
process.env.CLOUDFLARE_CF_FETCH_ENABLED ??= "false";

/** A development key for the service API, for tests that want one. */
export const apiKey = "test-key-test-key-test-key";

/**
 * @typedef {object} Options
 * @property {string} [main] a module that stands in for Postern's own, from `tests/`
 * @property {Record<string, unknown>} [vars] settings, added to `API_DOMAIN`
 * @property {Record<string, string>} [secrets]
 * @property {string[]} [entrypoints] named entrypoints to bind, by class name
 * @property {boolean} [faultyKv] bind `SESSION_DATA` to the Worker of fault-kv-worker.mjs instead of KV
 * @property {import("wrangler").TestHarnessOptions["workers"]} [workers] further Workers, such as an issuer of keys;
 *   paths are relative to `tests/`
 * @property {object} [bindings] further bindings, as wrangler's configuration has them
 * @property {{binding: string, service: string}[]} [services] what Postern is bound to among them
 * @property {import("./gateway-rules.mjs").Rules} [gateway] the rules, as the text of a gateway.toml or as its tables
 * @property {import("./gateway-rules.mjs").Rules} [issuers] the trusted issuers, as the text of an issuers.toml or as its tables
 */

/**
 * Starts Postern and answers when it is ready.
 * @param {Options} [options]
 */
export async function startPostern(options = {}) {
  const { vars = {}, secrets = {}, entrypoints = [], faultyKv = false, workers = [], services = [], gateway, issuers, bindings: moreBindings = {} } = options;
  const { main = entryWithRules(gateway, issuers) } = options;
  const postern = {
    name: "postern",
    main,
    compatibility_date: compatibilityDate,
    vars: { API_DOMAIN: "http://127.0.0.1:8787", ...vars, ...secrets },
    kv_namespaces: faultyKv ? [] : [{ binding: "SESSION_DATA", id: "session-data" }],
    services: [...(faultyKv ? [{ binding: "SESSION_DATA", service: "fault-kv" }] : []), ...services],
    durable_objects: {
      bindings: Object.entries(durableObjects).map(([name, class_name]) => ({ name, class_name })),
    },
    migrations: [{ tag: "v1", new_sqlite_classes: Object.values(durableObjects) }],
    ...moreBindings,
  };
  const caller = {
    name: "caller",
    main: "support/caller-worker.mjs",
    compatibility_date: compatibilityDate,
    services: [
      { binding: "SESSIONS", service: "postern" },
      ...entrypoints.map((entrypoint) => ({ binding: entrypoint, service: "postern", entrypoint })),
      ...(faultyKv ? [{ binding: "FAULTS", service: "fault-kv", entrypoint: "FaultControl" }] : []),
    ],
  };
  const faultKv = {
    name: "fault-kv",
    main: "support/fault-kv-worker.mjs",
    compatibility_date: compatibilityDate,
    durable_objects: { bindings: [{ name: "STORE", class_name: "FaultKvStore" }] },
    migrations: [{ tag: "v1", new_sqlite_classes: ["FaultKvStore"] }],
  };

  const server = createTestHarness({
    root,
    workers: [
      { config: /** @type {any} */ (postern) },
      { config: caller },
      ...(faultyKv ? [{ config: faultKv }] : []),
      ...workers,
    ],
  });
  const { url } = await server.listen();
  const worker = server.getWorker("postern");
  const watch = new Watch({ ...vars, ...secrets });
  watch.listensAt(url);
  const logs = () => server.getLogs().map((entry) => entry.message);
  const bindings = await server.getWorker("caller").getEnv();

  return {
    /** Where it listens. */
    url,
    /** A request to Postern; `path` may be an absolute URL, to choose the host name that the Worker sees. */
    fetch: /** @type {typeof worker.fetch} */ (async (path, init) => {
      watch.sent(new Headers(/** @type {any} */ (init?.headers)));
      const response = await worker.fetch(path, { redirect: "manual", ...init });
      watch.response(String(path).split("?")[0], /** @type {any} */ (response));
      return response;
    }),
    /** The default entrypoint over a real service binding. */
    rpc: bindings.SESSIONS,
    /** A named entrypoint over a real service binding; list it in `entrypoints`. */
    entrypoint: (/** @type {string} */ name) => bindings[name],
    /** `FaultControl` of the faulty KV. */
    faults: bindings.FAULTS,
    /** Every variable and binding that Postern sees. */
    env: () => worker.getEnv(),
    /** The KV namespace itself. */
    kv: async () => (await worker.getEnv()).SESSION_DATA,
    /** A Durable Object namespace, by the name of its binding. @param {string} binding */
    namespace: async (binding) => /** @type {any} */ (await worker.getEnv())[binding],
    /** Ids of the objects of a class that have storage. @param {string} className */
    objectIds: (className) => worker.listDurableObjectIds(className),
    /** Runs SQL inside one object, found by `{name}` or `{id}`. @param {string} className @param {{name: string} | {id: string}} which @param {string} query @param {unknown[]} values */
    sql: async (className, which, query, ...values) =>
      (await worker.getDurableObjectStorage(className, which)).exec(query, .../** @type {any[]} */ (values)),
    /** Another Worker of `workers`. */
    worker: (/** @type {string} */ name) => server.getWorker(name),
    /** Ends an object's instance, as the platform may at any time; its storage stays. @param {string} className @param {{name: string} | {id: string}} which */
    evict: (className, which) => worker.evictDurableObject(className, which),
    /** What the Workers logged, as text lines. */
    logs,
    clearLogs() {
      watch.printed(logs().join("\n"));
      server.clearLogs();
    },
    /** Ends it; fails when it printed or answered a secret. */
    async close() {
      watch.printed(logs().join("\n"));
      await server.close();
      await watch.check();
    },
  };
}
