// @ts-check
// The Worker's crate, compiled to Wasm.
import { childEnvironment, fromRoot } from "./paths.mjs";
import { must } from "./process.mjs";

/** @typedef {import("./paths.mjs").BuildProfile} BuildProfile */

const TARGET = "wasm32-unknown-unknown";
/** What comes of it. @param {BuildProfile} profile */
export const compiled = (profile) => fromRoot("target", TARGET, profile, "postern.wasm");

/** Does nothing when nothing has changed; two at once wait for each other. @param {BuildProfile} profile @param {string} [flags] for rustc, in every crate */
export async function compile(profile, flags = "") {
  await must("cargo", ["build", "--package", "postern", "--profile", profile, "--target", TARGET, "--target-dir", fromRoot("target"), "--locked"], {
    // wasm-bindgen's macros then use the futures of js-sys, as the `worker` crate does.
    env: childEnvironment({ WASM_BINDGEN_USE_JS_SYS: "1", ...(flags ? { RUSTFLAGS: flags } : {}) }),
    heartbeat: "compiling the Worker",
  });
}
