// What operations cost in what the platform bills: no more than docs/costs.json says, whose tables docs/costs.md shows.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fromRoot, projectNode } from "../../scripts/lib/paths.mjs";
import { bill, billTable, countsTable, readCosts, DEFAULTS } from "../../scripts/lib/costs.mjs";
import { countCosts } from "../support/costs.mjs";

test("each operation costs what docs/costs.json says", { timeout: 120_000 }, async () => {
  const counted = await countCosts();
  const costs = readCosts();
  if (process.env.UPDATE_COSTS) {
    costs.counts = counted;
    writeFileSync(fromRoot("docs", "costs.json"), `${JSON.stringify(costs, undefined, 2)}\n`);
  }
  assert.deepEqual(counted, costs.counts);
});

test("docs/costs.md shows these counts, and months that the calculator gives", () => {
  const document = readFileSync(fromRoot("docs", "costs.md"), "utf8");
  assert.ok(document.includes(countsTable()), countsTable());
  const commands = [...document.matchAll(/npm run --silent costs --(.*)\n```\n\n(\|[^]*?\n)\n/g)];
  assert.equal(commands.length, 2);
  for (const [, options, table] of commands) {
    const { stdout, status } = spawnSync(projectNode, [fromRoot("scripts", "costs.mjs"), ...options.trim().split(" ")], { encoding: "utf8" });
    assert.equal(status, 0);
    assert.equal(table, stdout);
  }
});

test("the calculator counts what is included, and refuses what is no number", () => {
  assert.equal(bill({ ...DEFAULTS, users: 0, isolates: 0 }).total, readCosts().prices.plan);
  const [one, ten] = [100_000, 1_000_000].map((users) => bill({ ...DEFAULTS, users }).total);
  assert.ok(ten > 10 * one);
  assert.match(billTable(DEFAULTS), /\*\*together\*\*/);
  for (const options of [["--users", "many"], ["--users", "-1"], ["--guests", "1"]]) {
    const { status, stderr } = spawnSync(projectNode, [fromRoot("scripts", "costs.mjs"), ...options], { encoding: "utf8" });
    assert.equal(status, 1);
    assert.match(stderr, /--sign-ins/);
  }
});
