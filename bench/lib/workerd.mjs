// @ts-check
// One process of bare `workerd serve` for each subject: its CPU time is the subject's and nobody else's.
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { gatewayModule } from "../../scripts/lib/gateway-file.mjs";
import { fromRoot } from "../../scripts/lib/paths.mjs";

const program = /** @type {{default: string}} */ (createRequire(import.meta.url)("workerd")).default;
const deployed = readFileSync(fromRoot("wrangler.toml"), "utf8");
const compatibilityDate = deployed.match(/^compatibility_date = "(.*)"/m)?.[1] ?? "";
/** Postern's objects: binding name and class name, as in wrangler.toml. */
const posternObjects = [...deployed.matchAll(/^name = "(.*)"\nclass_name = "(.*)"/gm)].map(([, binding, className]) => ({ binding, className }));

/**
 * @typedef {{service: string, entrypoint?: string} | {kv: string} | {analytics: string} | {objects: string, of?: string}} Binding
 *   a service, a KV namespace or a dataset that a service stands in for, or a class of objects, of the Worker's own or `of` another
 * @typedef {object} Service
 * @property {string} name
 * @property {string} entry its module, from the repository's root
 * @property {Record<string, unknown>} [vars]
 * @property {Record<string, Binding>} [bindings]
 * @property {boolean} [socket] whether it listens on a port of its own; true when absent
 * @property {boolean} [wasm] whether it is Postern's bundle
 * @property {boolean} [garbage] whether it has an entrypoint `Garbage`, which throws it away: see workers/postern-garbage.mjs
 * @property {string} [gatewayRules] Postern's gateway rules, as JSON text, instead of those that were built
 * @typedef {object} Options
 * @property {string} [directory] of an earlier process, which goes on as it was
 * @property {string} [storageOf] the directory of an earlier process whose storage moves to this one
 * @property {boolean} [inspector] whether it can be profiled
 * @property {string} [wasm] another file than the shipped one
 * @property {string} [build] another repository with a build of Postern
 * @typedef {Awaited<ReturnType<typeof serve>>} Served
 */

/** The KV that subjects read from: a Worker that keeps everything in memory, the cheapest there can be. @type {Service} */
export const memoryKv = { name: "kv", entry: "bench/workers/kv.mjs", socket: false };

/** Postern as it is deployed, with settings. @param {Record<string, unknown>} [vars] @param {string} [gatewayRules] @param {Record<string, Binding>} [bindings] more of them @returns {Service} */
export const postern = (vars = {}, gatewayRules, bindings = {}) => ({
  name: "postern",
  gatewayRules,
  entry: "src/entry.mjs",
  wasm: true,
  vars: { API_DOMAIN: "http://127.0.0.1:8787", LOG_LEVEL: "error", ...vars },
  bindings: { SESSION_DATA: { kv: "kv" }, ...Object.fromEntries(posternObjects.map(({ binding, className }) => [binding, { objects: className }])), ...bindings },
});

/**
 * Starts a process and answers when every socket listens.
 * @param {Service[]} services
 * @param {Options} [options]
 */
export async function serve(services, options = {}) {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), "postern-bench-"));
  if (!options.directory) await prepare(directory, services, options);
  if (options.storageOf) {
    for (const { name } of services.filter(({ name }) => existsSync(join(options.storageOf ?? "", `${name}-objects`)))) {
      rmSync(join(directory, `${name}-objects`), { recursive: true });
      cpSync(join(options.storageOf, `${name}-objects`), join(directory, `${name}-objects`), { recursive: true });
    }
    rmSync(options.storageOf, { recursive: true });
  }
  const started = process.hrtime.bigint();
  const child = spawn(program, ["serve", "config.capnp", "--experimental", "--control-fd=3", ...(options.inspector ? ["--inspector-addr=127.0.0.1:0"] : [])], {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (output += chunk));
  /** @type {Promise<void>} */
  const ended = new Promise((resolve) => child.once("close", () => resolve()));
  /** @type {Record<string, number>} */
  const ports = {};
  let inspector = 0;
  const wanted = services.filter(({ socket }) => socket !== false).length + services.filter(({ garbage }) => garbage).length;
  await new Promise((resolve, reject) => {
    let rest = "";
    child.stdio[3]?.on("data", (/** @type {Buffer} */ chunk) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const message of lines.map((line) => JSON.parse(line))) {
        if (message.event === "listen") ports[message.socket] = message.port;
        if (message.event === "listen-inspector") inspector = message.port;
      }
      if (Object.keys(ports).length === wanted) resolve(undefined);
    });
    ended.then(() => reject(new Error(`workerd ended before it listened: ${output}`)));
  });
  const pid = /** @type {number} */ (child.pid);
  return {
    directory,
    started,
    /** Where a service listens. */
    url: (name = services[0].name) => `http://127.0.0.1:${ports[name]}`,
    inspector: () => inspector,
    output: () => output,
    cpuSeconds: () => cpuSeconds(pid),
    memoryBytes: () => memoryBytes(pid),
    /** Ends it; its storage stays for another process when `keep` is set. */
    async end({ keep = false } = {}) {
      child.kill("SIGKILL");
      await ended;
      if (!keep) rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** CPU seconds of every thread of a process, to the nanosecond: the ticks of `/proc/PID/stat` are too coarse for short rounds. @param {number} pid */
function cpuSeconds(pid) {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  }
  return nanoseconds / 1e9;
}

/** Resident memory of a process. @param {number} pid */
function memoryBytes(pid) {
  const kib = readFileSync(`/proc/${pid}/status`, "utf8").match(/^VmRSS:\s+(\d+) kB/m)?.[1];
  return Number(kib) * 1024;
}

/** @param {string} directory @param {Service[]} services @param {Options} options */
async function prepare(directory, services, options) {
  for (const { name, entry, wasm: isPostern, gatewayRules } of services) {
    const root = (/** @type {string} */ path) => (isPostern ? join(options.build ?? fromRoot(), path) : fromRoot(path));
    mkdirSync(join(directory, `${name}-objects`));
    if (isPostern) cpSync(options.wasm ?? root("build/index_bg.wasm"), join(directory, "index_bg.wasm"));
    await build({
      entryPoints: [root(entry)],
      outfile: join(directory, `${name}.mjs`),
      bundle: true,
      format: "esm",
      target: "es2024",
      conditions: ["workerd", "worker", "browser"],
      minify: isPostern && !options.inspector,
      external: ["cloudflare:*", "node:*", "*.wasm"],
      logLevel: "error",
      plugins: gatewayRules === undefined ? [] : [withRules(gatewayRules)],
    });
  }
  writeFileSync(join(directory, "config.capnp"), configuration(services));
}

/** Other rules than the build's. @param {string} json @returns {import("esbuild").Plugin} */
const withRules = (json) => ({
  name: "gateway rules",
  setup(build) {
    build.onLoad({ filter: /build\/gateway\.mjs$/ }, () => ({ contents: gatewayModule(json) }));
  },
});

const quoted = (/** @type {unknown} */ value) => JSON.stringify(value);

/** @param {Service[]} services */
function configuration(services) {
  const disks = services.map(({ name }) => `(name = "${name}-objects", disk = (path = "${name}-objects", writable = true))`);
  const sockets = services
    .filter(({ socket }) => socket !== false)
    .map(({ name }) => [name, quoted(name)])
    .concat(services.flatMap(({ name, garbage }) => (garbage ? [[`${name} garbage`, `(name = ${quoted(name)}, entrypoint = "Garbage")`]] : [])))
    .map(([name, service]) => `(name = ${quoted(name)}, address = "127.0.0.1:0", http = (), service = ${service})`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ${[...services.map(worker), ...disks].join(",\n    ")},
    (name = "internet", network = (allow = ["public", "private"]))
  ],
  sockets = [${sockets.join(", ")}],
  v8Flags = [${services.some(({ garbage }) => garbage) ? '"--expose-gc"' : ""}]
);
`;
}

/** @param {Service} service */
function worker({ name, vars = {}, bindings = {}, wasm }) {
  const variables = Object.entries(vars).map(([variable, value]) =>
    typeof value === "string" ? `(name = ${quoted(variable)}, text = ${quoted(value)})` : `(name = ${quoted(variable)}, json = ${quoted(JSON.stringify(value))})`,
  );
  const targets = Object.entries(bindings).map(([binding, target]) => `(name = ${quoted(binding)}, ${designator(target)})`);
  const classes = Object.values(bindings).flatMap((target) => ("objects" in target && !target.of ? [target.objects] : []));
  const objects = classes.map((className) => `(className = ${quoted(className)}, uniqueKey = ${quoted(`${name}-${className}`)}, enableSql = true)`);
  const modules = [`(name = "${name}.mjs", esModule = embed "${name}.mjs")`, ...(wasm ? ['(name = "index_bg.wasm", wasm = embed "index_bg.wasm")'] : [])];
  return `(name = ${quoted(name)}, worker = (
      compatibilityDate = ${quoted(compatibilityDate)},
      modules = [${modules.join(", ")}],
      bindings = [${[...variables, ...targets].join(", ")}],
      durableObjectNamespaces = [${objects.join(", ")}],
      durableObjectStorage = (localDisk = "${name}-objects")
    ))`;
}

/** @param {Binding} target */
function designator(target) {
  if ("analytics" in target) return `analyticsEngine = ${quoted(target.analytics)}`;
  if ("kv" in target) return `kvNamespace = ${quoted(target.kv)}`;
  if ("objects" in target && target.of) return `durableObjectNamespace = (className = ${quoted(target.objects)}, serviceName = ${quoted(target.of)})`;
  if ("objects" in target) return `durableObjectNamespace = ${quoted(target.objects)}`;
  return `service = (name = ${quoted(target.service)}${target.entrypoint ? `, entrypoint = ${quoted(target.entrypoint)}` : ""})`;
}
