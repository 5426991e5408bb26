// What a first start says about its time.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fromRoot, projectNode } from "../../scripts/lib/paths.mjs";

const file = fromRoot("scripts", "lib", "step-times.mjs");
/** @param {string} code @param {string} times */
const printed = (code, times) =>
  execFileSync(projectNode, ["--input-type=module", "-e", `import { stepTimes, timed } from ${JSON.stringify(file)}; ${code}`], { env: { ...process.env, POSTERN_STEP_TIMES: times }, encoding: "utf8" }).trim();

test("a long start names its steps, those of the process before it too; a quick one says nothing", () => {
  const line = printed("await timed('quick', async () => 1); console.log(stepTimes())", '[["npm packages",20500],["Rust crates",3000]]');
  assert.equal(line, "Time for each step (some at once): npm packages 20.5 s, Rust crates 3.0 s. The next start takes seconds.");
  assert.equal(printed("console.log(stepTimes())", '[["Worker",2000]]'), "undefined");
  assert.equal(printed("await timed('failed', async () => { throw new Error('x') }).catch(() => 0); console.log(process.env.POSTERN_STEP_TIMES.includes('failed'))", "[]"), "true");
});
