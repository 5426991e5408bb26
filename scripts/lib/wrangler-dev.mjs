// @ts-check
// `wrangler dev` as a child process: its arguments, its readiness, the Worker's own faults, and its end.
import { spawn } from "node:child_process";
import { request as askHttp } from "node:http";
import { request as askHttps } from "node:https";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { buildProfile, childEnvironment, fromRoot, profileEnvironment, projectNode, root, windows, wrangler } from "./paths.mjs";
import { option, settingsReader } from "./wrangler-settings.mjs";
import { freePort, isTaken } from "./ports.mjs";
import { StepFailed } from "./process.mjs";
import { useStorage } from "./storage-lock.mjs";

const HOST = "127.0.0.1";
const PORT = "8787";
/** Who may use the hosts of LEGACY_KEYLESS_HOSTS here, unless the user says: this machine. */
const LOOPBACK = "127.0.0.0/8,::1";
const POLL_MS = 100;
/** After an answer that tells of faults, how long their lines may take, and how long after the first the others may. */
const FAULT_LINES_MS = 10_000;
const FAULT_LINES_SETTLE_MS = 300;
/** How long wrangler may take to start, its first build included, and how long the Worker may take for one answer. */
const READY_MS = 300_000;
const ANSWER_MS = 15_000;
const STOP_GRACE_MS = 5_000;

/**
 * Starts it. Our own arguments are added only where the user gave none.
 * @param {string[]} userArguments
 * @param {{anyPort?: boolean, asDeployed?: boolean, profile?: import("./paths.mjs").BuildProfile}} [options] `anyPort`: listen wherever is
 *   room and store nothing for long, unless the user says where; `asDeployed`: add no settings that a deployment would not have; `profile`: what
 *   wrangler builds after a change
 */
export async function startWrangler(userArguments, { anyPort = false, asDeployed = false, profile = buildProfile() } = {}) {
  const host = option(userArguments, "ip") ?? HOST;
  const usual = option(userArguments, "port") ?? PORT;
  const port = anyPort && !option(userArguments, "port") ? String(await freePort()) : usual;
  // Asked before, or whoever listens there already would answer in the place of ours.
  if (await isTaken(host, Number(port))) {
    throw new StepFailed(`port ${port} is in use, perhaps by another npm start: stop that, or add -- --port and a number`);
  }
  const directory = option(userArguments, "persist-to") ?? (anyPort ? temporaryDirectory() : useStorage());
  const protocol = option(userArguments, "local-protocol") ?? "http";
  const url = `${protocol}://${host}:${port}`;
  const setting = await settingsReader(userArguments);
  const added = (/** @type {string} */ name, /** @type {string} */ value) =>
    asDeployed || setting(name) !== undefined ? [] : ["--var", `${name}:${value}`];
  const own = [
    ...(option(userArguments, "ip") ? [] : ["--ip", host]),
    ...(option(userArguments, "port") ? [] : ["--port", port]),
    ...(option(userArguments, "persist-to") ? [] : ["--persist-to", directory]),
    // "Every address" is none that a browser could use.
    ...added("API_DOMAIN", `${protocol}://${["0.0.0.0", "::"].includes(host) ? HOST : host}:${usual}`),
    ...added("LEGACY_KEYLESS_ALLOW", LOOPBACK),
    // Only for itself: elsewhere nobody is told where origins are.
    ...(setting("API_DOMAIN") === undefined ? added("DEVELOPMENT", "true") : []),
    "--show-interactive-dev-session=false",
  ];
  // A process group of its own, so that wrangler, esbuild and workerd end together.
  const child = spawn(projectNode, [wrangler, "dev", ...own, ...userArguments], {
    cwd: root,
    env: childEnvironment(profileEnvironment(profile)),
    stdio: ["ignore", "pipe", "pipe"],
    detached: !windows,
  });
  /** @type {Map<string, {setting: string, message: string}>} */
  const faults = new Map();
  for (const stream of [child.stdout, child.stderr]) {
    let rest = "";
    stream.setEncoding("utf8").on("data", (chunk) => {
      process.stderr.write(chunk);
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const fault of lines.map(badSetting)) if (fault) faults.set(`${fault.setting}: ${fault.message}`, fault);
    });
  }
  let running = true;
  /** @type {Promise<number>} */
  const ended = new Promise((resolve) => {
    child.once("error", () => resolve(1));
    child.once("close", (code) => resolve(code ?? 1));
  }).finally(() => (running = false));

  return {
    url,
    /** Its exit code, when it ends. */
    ended,
    /** Waits for the Worker's first answer; returns the settings that it complained about. */
    async ready() {
      const probe = probeUrl(url, "healthz", setting("API_BASE_PATH"));
      for (const started = Date.now(); running; await pause(POLL_MS)) {
        const status = await statusOf(probe);
        if (status === 500) {
          for (const asked = Date.now(); faults.size === 0; await pause(POLL_MS)) {
            if (Date.now() - asked > FAULT_LINES_MS) throw new StepFailed("the Worker answers with status 500 and does not say why");
          }
          await pause(FAULT_LINES_SETTLE_MS);
        }
        if (status !== undefined) return [...faults.values()];
        if (Date.now() - started > READY_MS) throw new StepFailed(`the Worker did not answer at ${probe} within ${READY_MS / 1000} s`);
      }
      throw new StepFailed(`wrangler dev ended with exit code ${await ended} before the Worker answered`);
    },
    /** The status that it answers to whether it can use its storage; `undefined` where no answer comes. */
    readiness: () => statusOf(probeUrl(url, "readyz", setting("API_BASE_PATH"))),
    /** The address of a path of the browser API. @param {"explain"} path */
    address: (path) => probeUrl(url, path, setting("API_BASE_PATH")),
    /** Ends it and everything that it started. */
    async stop() {
      signal(child.pid, "SIGTERM");
      const grace = new AbortController();
      await Promise.race([ended, pause(STOP_GRACE_MS, undefined, { signal: grace.signal }).catch(() => {})]);
      // A timer that is left would keep this process alive.
      grace.abort();
      signal(child.pid, "SIGKILL");
    },
  };
}

/** A directory that is deleted when this process ends. */
function temporaryDirectory() {
  const directory = mkdtempSync(join(tmpdir(), "postern-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/**
 * Where the Worker says how it is. The base path is as somebody typed it: the Worker takes it without a slash, too.
 * @param {string} url @param {"healthz" | "readyz" | "explain"} what @param {string | undefined} basePath
 */
export function probeUrl(url, what, basePath = "/auth") {
  const base = basePath.replace(/^\/+|\/+$/g, "");
  return new URL(`${base === "" ? "" : `/${base}`}/${what}`, url).href;
}

/** The status of an answer, if one comes. The certificate of a development server is nobody's. @param {string} url @returns {Promise<number | undefined>} */
const statusOf = (url) =>
  new Promise((resolve) => {
    const ask = url.startsWith("https:") ? askHttps : askHttp;
    const request = ask(url, { rejectUnauthorized: false, timeout: ANSWER_MS, agent: false }, (response) => {
      response.resume();
      response.once("close", () => resolve(response.statusCode));
    });
    request.once("timeout", () => request.destroy());
    request.once("close", () => resolve(undefined));
    request.once("error", () => resolve(undefined));
    request.end();
  });

function signal(/** @type {number | undefined} */ pid, /** @type {NodeJS.Signals} */ name) {
  if (pid === undefined) return;
  try {
    if (windows) spawn("taskkill", ["/pid", String(pid), "/t", "/f"]);
    else process.kill(-pid, name);
  } catch {
    // The group has ended already.
  }
}

/** One line for a person. A rule or an issuer is named by its place in its file, anything else is a setting. @param {{setting: string, message: string}} fault */
export const faultLine = ({ setting, message }) => `error: ${/^(gateway|issuers)\.toml/.test(setting) ? "" : "setting "}${setting}: ${message}`;

/** The Worker logs one JSON line for each setting that it cannot use. @param {string} line */
function badSetting(line) {
  const json = line.slice(line.indexOf("{"), line.lastIndexOf("}") + 1);
  if (!json.includes('"bad_setting"')) return undefined;
  try {
    const entry = JSON.parse(json);
    return entry.event === "bad_setting" ? { setting: String(entry.setting), message: String(entry.message) } : undefined;
  } catch {
    return undefined;
  }
}
