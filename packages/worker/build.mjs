// Takes the place of scripts/build.mjs in the npm package: the Worker is built already, so only the rules and the issuers are read.
import { realpathSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { bundleFiles } from "./lib/bundled-file.mjs";
import { isUnderWrangler } from "./lib/paths.mjs";
import { main } from "./lib/process.mjs";

/** @param {import("./lib/paths.mjs").BuildProfile} [_profile] @param {{goesOn?: boolean}} [options] of `bundleFiles` @returns {Promise<import("./lib/paths.mjs").BuildProfile>} */
export async function build(_profile, options) {
  bundleFiles(options);
  return "release";
}

if (import.meta.url === pathToFileURL(realpathSync(process.argv[1] ?? "")).href) {
  await main(async () => void (await build(undefined, { goesOn: isUnderWrangler() })));
}
