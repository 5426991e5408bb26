// @ts-check
// `npm run deploy -- …`: builds, then `wrangler deploy` with the arguments given.
import { spawnSync } from "node:child_process";
import { childEnvironment, projectNode, root, wrangler } from "./lib/paths.mjs";
import { StepFailed, say } from "./lib/process.mjs";
import { build } from "./build.mjs";

try {
  await build();
  const deploy = spawnSync(projectNode, [wrangler, "deploy", ...process.argv.slice(2)], {
    cwd: root,
    env: childEnvironment(),
    stdio: "inherit",
  });
  process.exitCode = deploy.status ?? 1;
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  say(`error: ${error.message}`);
  process.exitCode = 1;
}
