// @ts-check
// `npm run next`: `postern/next` in a real Next.js, which it installs for the run (tests/next). Needs a network.
import { build } from "./build.mjs";
import { main } from "./lib/process.mjs";
import { tryNext } from "../tests/next/run.mjs";

await main(async () => {
  await build();
  process.stdout.write(`next: ${await tryNext()} requests answered as they must be\n`);
  process.exit(0);
});
