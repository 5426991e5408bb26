// @ts-check
// Where things are: the project, the build, and the user's cache of build tools.
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { projectNode, root, wrangler } from "./place.mjs";

export { projectNode, root, wrangler };
export const fromRoot = (/** @type {string[]} */ ...parts) => join(root, ...parts);
export const windows = process.platform === "win32";
const exe = windows ? ".exe" : "";

/** A command-line program of an npm package, as a script that `projectNode` can run. */
export const packageScript = (/** @type {string[]} */ ...parts) => fromRoot("node_modules", ...parts);

/** Everything that `npm start` keeps between runs; `npm run reset` deletes it. */
export const storage = fromRoot(".postern");

const cacheHome = process.env.XDG_CACHE_HOME || process.env.LOCALAPPDATA || join(homedir(), ".cache");
export const toolsDirectory = join(cacheHome, "postern", "tools");
/** @param {{name: string, version: string}} tool @param {string} program */
export const toolProgram = (tool, program) => join(toolsDirectory, `${tool.name}-${tool.version}`, "bin", program + exe);

/** @typedef {"release" | "development"} BuildProfile how the Worker is compiled: a profile of Cargo.toml */
const PROFILE_VARIABLE = "POSTERN_BUILD_PROFILE";
/** The profile that this process was told to build: `wrangler dev` passes on what `npm start` has chosen. @returns {BuildProfile} */
export const buildProfile = () => (process.env[PROFILE_VARIABLE] === "development" ? "development" : "release");
/** Whether a command here has started the `wrangler dev` that runs this build. */
export const isUnderWrangler = () => process.env[PROFILE_VARIABLE] !== undefined;
/** The part of an environment that tells it. @param {BuildProfile} profile */
export const profileEnvironment = (profile) => ({ [PROFILE_VARIABLE]: profile });

/** The environment for our own child processes: project programs first, nothing that phones home. */
export function childEnvironment(/** @type {Record<string, string>} */ extra = {}) {
  const packagePrograms = [fromRoot("node_modules", "node", "bin"), fromRoot("node_modules", ".bin")];
  return {
    ...process.env,
    // Wrangler's bundle is large, and loads faster once it was compiled.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? fromRoot("node_modules", ".cache", "node"),
    PATH: [...packagePrograms.filter(existsSync), process.env.PATH ?? ""].join(delimiter),
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_SEND_ERROR_REPORTS: "false",
    WRANGLER_HIDE_BANNER: "true",
    WRANGLER_NO_SKILLS_UPDATE_PROMPTS: "true",
    WRANGLER_LOG_PATH: join(storage, "wrangler-logs"),
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    ...extra,
  };
}
