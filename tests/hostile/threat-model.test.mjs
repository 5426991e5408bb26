// docs/threat-model.md says for each attack which test shows that it is stopped: these exist.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

const fromRoot = (path) => new URL(`../../${path}`, import.meta.url);

test("every file that the threat model names is there, and every attack names one", () => {
  const document = readFileSync(fromRoot("docs/threat-model.md"), "utf8");
  const named = [...document.matchAll(/`((?:src|crates|tests|fuzz)\/[\w./-]+|deny\.toml|clippy\.toml)`/g)].map(([, path]) => path);
  assert.ok(new Set(named).size > 30);
  for (const path of named) assert.ok(existsSync(fromRoot(path)), path);
  const tables = document.split(/\n## /).filter((section) => section.includes("| attack"));
  assert.equal(tables.length, 4);
  for (const table of tables) {
    const rows = table.split("\n").filter((line) => line.startsWith("| ")).slice(2);
    for (const [attack, , shown] of rows.map((row) => row.slice(2).split(" | "))) assert.match(shown, /`(src|crates|tests|fuzz)\//, attack);
  }
});
