// @ts-check
// The files of the console's page as they are served: those of console/, with the library that `view.js` uses put into it, because a
// browser finds no package by name. target/console, not build/: `wrangler dev` watches it, and a build takes build/ away for a moment.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf } from "./hash.mjs";
import { fromRoot } from "./paths.mjs";
import { StepFailed } from "./process.mjs";

const FROM = "console";
/** Where they are. */
export const consolePage = fromRoot("target", FROM);
/** Served as they are written. */
const COPIED = ["index.html", "console.css", "console.js"];
/** The one with the library in it; crates/core/src/console/files.rs says which files there are. */
const BUNDLED = "view.js";
/** npm packages whose code is in the page; their licences and versions go along (`components.mjs`). */
export const LIBRARIES = ["bowser"];
const INPUTS = [FROM, "package-lock.json", "scripts/lib/console-page.mjs"];
/** A digest of what it was made from. Beside the folder: everything in it is uploaded. */
const stamp = fromRoot("target", "console-page");

/** Makes them, unless they are there. */
export async function makeConsolePage() {
  const inputs = digestOf(INPUTS);
  if ([...COPIED, BUNDLED].every((name) => existsSync(join(consolePage, name))) && existsSync(stamp) && readFileSync(stamp, "utf8") === inputs) return;
  const { build } = await import("esbuild");
  const { metafile, outputFiles } = await build({
    entryPoints: [fromRoot(FROM, BUNDLED)], absWorkingDir: fromRoot(), bundle: true, minify: true, format: "esm", target: "es2022", charset: "utf8",
    legalComments: "inline", metafile: true, write: false, logLevel: "warning",
  });
  const packages = Object.keys(metafile.inputs).flatMap((path) => path.match(/.*(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1] ?? []);
  const strangers = packages.filter((name) => !LIBRARIES.includes(name));
  if (strangers.length > 0) throw new StepFailed(`the console's page would hold what no licence is kept for: ${strangers.join(", ")}`);
  rmSync(consolePage, { recursive: true, force: true });
  mkdirSync(consolePage, { recursive: true });
  for (const name of COPIED) copyFileSync(fromRoot(FROM, name), join(consolePage, name));
  for (const { contents } of outputFiles) writeFileSync(join(consolePage, BUNDLED), contents);
  writeFileSync(stamp, inputs);
}
