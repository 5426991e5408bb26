// @ts-check
// What `npm run bench` compares Postern with are Workers that the runtime takes: it refuses a main module with another export, and
// the bench itself, which takes half an hour, is no test.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { serve } from "../../bench/lib/workerd.mjs";
import { fromRoot } from "../../scripts/lib/paths.mjs";

const FOLDER = "bench/workers";

test("every Worker of the bench starts", async () => {
  const files = readdirSync(fromRoot(FOLDER)).filter((file) => readFileSync(fromRoot(FOLDER, file), "utf8").includes("export default"));
  assert.ok(files.length > 15, files.join());
  const served = await serve(files.map((file) => ({ name: file.replace(".mjs", ""), entry: `${FOLDER}/${file}` })));
  try {
    const answer = await fetch(served.url("probe"));
    assert.equal(answer.status, 200);
    const { session } = /** @type {{session: {userId: string}}} */ (await answer.json());
    assert.equal(session.userId, "alice");
  } finally {
    await served.end();
  }
});
