// @ts-check
// `npm start -- …`: runs Postern on this machine. Stdout has two lines that programs read, `API key: …` and
// `Ready on …`; all else goes to stderr. Everything given after `--` goes to `wrangler dev` unchanged, but for
// `--release`: then the Worker is built as it is deployed, which takes longer.
import { StepFailed, say } from "./lib/process.mjs";
import { developmentApiKey } from "./lib/dev-vars.mjs";
import { faultLine, startWrangler } from "./lib/wrangler-dev.mjs";
import { stepTimes, timed } from "./lib/step-times.mjs";
import { useEnvironment } from "./lib/wrangler-settings.mjs";
import { build } from "./build.mjs";

const IS_PARENT_ALIVE_MS = 1_000;

/** @type {Awaited<ReturnType<typeof startWrangler>> | undefined} */
let server;
let stopping = false;
async function stop(/** @type {number} */ code) {
  if (stopping) return;
  stopping = true;
  await server?.stop();
  process.exit(code);
}
process.on("SIGINT", () => stop(130));
process.on("SIGTERM", () => stop(143));
process.on("SIGHUP", () => stop(129));
// The same for this process as run.mjs does for itself.
const parent = process.ppid;
setInterval(() => process.ppid === parent || stop(1), IS_PARENT_ALIVE_MS).unref();

try {
  const args = process.argv.slice(2).filter((arg) => arg !== "--release");
  useEnvironment(args);
  const profile = process.argv.includes("--release") ? "release" : "development";
  say(`The Worker is of the ${await timed("Worker", () => build(profile))} build.`);
  process.stdout.write(`API key: ${developmentApiKey()}\n`);
  const started = await startWrangler(args, { profile });
  server = started;
  const faults = await timed("first answer", () => started.ready());
  if (faults.length > 0) {
    for (const fault of faults) say(faultLine(fault));
    await stop(1);
  }
  process.stdout.write(`Ready on ${server.url}\n`);
  const times = stepTimes();
  if (times) say(times);
  const code = await server.ended;
  if (!stopping) say(`error: wrangler dev ended with exit code ${code}`);
  await stop(code || 1);
} catch (error) {
  if (!stopping) say(`error: ${error instanceof StepFailed ? error.message : (error instanceof Error && error.stack) || error}`);
  await stop(1);
}
