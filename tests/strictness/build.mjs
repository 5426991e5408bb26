// @ts-check
// Writes table.json: rows.mjs with its tokens made. Only needed after a change there: `node tests/strictness/build.mjs`.
// Some signatures are random, so every run gives other tokens of the same meaning.
import { writeFileSync } from "node:fs";
import { keySets, rows } from "./rows.mjs";
import { EXPIRES, ISSUED, issuerOf } from "./tokens.mjs";

const lines = (/** @type {unknown[]} */ values) => values.map((value) => `    ${JSON.stringify(value)}`).join(",\n");
const sets = Object.entries(keySets).map(([name, set]) => ({ name, issuer: issuerOf(name), ...set }));
const titles = new Set(rows.map(({ group, title }) => `${group}: ${title}`));
if (titles.size !== rows.length) throw new Error("two rows have one title");
writeFileSync(
  new URL("table.json", import.meta.url),
  `{\n  "good": { "from": ${ISSUED}, "until": ${EXPIRES} },\n  "keySets": [\n${lines(sets)}\n  ],\n  "rows": [\n${lines(rows)}\n  ]\n}\n`,
);
