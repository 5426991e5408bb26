// @ts-check
// `npm run mutants`: changes the core one thing at a time and asks whether a test notices. Takes hours; what it found is in
// docs/mutants.md. `npm run mutants -- token session` does these modules only.
//
// Each mutant meets the module's own tests first, which are quick. What survives them meets every native test.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { fromRoot, toolProgram } from "./lib/paths.mjs";
import { StepFailed, main, must, run, say } from "./lib/process.mjs";
import { cargoMutants } from "./setup.mjs";

const MODULES = ["token", "session", "gateway"];
/** A mutant that makes a loop endless is given up after this; a good run takes a few seconds. */
const TIMEOUT_SECONDS = 60;
/** cargo-mutants: some mutants survived; some timed out. */
const FINISHED = [0, 2, 3];

const chosen = process.argv.slice(2);
const modules = chosen.length > 0 ? chosen : MODULES.filter((module) => existsSync(fromRoot("src", module)));
const program = toolProgram(cargoMutants, "cargo-mutants");

await main(async () => {
  const { output: commit } = await must("git", ["rev-parse", "HEAD"], { collect: true, quiet: true });
  say(`At commit ${commit.trim()}`);
  for (const module of modules) {
    if (!existsSync(fromRoot("src", module))) throw new StepFailed(`no module src/${module}`);
    const directory = fromRoot("target", "mutants", module);
    mkdirSync(directory, { recursive: true });
    const common = ["mutants", "--file", `src/${module}/**`, "--output", directory, "--jobs", "2", "--timeout", String(TIMEOUT_SECONDS)];
    const count = (/** @type {string} */ name) => readFileSync(`${directory}/mutants.out/${name}.txt`, "utf8").split("\n").filter(Boolean);
    await step([...common, "--cargo-arg=--lib", "--", `${module}::`]);
    const [caught, unviable] = [count("caught").length, count("unviable").length];
    // The second round starts from what the first has not caught.
    await step([...common, "--iterate", "--baseline=skip"]);
    say(`${module}: ${caught + count("caught").length} caught, ${count("timeout").length} timed out, ${unviable} do not compile, ${count("missed").length} survived:`);
    for (const line of count("missed")) say(`  ${line}`);
  }
});

/** @param {string[]} args */
async function step(args) {
  const { code } = await run(program, args);
  if (!FINISHED.includes(code)) throw new StepFailed(`cargo mutants: exit code ${code}`);
}
