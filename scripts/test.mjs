// @ts-check
// `npm test`: every part below, in order, sharing one build; `npm run test:core` and its like run one of them.
// The last line on stdout is `N passed, N failed`: tests, and one for each other check that failed.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build, buildNext } from "./build.mjs";
import { childEnvironment, fromRoot, packageScript, projectNode, toolProgram, wrangler } from "./lib/paths.mjs";
import { must, run, say, seconds } from "./lib/process.mjs";
import { cargoDeny } from "./setup.mjs";

/** Upload size allowed, in bytes: the sum of `gzip -9` of every file that a deployment would send (docs/upload-size.md). */
const UPLOAD_BUDGET = 700_000;
const WASM = ["--target", "wasm32-unknown-unknown"];

/** Parts in order: a name for `node scripts/run.mjs test NAME`, and what it runs. Add a part by adding a line. */
const parts = {
  build: check(build),
  lint,
  core: cargoTest,
  worker: () => nodeTest("tests/worker", "client/test"),
  gateway: () => nodeTest("tests/gateway"),
  sdk: () => nodeTest("tests/sdk"),
  browser: () => nodeTest("tests/browser"),
  hostile: () => nodeTest("tests/hostile"),
  releases,
  package: () => nodeTest("tests/package"),
  docs: () => nodeTest("tests/docs"),
  size: check(uploadSize),
};

/** @typedef {{passed: number, failed: number}} Count */

/** Every check, whatever the others say; each that fails counts. @returns {Promise<Count>} */
async function lint() {
  const documentation = { env: childEnvironment({ RUSTDOCFLAGS: "-D warnings" }) };
  /** @type {Parameters<typeof run>[]} */
  const checks = [
    ["cargo", ["fmt", "--all", "--check"]],
    ["cargo", ["clippy", "--locked", "--package", "postern-core", "--package", "postern-jwt", "--package", "postern-hot-functions", "--all-targets", "--", "-D", "warnings"]],
    ["cargo", ["clippy", "--locked", "--package", "postern", ...WASM, "--", "-D", "warnings"]],
    ["cargo", ["doc", "--locked", "--workspace", "--no-deps", ...WASM], documentation],
    [toolProgram(cargoDeny, "cargo-deny"), ["--offline", "check", "bans", "licenses", "sources"]],
    [projectNode, [fromRoot("scripts", "licenses.mjs"), "--check"]],
    [projectNode, [packageScript("typescript", "bin", "tsc"), "--noEmit"]],
    [projectNode, [packageScript("typescript", "bin", "tsc"), "--project", fromRoot("tests", "browser", "console.tsconfig.json")]],
    [projectNode, [fromRoot("scripts", "graph.mjs")]],
    [projectNode, [fromRoot("scripts", "dependencies.mjs")]],
    // Spelling, and the terms that the glossary has other words for (cspell.json); links and anchors.
    [projectNode, [packageScript("cspell", "bin.mjs"), "lint", "--no-progress", "--config", fromRoot("cspell.json")]],
    [projectNode, ["--test", "--test-reporter=dot", fromRoot("tests", "docs", "links.test.mjs")]],
  ];
  let failed = 0;
  for (const [program, args, options] of checks) {
    const { code } = await run(program, args, options);
    if (code === 0) continue;
    failed += 1;
    say(`error: ${program} ${args.join(" ")}: exit code ${code}`);
  }
  return { passed: 0, failed };
}

/** @returns {Promise<Count>} */
async function cargoTest() {
  const { code, output } = await run("cargo", ["test", "--locked", "--workspace"], { collect: true });
  return counted(code, output, /^test result: .*? (\d+) passed; /gm, /^test result: .*? (\d+) failed; /gm);
}

/** @param {string[]} directories @returns {Promise<Count>} */
async function nodeTest(...directories) {
  const files = directories.flatMap((directory) =>
    readdirSync(fromRoot(directory)).filter((name) => name.endsWith(".test.mjs")).sort().map((name) => fromRoot(directory, name)),
  );
  const { code, output } = await run(
    projectNode,
    // One file at a time: each starts a Worker of its own, and some measure time.
    ["--test", "--test-reporter=spec", "--test-concurrency=1", ...files],
    { collect: true },
  );
  return counted(code, output, /^ℹ pass (\d+)$/gm, /^ℹ (?:fail|cancelled) (\d+)$/gm);
}

/** Two releases side by side. Asked for by name, its load is long (tests/releases/load.test.mjs). @returns {Promise<Count>} */
async function releases() {
  await buildNext();
  if (chosen.includes("releases")) process.env.RELEASES = "long";
  return nodeTest("tests/releases");
}

/** A part that ran no test, or that failed without saying which, counts as one failure. @param {number} code @param {string} output @param {RegExp} passes @param {RegExp} failures @returns {Count} */
function counted(code, output, passes, failures) {
  const sum = (/** @type {RegExp} */ pattern) => [...output.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);
  const passed = sum(passes);
  const failed = sum(failures);
  return { passed, failed: failed === 0 && (code !== 0 || passed === 0) ? 1 : failed };
}

/** A dry run of the deployment, and its size. */
async function uploadSize() {
  const out = fromRoot("target", "upload");
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  await must(projectNode, [wrangler, "deploy", "--dry-run", "--outdir", out], { quiet: true });
  const files = readdirSync(out).filter((name) => !name.endsWith(".map") && name !== "README.md");
  const sizes = files.map((name) => ({ name, bytes: gzipSync(readFileSync(`${out}/${name}`), { level: 9 }).length }));
  const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  say(`Upload: ${total} of ${UPLOAD_BUDGET} bytes gzipped (${sizes.map(({ name, bytes }) => `${name} ${bytes}`).join(", ")})`);
  if (total > UPLOAD_BUDGET) throw new Error(`the upload is ${total - UPLOAD_BUDGET} bytes over its budget`);
  if (!existsSync(fromRoot("build", "index_bg.debug.wasm"))) throw new Error("the build kept no debug names");
}

/** A check that holds no tests: it fails or it does not. @param {() => Promise<unknown>} action @returns {() => Promise<Count>} */
function check(action) {
  return async () => {
    await action();
    return { passed: 0, failed: 0 };
  };
}

const chosen = process.argv.slice(2);
const needsBuild = chosen.some((name) => name !== "core" && name !== "lint");
const names = chosen.length === 0 ? Object.keys(parts) : [...(needsBuild ? ["build"] : []), ...chosen];
const report = [];
const total = { passed: 0, failed: 0 };
for (const name of names) {
  const part = parts[/** @type {keyof typeof parts} */ (name)];
  if (!part) {
    say(`error: no test part "${name}"; there are: ${Object.keys(parts).join(", ")}`);
    process.exit(1);
  }
  say(`\n=== ${name}`);
  const started = Date.now();
  const count = await part().catch((error) => {
    say(`error: ${error.message}`);
    return { passed: 0, failed: 1 };
  });
  total.passed += count.passed;
  total.failed += count.failed;
  report.push(`${name.padEnd(10)} ${seconds(started).padStart(9)}  ${count.failed === 0 ? "ok" : "FAILED"}`);
}
process.stdout.write(`\n${report.join("\n")}\n${total.passed} passed, ${total.failed} failed\n`);
process.exitCode = total.failed === 0 ? 0 : 1;
