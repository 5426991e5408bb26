// What `npm pack` would publish.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

const directory = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
test("publint finds nothing to say", async () => {
  const { messages } = await publint({ pkgDir: directory, strict: true, pack: false });
  assert.deepEqual(messages.map((message) => formatMessage(message, manifest)), []);
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
