// The release after this one exists for these tests only.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { nextRelease } from "../../scripts/build.mjs";
import { fromRoot } from "../../scripts/lib/paths.mjs";

const MARK = "postern_next";

test("nothing of the next release is in what ships, and the next release has it", () => {
  const build = fromRoot("build");
  for (const name of readdirSync(build, { recursive: true }).map(String).filter((name) => /\.(wasm|js|mjs)$/.test(name))) {
    assert.equal(readFileSync(join(build, name)).includes(MARK), false, name);
  }
  assert.ok(existsSync(join(nextRelease, "index_bg.wasm")), "buildNext has not run");
  assert.ok(readFileSync(join(nextRelease, "index_bg.wasm")).includes(MARK));
});

test("no setting, feature or script of a deployment can ask for it", () => {
  for (const name of ["Cargo.toml", "wrangler.toml", "package.json", "scripts/deploy.mjs", "scripts/start.mjs"]) {
    const text = readFileSync(fromRoot(name), "utf8");
    const left = text.replace('check-cfg = ["cfg(postern_next)"]', "");
    assert.equal(left.includes(MARK), false, name);
  }
});
