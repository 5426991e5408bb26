// @ts-check
// Running other programs: what they print goes to stderr, long silent ones get a heartbeat.
import { spawn } from "node:child_process";
import { childEnvironment, root } from "./paths.mjs";

const HEARTBEAT_MS = 15_000;

/** A step that failed for a reason already printed, or said in one line. */
export class StepFailed extends Error {}

/** Runs a command; a failed step becomes one line and exit code 1. @param {() => Promise<void>} action */
export async function main(action) {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    say(`error: ${error.message}`);
    process.exitCode = 1;
  }
}

/** Progress, on stderr: stdout belongs to the lines that other programs read. */
export const say = (/** @type {string} */ text) => void process.stderr.write(`${text}\n`);

/**
 * Runs a program to its end.
 * @param {string} program
 * @param {string[]} args
 * @param {{env?: Record<string, string>, cwd?: string, collect?: boolean, quiet?: boolean, heartbeat?: string}} [options]
 *   `collect`: also return what it printed; `quiet`: do not show it unless it fails; `heartbeat`: say this, with the
 *   time spent, every 15 s.
 * @returns {Promise<{code: number, output: string}>}
 */
export function run(program, args, options = {}) {
  const started = Date.now();
  const child = spawn(program, args, {
    cwd: options.cwd ?? root,
    env: options.env ?? childEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      if (options.collect || options.quiet) output += chunk;
      if (!options.quiet) process.stderr.write(chunk);
    });
  }
  const beat = options.heartbeat
    ? setInterval(() => say(`  … ${options.heartbeat} (${seconds(started)})`), HEARTBEAT_MS)
    : undefined;
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject("code" in error && error.code === "ENOENT" ? new StepFailed(`${program} is missing: there is no such program on the PATH`) : error));
    child.once("close", (code) => resolve({ code: code ?? 1, output }));
  }).finally(() => clearInterval(beat));
}

/** Like `run`, and fails with one line when the program does. @type {typeof run} */
export async function must(program, args, options = {}) {
  const result = await run(program, args, options);
  if (result.code !== 0) {
    if (options.quiet) process.stderr.write(result.output);
    throw new StepFailed(`${[program, ...args].join(" ")}: exit code ${result.code}`);
  }
  return result;
}

/** Time since `started`, for a person. */
export const seconds = (/** @type {number} */ started) => `${((Date.now() - started) / 1000).toFixed(1)} s`;
