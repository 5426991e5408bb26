// @ts-check
// The client from this repository, under the name that its users import it by.
import { build } from "esbuild";
import { fileURLToPath } from "node:url";

/** For `alias` of a Worker's configuration, and of esbuild. */
export const clientAlias = { postern: fileURLToPath(new URL("../../client/index.js", import.meta.url)) };

/**
 * Imports a module that imports "postern", TypeScript or CommonJS too; each time with a client of its own.
 * @param {URL} file
 */
export async function importWithClient(file) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(file)],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    alias: clientAlias,
    external: ["cloudflare:*"],
  });
  const text = Buffer.from(outputFiles[0].contents).toString("base64");
  return import(`data:text/javascript;base64,${text}`);
}
