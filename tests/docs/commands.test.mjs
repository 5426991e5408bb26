// @ts-check
// Every command that a document names is there, in blocks that no test runs and in the text.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { fromRoot, packageScript, projectNode, windows } from "../../scripts/lib/paths.mjs";
import { documents, quietBlocks, read } from "./support/listed.mjs";

/** What documents say now; what a release of the past had is history. */
const texts = documents.filter((file) => !file.endsWith("CHANGELOG.md")).map((file) => ({ file, text: read(file) }));

/** Each place that fits, with the part in brackets. @param {RegExp} pattern */
const named = (pattern) => texts.flatMap(({ file, text }) => [...text.matchAll(pattern)].map(([place, word = ""]) => ({ file, place, word })));

/** @param {RegExp} pattern @param {(word: string, file: string) => boolean} isThere @param {number} least how many there are at least */
function allThere(pattern, isThere, least) {
  const all = named(pattern);
  assert.ok(all.length >= least, `${all.length} places`);
  assert.deepEqual(all.filter(({ word, file }) => !isThere(word, file)), []);
}

/** Commands of a package.json. @param {string} file */
const scriptsOf = (file) => Object.keys(JSON.parse(read(file)).scripts ?? {});

/** A table of commands in a program, by name. @param {string} file */
function commandsOf(file) {
  const [, table = ""] = read(file).match(/^const COMMANDS = \{\n([\s\S]*?)^\};/m) ?? [];
  const names = [...table.matchAll(/^ {2}"?([a-z-]+)"?: \{/gm)].map(([, name = ""]) => name);
  assert.ok(names.length > 3, file);
  return names;
}

test("scripts of npm", () => {
  const own = scriptsOf("package.json");
  const ofFolder = (/** @type {string} */ folder) => (folder !== "" && existsSync(fromRoot(folder, "package.json")) ? scriptsOf(`${folder}/package.json`) : []);
  const allOf = (/** @type {string} */ file) => [...own, ...ofFolder(file.split("/").slice(0, -1).join("/"))];
  allThere(/\bnpm run ([a-z][\w:-]*)/g, (name, file) => allOf(file).includes(name), 80);
});

test("commands of an operator, and their options", () => {
  const admin = read("scripts/admin.mjs");
  const known = commandsOf("scripts/admin.mjs");
  allThere(/\bnpm run admin -- ([a-z-]+)/g, (name) => known.includes(name), 15);
  const options = new Set([...admin.matchAll(/--([a-z-]+)/g), ...(admin.match(/^const OPTIONS = (.*);$/m)?.[1] ?? "").matchAll(/"([a-z-]+)"/g)].map(([, name]) => name));
  for (const { file, place } of named(/\bnpm run admin -- [^`\n]*/g)) {
    for (const [, option] of place.replace(/ #.*$/, "").matchAll(/ --([a-z-]+)/g)) assert.ok(options.has(option), `${file}: ${place}`);
  }
});

test("commands of the package", () => allThere(/\bnpx postern ([a-z]+)/g, (name) => commandsOf("packages/worker/bin/postern.mjs").includes(name), 30));

test("targets of fuzzing and files of native tests", () => {
  const targets = readdirSync(fromRoot("fuzz", "fuzz_targets")).map((name) => name.replace(/\.rs$/, ""));
  allThere(/\bnpm run fuzz -- ([a-z_]+)/g, (name) => targets.includes(name), 1);
  const native = ["core", "jwt"].map((crate) => `crates/${crate}/tests`).filter((folder) => existsSync(fromRoot(folder)));
  allThere(/\bcargo test [^`\n]*--test ([a-z_]+)/g, (name) => native.some((folder) => existsSync(fromRoot(folder, `${name}.rs`))), 2);
});

test("secrets are settings", () => {
  const settings = read("docs/settings.md");
  allThere(/\bwrangler secret put ([A-Z_]+)/g, (name, file) => settings.includes(`\`${name}\``) || file.startsWith("examples/"), 5);
});

test("commands of wrangler", { timeout: 120_000 }, () => {
  const help = (/** @type {string[]} */ ...group) => execFileSync(projectNode, [packageScript("wrangler", "bin", "wrangler.js"), ...group, "--help"], { cwd: fromRoot(), encoding: "utf8" });
  const commands = named(/\bnpx wrangler ((?:versions|deployments|secret|queues) [a-z]+|[a-z]+)/g).map(({ word }) => word.split(" "));
  assert.ok(commands.length >= 10, String(commands.length));
  const groups = Map.groupBy(commands, (words) => words.slice(0, -1).join(" "));
  for (const [group, members] of groups) {
    const told = help(...group.split(" ").filter(Boolean));
    for (const words of members) assert.match(told, new RegExp(`^ +wrangler ${words.join(" ")} `, "m"));
  }
});

for (const { where, text } of quietBlocks("sh", "console")) {
  test(`${where} is written as a shell reads it`, { skip: windows }, () => {
    // Of a block that shows a terminal, what was typed.
    const typed = text.startsWith("$ ") ? text.split("\n").filter((line) => line.startsWith("$ ")).map((line) => line.slice(2)).join("\n") : text;
    execFileSync("bash", ["-n"], { input: typed, stdio: ["pipe", "ignore", "pipe"] });
  });
}
