// @ts-check
// A digest over files, to know whether anything that a step reads has changed.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { relative } from "node:path";
import { fromRoot, root } from "./paths.mjs";

/** @param {string[]} names files or directories, relative to the repository @param {string[]} [words] further inputs */
export function digestOf(names, words = []) {
  const hash = createHash("sha256");
  for (const word of words) hash.update(`${word}\n`);
  for (const file of names.flatMap((name) => filesUnder(fromRoot(name)))) {
    const content = readFileSync(file);
    hash.update(`${relative(root, file)}\n${content.length}\n`).update(content);
  }
  return hash.digest("hex");
}

/** @returns {string[]} */
function filesUnder(/** @type {string} */ path) {
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return [path];
  return readdirSync(path).sort().flatMap((name) => filesUnder(`${path}/${name}`));
}
