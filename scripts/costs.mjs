// @ts-check
// `npm run costs -- --users 10000 --requests 50 …`: what a month costs at list prices (docs/costs.md).
import { parseArgs } from "node:util";
import { DEFAULTS, MEANINGS, billTable } from "./lib/costs.mjs";
import { say } from "./lib/process.mjs";

const names = /** @type {(keyof typeof DEFAULTS)[]} */ (Object.keys(DEFAULTS));
const option = (/** @type {string} */ name) => name.replace("signIns", "sign-ins");
const usage = () =>
  ["npm run costs -- [--OPTION NUMBER]…", ...names.map((name) => `  --${option(name)} (${DEFAULTS[name]}): ${MEANINGS[name]}`)].join("\n");

/** @returns {import("./lib/costs.mjs").Month | undefined} */
function month() {
  try {
    const options = Object.fromEntries(names.map((name) => [option(name), { type: /** @type {const} */ ("string") }]));
    const { values } = parseArgs({ options });
    const given = names.map((name) => [name, values[option(name)] === undefined ? DEFAULTS[name] : Number(values[option(name)])]);
    return given.every(([, value]) => Number.isFinite(value) && Number(value) >= 0) ? Object.fromEntries(given) : undefined;
  } catch {
    return undefined;
  }
}

const asked = month();
if (asked) {
  process.stdout.write(`${billTable(asked)}\n`);
} else {
  say(`error: every option takes a number of at least 0\n${usage()}`);
  process.exitCode = 1;
}
