// @ts-check
// `npm run check -- …`: starts the Worker with the settings and rules that `npm start` would use, asks it whether it
// accepts them, and stops. Arguments are those of `npm start`.
import { pathToFileURL } from "node:url";
import { main, say } from "./lib/process.mjs";
import { faultLine, startWrangler } from "./lib/wrangler-dev.mjs";
import { build } from "./build.mjs";

/** Says every fault of settings and rules. @param {string[]} args of `wrangler dev` @param {{asDeployed?: boolean}} [options] @returns {Promise<boolean>} whether there was none */
export async function settingsAreGood(args, options = {}) {
  const server = await startWrangler(args, { anyPort: true, ...options });
  for (const name of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.on(name, () => server.stop());
  try {
    const faults = await server.ready();
    for (const fault of faults) say(faultLine(fault));
    return faults.length === 0;
  } finally {
    await server.stop();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await main(async () => {
    await build();
    if (await settingsAreGood(process.argv.slice(2))) process.stdout.write("The settings are good.\n");
    else process.exitCode = 1;
  });
}
