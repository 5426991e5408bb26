// @ts-check
// The files of template/ that follow from those of the repository: a project that uses the package has the same bindings,
// migrations and rules, and a Worker that comes built.
import { readFileSync, writeFileSync } from "node:fs";
import { fromRoot } from "./paths.mjs";
import { StepFailed } from "./process.mjs";

const MANUAL = "node_modules/postern-worker/docs/";
/** What reads differently there. Each must be found, or the template would silently be another. */
const DIFFERENT = [
  [
    "# Postern on Cloudflare Workers. `npm run deploy` builds and deploys with this file; `npm start` runs it locally.\n",
    "# Postern on Cloudflare Workers. `npm run deploy` deploys with this file; `npm start` runs it locally. It is yours: an upgrade\n# changes nothing in it, and `npx postern migrate` only adds bindings and migrations at its end.\n",
  ],
  ['main = "src/entry.mjs"', 'main = "worker.mjs"'],
  [" Names are of no use: stack traces of Wasm are read with build/index_bg.debug.wasm.", ""],
  ["# Build with the pinned tools of `npm run build`, which does nothing when nothing has changed.", "# Reads gateway.toml and issuers.toml. The Worker itself comes built, with the package."],
  ['command = "node scripts/run.mjs build"', 'command = "npx --no-install postern build"'],
  ['directory = "target/console"', 'directory = "node_modules/postern-worker/console"'],
  ['watch_dir = ["src", "crates", "console", "gateway.toml", "issuers.toml"]', 'watch_dir = ["gateway.toml", "issuers.toml"]'],
];

/** @returns {Record<string, string>} their text by name */
export function templateFiles() {
  let wrangler = read("wrangler.toml");
  for (const [from = "", to = ""] of DIFFERENT) {
    if (!wrangler.includes(from)) throw new StepFailed(`scripts/lib/template.mjs: wrangler.toml does not have: ${from.trim()}`);
    wrangler = wrangler.replace(from, () => to);
  }
  const withManual = (/** @type {string} */ text) => text.replaceAll("docs/", MANUAL);
  return { "wrangler.toml": withManual(wrangler), "gateway.toml": withManual(read("gateway.toml")), "issuers.toml": withManual(read("issuers.toml")) };
}

/** Writes them into template/. */
export function writeTemplate() {
  for (const [name, text] of Object.entries(templateFiles())) writeFileSync(fromRoot("template", name), text);
}

const read = (/** @type {string} */ name) => readFileSync(fromRoot(name), "utf8");
