// @ts-check
// Part of `npm run lint`: every direct dependency is used by the code of its package, and the pinned toolchain is the least
// Rust version that Cargo.toml promises, so that whatever is built and tested here is tested with it.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { childEnvironment, fromRoot, root } from "./lib/paths.mjs";

/** Where code of a package is, by who may use what is written in it; `null` is a normal dependency. */
const FOLDERS = { null: ["src"], dev: ["src", "tests", "examples", "benches"], build: ["build.rs"] };

/** The text of every Rust source under a path, and of those that they include from elsewhere. @param {string} path @returns {string} */
function code(path) {
  if (!existsSync(path)) return "";
  if (path.endsWith(".rs")) {
    const text = readFileSync(path, "utf8").replace(/\/\/[^\n]*/g, "");
    const included = [...text.matchAll(/#\[path = "([^"]+)"\]/g)].map(([, name]) => join(dirname(path), name ?? ""));
    return [text, ...included.map(code)].join("\n");
  }
  const sources = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && entry.name.endsWith(".rs"));
  return sources.map((entry) => code(join(entry.parentPath, entry.name))).join("\n");
}

/**
 * Dependencies that no code names.
 * @param {{name: string, dependencies: {name: string, rename: string | null, kind: "dev" | "build" | null}[]}} package_
 * @param {(folder: string) => string} codeIn
 */
export function unused({ name, dependencies }, codeIn) {
  return dependencies.flatMap(({ name: crate, rename, kind }) => {
    const identifier = (rename ?? crate).replaceAll("-", "_");
    // A path into the crate, an import, or its name for serde's derives and attributes.
    const use = new RegExp(`(?<![\\w.])${identifier}(?:::|\\s*;|\\s+as\\s)`);
    return FOLDERS[`${kind}`].some((folder) => use.test(codeIn(folder))) ? [] : [`${name}: ${crate} is used nowhere`];
  });
}

/** @param {string} toml @param {RegExp} line */
const valueOf = (toml, line) => readFileSync(fromRoot(toml), "utf8").match(line)?.[1] ?? "";

const metadata = execFileSync("cargo", ["metadata", "--no-deps", "--format-version", "1", "--offline"], { cwd: root, env: childEnvironment(), maxBuffer: 2 ** 26 });
const faults = JSON.parse(metadata.toString()).packages.flatMap((/** @type {any} */ package_) =>
  unused(package_, (folder) => code(join(dirname(package_.manifest_path), folder))),
);
const least = valueOf("Cargo.toml", /^rust-version = "([^"]+)"/m);
const pinned = valueOf("rust-toolchain.toml", /^channel = "([^"]+)"/m);
if (pinned !== `${least}.0`) faults.push(`rust-version is ${least} (Cargo.toml), and the toolchain that tests it is ${pinned} (rust-toolchain.toml)`);
for (const fault of faults) console.error(`error: ${fault}`);
process.exit(faults.length > 0 ? 1 : 0);
