// @ts-check
// `npm run strictness`: shows the strictness table to Postern and to other JWT libraries, and writes docs/strictness.md.
import { writeFileSync } from "node:fs";
import { build } from "./build.mjs";
import { fromRoot } from "./lib/paths.mjs";
import { StepFailed, main, say } from "./lib/process.mjs";
import { documentOf, peers } from "../tests/strictness/document.mjs";
import { measureMade, startTable, table } from "../tests/strictness/run.mjs";

await main(async () => {
  await build();
  const tested = await startTable({ withPeers: true });
  const all = [];
  try {
    for (const row of table.rows) {
      /** @type {Record<string, boolean>} */
      const results = {};
      for (const name of Object.keys(peers)) results[name] = (await tested.peer(name, row)).accepted;
      const [status] = await tested.postern(row.set, [row.token]);
      all.push({ row, postern: status === "OK", peers: results });
    }
  } finally {
    await tested.close();
  }
  const made = await measureMade();
  writeFileSync(fromRoot("docs", "strictness.md"), documentOf(all, new Date().toISOString().slice(0, 10), made));
  const wrong = [...all, ...Object.values(made).flat()].filter(({ row, postern }) => postern !== !row.code);
  for (const { row } of wrong) say(`Postern ${row.code ? "accepts" : "refuses"} "${row.title}"`);
  const unexplained = all.filter(({ row, postern, peers: results }) => postern && !row.policy && Object.values(results).includes(false));
  for (const { row } of unexplained) say(`Postern accepts what another refuses, and no policy says why: "${row.group}: ${row.title}"`);
  if (wrong.length + unexplained.length > 0) throw new StepFailed("the table does not hold, see above");
  say(`Wrote docs/strictness.md: ${all.length + Object.values(made).flat().length} rows`);
});
