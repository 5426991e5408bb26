// @ts-check
// `npm run check -- …`: starts the Worker with the settings and rules that `npm start` would use, asks it whether it
// accepts them, and stops. Arguments are those of `npm start`.
import { pathToFileURL } from "node:url";
import { configurationFaults } from "./lib/configuration.mjs";
import { main, say } from "./lib/process.mjs";
import { faultLine, startWrangler } from "./lib/wrangler-dev.mjs";
import { useEnvironment } from "./lib/wrangler-settings.mjs";
import { build } from "./build.mjs";

/** Says every fault of settings, rules and bindings. @param {string[]} args of `wrangler dev` @param {{asDeployed?: boolean, profile?: import("./lib/paths.mjs").BuildProfile}} [options] @returns {Promise<boolean>} whether there was none */
export async function settingsAreGood(args, options = {}) {
  const beforehand = await configurationFaults(args, options);
  for (const fault of beforehand) say(`error: ${fault}`);
  if (beforehand.length > 0) return false;
  const server = await startWrangler(args, { anyPort: true, ...options });
  // Whoever started this may say it again each second; this process ends with the server.
  /** @type {Promise<never> | undefined} */
  let ending;
  for (const name of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    process.on(name, () => void (ending ??= server.stop().then(() => process.exit(1))));
  }
  try {
    const faults = await server.ready();
    for (const fault of faults) say(faultLine(fault));
    if (faults.length > 0) return false;
    const status = await server.readiness();
    if (status !== 200) say(`error: the Worker started, and says that it is not ready (readyz answers ${status ?? "nothing"})`);
    return status === 200;
  } finally {
    await server.stop();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await main(async () => {
    const args = process.argv.slice(2);
    useEnvironment(args);
    await build("development");
    if (await settingsAreGood(args, { profile: "development" })) process.stdout.write("The settings are good.\n");
    else process.exitCode = 1;
  });
}
