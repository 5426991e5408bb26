// @ts-check
// Runs a command of the folder above in a process of its own, and ends with it.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { childEnvironment, projectNode, root } from "./paths.mjs";

const IS_PARENT_ALIVE_MS = 1_000;

/** @param {string} command the name of its file, without the ending @param {string[]} args */
export function runCommand(command, args) {
  const file = fileURLToPath(new URL(`../${command}.mjs`, import.meta.url));
  const child = spawn(projectNode, [file, ...args], { cwd: root, env: childEnvironment(), stdio: "inherit" });
  // The command decides when to end; this process only passes on what it is told.
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    process.on(signal, () => child.kill(signal));
  }
  // A parent that was killed passes nothing on; npm's shell does not either. Nothing may be left running behind them.
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || child.kill("SIGTERM"), IS_PARENT_ALIVE_MS).unref();
  child.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
}
