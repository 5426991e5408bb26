// @ts-check
// `npm run check -- …`: starts the Worker with the settings that `npm start` would use, asks it whether it accepts
// them, and stops. Arguments are those of `npm start`.
import { StepFailed, say } from "./lib/process.mjs";
import { startWrangler } from "./lib/wrangler-dev.mjs";
import { build } from "./build.mjs";

try {
  await build();
  const server = await startWrangler(process.argv.slice(2));
  for (const name of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.on(name, () => server.stop());
  try {
    const faults = await server.ready();
    for (const { setting, message } of faults) say(`error: setting ${setting}: ${message}`);
    process.exitCode = faults.length > 0 ? 1 : 0;
    if (faults.length === 0) process.stdout.write("The settings are good.\n");
  } finally {
    await server.stop();
  }
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  say(`error: ${error.message}`);
  process.exitCode = 1;
}
