// @ts-check
// What the bench writes: a table for people, the figures for programs, and a plot.
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { fromRoot } from "../../scripts/lib/paths.mjs";
import { median } from "./rounds.mjs";

/**
 * @typedef {import("./rounds.mjs").Summary} Summary
 * @typedef {{title: string, unit: string, columns: string[], rows: (string | number)[][], note?: string}} Growth
 * @typedef {object} Results
 * @property {import("./rounds.mjs").Rates} rates
 * @property {Record<string, Summary>} ratios
 * @property {Record<string, number>} values
 * @property {Growth[]} growth
 * @property {{before: number[], after: number[]}} load load averages of the machine, over 1, 5 and 15 minutes
 * @typedef {{name: string, what: string, target?: number, atMost?: number}} Ratio
 */

const PACKAGES = ["workerd", "jose", "hono", "@tsndr/cloudflare-worker-jwt", "autocannon"];
const figure = (/** @type {number} */ value) => value.toFixed(2);
const whole = (/** @type {number} */ value) => Math.round(value).toLocaleString("en");

/** @param {Ratio} ratio @param {Summary} found */
function verdict({ target, atMost }, found) {
  if (target !== undefined) return `at least ${target}: ${found.median >= target ? "yes" : "**no**"}`;
  if (atMost !== undefined) return `at most ${atMost}: ${found.median <= atMost ? "yes" : "**no**"}`;
  return "";
}

/** @param {Results} results @param {Ratio[]} ratios @param {Record<string, {target?: number, what: string}>} values */
function tables(results, ratios, values) {
  const lines = [];
  const rates = Object.entries(results.rates);
  if (rates.length > 0) {
    lines.push("| subject | requests per CPU second (median) | µs of CPU each |", "| --- | ---: | ---: |");
    for (const [name, found] of rates) lines.push(`| ${name} | ${whole(median(found))} | ${(1e6 / median(found)).toFixed(1)} |`);
    lines.push("");
  }
  const known = ratios.filter(({ name }) => results.ratios[name]);
  if (known.length > 0) {
    lines.push("| ratio | what | lower quartile | median | upper quartile | target |", "| --- | --- | ---: | ---: | ---: | --- |");
    for (const ratio of known) {
      const found = results.ratios[ratio.name];
      lines.push(`| \`${ratio.name}\` | ${ratio.what} | ${figure(found.q25)} | ${figure(found.median)} | ${figure(found.q75)} | ${verdict(ratio, found)} |`);
    }
    lines.push("");
  }
  const single = Object.entries(results.values);
  if (single.length > 0) {
    lines.push("| value | what | figure | target |", "| --- | --- | ---: | --- |");
    for (const [name, value] of single) {
      const { target, what = name.replaceAll("_", " ") } = values[name] ?? {};
      lines.push(`| \`${name}\` | ${what} | ${whole(value)} | ${target === undefined ? "" : `at most ${whole(target)}: ${value <= target ? "yes" : "**no**"}`} |`);
    }
    lines.push("");
  }
  for (const { title, unit, columns, rows, note } of results.growth) {
    lines.push(`### ${title}`, "", `In ${unit}.${note ? ` ${note}` : ""}`, "", `| ${columns.join(" | ")} |`, `| ${columns.map(() => "---:").join(" | ")} |`);
    for (const row of rows) lines.push(`| ${row.map((cell) => (typeof cell !== "number" ? cell : Number.isInteger(cell) || cell >= 100 ? whole(cell) : cell.toFixed(1))).join(" | ")} |`);
    lines.push("");
  }
  return lines.join("\n");
}

/** @param {Results} results @param {Ratio[]} ratios @param {Record<string, {target?: number, what: string}>} values */
export const print = (results, ratios, values) => void process.stdout.write(`${tables(results, ratios, values)}\n`);

/** @param {Results} results */
function about({ load, rates }) {
  const version = (/** @type {string} */ name) => JSON.parse(readFileSync(fromRoot("node_modules", name, "package.json"), "utf8")).version;
  const [{ model }] = cpus();
  return [
    `- ${cpus().length} × ${model}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}, Node ${process.versions.node}.`,
    `- ${PACKAGES.map((name) => `${name} ${version(name)}`).join(", ")}.`,
    `- Load average of the machine over one minute: ${figure(load.before[0])} before and ${figure(load.after[0])} after the run, of which the run itself is about ${cpus().length}.`,
    `- ${Math.max(...Object.values(rates).map(({ length }) => length))} rounds of a fixed number of requests each, interleaved; a ratio is taken within each round, and half of all lie between the quartiles.`,
  ].join("\n");
}

/** Writes the three files. @param {Results} results @param {Ratio[]} ratios @param {Record<string, {target?: number, what: string}>} values @param {string} took */
export function write(results, ratios, values, took) {
  const text = `# What Postern costs

Written by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)} in ${took}; edited by nobody. How it is measured, and why a target is missed, is in
[profile.md](profile.md).

${about(results)}
- Every subject has a process of bare \`workerd serve\` to itself (RPC: one process for both sides, of which one is asked at a time, because they share a KV).
- A figure is requests per CPU second of that process, user and system, all threads.
- All send the same request and, refusals aside, the same answer: the JavaScript Workers read the same header, check issuer, algorithm, type and expiry, and return the same JSON.

![requests per CPU second](results.svg)

${tables(results, ratios, values)}`;
  writeFileSync(fromRoot("bench", "results.md"), text);
  writeFileSync(fromRoot("bench", "results.json"), `${JSON.stringify({ load: results.load, ratios: results.ratios, values: results.values }, undefined, 2)}\n`);
  writeFileSync(fromRoot("bench", "results.svg"), plot(results.rates));
}

/** Bars: a row for each subject, the longest is the fastest. @param {import("./rounds.mjs").Rates} rates */
function plot(rates) {
  const rows = Object.entries(rates).map(([name, found]) => ({ name, value: median(found), low: Math.min(...found), high: Math.max(...found) }));
  const most = Math.max(...rows.map(({ high }) => high));
  const [left, width, height] = [220, 620, 22];
  const x = (/** @type {number} */ value) => left + (value / most) * width;
  const escaped = (/** @type {string} */ name) => name.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const bars = rows.map(({ name, value, low, high }, at) => {
    const y = 34 + at * height;
    const colour = name.startsWith("postern") ? "#2f6f4f" : "#9aa5b1";
    return `<text x="${left - 8}" y="${y + 12}" text-anchor="end">${escaped(name)}</text>
<rect x="${left}" y="${y}" width="${(x(value) - left).toFixed(1)}" height="15" fill="${colour}"/>
<line x1="${x(low).toFixed(1)}" x2="${x(high).toFixed(1)}" y1="${y + 7.5}" y2="${y + 7.5}" stroke="#333"/>
<text x="${(x(high) + 6).toFixed(1)}" y="${y + 12}">${whole(value)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="920" height="${50 + rows.length * height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="${left}" y="20">requests per CPU second: median, and the line from the least to the most of the rounds</text>
${bars.join("\n")}
</svg>
`;
}
