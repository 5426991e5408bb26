// @ts-check
// Empty storage of a user's object gets its tables at once, older storage by steps: both come to the same shape.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { fromRoot } from "../../scripts/lib/paths.mjs";

const source = readFileSync(fromRoot("src", "objects", "user_sessions", "store", "schema.rs"), "utf8");
/** @param {string} name */
const script = (name) => {
  const text = source.match(new RegExp(`const ${name}: &str = "([^"]*)"`))?.[1];
  assert.ok(text, name);
  return text;
};

/** Columns of every table in their order, and what else is in the schema. @param {string[]} scripts */
function shapeOf(scripts) {
  const database = new DatabaseSync(":memory:");
  for (const text of scripts) database.exec(text);
  const tables = database.prepare("SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' ORDER BY name").all();
  const columns = tables.map(({ name }) => database.prepare("SELECT name, type, \"notnull\", pk FROM pragma_table_info(?)").all(name ?? null));
  const indexes = database.prepare("SELECT name FROM sqlite_master WHERE type != 'table' AND name NOT LIKE 'sqlite_%'").all();
  database.close();
  return JSON.parse(JSON.stringify({ tables, columns, indexes }));
}

test("the tables of empty storage are those that the steps lead to", () => {
  const last = Number(source.match(/const WHOLE_STEP: u32 = (\d+);/)?.[1]);
  const steps = Array.from({ length: last - 1 }, (_, at) => script(`TO_${at + 2}`));
  const whole = shapeOf([script("WHOLE")]);
  assert.ok(whole.tables.length >= 7);
  assert.deepEqual(whole, shapeOf([script("FIRST"), ...steps]));
});
