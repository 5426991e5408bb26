// @ts-check
// Postern on bare `workerd serve`: real loopback requests, objects on disk, a process that can be killed and measured.
// KV is a real KV binding whose requests are answered by fault-kv-worker.mjs, with its data on disk as well.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { nextRelease } from "../../scripts/build.mjs";
import { withRules } from "./gateway-rules.mjs";
import { compatibilityDate, durableObjects } from "./harness.mjs";
import { Watch } from "./leaks.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const program = /** @type {{default: string}} */ (createRequire(import.meta.url)("workerd")).default;

/**
 * @typedef {object} Caller a Worker of the test's own, with a port of its own
 * @property {string} name
 * @property {string} path its module, from the repository's root
 * @property {Record<string, {service: string, entrypoint?: string} | {kv: string} | {objects: string, service: string}>} bindings
 *   to services by name, as KV to one, or to a class of objects of one
 */

/**
 * Starts it and answers when it listens.
 * @param {object} [options]
 * @param {Record<string, unknown>} [options.vars]
 * @param {Caller[]} [options.callers]
 * @param {import("./gateway-rules.mjs").Rules} [options.gateway] the rules, as the text of a gateway.toml or as its tables
 * @param {import("./gateway-rules.mjs").Rules} [options.issuers] the trusted issuers, as the text of an issuers.toml or as its tables
 * @param {Record<string, string>} [options.services] what Postern is bound to, by name of the binding
 * @param {number} [options.isolates] how many Workers of the same bundle, each in an isolate of its own, share the objects:
 *   `postern`, `postern-2`, …
 * @param {string} [options.entry] a module that prepares something and then is Postern's own entry, from the repository's root
 * @param {boolean} [options.faultyObjects] have the objects be reached through fault-objects-worker.mjs
 * @param {string[]} [options.next] which of the isolates are of the next release (`buildNext` has built it); the objects are of
 *   that of `postern`
 * @param {Record<string, Record<string, unknown>>} [options.varsOf] further variables of single isolates; of `postern` those of
 *   the objects
 * @param {string[]} [options.flags] compatibility flags of every Worker
 * @param {Record<string, number>} [options.queues] queues that Postern is bound to, by name of the binding: the ports of servers on
 *   this machine that answer in place of the platform's
 * @param {boolean} [options.traced] whether every request of Postern is traced; what the trace has is printed by trace-worker.mjs
 * @param {number} [options.internet] the port of a server on this machine that answers in place of every address that is
 *   fetched, https or not
 */
export async function startWorkerd({ vars = {}, callers = [], gateway, issuers, services = {}, isolates = 1, faultyObjects = false, entry = "src/entry.mjs", next, varsOf = {}, flags = [], traced = false, internet, queues = {} } = {}) {
  const directory = mkdtempSync(join(tmpdir(), "postern-workerd-"));
  for (const name of ["postern-objects", "kv-objects"]) mkdirSync(join(directory, name));
  cpSync(join(root, "build", "index_bg.wasm"), join(directory, "index_bg.wasm"));
  await bundle(directory, "postern", entry, [withRules(gateway, issuers)]);
  if (next) {
    cpSync(join(nextRelease, "index_bg.wasm"), join(directory, "next_bg.wasm"));
    await bundle(directory, "postern-next", entry, [withRules(gateway, issuers), ofNextRelease]);
  }
  await bundle(directory, "fault-kv", "tests/support/fault-kv-worker.mjs");
  if (faultyObjects) await bundle(directory, "fault-objects", "tests/support/fault-objects-worker.mjs");
  if (traced) await bundle(directory, "trace", "tests/support/trace-worker.mjs");
  for (const { name, path } of callers) await bundle(directory, name, path);
  const all = { vars: { API_DOMAIN: "http://127.0.0.1:8787", ...vars }, callers, services, isolates, faultyObjects, next: next ?? [], varsOf, flags, traced, internet, queues };
  writeFileSync(join(directory, "config.capnp"), configuration(all));

  let running = await serve(directory, {});
  const watch = new Watch(vars);
  /** @param {string} name */
  const urlOf = (name) => `http://127.0.0.1:${running.ports[name]}`;
  watch.listensAt(urlOf("postern"));
  /** What printed before is gone with the process. @param {NodeJS.Signals} signal */
  const end = async (signal) => {
    await running.end(signal);
    watch.printed(running.output());
  };
  return {
    /** Where a socket listens: `postern`, or a caller's name. Ports stay the same over a restart. */
    url: (name = "postern") => urlOf(name),
    /** A request to Postern. @param {string} path @param {RequestInit} [init] */
    fetch: (path, init) => fetch(urlOf("postern") + path, { redirect: "manual", ...init }),
    /** A method of `ObjectFaultControl`; faults and calls end with the process. @param {string} method @param {unknown[]} args */
    objectFaults: async (method, ...args) => {
      const answer = await fetch(`${urlOf("object-faults")}/${method}`, { method: "POST", body: JSON.stringify(args) });
      if (!answer.ok) throw new Error(`${method}: ${answer.status} ${await answer.text()}`);
      return answer.json();
    },
    /** A method of `FaultControl`; faults and calls end with the process, entries do not. @param {string} method @param {unknown[]} args */
    faults: async (method, ...args) => {
      const answer = await fetch(`${urlOf("faults")}/${method}`, { method: "POST", body: JSON.stringify(args) });
      if (!answer.ok) throw new Error(`${method}: ${answer.status} ${await answer.text()}`);
      return answer.json();
    },
    /**
     * The SQLite files of a class's objects. Open one only while the process is dead.
     * @param {string} className
     */
    objectFiles(className) {
      const folder = join(directory, "postern-objects", `postern-${className}`);
      return readdirSync(folder).filter((name) => name.endsWith(".sqlite") && name !== "metadata.sqlite").map((name) => join(folder, name));
    },
    /** Where its storage is. */
    directory,
    /** What it printed, both streams. */
    output: () => running.output(),
    pid: () => running.pid,
    /** CPU seconds that the process has used, user and system (Linux only). */
    cpuSeconds() {
      const fields = readFileSync(`/proc/${running.pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
      const ticksPerSecond = 100;
      return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    },
    /** SIGKILL: what a crash of the process leaves behind stays on disk. */
    kill: () => end("SIGKILL"),
    /** Looks for secrets in what it prints and refuses; for answers that no client of Node's received. */
    watch,
    /** Starts it again over the same storage; perhaps with other isolates of the next release, or other variables. @param {{next?: string[], varsOf?: Record<string, Record<string, unknown>>, queues?: Record<string, number>, vars?: Record<string, unknown>}} [changes] */
    async start(changes = {}) {
      Object.assign(all, changes);
      writeFileSync(join(directory, "config.capnp"), configuration(all));
      running = await serve(directory, running.ports);
    },
    /** Ends it and deletes its storage; fails when it printed or answered a secret. */
    async close() {
      await end("SIGKILL");
      rmSync(directory, { recursive: true, force: true });
      await watch.check();
    },
  };
}

/** @param {string} directory @param {string} name @param {string} entry @param {import("esbuild").Plugin[]} [plugins] */
const bundle = (directory, name, entry, plugins = []) =>
  build({
    entryPoints: [join(root, entry)],
    outfile: join(directory, `${name}.mjs`),
    bundle: true,
    format: "esm",
    target: "es2024",
    external: ["cloudflare:*", "node:*", "*.wasm"],
    logLevel: "error",
    plugins,
  });

/** For esbuild: the Wasm's glue of the next release. @type {import("esbuild").Plugin} */
const ofNextRelease = {
  name: "next-release",
  setup(build) {
    build.onResolve({ filter: /\/build\/index\.js$/ }, () => ({ path: join(nextRelease, "index.js") }));
  },
};

/**
 * Runs the process until its sockets listen.
 * @param {string} directory @param {Record<string, number>} ports those of an earlier run
 */
async function serve(directory, ports) {
  const addresses = Object.entries(ports).flatMap(([name, port]) => ["--socket-addr", `${name}=127.0.0.1:${port}`]);
  const child = spawn(program, ["serve", "config.capnp", "--experimental", "--control-fd=3", ...addresses], {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (output += chunk));
  /** @type {Promise<void>} */
  const ended = new Promise((resolve) => child.once("close", () => resolve()));
  /** @type {Record<string, number>} */
  const listening = {};
  const wanted = (readFileSync(join(directory, "config.capnp"), "utf8").match(/address = "127.0.0.1:0"/g) ?? []).length;
  await new Promise((resolve, reject) => {
    let rest = "";
    child.stdio[3]?.on("data", (chunk) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const message of lines.map((line) => JSON.parse(line))) {
        if (message.event === "listen") listening[message.socket] = message.port;
      }
      if (Object.keys(listening).length === wanted) resolve(undefined);
    });
    ended.then(() => reject(new Error(`workerd ended before it listened: ${output}`)));
  });
  return {
    ports: listening,
    pid: child.pid,
    output: () => output,
    /** @param {NodeJS.Signals} signal */
    async end(signal) {
      child.kill(signal);
      await ended;
    },
  };
}

const quoted = (/** @type {unknown} */ value) => JSON.stringify(value);

/**
 * The configuration, in workerd's schema language.
 * @param {{vars: Record<string, unknown>, callers: Caller[], services: Record<string, string>, isolates: number, faultyObjects: boolean, next: string[], varsOf: Record<string, Record<string, unknown>>, flags: string[], traced: boolean, internet?: number, queues: Record<string, number>}} options
 */
function configuration({ vars, callers, services, isolates, faultyObjects, next, varsOf, flags, traced, internet, queues }) {
  const worker = withFlags(flags);
  const tails = traced ? ["trace"] : [];
  const variables = (/** @type {string} */ isolate) =>
    Object.entries({ ...vars, ...varsOf[isolate] }).map(([name, value]) =>
      typeof value === "string" ? `(name = ${quoted(name)}, text = ${quoted(value)})` : `(name = ${quoted(name)}, json = ${quoted(JSON.stringify(value))})`,
    );
  const objects = Object.entries(durableObjects);
  const release = (/** @type {string} */ isolate) =>
    next.includes(isolate)
      ? { main: "postern-next", modules: ['(name = "index_bg.wasm", wasm = embed "next_bg.wasm")'] }
      : { main: "postern", modules: ['(name = "index_bg.wasm", wasm = embed "index_bg.wasm")'] };
  const objectsOf = (/** @type {string | undefined} */ service) =>
    objects.map(([name, className]) => {
      const target = service ? `(className = ${quoted(className)}, serviceName = ${quoted(service)})` : quoted(className);
      return `(name = ${quoted(name)}, durableObjectNamespace = ${target})`;
    });
  const common = (/** @type {string} */ isolate) => [
    ...variables(isolate),
    '(name = "SESSION_DATA", kvNamespace = "fault-kv")',
    ...Object.entries(services).map(([name, service]) => `(name = ${quoted(name)}, service = ${quoted(service)})`),
    ...Object.keys(queues).map((name) => `(name = ${quoted(name)}, queue = ${quoted(`queue-${name}`)})`),
  ];
  const classes = objects.map(([, className]) => className);
  const faulty = faultyObjects ? "fault-objects" : undefined;
  const postern = worker("postern", { ...release("postern"), bindings: [...common("postern"), ...objectsOf(faulty)], classes, disk: "postern-objects", tails });
  const others = Array.from({ length: isolates - 1 }, (_, n) => `postern-${n + 2}`);
  const more = others.map((name) => worker(name, { ...release(name), bindings: [...common(name), ...objectsOf(faulty ?? "postern")] }));
  if (faulty) more.push(worker(faulty, { bindings: objectsOf("postern"), classes, disk: "kv-objects" }));
  if (traced) more.push(withFlags(["streaming_tail_worker"])("trace", { bindings: [] }));
  const faultKv = worker("fault-kv", {
    bindings: ['(name = "STORE", durableObjectNamespace = "FaultKvStore")'],
    classes: ["FaultKvStore"],
    disk: "kv-objects",
  });
  const designator = (/** @type {Caller["bindings"][string]} */ target) =>
    "kv" in target
      ? `kvNamespace = ${quoted(target.kv)}`
      : "objects" in target
      ? `durableObjectNamespace = (className = ${quoted(target.objects)}, serviceName = ${quoted(target.service)})`
      : `service = (name = ${quoted(target.service)}${target.entrypoint ? `, entrypoint = ${quoted(target.entrypoint)}` : ""})`;
  const theirs = callers.map(({ name, bindings }) =>
    worker(name, { bindings: Object.entries(bindings).map(([binding, target]) => `(name = ${quoted(binding)}, ${designator(target)})`) }),
  );
  const behindQueues = Object.entries(queues).map(([name, port]) => `(name = ${quoted(`queue-${name}`)}, external = (http = (), address = "127.0.0.1:${port}"))`);
  const sockets = [
    ["postern", '"postern"'],
    ...others.map((name) => [name, quoted(name)]),
    ...(faulty ? [["object-faults", `(name = "${faulty}", entrypoint = "ObjectFaultControl")`]] : []),
    ["faults", '(name = "fault-kv", entrypoint = "FaultControl")'],
    ...callers.map(({ name }) => [name, quoted(name)]),
  ].map(([name, service]) => `(name = ${quoted(name)}, address = "127.0.0.1:0", http = (), service = ${service})`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ${[postern, ...more, faultKv, ...theirs, ...behindQueues].join(",\n    ")},
    (name = "postern-objects", disk = (path = "postern-objects", writable = true)),
    (name = "kv-objects", disk = (path = "kv-objects", writable = true)),
    ${internet ? `(name = "internet", external = (http = (), address = "127.0.0.1:${internet}"))` : '(name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true)))'}
  ],
  sockets = [
    ${sockets.join(",\n    ")}
  ]
);
`;
}

/** @param {string[]} flags @returns {(name: string, parts: {main?: string, modules?: string[], bindings: string[], classes?: string[], disk?: string, tails?: string[]}) => string} */
const withFlags = (flags) => (name, { main: bundled = name, modules = [], bindings, classes = [], disk, tails = [] }) => {
  const main = `(name = "${bundled}.mjs", esModule = embed "${bundled}.mjs")`;
  const objects = classes.map((className) => `(className = ${quoted(className)}, uniqueKey = ${quoted(`${name}-${className}`)}, enableSql = true)`);
  return `(name = ${quoted(name)}, worker = (
      compatibilityDate = ${quoted(compatibilityDate)},
      compatibilityFlags = [${flags.map(quoted).join(", ")}],
      modules = [${[main, ...modules].join(", ")}],
      bindings = [${bindings.join(", ")}],
      streamingTails = [${tails.map(quoted).join(", ")}],
      durableObjectNamespaces = [${objects.join(", ")}]${disk ? `,\n      durableObjectStorage = (localDisk = ${quoted(disk)})` : ""}
    ))`;
};
