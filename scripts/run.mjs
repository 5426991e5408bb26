// @ts-check
// `node scripts/run.mjs COMMAND …`: sets everything up with whatever Node the user has, then runs
// scripts/COMMAND.mjs under the project's own Node. Imports nothing but Node's modules and files that do the same.
import { spawn } from "node:child_process";
import { childEnvironment, fromRoot, projectNode, root } from "./lib/paths.mjs";
import { StepFailed, say } from "./lib/process.mjs";
import { setUp } from "./setup.mjs";

const IS_PARENT_ALIVE_MS = 1_000;

const [command = "", ...args] = process.argv.slice(2);
try {
  const tests = (/** @type {string} */ part) => command === "test" && (args.length === 0 || args.includes(part));
  await setUp({ lint: tests("lint"), sdk: tests("sdk") || tests("gateway"), mutants: command === "mutants" });
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  say(`error: ${error.message}`);
  process.exit(1);
}
const child = spawn(projectNode, [fromRoot("scripts", `${command}.mjs`), ...args], {
  cwd: root,
  env: childEnvironment(),
  stdio: "inherit",
});
// The command decides when to end; this process only passes on what it is told.
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.on(signal, () => child.kill(signal));
}
// A parent that was killed passes nothing on; npm's shell does not either. Nothing may be left running behind them.
const parent = process.ppid;
setInterval(() => process.ppid === parent || child.kill("SIGTERM"), IS_PARENT_ALIVE_MS).unref();
child.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
