// @ts-check
// `npm run check -- …`: starts the Worker with the settings that `npm start` would use, asks it whether it accepts
// them, and stops. Arguments are those of `npm start`.
import { main, say } from "./lib/process.mjs";
import { startWrangler } from "./lib/wrangler-dev.mjs";
import { build } from "./build.mjs";

await main(async () => {
  await build();
  const server = await startWrangler(process.argv.slice(2));
  for (const name of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.on(name, () => server.stop());
  try {
    const faults = await server.ready();
    for (const { setting, message } of faults) say(`error: setting ${setting}: ${message}`);
    if (faults.length === 0) process.stdout.write("The settings are good.\n");
    else process.exitCode = 1;
  } finally {
    await server.stop();
  }
});
