// @ts-check
// `npm run mutants`: changes the core one thing at a time and asks whether a test notices. Takes an hour or two; what it found
// is in docs/mutants.md. `npm run mutants -- token session` does these modules only; with `--again` it does what the last run
// of them has not caught, to see whether new tests do; with `--since COMMIT` only lines that have changed since then.
//
// Each mutant meets the module's quick tests first. What survives a round goes to the next; the last is every native test.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { childEnvironment, fromRoot, toolProgram } from "./lib/paths.mjs";
import { StepFailed, main, must, run, say } from "./lib/process.mjs";
import { cargoMutants } from "./setup.mjs";

const integration = (/** @type {string[]} */ ...names) => names.flatMap((name) => ["--cargo-arg=--test", `--cargo-arg=${name}`]);
/** @param {string[]} slow names of tests that wait for the last round */
const skip = (...slow) => ["--", "--", ...slow.flatMap((name) => ["--skip", name])];
/** Where a module is: what is left out is crates/core/src and its name. @type {Record<string, string>} */
const FOLDERS = { token: "crates/jwt/src", json: "crates/jwt/src/json", tokens: "crates/core/src/tokens" };
const folderOf = (/** @type {string} */ module) => FOLDERS[module] ?? `crates/core/src/${module}`;
/** The package of a folder. @param {string} folder */
const packageOf = (folder) => (folder.startsWith("crates/jwt") ? "postern-jwt" : "postern-core");
const unit = (/** @type {string} */ module, /** @type {string[]} */ ...slow) => ["--cargo-arg=--lib", "--", `${module}::`, ...skip(...slow).slice(1)];
/** The rounds of a module before the last, where they are not its unit tests: arguments for cargo-mutants. @type {Record<string, string[][]>} */
const MODULES = {
  token: [["--cargo-arg=--lib", ...skip("last_character")]],
  tokens: [unit("tokens", "properties", "tests::work")],
  session: [integration("user_sessions", "rotation_model", "revocation_outbox"), unit("session")],
  gateway: [unit("gateway", "no_text_is", "what_passes_is")],
  device: [unit("device"), integration("user_sessions")],
  dpop: [unit("dpop"), integration("user_sessions")],
  events: [unit("events"), integration("user_sessions")],
  message: [integration("golden"), unit("message")],
  revocation: [
    [...integration("revocation"), ...skip("model::", "at_a_steady_rate", "an_entry_is_rewritten", "the_tail_is_sealed", "does_not_fit", "not_everything_fits")],
    unit("revocation", "any_bytes_with", "nine_bits"),
  ],
};
/** A mutant that makes a loop endless is given up after this; the quick tests take a few seconds, all of them up to a minute. */
const [TIMEOUT_SECONDS, LAST_TIMEOUT_SECONDS] = [60, 300];
/** cargo-mutants: some mutants survived; some timed out. */
const FINISHED = [0, 2, 3];

const { values: options, positionals: chosen } = parseArgs({ allowPositionals: true, options: { again: { type: "boolean", default: false }, since: { type: "string" } } });
const modules = chosen.length > 0 ? chosen : Object.keys(MODULES).filter((module) => existsSync(fromRoot(folderOf(module))));
const program = toolProgram(cargoMutants, "cargo-mutants");

await main(async () => {
  const { output: commit } = await must("git", ["rev-parse", "HEAD"], { collect: true, quiet: true });
  say(`At commit ${commit.trim()}`);
  for (const module of modules) {
    if (!existsSync(fromRoot(folderOf(module)))) throw new StepFailed(`no module ${folderOf(module)}`);
    const directory = fromRoot("target", "mutants", module);
    mkdirSync(directory, { recursive: true });
    const common = ["mutants", "--package", packageOf(folderOf(module)), "--test-workspace", "true", "--file", `${folderOf(module)}/**`, "--output", directory, "--jobs", "2", ...(await changed(directory, module))];
    const count = (/** @type {string} */ name) => readFileSync(`${directory}/mutants.out/${name}.txt`, "utf8").split("\n").filter(Boolean);
    let [caught, unviable] = [0, 0];
    const quick = MODULES[module] ?? [unit(module)];
    for (const [at, round] of [...quick, []].entries()) {
      // Every round but the first starts from what the ones before have not caught. Each begins by running its tests without a
      // mutant: a round whose command fails by itself would seem to catch everything.
      const timeout = at < quick.length ? TIMEOUT_SECONDS : LAST_TIMEOUT_SECONDS;
      await step([...common, "--timeout", String(timeout), ...(options.again || at > 0 ? ["--iterate"] : []), ...round]);
      if (options.again && at === 0) say(`${module}: ${count("previously_caught").length} were caught before, or do not compile`);
      caught += count("caught").length;
      unviable += count("unviable").length;
    }
    say(`${module}: ${caught} caught, ${count("timeout").length} timed out, ${unviable} do not compile, ${count("missed").length} survived:`);
    for (const line of count("missed")) say(`  ${line}`);
  }
});

/** Arguments that choose what `--since` names; none without it. @param {string} directory @param {string} module */
async function changed(directory, module) {
  if (options.since === undefined) return [];
  const { output: diff } = await must("git", ["diff", options.since, "--", folderOf(module)], { collect: true, quiet: true });
  const file = `${directory}/since.diff`;
  writeFileSync(file, `${diff.trimEnd()}\n`);
  return ["--in-diff", file];
}

/** @param {string[]} args */
async function step(args) {
  // Fuzzing draws the same inputs for every mutant: what it finds by chance says nothing of one.
  const { code } = await run(program, args, { env: { ...childEnvironment(), FUZZ_SEED: "1" } });
  if (!FINISHED.includes(code)) throw new StepFailed(`cargo mutants: exit code ${code}`);
}
