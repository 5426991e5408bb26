// @ts-check
// `npm run deploy -- …`: builds, has the Worker check settings and rules, then `wrangler deploy` with the arguments
// given. Secrets and variables that only the account knows are not seen by the check.
import { spawnSync } from "node:child_process";
import { childEnvironment, projectNode, root, wrangler } from "./lib/paths.mjs";
import { StepFailed, main } from "./lib/process.mjs";
import { useEnvironment } from "./lib/wrangler-settings.mjs";
import { build } from "./build.mjs";
import { settingsAreGood } from "./check.mjs";

/** Arguments that say what is deployed, and mean the same to `wrangler dev`. */
const SHARED = ["--var", "--env", "-e", "--config", "-c"];

/** @param {string[]} args @returns {string[]} */
const shared = (args) =>
  args.flatMap((arg, at) => {
    const [name, value] = arg.split(/=(.*)/s);
    if (!SHARED.includes(name ?? "")) return [];
    return value === undefined ? [arg, args[at + 1] ?? ""] : [arg];
  });

await main(async () => {
  const args = process.argv.slice(2);
  useEnvironment(args);
  await build();
  // With --keep-vars a required setting may be one that only the account has.
  const asDeployed = !args.includes("--keep-vars");
  if (!(await settingsAreGood(shared(args), { asDeployed }))) throw new StepFailed("nothing was deployed");
  const deploy = spawnSync(projectNode, [wrangler, "deploy", ...args], {
    cwd: root,
    env: childEnvironment(),
    stdio: "inherit",
  });
  process.exitCode = deploy.status ?? 1;
});
