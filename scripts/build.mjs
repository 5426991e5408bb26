// @ts-check
// Builds the Worker: Rust to Wasm, JavaScript glue for it, and both without what nothing reaches. Does nothing when
// nothing has changed. There are two profiles: `release` is what is deployed, tested and measured; `development` is
// quick to make, larger and slower, and what `npm start` runs. `npm run build -- --development` makes it, too.
//
// build/index.js            JavaScript glue: the crate's exports as a module
// build/index_bg.wasm       what is shipped
// build/index_bg.debug.wasm the same with function names, to read stack traces with; not shipped
// build/gateway.mjs         the rules of gateway.toml
// build/issuers.mjs         the entries of issuers.toml
// target/console/           the files of the console's page
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bundleFiles } from "./lib/bundled-file.mjs";
import { compile, compiled } from "./lib/compile.mjs";
import { withoutUnusedClasses, withoutUnusedImports } from "./lib/glue.mjs";
import { makeConsolePage } from "./lib/console-page.mjs";
import { digestOf } from "./lib/hash.mjs";
import { buildProfile, isUnderWrangler, fromRoot, packageScript, projectNode, toolProgram } from "./lib/paths.mjs";
import { StepFailed, main, must, say, seconds } from "./lib/process.mjs";
import { useEnvironment } from "./lib/wrangler-settings.mjs";
import { alone, bindgen } from "./setup.mjs";

const INPUTS = ["src", "crates", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "scripts/build.mjs", "scripts/bindgen", "scripts/lib/compile.mjs", "scripts/lib/glue.mjs"];
/** What rustc's code and wasm-bindgen's wrappers use, by name: binaryen must not write encodings that workerd does not know yet. */
const FEATURES = ["mutable-globals", "sign-ext", "nontrapping-float-to-int", "bulk-memory", "bulk-memory-opt", "multivalue", "reference-types", "exception-handling"];
/**
 * Less inlining compresses better. The lowest kilobyte is the far end of the stack: no pointer that an offset is added to
 * wraps around into it.
 */
const SMALL = ["-Os", "--one-caller-inline-max-function-size=0", "--low-memory-unused"];
/**
 * Where the standard library goes to panic. Our own code cannot (lints deny it); a library's panic traps right there
 * instead of building a message first. What follows a panic is the same trap, and the stack trace names the place.
 */
const PANICS = new RegExp(
  [
    /^(core|alloc|std)\[\w+\]::(panicking|rt|cell::panic_|cell::lazy::panic_|option::(unwrap|expect)_failed|result::unwrap_failed)/,
    /^core\[\w+\]::(slice::index::slice_index_fail|str::slice_error_fail|slice::copy_from_slice_impl::len_mismatch_fail|slice::sort::shared::smallsort::panic_)/,
    /^alloc\[\w+\]::(raw_vec::(handle_error|capacity_overflow)|alloc::handle_alloc_error)/,
    /^std\[\w+\]::(alloc::rust_oom|sys::backtrace)/,
    /^<std\[\w+\]::panicking::/,
    /^__rustc\[\w+\]::(rust_begin_unwind|rust_panic|__rust_alloc_error_handler)/,
    /^<hashbrown\[\w+\]::raw::Fallibility>::capacity_overflow/,
  ].map(({ source }) => source).join("|"),
);
const finished = fromRoot("build");
/** Which profile a build is of, and a digest of what it was made from. */
const STAMP = ".made-of";
const stamp = join(finished, STAMP);
/** Where a build is made; moved into place when it is whole. */
const making = fromRoot("target", "worker");
/** What `buildNext` makes. */
export const nextRelease = fromRoot("target", "next");
const glueFile = join(making, "index.js");
const shipped = join(making, "index_bg.wasm");
const withNames = join(making, "index_bg.debug.wasm");

/** @typedef {import("./lib/paths.mjs").BuildProfile} BuildProfile */

/**
 * Builds if needed. A release build that is up to date serves development as well.
 * @param {BuildProfile} [profile] @param {{goesOn?: boolean}} [options] of `bundleFiles`
 * @returns {Promise<BuildProfile>} the profile of what is there now
 */
export async function build(profile = buildProfile(), { goesOn = false } = {}) {
  const inputs = digestOf(INPUTS, [optimiser()]);
  const made = upToDate(profile, inputs) ?? (await madeAlone(profile, inputs));
  bundleFiles({ goesOn });
  await makeConsolePage();
  return made;
}

/** The version of binaryen, which `npm start` does not install. */
const optimiser = () => JSON.parse(readFileSync(fromRoot("package.json"), "utf8")).devDependencies.binaryen;

/** The profile of what is there, if it will do. @param {BuildProfile} profile @param {string} inputs @returns {BuildProfile | undefined} */
function upToDate(profile, inputs) {
  const [made, madeOf] = existsSync(stamp) ? readFileSync(stamp, "utf8").split(" ") : [];
  return madeOf === inputs && (made === "release" || made === profile) ? made : undefined;
}

/** Two at once would take each other's files away; the later one finds what the first has made. @param {BuildProfile} profile @param {string} inputs @returns {Promise<BuildProfile>} */
async function madeAlone(profile, inputs) {
  const unlock = await alone("build");
  try {
    const made = upToDate(profile, inputs);
    if (made === undefined) await make(profile, inputs);
    return made ?? profile;
  } finally {
    unlock();
  }
}

/** @param {BuildProfile} profile @param {string} inputs */
async function make(profile, inputs) {
  const started = Date.now();
  say(`Building the Worker, profile ${profile} (${profile === "release" ? "about 2 minutes the first time, 1 after a change" : "about a minute the first time, some seconds after a change"})`);
  rmSync(making, { recursive: true, force: true });
  await compileWithGlue(profile, making);
  await (profile === "release" ? shrink() : copyFileSync(shipped, withNames));
  const { size } = statSync(shipped);
  writeFileSync(join(making, STAMP), `${profile} ${inputs}`);
  rmSync(finished, { recursive: true, force: true });
  renameSync(making, finished);
  say(`Built the Worker in ${seconds(started)}: ${size} bytes of Wasm`);
}

/**
 * The release after this one, for the tests of two releases side by side (crates/core/src/message/next.rs), quickly: into
 * `target/next`, so that nothing which deploys finds it.
 */
export async function buildNext() {
  const inputs = digestOf(INPUTS);
  const last = join(nextRelease, STAMP);
  if (existsSync(last) && readFileSync(last, "utf8") === inputs) return;
  const started = Date.now();
  say("Building the next release, for tests of two side by side");
  rmSync(nextRelease, { recursive: true, force: true });
  await compileWithGlue("development", nextRelease, "--cfg postern_next");
  writeFileSync(last, inputs);
  say(`Built the next release in ${seconds(started)}`);
}

/** Rust to Wasm and glue. @param {BuildProfile} profile @param {string} directory @param {string} [flags] for rustc, in every crate */
async function compileWithGlue(profile, directory, flags) {
  await compile(profile, flags);
  mkdirSync(directory, { recursive: true });
  await must(toolProgram(bindgen, bindgen.name), [compiled(profile), directory]);
  // Wrangler does not know the `source` phase; a plain import of Wasm means the same to it.
  const glue = join(directory, "index.js");
  writeFileSync(glue, readFileSync(glue, "utf8").replace("import source ", "import "));
}

/** Wasm and glue without what nothing reaches. */
async function shrink() {
  const { default: binaryen } = await import("binaryen");
  const entry = readFileSync(fromRoot("src", "entry.mjs"), "utf8");
  const wanted = entry.match(/import \{([^}]+)\} from "\.\.\/build\/index\.js"/)?.[1]?.split(",").map((name) => name.trim().split(" ")[0] ?? "");
  if (!wanted) throw new StepFailed("src/entry.mjs imports nothing from the build");
  const { glue, exports } = withoutUnusedClasses(readFileSync(glueFile, "utf8"), wanted.filter(Boolean));

  binaryen.setDebugInfo(true);
  const module = binaryen.readBinary(readFileSync(shipped));
  const exported = Array.from({ length: module.getNumExports() }, (_, index) => binaryen.getExportInfo(module.getExportByIndex(index)).name);
  for (const name of exported) if (!exports.has(name)) module.removeExport(name);
  let panics = 0;
  for (let index = 0; index < module.getNumFunctions(); index += 1) {
    const reference = module.getFunctionByIndex(index);
    if (!PANICS.test(binaryen.getFunctionInfo(reference).name)) continue;
    // The package's types do not know this one.
    /** @type {any} */ (binaryen).Function.setBody(reference, module.unreachable());
    panics += 1;
  }
  if (panics === 0) throw new StepFailed("the Wasm names no function of the standard library that panics");
  writeFileSync(withNames, module.emitBinary());
  module.dispose();

  const features = FEATURES.map((feature) => `--enable-${feature}`);
  const wasmOpt = packageScript("binaryen", "bin", "wasm-opt");
  await must(projectNode, [wasmOpt, withNames, ...features, ...SMALL, "--debuginfo", "-o", shipped], { heartbeat: "optimising the Worker" });
  renameSync(shipped, withNames);
  // Not `strip = true` in Cargo.toml: that takes away what wasm-bindgen's catch wrappers need.
  await must(projectNode, [wasmOpt, withNames, ...features, "--strip-debug", "--strip-producers", "--strip-target-features", "-o", shipped]);

  const small = binaryen.readBinary(readFileSync(shipped));
  const imports = new Set();
  for (let index = 0; index < small.getNumFunctions(); index += 1) {
    const { module: from, base } = binaryen.getFunctionInfo(small.getFunctionByIndex(index));
    if (from) imports.add(base);
  }
  small.dispose();
  writeFileSync(glueFile, withoutUnusedImports(glue, imports));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  useEnvironment(process.argv.slice(2));
  await main(async () => void (await build(process.argv.includes("--development") ? "development" : buildProfile(), { goesOn: isUnderWrangler() })));
}
