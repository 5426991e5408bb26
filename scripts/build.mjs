// @ts-check
// Builds the Worker: Rust to Wasm with worker-build, then without debug names. Does nothing when nothing has changed.
//
// build/index.js            JavaScript glue and the entrypoint class made from the crate's exports
// build/index_bg.wasm       what is shipped
// build/index_bg.debug.wasm the same with function names, to read stack traces with; not shipped
// build/gateway.mjs         the rules of gateway.toml
import { copyFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { bundleGatewayFile } from "./lib/gateway-file.mjs";
import { digestOf } from "./lib/hash.mjs";
import { childEnvironment, fromRoot, packageScript, projectNode, toolProgram, windows } from "./lib/paths.mjs";
import { StepFailed, main, must, say, seconds } from "./lib/process.mjs";
import { wasmBindgen, workerBuild } from "./setup.mjs";

const INPUTS = ["src", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "package-lock.json", "wrangler.toml", "scripts/build.mjs"];
/** The platform's limit for one variable; a larger one is only refused at deployment. */
const MAX_VARIABLE_BYTES = 5 * 1024;
const shipped = fromRoot("build", "index_bg.wasm");
const withNames = fromRoot("build", "index_bg.debug.wasm");
const stamp = fromRoot("build", ".inputs");
const wasmOpt = packageScript("binaryen", "bin", "wasm-opt");

/** Builds if needed. */
export async function build() {
  const inputs = digestOf(INPUTS);
  if (existsSync(stamp) && existsSync(shipped) && readFileSync(stamp, "utf8") === inputs) return bundleGatewayFile();
  await checkVariables();
  const started = Date.now();
  say("Building the Worker (about 2 minutes the first time, 30 s after a change)");
  rmSync(stamp, { force: true });
  await must(toolProgram(workerBuild, "worker-build"), ["--release", "--locked"], {
    env: childEnvironment({
      WASM_BINDGEN_BIN: toolProgram(wasmBindgen, "wasm-bindgen"),
      WASM_OPT_BIN: fromRoot("node_modules", ".bin", windows ? "wasm-opt.cmd" : "wasm-opt"),
      ESBUILD_BIN: esbuildProgram(),
    }),
    heartbeat: "building the Worker",
  });
  copyFileSync(shipped, withNames);
  // Not `strip = true` in Cargo.toml: that takes away what wasm-bindgen's catch wrappers need.
  await must(projectNode, [wasmOpt, withNames, "--strip-debug", "--strip-producers", "--all-features", "-o", shipped]);
  bundleGatewayFile();
  writeFileSync(stamp, inputs);
  say(`Built the Worker in ${seconds(started)}: ${statSync(shipped).size} bytes of Wasm`);
}

async function checkVariables() {
  const { unstable_readConfig: readConfig } = await import("wrangler");
  for (const [name, value] of Object.entries(readConfig({ config: fromRoot("wrangler.toml") }).vars)) {
    const bytes = Buffer.byteLength(typeof value === "string" ? value : JSON.stringify(value));
    if (bytes > MAX_VARIABLE_BYTES) throw new StepFailed(`setting ${name}: ${bytes} bytes, and the platform takes ${MAX_VARIABLE_BYTES}`);
  }
}

function esbuildProgram() {
  const directory = packageScript("@esbuild", `${process.platform}-${process.arch}`);
  const program = windows ? "esbuild.exe" : "bin/esbuild";
  if (!existsSync(`${directory}/${program}`)) throw new StepFailed(`esbuild has no program for ${process.platform}-${process.arch}`);
  return `${directory}/${program}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(build);
