// @ts-check
// `npm run simulate [-- SEED]`: revocation in virtual time, natively, with the product's rules; see docs/freshness.md.
// `npm run simulate -- scale`: the figures of docs/scale.md, and its plots, made anew.
// The last line on stdout is JSON; the lines before say where each figure comes from.
import { fromRoot } from "./lib/paths.mjs";
import { run, say } from "./lib/process.mjs";

const [what, ...more] = process.argv.slice(2);
const cargo = ["run", "--locked", "--quiet", "--profile", "model", "--example", "simulate", "--"];
if (more.length > 0 || (what !== undefined && what !== "scale" && !/^\d{1,18}$/.test(what))) {
  say("error: npm run simulate, npm run simulate -- SEED (a number), or npm run simulate -- scale");
  process.exit(1);
}
const chosen = what === "scale" ? ["scale", fromRoot("docs", "plots")] : ["run", ...(what === undefined ? [] : [what])];
const { code } = await run("cargo", [...cargo, ...chosen]);
process.exitCode = code;
