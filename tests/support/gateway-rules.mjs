// @ts-check
// Postern with a test's own rules and issuers: the entry module with other modules in place of the bundled gateway.toml and
// issuers.toml. Tests never see the developer's files.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { GATEWAY, ISSUERS, jsonOf, moduleOf } from "../../scripts/lib/bundled-file.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const entry = join(root, "src", "entry.mjs");
const FILES = [GATEWAY, ISSUERS];

/** A file as its text, or as the tables that such a file holds. @typedef {string | object | undefined} Rules */

/** The texts of the modules: of the rules, and of the issuers. @param {Rules[]} contents */
const modulesOf = (...contents) =>
  FILES.map((name, index) => {
    const content = contents[index];
    return { module: `${name}.mjs`, text: moduleOf(typeof content === "string" ? jsonOf(content, `${name}.toml`) : content ? JSON.stringify(content) : "") };
  });

/** For esbuild: what `src/entry.mjs` imports as its rules and its issuers. @param {Rules} rules @param {Rules} [issuers] @returns {import("esbuild").Plugin} */
export const withRules = (rules, issuers) => ({
  name: "bundled-files",
  setup(build) {
    const modules = new Map(modulesOf(rules, issuers).map(({ module, text }) => [module, text]));
    build.onResolve({ filter: /\/build\/(gateway|issuers)\.mjs$/ }, ({ path }) => ({ path: path.split("/").pop(), namespace: "bundled-files" }));
    build.onLoad({ filter: /.*/, namespace: "bundled-files" }, ({ path }) => ({ contents: modules.get(path), loader: "js" }));
  },
});

/** For wrangler, which takes no such plugin: the path of a copy of the entry module that imports these. @param {Rules} rules @param {Rules} [issuers] */
export function entryWithRules(rules, issuers) {
  const modules = modulesOf(rules, issuers);
  const hash = createHash("sha256").update(readFileSync(entry));
  for (const { text } of modules) hash.update(text).update("\0");
  const name = hash.digest("hex").slice(0, 16);
  const directory = join(root, "build", "test-entries");
  const copy = join(directory, `${name}.mjs`);
  if (!existsSync(copy)) {
    mkdirSync(directory, { recursive: true });
    for (const { module, text } of modules) writeFileSync(join(directory, `${name}-${module}`), text);
    const source = readFileSync(entry, "utf8").replace(/ from "(\.[^"]+)"/g, (_, /** @type {string} */ path) => {
      const own = modules.find(({ module }) => path === `../build/${module}`);
      return ` from ${JSON.stringify(own ? `./${name}-${own.module}` : join(dirname(entry), path))}`;
    });
    writeFileSync(copy, source);
  }
  return copy;
}
