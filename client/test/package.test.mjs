// What `npm pack` would publish.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { build } from "esbuild";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

const directory = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
test("publint finds nothing to say", async () => {
  const { messages } = await publint({ pkgDir: directory, strict: true, pack: false });
  assert.deepEqual(messages.map((message) => formatMessage(message, manifest)), []);
});

test("TypeScript finds the types of every export, however it resolves modules", async () => {
  const directoryOfPack = mkdtempSync(join(tmpdir(), "postern-client-"));
  try {
    const [{ filename }] = JSON.parse(execFileSync("npm", ["pack", "--json", "--silent", "--pack-destination", directoryOfPack], { cwd: directory, encoding: "utf8", shell: process.platform === "win32" }));
    const pack = createPackageFromTarballData(new Uint8Array(readFileSync(join(directoryOfPack, filename))));
    const { types, problems } = /** @type {import("@arethetypeswrong/core").Analysis} */ (await checkPackage(pack));
    assert.deepEqual(types, { kind: "included" });
    // It is of ECMAScript modules only: CommonJS programs import it dynamically, and TypeScript says so (as it did before 5.8).
    const other = problems.filter(({ kind, resolutionKind }) => !(kind === "CJSResolvesToESM" || resolutionKind === "node10"));
    assert.deepEqual(other, []);
  } finally {
    rmSync(directoryOfPack, { recursive: true, force: true });
  }
});

test("every export has types and a module, and middleware is short", () => {
  for (const [path, target] of Object.entries(manifest.exports)) {
    for (const file of typeof target === "string" ? [target] : Object.values(target)) readFileSync(new URL(`../${file}`, import.meta.url));
    if (/express|fastify|hono|next/.test(path)) {
      assert.ok(readFileSync(new URL(`../${target.default}`, import.meta.url), "utf8").split("\n").length < 100, path);
    }
  }
});

test("it is as small as its README says", async () => {
  const { outputFiles } = await build({ entryPoints: [`${directory}/index.js`], bundle: true, minify: true, write: false, format: "esm", external: ["cloudflare:*"] });
  const bytes = gzipSync(outputFiles[0].contents, { level: 9 }).length;
  const said = Number(readFileSync(new URL("../README.md", import.meta.url), "utf8").match(/at most ([\d,]+) bytes minified and gzipped/)?.[1]?.replace(",", ""));
  assert.ok(bytes <= said && bytes > said - 500, `${bytes} bytes, said to be ${said}`);
});
