// @ts-check
// `wrangler dev` as a child process: its arguments, its readiness, the Worker's own faults, and its end.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { devVar } from "./dev-vars.mjs";
import { childEnvironment, fromRoot, projectNode, root, storage, windows, wrangler } from "./paths.mjs";
import { freePort, isTaken } from "./ports.mjs";
import { StepFailed } from "./process.mjs";

const HOST = "127.0.0.1";
const PORT = "8787";
/** Who may use the hosts of LEGACY_KEYLESS_HOSTS here, unless the user says: this machine. */
const LOOPBACK = "127.0.0.0/8,::1";
const POLL_MS = 100;
/** After an answer that tells of faults, how long their lines may take, and how long after the first the others may. */
const FAULT_LINES_MS = 10_000;
const FAULT_LINES_SETTLE_MS = 300;
const STOP_GRACE_MS = 5_000;

/**
 * Starts it. Our own arguments are added only where the user gave none.
 * @param {string[]} userArguments
 * @param {{anyPort?: boolean, asDeployed?: boolean}} [options] `anyPort`: listen wherever is room, unless the user says where;
 *   `asDeployed`: add no settings that a deployment would not have
 */
export async function startWrangler(userArguments, { anyPort = false, asDeployed = false } = {}) {
  const host = option(userArguments, "ip") ?? HOST;
  const usual = option(userArguments, "port") ?? PORT;
  const port = anyPort && !option(userArguments, "port") ? String(await freePort()) : usual;
  // Asked before, or whoever listens there already would answer in the place of ours.
  if (await isTaken(host, Number(port))) {
    throw new StepFailed(`port ${port} is in use, perhaps by another npm start: stop that, or add -- --port and a number`);
  }
  const url = `http://${host}:${port}`;
  const added = (/** @type {string} */ name, /** @type {string} */ value) =>
    asDeployed || setting(userArguments, name) !== undefined ? [] : ["--var", `${name}:${value}`];
  const own = [
    ...(option(userArguments, "ip") ? [] : ["--ip", host]),
    ...(option(userArguments, "port") ? [] : ["--port", port]),
    ...(option(userArguments, "persist-to") ? [] : ["--persist-to", join(storage, "state")]),
    // "Every address" is none that a browser could use.
    ...added("API_DOMAIN", `http://${["0.0.0.0", "::"].includes(host) ? HOST : host}:${usual}`),
    ...added("LEGACY_KEYLESS_ALLOW", LOOPBACK),
    "--show-interactive-dev-session=false",
  ];
  // A process group of its own, so that wrangler, esbuild and workerd end together.
  const child = spawn(projectNode, [wrangler, "dev", ...own, ...userArguments], {
    cwd: root,
    env: childEnvironment(),
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
      const probe = `${url}${setting(userArguments, "API_BASE_PATH") ?? "/auth"}/healthz`;
      while (running) {
        const answer = await fetch(probe, { redirect: "manual" }).catch(() => undefined);
        await answer?.text();
        if (answer?.status === 500) {
          for (const asked = Date.now(); faults.size === 0; await pause(POLL_MS)) {
            if (Date.now() - asked > FAULT_LINES_MS) throw new StepFailed("the Worker answers with status 500 and does not say why");
          }
          await pause(FAULT_LINES_SETTLE_MS);
        }
        if (answer) return [...faults.values()];
        await pause(POLL_MS);
      }
      throw new StepFailed(`wrangler dev ended with exit code ${await ended} before the Worker answered`);
    },
    /** Ends it and everything that it started. */
    async stop() {
      signal(child.pid, "SIGTERM");
      await Promise.race([ended, pause(STOP_GRACE_MS)]);
      signal(child.pid, "SIGKILL");
    },
  };
}

const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

function signal(/** @type {number | undefined} */ pid, /** @type {NodeJS.Signals} */ name) {
  if (pid === undefined) return;
  try {
    if (windows) spawn("taskkill", ["/pid", String(pid), "/t", "/f"]);
    else process.kill(-pid, name);
  } catch {
    // The group has ended already.
  }
}

/** The value of `--name value` or `--name=value`. @param {string[]} args @param {string} name @returns {string | undefined} */
function option(args, name) {
  const joined = args.find((arg) => arg.startsWith(`--${name}=`));
  if (joined) return joined.slice(name.length + 3);
  const at = args.indexOf(`--${name}`);
  return at < 0 ? undefined : args[at + 1];
}

/** A setting wherever the user may have put it: an argument `NAME:value`, .dev.vars, or wrangler.toml. @param {string[]} args @param {string} name @returns {string | undefined} */
function setting(args, name) {
  const argument = args.map((arg) => arg.replace(/^--var=/, "")).find((arg) => arg.startsWith(`${name}:`));
  if (argument) return argument.slice(name.length + 1);
  const inToml = readFileSync(fromRoot("wrangler.toml"), "utf8").match(new RegExp(`^${name}\\s*=\\s*(.*?)\\s*$`, "m"))?.[1];
  return devVar(name) ?? inToml?.replace(/^"(.*)"$/, "$1");
}

/** One line for a person. A rule is named by its place in gateway.toml, anything else is a setting. @param {{setting: string, message: string}} fault */
export const faultLine = ({ setting, message }) => `error: ${setting.startsWith("gateway.toml") ? "" : "setting "}${setting}: ${message}`;

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
