// What can be said of types and of the document's example without running Postern.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const typescript = createRequire(import.meta.url).resolve("typescript/package.json");
const tsc = typescript.replace("package.json", "bin/tsc");
const seed = (name) => new URL(`../../tests/seed/${name}`, import.meta.url);

async function typeCheck(project) {
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, "--project", fileURLToPath(project)]).catch(
    (err) => err,
  );
  assert.equal(stdout, "");
}

test("the types accept what they must and refuse what they must", () => typeCheck(new URL("tsconfig.json", import.meta.url)));
test("the types of middleware fit their frameworks", () => typeCheck(new URL("frameworks.tsconfig.json", import.meta.url)));

test("the document's TypeScript example type-checks with strictNullChecks off and all else strict", () =>
  typeCheck(seed("tsconfig.json")));

test("the examples are the document's, but for the import and the two token values", async () => {
  for (const [document, example] of [["document.js.txt", "example.cjs"], ["document.ts.txt", "example.ts"]]) {
    const wanted = (await readFile(seed(document), "utf8"))
      .replace('"supertokens-node/session"', '"postern"')
      .replace("let accessToken = //...", "let accessToken = seedTokens.accessToken;")
      .replace("let antiCsrfToken = //...", "let antiCsrfToken = seedTokens.antiCsrfToken;");
    const [given] = (await readFile(seed(example), "utf8")).split("\n// Not in the document");
    assert.equal(given.replace(/^ +/gm, ""), wanted);
  }
});
