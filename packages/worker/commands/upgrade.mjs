// `npx postern upgrade [VERSION]`: installs a release, and has it complete wrangler.toml.
import { fileURLToPath } from "node:url";
import { projectNode, root } from "./lib/place.mjs";
import { windows } from "./lib/paths.mjs";
import { main, must, say } from "./lib/process.mjs";

await main(async () => {
  const [version = "latest", ...options] = process.argv.slice(2);
  const package_ = /[/\\]|\.tgz$/.test(version) ? version : `postern-worker@${version}`;
  const install = ["install", "--save", package_, ...options];
  await (windows ? must("cmd.exe", ["/d", "/s", "/c", "npm", ...install], { cwd: root }) : must("npm", install, { cwd: root }));
  // The new release's own file: this one may have been replaced.
  await must(projectNode, [fileURLToPath(new URL("migrate.mjs", import.meta.url))], { cwd: root });
  say("Read the section of this version in node_modules/postern-worker/CHANGELOG.md, then: npx postern check");
});
