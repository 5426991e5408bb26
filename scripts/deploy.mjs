// @ts-check
// `npm run deploy -- …`: builds, then `wrangler deploy` with the arguments given.
import { spawnSync } from "node:child_process";
import { childEnvironment, projectNode, root, wrangler } from "./lib/paths.mjs";
import { main } from "./lib/process.mjs";
import { build } from "./build.mjs";

await main(async () => {
  await build();
  const deploy = spawnSync(projectNode, [wrangler, "deploy", ...process.argv.slice(2)], {
    cwd: root,
    env: childEnvironment(),
    stdio: "inherit",
  });
  process.exitCode = deploy.status ?? 1;
});
