// @ts-check
// The documents of the repository.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fromRoot } from "../../../scripts/lib/paths.mjs";
import { blocksOf } from "./document.mjs";

const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"], { cwd: fromRoot(), encoding: "utf8" });
/** Their paths, from the root. */
export const documents = listed.split("\n").filter((file) => file !== "" && existsSync(fromRoot(file)));

/** @param {string} file @returns {string} */
export const read = (file) => readFileSync(fromRoot(file), "utf8");

/**
 * The blocks of these languages in documents of which `runDocument` runs none; where each stands.
 * @param {string[]} languages
 */
export const quietBlocks = (...languages) =>
  documents
    .filter((file) => file !== "README.md" && !file.startsWith("docs/tutorials/"))
    .flatMap((file) => blocksOf(read(file)).filter(({ language }) => languages.includes(language)).map(({ line, text }) => ({ file, where: `${file}:${line}`, text })));
