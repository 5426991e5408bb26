// @ts-check
// What Postern is made of, from the lock files and cargo's own metadata. Offline; the same on every machine.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { LIBRARIES } from "./console-page.mjs";
import { childEnvironment, fromRoot, root } from "./paths.mjs";

const TARGET = "wasm32-unknown-unknown";

/**
 * @typedef {object} Crate
 * @property {string} name @property {string} version @property {string} license SPDX expression
 * @property {string} directory where its source lies
 * @property {string | undefined} repository
 * @property {string | undefined} sha256 of what the registry served
 * @property {boolean} isShipped its code may be in the Worker; others only build or test it
 *
 * @typedef {object} Package an npm package; none is in the Worker
 * @property {string} name @property {string} version @property {string} license SPDX expression; empty where the lock file says none
 * @property {string} directory where it is installed
 * @property {string | undefined} integrity
 * @property {boolean} isShipped its code is in the console's page; others only build or test
 */

/** Every crate of Cargo.lock but our own. @returns {Promise<Crate[]>} */
export async function crates() {
  const metadata = JSON.parse(await cargo("metadata", "--format-version", "1"));
  // Not from the metadata: there the features that only tests ask for count as well.
  const tree = await cargo("tree", "--package", "postern", "--target", TARGET, "-e", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}");
  const shipped = new Set(tree.split("\n").map((line) => line.split(" ").slice(0, 2).join(" ")));
  const checksums = checksumsOf(readFileSync(fromRoot("Cargo.lock"), "utf8"));
  return metadata.packages
    .filter((/** @type {any} */ found) => found.source !== null)
    .map((/** @type {any} */ { name, version, license, manifest_path, repository }) => ({
      name,
      version,
      // An older spelling of OR.
      license: license.replaceAll("/", " OR "),
      directory: dirname(manifest_path),
      repository: repository ?? undefined,
      sha256: checksums.get(`${name} ${version}`),
      isShipped: shipped.has(`${name} v${version}`),
    }))
    .sort((/** @type {Crate} */ one, /** @type {Crate} */ other) => order(`${one.name} ${one.version}`, `${other.name} ${other.version}`));
}

/** What cargo prints. @param {string} command @param {string[]} args */
async function cargo(command, ...args) {
  const options = { cwd: root, env: childEnvironment(), maxBuffer: 64 * 1024 * 1024 };
  return (await promisify(execFile)("cargo", [command, "--locked", "--offline", ...args], options)).stdout;
}

/** Every package of package-lock.json but our own. @returns {Package[]} */
export function packages() {
  const { packages } = JSON.parse(readFileSync(fromRoot("package-lock.json"), "utf8"));
  const found = Object.entries(packages).filter(([path]) => path !== "");
  const all = found.map(([path, entry]) => ({
    name: entry.name ?? path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length),
    version: entry.version,
    license: entry.license ?? "",
    directory: fromRoot(path),
    integrity: entry.integrity,
    isShipped: LIBRARIES.some((name) => path === `node_modules/${name}`),
  }));
  const unique = new Map(all.map((one) => [`${one.name}@${one.version}`, one]));
  return [...unique.entries()].sort(([one], [other]) => order(one, other)).map(([, entry]) => entry);
}

/** @param {string} lock */
function checksumsOf(lock) {
  const entries = lock.matchAll(/name = "([^"]+)"\r?\nversion = "([^"]+)"\r?\nsource = "[^"]+"\r?\nchecksum = "([0-9a-f]{64})"/g);
  return new Map([...entries].map(([, name, version, checksum]) => [`${name} ${version}`, checksum]));
}

/** By code units: not by the language of whoever runs it. @param {string} one @param {string} other */
const order = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
