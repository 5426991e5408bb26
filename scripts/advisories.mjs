// @ts-check
// `npm run advisories`: asks the databases of known vulnerabilities about every crate and npm package. Needs the network,
// and so is no part of `npm test`; run it before a release and every now and then.
import { toolProgram } from "./lib/paths.mjs";
import { StepFailed, main, run } from "./lib/process.mjs";
import { cargoDeny, installCargoTool, npm } from "./setup.mjs";

await main(async () => {
  await installCargoTool(cargoDeny, "cargo-deny", "2 to 5 minutes", ["--debug", "--no-default-features"]);
  const rust = await run(toolProgram(cargoDeny, "cargo-deny"), ["check", "advisories"]);
  // What is deployed holds no npm package; these build and test it.
  const packages = await npm(["audit"], {});
  const failed = [rust.code !== 0 && "crates", packages.code !== 0 && "npm packages"].filter(Boolean);
  if (failed.length > 0) throw new StepFailed(`advisories about ${failed.join(" and ")}, or their database is out of reach: see above`);
});
