// @ts-check
// `node scripts/run.mjs COMMAND …`: sets everything up with whatever Node the user has, then runs
// scripts/COMMAND.mjs under the project's own Node. Imports nothing but Node's modules and files that do the same.
import { runCommand } from "./lib/command.mjs";
import { StepFailed, say } from "./lib/process.mjs";
import { setUp } from "./setup.mjs";

const [command = "", ...args] = process.argv.slice(2);
try {
  const tests = (/** @type {string} */ part) => command === "test" && (args.length === 0 || args.includes(part));
  await setUp({ lint: tests("lint"), sdk: tests("sdk") || tests("gateway"), mutants: command === "mutants", onlyPackages: ["admin", "costs", "reset"].includes(command) });
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  say(`error: ${error.message}`);
  process.exit(1);
}
runCommand(command, args);
