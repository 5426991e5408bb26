// @ts-check
// `npm run simulate [-- SEED]`: how soon a revocation is felt. First on workerd, in real seconds, with several isolates and
// the built Worker; then natively in virtual time, at length, with the product's rules (crates/core/tests/simulate): that seed, or eight
// that nobody chose. `npm run simulate -- seeds FROM TO [short]`: natively only, all these seeds, on all cores.
// `npm run simulate -- scale`: the figures of docs/scale.md, and its plots, made anew; `-- day`: of it, the day of a large deployment.
// Lines on stdout say which tier a figure comes from; the last one is the native run's JSON.
import { spawn } from "node:child_process";
import { build } from "./build.mjs";
import { childEnvironment, fromRoot, projectNode, root, windows } from "./lib/paths.mjs";
import { main, must, run, say } from "./lib/process.mjs";

const REAL_SECONDS = ["freshness.test.mjs", "cut-off.test.mjs", "revocation-races.test.mjs", "revocation-segments.test.mjs"].map((name) => fromRoot("tests", "worker", name));
const program = fromRoot("target", "model", "examples", windows ? "simulate.exe" : "simulate");

const [what, ...more] = process.argv.slice(2);
const isNumber = (/** @type {string | undefined} */ text) => text !== undefined && /^\d{1,18}$/.test(text);
const isSeed = isNumber(what);
const isSeeds = what === "seeds" && isNumber(more[0]) && isNumber(more[1]) && (more.length === 2 || (more.length === 3 && more[2] === "short"));
if ((more.length > 0 && !isSeeds) || (what !== undefined && what !== "scale" && what !== "day" && !isSeed && !isSeeds)) {
  say("error: npm run simulate, npm run simulate -- SEED (a number), npm run simulate -- seeds FROM TO [short], npm run simulate -- scale, or npm run simulate -- day");
  process.exit(1);
}
await main(async () => {
  await must("cargo", ["build", "--locked", "--package", "postern-core", "--profile", "model", "--example", "simulate"], { heartbeat: "building the simulation" });
  if (what === "scale" || what === "day") {
    process.exitCode = await printing([what, fromRoot("docs", "plots")]);
    return;
  }
  if (isSeeds) {
    process.exitCode = await printing([what, ...more]);
    return;
  }
  await build();
  say("\nOn workerd, in real seconds");
  const { code, output } = await run(projectNode, ["--test", "--test-reporter=spec", "--test-concurrency=1", ...REAL_SECONDS], { collect: true });
  const count = (/** @type {string} */ name) => output.match(new RegExp(`^ℹ ${name} (\\d+)$`, "m"))?.[1] ?? "?";
  process.stdout.write(`workerd, real seconds, several isolates, a bound of 10 s: ${count("pass")} tests passed, ${count("fail")} failed.\n`);
  const native = await printing(["run", ...(isSeed ? [what] : [])]);
  process.exitCode = code || native;
});

/** Runs the native program, whose stdout is ours. @param {string[]} args @returns {Promise<number>} */
function printing(args) {
  const child = spawn(program, args, { cwd: root, env: childEnvironment(), stdio: "inherit" });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}
