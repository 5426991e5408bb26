// @ts-check
// `npm run bench:gate`: the instructions that each hot function of the rules takes, beside those of bench/gate.json. It fails
// when one takes more than the tolerance allows; `npm run bench:gate -- --write` makes the file anew.
//
// Instructions are counted by callgrind, natively and built as the Worker is, so a busy machine counts the same. What they
// cost in WebAssembly, and everything that JavaScript does, is for `npm run bench`.
import { arch, platform } from "node:os";
import { readFileSync, writeFileSync } from "node:fs";
import { fromRoot } from "./lib/paths.mjs";
import { StepFailed, main, must, run, say } from "./lib/process.mjs";

/** How much more than bench/gate.json says is nothing yet: what another place in memory or another seed makes of it. */
const TOLERANCE = 0.03;
/** Runs of a function: the difference of the two is what the runs between them took, without the start of the program. */
const [FEW, MANY] = [20, 220];

/** @typedef {{machine: string, instructions: Record<string, number>}} Gate */

const file = fromRoot("bench", "gate.json");
const program = fromRoot("target", "release", "postern-hot-functions");
const machine = `${platform()} ${arch()}`;

const [option, ...more] = process.argv.slice(2);
const writes = option === "--write";
if ((option !== undefined && !writes) || more.length > 0) {
  say("error: npm run bench:gate, or npm run bench:gate -- --write");
  process.exit(1);
}
await main(async () => {
  if (!(await hasValgrind())) throw new StepFailed("npm run bench:gate needs valgrind, which is not installed here");
  await must("cargo", ["build", "--locked", "--package", "postern-hot-functions", "--release"], { heartbeat: "building the functions" });
  const { output } = await must(program, [], { collect: true, quiet: true });
  /** @type {Gate} */
  const counted = { machine, instructions: {} };
  for (const name of output.trim().split("\n")) {
    const [few, many] = [await instructions(name, FEW), await instructions(name, MANY)];
    counted.instructions[name] = Math.round((many - few) / (MANY - FEW));
  }
  /** @type {Gate} */
  const gate = JSON.parse(readFileSync(file, "utf8"));
  print(counted, gate);
  if (writes) {
    writeFileSync(file, `${JSON.stringify(counted, null, 2)}\n`);
    return;
  }
  if (gate.machine !== machine) throw new StepFailed(`bench/gate.json was made on ${gate.machine}, and this is ${machine}: another compiler's code is no measure`);
  const faults = judge(counted, gate);
  if (faults.length > 0) throw new StepFailed(faults.join("\n       "));
});

/** What is wrong with the figures. @param {Gate} counted @param {Gate} gate @returns {string[]} */
function judge(counted, gate) {
  const names = new Set([...Object.keys(counted.instructions), ...Object.keys(gate.instructions)]);
  return [...names].flatMap((name) => {
    const [now, before] = [counted.instructions[name], gate.instructions[name]];
    if (now === undefined) return [`${name} is in bench/gate.json and is no function any more: npm run bench:gate -- --write`];
    if (before === undefined) return [`${name} is not in bench/gate.json: npm run bench:gate -- --write`];
    return now > before * (1 + TOLERANCE) ? [`${name} takes ${now} instructions, ${percent(now, before)} than bench/gate.json allows for`] : [];
  });
}

/** @param {Gate} counted @param {Gate} gate */
function print(counted, gate) {
  const width = Math.max(...Object.keys(counted.instructions).map((name) => name.length));
  process.stdout.write(`${"function".padEnd(width)}  instructions  bench/gate.json\n`);
  for (const [name, now] of Object.entries(counted.instructions)) {
    const before = gate.instructions[name];
    const beside = before === undefined ? "" : `${String(before).padStart(15)}  ${percent(now, before)}`;
    process.stdout.write(`${name.padEnd(width)}  ${String(now).padStart(12)}  ${beside}\n`);
  }
}

/** @param {number} now @param {number} before */
function percent(now, before) {
  const change = (100 * (now - before)) / before;
  return Math.abs(change) < 0.05 ? "the same" : `${Math.abs(change).toFixed(1)} % ${change > 0 ? "more" : "less"}`;
}

/** What callgrind counts for a number of runs. @param {string} name @param {number} times @returns {Promise<number>} */
async function instructions(name, times) {
  const { output } = await must("valgrind", ["--tool=callgrind", "--callgrind-out-file=/dev/null", program, name, String(times)], { collect: true, quiet: true });
  const total = /Collected : (\d+)/.exec(output)?.[1];
  if (total === undefined) throw new StepFailed(`callgrind gave no count for ${name}`);
  return Number(total);
}

async function hasValgrind() {
  try {
    return (await run("valgrind", ["--version"], { collect: true, quiet: true })).code === 0;
  } catch {
    return false;
  }
}
