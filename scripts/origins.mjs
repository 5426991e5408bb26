// @ts-check
// `npm run origins`: fires some thousand paths through Postern at the real servers that are found on this machine, and says
// whether any of them got a protected file without a session (docs/origins.md).
import { build } from "./build.mjs";
import { StepFailed, main, say } from "./lib/process.mjs";
import { tryOrigins } from "../tests/origins/run.mjs";
import { paths } from "../tests/origins/paths.mjs";

/** All of it, on a slow machine with every server. */
const MOST_MS = 45 * 60_000;

await main(async () => {
  await build();
  const timer = setTimeout(() => {
    say(`error: not done within ${MOST_MS / 60_000} minutes`);
    process.exit(1);
  }, MOST_MS);
  const { results, missed, failed } = await tryOrigins(say);
  clearTimeout(timer);
  process.stdout.write("server | to a gateway that compares text | refused | passed on | not answered | reached through Postern\n");
  for (const { name, asText, refused, passed, unanswered, reached } of results) {
    process.stdout.write(`${[name, asText, refused, passed, unanswered, reached.length].join(" | ")}\n`);
  }
  const reached = results.flatMap(({ name, reached }) => reached.map((path) => `${name}: ${JSON.stringify(path)}`));
  for (const line of reached) process.stdout.write(`REACHED ${line}\n`);
  process.stdout.write(`found: ${results.map(({ name }) => name).join("; ")}\n`);
  process.stdout.write(`missed: ${missed.join("; ") || "none"}\n`);
  process.stdout.write(`origins: ${results.length} servers, ${paths.length} paths each, ${reached.length} reached a protected file\n`);
  if (failed.length > 0) throw new StepFailed(`did not start: ${failed.join("; ")}`);
  if (reached.length > 0) throw new StepFailed("a protected file was reached without a session");
});
