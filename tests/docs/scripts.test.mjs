// @ts-check
// JavaScript in the documents, as far as it is there: names, members and types are those of the client and of the libraries.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { fromRoot, packageScript, projectNode } from "../../scripts/lib/paths.mjs";
import { quietBlocks } from "./support/listed.mjs";

const CLIENT = 'import * as postern from "postern";';
const USER = "declare const request: Request, token: string, antiCsrfToken: string | null, userId: string, role: string;";
/** What the code of a document stands in: for each block, in order. @type {Record<string, string[]>} */
const AROUND = {
  "client/README.md": [
    USER,
    `${CLIENT} ${USER}`,
    'import { Hono } from "hono"; import express from "express"; import fastify from "fastify";',
    CLIENT,
  ],
  "docs/browser-api.md": [USER],
  "docs/compatibility.md": [
    'import supertokens from "supertokens-node-24"; import Session from "supertokens-node-24/recipe/session";',
    'import * as supertokens from "supertokens-node-1";',
    'declare function require(name: string): typeof import("supertokens-node-2"); declare const request: any, response: any;',
  ],
  "docs/gateway.md": [
    'import { createRemoteJWKSet, jwtVerify } from "jose"; declare const request: { headers: Record<string, string> };',
    "declare const accessToken: string;",
    "",
  ],
};
/** Where one name is imported again and again, each import begins a file of its own. The `app` is of the framework. */
const APPS = { hono: "new Hono()", express: "express()", fastify: "fastify()" };

/** @param {string} text @returns {string[]} */
function modulesOf(text) {
  const paragraphs = text.split("\n\n");
  if (!paragraphs.slice(1).some((paragraph) => paragraph.startsWith("import "))) return [text];
  return paragraphs.map((paragraph) => {
    const framework = /** @type {keyof typeof APPS | undefined} */ (paragraph.match(/"postern\/(\w+)"/)?.[1]);
    return `${framework && framework in APPS ? `const app = ${APPS[framework]};` : ""}\n${paragraph}`;
  });
}

/** What the compiler says against these modules. @param {string[]} modules @returns {Promise<string>} */
async function faultsOf(modules) {
  // Below the root, where packages are found.
  mkdirSync(fromRoot("build"), { recursive: true });
  const directory = mkdtempSync(fromRoot("build", "docs-scripts-"));
  try {
    const files = modules.map((text, at) => {
      writeFileSync(join(directory, `${at}.ts`), `${text}\nexport {};\n`);
      return `${at}.ts`;
    });
    const compilerOptions = { strict: true, noEmit: true, module: "nodenext", target: "es2022", lib: ["es2022", "dom"], types: ["node"], skipLibCheck: true, paths: { postern: [fromRoot("client", "index.d.ts")], "postern/*": [fromRoot("client", "*.d.ts")] } };
    writeFileSync(join(directory, "package.json"), '{"type":"module"}');
    writeFileSync(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
    const { stdout } = await promisify(execFile)(projectNode, [packageScript("typescript", "bin", "tsc"), "--project", directory]).catch((error) => error);
    return stdout;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("scripts", { timeout: 120_000 }, async () => {
  const blocks = Object.groupBy(quietBlocks("js", "ts"), ({ file }) => file);
  // A new block comes with what it stands in.
  assert.deepEqual(Object.entries(blocks).map(([file, of = []]) => [file, of.length]), Object.entries(AROUND).map(([file, around]) => [file, around.length]));
  const modules = Object.entries(blocks).flatMap(([file, of = []]) =>
    of.flatMap(({ where, text }, at) => modulesOf(text).map((module) => `// ${where}\n${AROUND[file]?.[at]}\n${module}`)),
  );
  assert.ok(modules.length >= 12);
  assert.equal(await faultsOf(modules), "", modules.map((text, at) => `${at}.ts is ${text.split("\n")[0]?.slice(3)}`).join("\n"));
});

test("a member that is not there is found", { timeout: 120_000 }, async () => {
  assert.match(await faultsOf([`${CLIENT} ${USER}\nawait postern.getSessions(token);`]), /0\.ts\(\d+,\d+\).*getSessions/);
});
