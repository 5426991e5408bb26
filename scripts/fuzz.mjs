// @ts-check
// `npm run fuzz -- TARGET SECONDS`: one target of fuzz/ under cargo-fuzz on nightly Rust. What it finds on its way stays in
// target/fuzz-corpus/ (docs/fuzzing.md); an input that breaks the target is printed with its file, and is exit code 1.
import { mkdirSync, readdirSync } from "node:fs";
import { delimiter, dirname } from "node:path";
import { childEnvironment, fromRoot, toolProgram } from "./lib/paths.mjs";
import { StepFailed, main, run } from "./lib/process.mjs";
import { cargoFuzz, installCargoTool } from "./setup.mjs";

/** The longest input that is tried: above the readers' own limits, where those are short. */
const MAX_LENGTH = 65_536;

const targets = readdirSync(fromRoot("fuzz", "fuzz_targets")).map((name) => name.replace(/\.rs$/, "")).sort();

await main(async () => {
  const [target = "", seconds = "60", ...more] = process.argv.slice(2);
  if (!targets.includes(target) || !/^[1-9]\d*$/.test(seconds) || more.length > 0) {
    throw new StepFailed(`usage: npm run fuzz -- TARGET SECONDS, with TARGET one of ${targets.join(", ")}`);
  }
  const nightly = await run("rustup", ["run", "nightly", "cargo", "--version"], { quiet: true });
  if (nightly.code !== 0) throw new StepFailed("fuzzing needs nightly Rust: rustup toolchain install nightly --profile minimal");
  await installCargoTool(cargoFuzz, "cargo-fuzz", "1 to 3 minutes").catch(() => {
    throw new StepFailed(`cargo-fuzz is missing and could not be built: cargo install cargo-fuzz --version =${cargoFuzz.version}`);
  });
  const corpus = fromRoot("target", "fuzz-corpus", target);
  mkdirSync(corpus, { recursive: true });
  const known = ["seeds", "regressions"].map((kind) => fromRoot("fuzz", kind, target));
  for (const directory of known) mkdirSync(directory, { recursive: true });
  const PATH = [dirname(toolProgram(cargoFuzz, "cargo-fuzz")), process.env.PATH].join(delimiter);
  const limits = [`-max_total_time=${seconds}`, `-max_len=${MAX_LENGTH}`, "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"];
  // New inputs go to the first directory; the others are read.
  const { code } = await run("rustup", ["run", "nightly", "cargo", "fuzz", "run", target, corpus, ...known, "--", ...limits], {
    cwd: fromRoot("fuzz"),
    env: childEnvironment({ PATH }),
  });
  if (code !== 0) throw new StepFailed(`${target} broke: keep the input from fuzz/artifacts/${target}/ in fuzz/regressions/${target}/`);
});
