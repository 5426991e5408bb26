// @ts-check
// Brings a machine to where the project can be built: checks what must be there, and gets the rest, each only when it
// is missing. Needs no network once that is done.
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { compile } from "./lib/compile.mjs";
import { digestOf } from "./lib/hash.mjs";
import { holderOf, isRunning, take } from "./lib/lock.mjs";
import { childEnvironment, fromRoot, projectNode, root, toolProgram, toolsDirectory, windows } from "./lib/paths.mjs";
import { StepFailed, must, run, say, seconds } from "./lib/process.mjs";
import { installPythonPackages } from "./lib/python.mjs";
import { timed } from "./lib/step-times.mjs";

const OLDEST_NODE = 20;
/** Longer than the slowest set-up. */
const LOCK_WAIT_MS = 20 * 60_000;
const LOCK_POLL_MS = 200;

/** What the toolchain was chosen by when it was last seen to be there, and the crates, but for those of tests. */
const rustStamp = fromRoot("target", "rust-set-up");

/** The helper in scripts/bindgen. Its name changes with its sources, so that an older one is never used in its place. */
export const bindgen = { name: "postern-bindgen", version: digestOf(["scripts/bindgen/Cargo.toml", "scripts/bindgen/Cargo.lock", "scripts/bindgen/src"]).slice(0, 16) };
export const cargoFuzz = { name: "cargo-fuzz", version: "0.13.2" };
export const cargoMutants = { name: "cargo-mutants", version: "27.1.0" };
export const cargoDeny = { name: "cargo-deny", version: "0.20.2" };

/**
 * @typedef {{lint?: boolean, sdk?: boolean, mutants?: boolean, noRust?: boolean, onlyToStart?: boolean, profile?: import("./lib/paths.mjs").BuildProfile}} Needs
 *   what only some parts of the tests use: `lint`, `sdk` for Python's packages, `mutants` for that command; `noRust` for what builds nothing; `onlyToStart`
 *   for what needs no more npm packages than `npm start` does; `profile` for what builds the Worker first of all
 */

/** @param {Needs} [needs] */
export async function setUp(needs = {}) {
  const unlock = await alone();
  try {
    await installWhatIsMissing(needs);
  } finally {
    unlock();
  }
}

/** Two commands that start at once do not install or build over each other: the later waits. @param {"set-up" | "build"} [what] @returns {Promise<() => void>} lets the next one go */
export async function alone(what = "set-up") {
  const lock = fromRoot(what === "build" ? ".build-lock" : ".setup-lock");
  for (const started = Date.now(); !take(lock); await pause(LOCK_POLL_MS)) {
    const holder = holderOf(lock);
    const who = holder ? ` (process ${holder})` : "";
    if (Date.now() - started > LOCK_WAIT_MS) throw new StepFailed(`another ${what} of this directory${who} has been at work for ${LOCK_WAIT_MS / 60_000} minutes: stop it, or delete ${lock} and ${lock}-removal`);
    if (holder !== undefined && Date.now() - started < LOCK_POLL_MS) say(`Waiting for another ${what} of this directory${who}`);
  }
  return () => rmSync(lock, { force: true });
}

/** @param {Needs} needs */
async function installWhatIsMissing(needs) {
  const packages = () => installPackages(needs.onlyToStart ? "start" : "all");
  if (needs.noRust) return packages();
  checkNode();
  // Asking git, rustup, npm and cargo whether all is there takes longer than all else that a later start sets up.
  const inputs = digestOf(["Cargo.lock", "rust-toolchain.toml"], [process.platform, process.arch]);
  const isThere = needs.onlyToStart && existsSync(rustStamp) && readFileSync(rustStamp, "utf8") === inputs;
  if (!isThere) await checkPrerequisites();
  // Side by side: one mostly waits for the network, the other compiles.
  await allOf([timed("npm packages", packages), (isThere ? Promise.resolve() : fetchRust(inputs, needs)).then(() => installRustParts(needs))]);
  if (needs.sdk) await installPythonPackages();
}

/** Waits for all, and then fails as the first that failed. @param {Promise<void>[]} steps */
async function allOf(steps) {
  for (const step of await Promise.allSettled(steps)) if (step.status === "rejected") throw step.reason;
}

/** The toolchain, and the crates of the lock file, but not for a start. @param {string} inputs a digest of what says which those are @param {Needs} needs */
async function fetchRust(inputs, needs) {
  await timed("Rust toolchain", installRustToolchain);
  // A build fetches what it needs. A third of the crates, one of 100 MB among them, are for tests.
  if (!needs.onlyToStart) await timed("Rust crates", () => must("cargo", ["fetch", "--locked"], { quiet: true, heartbeat: "fetching crates" }));
  mkdirSync(dirname(rustStamp), { recursive: true });
  writeFileSync(rustStamp, inputs);
}

/** What is compiled once. @param {Needs} needs */
async function installRustParts(needs) {
  const { profile } = needs;
  const isFirst = !existsSync(toolProgram(bindgen, bindgen.name));
  // Side by side: neither keeps all processors at work to its end.
  await allOf([installTools(needs), ...(isFirst && profile ? [timed("compilation", () => compile(profile))] : [])]);
}

/** @param {Needs} needs */
async function installTools(needs) {
  await timed(bindgen.name, installBindgen);
  // A debug build is quick to make and fast enough for one check.
  if (needs.lint) await installCargoTool(cargoDeny, "cargo-deny", "2 to 5 minutes", ["--debug", "--no-default-features"]);
  if (needs.mutants) await installCargoTool(cargoMutants, "cargo-mutants", "2 to 5 minutes", ["--debug"]);
}

function checkNode() {
  if (Number(process.versions.node.split(".")[0]) >= OLDEST_NODE) return;
  throw new StepFailed(`node ${OLDEST_NODE} or newer is needed, this is ${process.versions.node} (https://nodejs.org)`);
}

async function checkPrerequisites() {
  const wanted = { git: "https://git-scm.com", rustup: "https://rustup.rs", npm: "https://nodejs.org" };
  for (const [program, where] of Object.entries(wanted)) {
    const found = await (program === "npm" ? npm(["--version"], { quiet: true }) : run(program, ["--version"], { quiet: true }))
      .catch(() => undefined);
    if (found?.code !== 0) throw new StepFailed(`${program} is missing: install it from ${where}`);
  }
}

async function installRustToolchain() {
  const file = readFileSync(fromRoot("rust-toolchain.toml"), "utf8");
  const list = (/** @type {string} */ key) => [...(file.match(new RegExp(`^${key} = \\[(.*)\\]`, "m"))?.[1] ?? "").matchAll(/"([^"]+)"/g)].map((m) => m[1]);
  const channel = file.match(/^channel = "([^"]+)"/m)?.[1] ?? "stable";
  const installed = await run("rustup", ["component", "list", "--installed", "--toolchain", channel], { quiet: true });
  const wanted = [...list("components"), ...list("targets").map((target) => `rust-std-${target}`)];
  if (installed.code === 0 && wanted.every((name) => installed.output.includes(name))) return;
  say(`Installing the Rust ${channel} toolchain (about a minute)`);
  await must("rustup", [
    "toolchain", "install", channel, "--profile", "minimal", "--no-self-update",
    ...list("components").flatMap((name) => ["--component", name]),
    ...list("targets").flatMap((name) => ["--target", name]),
  ]);
}

/** @param {"start" | "all"} wanted the `dependencies` of package.json, which are what `npm start` uses, or those for tests and releases as well */
async function installPackages(wanted) {
  const stamp = fromRoot("node_modules", ".postern-packages");
  const lock = digestOf(["package-lock.json"], [process.platform, process.arch]);
  const [lockThen, there] = existsSync(projectNode) && existsSync(stamp) ? readFileSync(stamp, "utf8").split(" ") : [];
  if (lockThen === lock && (there === "all" || there === wanted)) return;
  // Whoever has had them all keeps them all.
  const now = there === "all" ? there : wanted;
  say(now === "all" ? "Installing npm packages (about half a minute)" : "Installing the npm packages that a start needs (about 20 seconds)");
  // Not `npm ci`: that refuses the lock file because the registry lacks workerd's packages for some other platforms.
  // This installs exactly what the lock file names, too, and leaves the file alone. NODE_ENV must not choose.
  const installed = await npm(["install", now === "all" ? "--include=dev" : "--omit=dev", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"], { heartbeat: "npm install" });
  if (installed.code !== 0 || !existsSync(projectNode)) throw new StepFailed("npm install failed, see above");
  const other = packageUnlikeTheLock();
  if (other) throw new StepFailed(`npm installed another ${other} than package-lock.json names: delete node_modules and try again`);
  writeFileSync(stamp, `${lock} ${now}`);
}

/** A package that npm put into node_modules although the lock file names another or none. @returns {string | undefined} */
function packageUnlikeTheLock() {
  const read = (/** @type {string[]} */ ...path) => JSON.parse(readFileSync(fromRoot(...path), "utf8")).packages;
  const locked = read("package-lock.json");
  const found = Object.entries(read("node_modules", ".package-lock.json"));
  return found.find(([path, { version, integrity }]) => locked[path]?.version !== version || locked[path]?.integrity !== integrity)?.[0];
}

/** npm of the user's own Node: the project's one lives in the very directory that npm replaces. @type {(args: string[], options: object) => ReturnType<typeof run>} */
export function npm(args, options) {
  const path = (process.env.PATH ?? "").split(delimiter).filter((entry) => !entry.startsWith(join(root, "node_modules")));
  const env = { ...childEnvironment(), PATH: path.join(delimiter) };
  return windows ? run("cmd.exe", ["/d", "/s", "/c", "npm", ...args], { ...options, env }) : run("npm", args, { ...options, env });
}

/** wasm-bindgen's library must be of the very version that the crate was compiled against. */
async function installBindgen() {
  if (existsSync(toolProgram(bindgen, bindgen.name))) return;
  const [own, worker] = ["scripts/bindgen/Cargo.lock", "Cargo.lock"].map((file) => lockedVersion("wasm-bindgen-shared", file));
  if (own !== worker) throw new StepFailed(`scripts/bindgen is of wasm-bindgen ${own}, Cargo.lock of ${worker}: give both one version`);
  await installed(bindgen, "about a minute", async (scratch, env) => {
    const built = ["build", "--locked", "--manifest-path", fromRoot("scripts", "bindgen", "Cargo.toml")];
    await must("cargo", built, { env, heartbeat: `building ${bindgen.name}` });
    const name = basename(toolProgram(bindgen, bindgen.name));
    mkdirSync(join(scratch, "bin"));
    renameSync(join(scratch, "target", "debug", name), join(scratch, "bin", name));
  });
}

/**
 * Installs a pinned tool.
 * @param {{name: string, version: string}} tool @param {string} program @param {string} time @param {string[]} [flags]
 */
export async function installCargoTool(tool, program, time, flags = []) {
  if (existsSync(toolProgram(tool, program))) return;
  await installed(tool, time, async (scratch, env) => {
    // What its own lock file names, and nothing newer: this code makes or judges what is shipped.
    const install = ["install", tool.name, "--version", `=${tool.version}`, "--locked", "--root", scratch, "--no-track", ...flags];
    await must("cargo", install, { env, heartbeat: `building ${tool.name}` });
  });
}

/**
 * Has a tool built in a scratch directory, and renames that into place, so that what is there is always whole.
 * @param {{name: string, version: string}} tool @param {string} time
 * @param {(scratch: string, env: Record<string, string>) => Promise<void>} build leaves the program in `bin`
 */
async function installed(tool, time, build) {
  const started = Date.now();
  const name = `${tool.name}-${tool.version}`;
  const scratch = join(toolsDirectory, `.${name}.${process.pid}`);
  removeAbandoned(`.${name}.`);
  mkdirSync(scratch, { recursive: true });
  say(`Building ${tool.name} ${tool.version} (once, ${time})`);
  try {
    await build(scratch, childEnvironment({ CARGO_TARGET_DIR: join(scratch, "target") }));
    rmSync(join(scratch, "target"), { recursive: true, force: true });
    // Another process may have been faster.
    if (!existsSync(join(toolsDirectory, name))) renameSync(scratch, join(toolsDirectory, name));
    say(`Built ${tool.name} in ${seconds(started)}`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Deletes what installations left whose process is gone. @param {string} prefix of their directories, before the process id */
function removeAbandoned(prefix) {
  const directories = existsSync(toolsDirectory) ? readdirSync(toolsDirectory).filter((entry) => entry.startsWith(prefix)) : [];
  for (const directory of directories) {
    if (!isRunning(Number(directory.slice(prefix.length)))) rmSync(join(toolsDirectory, directory), { recursive: true, force: true });
  }
}

/** The version of a crate in a lock file. @param {string} crate @param {string} file */
function lockedVersion(crate, file) {
  const lock = readFileSync(fromRoot(file), "utf8");
  const version = lock.match(new RegExp(`name = "${crate}"\\r?\\nversion = "([^"]+)"`))?.[1];
  if (!version) throw new StepFailed(`${file} does not name ${crate}`);
  return version;
}
