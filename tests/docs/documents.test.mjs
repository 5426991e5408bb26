// What README and the tutorials tell their readers to type does what they say.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fromRoot, projectNode, windows } from "../../scripts/lib/paths.mjs";
import { runDocument } from "./support/document.mjs";
import { isHere, makeProject } from "./support/project.mjs";

const options = { timeout: 240_000, skip: windows };
/** @type {Awaited<ReturnType<typeof makeProject>>} */
let project;
before(async () => {
  project = await makeProject();
});
after(() => project?.remove());

test("README", options, async () => {
  const storage = mkdtempSync(join(tmpdir(), "postern-readme-"));
  const start = (/** @type {string[]} */ args, /** @type {string} */ port) => ({
    program: projectNode,
    args: [fromRoot("scripts", "start.mjs"), "--port", port, "--persist-to", storage, ...args],
  });
  try {
    const count = await runDocument(fromRoot("README.md"), { cwd: fromRoot(), start, has: isHere });
    assert.ok(count >= 7, `${count} blocks`);
  } finally {
    rmSync(storage, { recursive: true, force: true });
  }
});

for (const name of readdirSync(fromRoot("docs", "tutorials")).filter((name) => name.endsWith(".md"))) {
  test(`docs/tutorials/${name}`, options, async () => {
    const { directory, environment } = project;
    const start = (/** @type {string[]} */ args, /** @type {string} */ port) => ({ program: "npx", args: ["postern", "dev", "--port", port, ...args] });
    const count = await runDocument(fromRoot("docs", "tutorials", name), { cwd: directory, env: environment, start, has: isHere });
    assert.ok(count >= 3, `${count} blocks`);
  });
}
