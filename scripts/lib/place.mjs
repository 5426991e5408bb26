// @ts-check
// Where the commands of this folder work. Here that is the repository, with Node and wrangler of its own; in the npm
// package `postern-worker` a file of the same name says otherwise (packages/worker/place.mjs).
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The directory of `wrangler.toml`, `gateway.toml`, `issuers.toml` and `.dev.vars`. */
export const root = fileURLToPath(new URL("../../", import.meta.url));
/** Node 22 from the npm package `node`: wrangler needs it, users need not have it. */
export const projectNode = join(root, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
/** Wrangler's program, for `projectNode`. */
export const wrangler = join(root, "node_modules", "wrangler", "bin", "wrangler.js");
/** Where the modules are that gateway.toml and issuers.toml become. */
export const modulesDirectory = join(root, "build");
/** Wrangler's file, where no argument names another. */
export const configurationFile = () => join(root, "wrangler.toml");
