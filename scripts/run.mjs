// @ts-check
// `node scripts/run.mjs COMMAND …`: sets everything up with whatever Node the user has, then runs
// scripts/COMMAND.mjs under the project's own Node. Imports nothing but Node's modules and files that do the same.
import { runCommand } from "./lib/command.mjs";
import { buildProfile } from "./lib/paths.mjs";
import { StepFailed, say } from "./lib/process.mjs";
import { setUp } from "./setup.mjs";

const [command = "", ...args] = process.argv.slice(2);
const buildsNothing = ["admin", "costs", "reset"].includes(command);
const tests = (/** @type {string} */ part) => command === "test" && (args.length === 0 || args.includes(part));
const profile = profileOf(command);
try {
  await setUp({
    lint: tests("lint"), sdk: tests("sdk") || tests("gateway"), mutants: command === "mutants",
    noRust: buildsNothing, onlyToStart: buildsNothing || profile === "development", ...(profile ? { profile } : {}),
  });
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  say(`error: ${error.message}`);
  process.exit(1);
}
runCommand(command, args);

/** What the command builds first of all. @param {string} command @returns {import("./lib/paths.mjs").BuildProfile | undefined} */
function profileOf(command) {
  if (command === "check") return "development";
  if (command === "start") return args.includes("--release") ? "release" : "development";
  if (command === "build") return args.includes("--development") ? "development" : buildProfile();
  return tests("build") ? "release" : undefined;
}
