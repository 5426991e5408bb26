// `npx postern migrate`: adds to wrangler.toml the bindings and migrations that this release needs and the file lacks.
// Nothing that is there is changed.
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parse } from "smol-toml";
import { configurationFile, packageDirectory } from "./lib/place.mjs";
import { StepFailed, main, say } from "./lib/process.mjs";
import { missingBlocks } from "./lib/missing-blocks.mjs";

await main(async () => {
  const file = configurationFile();
  const text = readFileSync(file, "utf8");
  const template = parse(readFileSync(join(packageDirectory, "template", "wrangler.toml"), "utf8"));
  if (!file.endsWith(".toml")) {
    say(`${basename(file)} is not TOML, and is left as it is. npx postern check names what it lacks.`);
    return;
  }
  const present = parse(text);
  const blocks = missingBlocks(template, present);
  if (blocks.length === 0) {
    say(`${basename(file)} has everything that this release needs.`);
    return;
  }
  const completed = `${text.trimEnd()}\n\n# Added by \`npx postern migrate\`.\n${blocks.join("\n")}`;
  try {
    if (missingBlocks(template, parse(completed)).length > 0) throw new Error("incomplete");
  } catch {
    throw new StepFailed(`${basename(file)} cannot be completed at its end; add this where it belongs:\n\n${blocks.join("\n")}`);
  }
  writeFileSync(file, completed);
  say(`Added to ${basename(file)}:\n\n${blocks.join("\n")}`);
});
