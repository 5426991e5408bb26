// @ts-check
// Takes the place of scripts/lib/place.mjs in the npm package: the commands work in the project that has installed it.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const NAMES = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];
const fileIn = (/** @type {string} */ directory) => NAMES.map((name) => join(directory, name)).find(existsSync);

/** The nearest directory upwards with wrangler's file, as wrangler itself looks for it; else this one. */
function projectDirectory() {
  for (let directory = process.cwd(); ; directory = dirname(directory)) {
    if (fileIn(directory)) return directory;
    if (dirname(directory) === directory) return process.cwd();
  }
}

export const root = projectDirectory();
/** The directory of the package. */
export const packageDirectory = resolve(fileURLToPath(new URL("../../", import.meta.url)));
export const projectNode = process.execPath;
/** Of the project, where it has one; else the one beside this package. Empty where none is installed. */
export const wrangler = [join(root, "package.json"), import.meta.url].map(wranglerOf).find((found) => found !== "") ?? "";
export const modulesDirectory = join(root, ".postern");
export const configurationFile = () => fileIn(root) ?? join(root, "wrangler.toml");

/** @param {string} from */
function wranglerOf(from) {
  try {
    return join(dirname(createRequire(from).resolve("wrangler/package.json")), "bin", "wrangler.js");
  } catch {
    return "";
  }
}
