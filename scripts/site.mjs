// @ts-check
// `npm run docs:site`: the manual as a site with search, in dist/site, or in the directory that is named. Any server of files
// can serve it, at the root of a host. `npm run docs:site -- --serve` shows it here while it is edited.
import { packageScript, fromRoot, projectNode } from "./lib/paths.mjs";
import { main, must, run, say } from "./lib/process.mjs";

const vitepress = packageScript("vitepress", "bin", "vitepress.js");
const [option] = process.argv.slice(2);

await main(async () => {
  if (option === "--serve") {
    process.exitCode = (await run(projectNode, [vitepress, "dev", fromRoot("docs"), "--host", "127.0.0.1"])).code;
    return;
  }
  const output = option ?? fromRoot("dist", "site");
  await must(projectNode, [vitepress, "build", fromRoot("docs"), "--outDir", output], { heartbeat: "rendering the manual" });
  say(`The manual is in ${output}`);
});
