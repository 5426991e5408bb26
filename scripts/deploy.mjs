// @ts-check
// `npm run deploy -- …`: builds, has the Worker check settings and rules, then `wrangler deploy` with the arguments
// given. Secrets and variables that only the account knows are not seen by the check.
import { spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { childEnvironment, projectNode, root, wrangler } from "./lib/paths.mjs";
import { StepFailed, main } from "./lib/process.mjs";
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

/** @returns {Promise<number>} */
const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? (address?.port ?? 0) : 0));
    });
  });

await main(async () => {
  const args = process.argv.slice(2);
  await build();
  const port = ["--port", String(await freePort())];
  if (!(await settingsAreGood([...port, ...shared(args)]))) throw new StepFailed("nothing was deployed");
  const deploy = spawnSync(projectNode, [wrangler, "deploy", ...args], {
    cwd: root,
    env: childEnvironment(),
    stdio: "inherit",
  });
  process.exitCode = deploy.status ?? 1;
});
