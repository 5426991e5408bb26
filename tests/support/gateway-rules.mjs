// @ts-check
// Postern with a test's own rules: the entry module with another module in place of the bundled gateway.toml. Tests
// never see the developer's file.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gatewayJson, gatewayModule } from "../../scripts/lib/gateway-file.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const entry = join(root, "src", "entry.mjs");
const RULES = "../build/gateway.mjs";

/** Rules as the text of a gateway.toml, or as the tables that such a file holds. @typedef {string | object | undefined} Rules */

/** @param {Rules} rules */
const moduleOf = (rules) => gatewayModule(typeof rules === "string" ? gatewayJson(rules) : rules ? JSON.stringify(rules) : "");

/** For esbuild: what `src/entry.mjs` imports as its rules. @param {Rules} rules @returns {import("esbuild").Plugin} */
export const withRules = (rules) => ({
  name: "gateway-rules",
  setup(build) {
    build.onResolve({ filter: /\/build\/gateway\.mjs$/ }, () => ({ path: "gateway", namespace: "gateway-rules" }));
    build.onLoad({ filter: /.*/, namespace: "gateway-rules" }, () => ({ contents: moduleOf(rules), loader: "js" }));
  },
});

/** For wrangler, which takes no such plugin: the path of a copy of the entry module that imports these rules. @param {Rules} rules */
export function entryWithRules(rules) {
  const rulesModule = moduleOf(rules);
  const name = createHash("sha256").update(rulesModule).update(readFileSync(entry)).digest("hex").slice(0, 16);
  const directory = join(root, "build", "test-entries");
  const copy = join(directory, `${name}.mjs`);
  if (!existsSync(copy)) {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `${name}-rules.mjs`), rulesModule);
    const source = readFileSync(entry, "utf8").replace(/ from "(\.[^"]+)"/g, (_, /** @type {string} */ path) =>
      ` from ${JSON.stringify(path === RULES ? `./${name}-rules.mjs` : join(dirname(entry), path))}`);
    writeFileSync(copy, source);
  }
  return copy;
}
