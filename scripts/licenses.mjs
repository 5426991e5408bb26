// @ts-check
// `npm run licenses`: writes THIRD-PARTY-LICENSES.txt, the licences of every crate whose code may be in the Worker, and of
// every npm package whose code is in the console's page.
// With `--check`, as the lints run it, fails when the file is not what would be written.
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { crates, packages } from "./lib/components.mjs";
import { fromRoot } from "./lib/paths.mjs";
import { StepFailed, main } from "./lib/process.mjs";

const FILE = fromRoot("THIRD-PARTY-LICENSES.txt");
const LINE = `${"=".repeat(100)}\n`;

/** Of what a crate offers we take the first of these. */
const PREFERRED = ["MIT", "MIT-0", "BSD-3-Clause", "Apache-2.0", "BSD-2-Clause", "Unicode-3.0"];
/** Where the text of a licence stands. @type {Record<string, RegExp>} */
const FILES = { MIT: /mit/i, "MIT-0": /mit/i, "Apache-2.0": /apache/i, "BSD-3-Clause": /bsd/i, "BSD-2-Clause": /bsd/i, "Unicode-3.0": /unicode/i };

/** The licences that apply: all that AND joins, one of what OR offers. @param {string} expression */
export function chosen(expression) {
  return expression.split(" AND ").map((part) => {
    const offered = part.replace(/[()]/g, "").split(" OR ");
    const first = PREFERRED.find((name) => offered.includes(name));
    if (!first) throw new StepFailed(`no licence that we take in "${expression}"`);
    return first;
  });
}

/** @param {{directory: string, license: string}} crate or package */
function textOf(crate) {
  const names = readdirSync(crate.directory).filter((name) => /^(licen[cs]e|copying|copyright|notice)/i.test(name)).sort();
  const wanted = chosen(crate.license);
  const fitting = names.filter((name) => wanted.some((license) => FILES[license].test(name)));
  // A single file has no licence in its name, nor has a notice that goes with any.
  const others = names.filter((name) => !Object.values(FILES).some((pattern) => pattern.test(name)));
  const files = fitting.length > 0 ? [...fitting, ...others.filter((name) => /^(copyright|notice)/i.test(name))] : others;
  if (files.length === 0) return `(${wanted.join(" and ")}; the package holds no file of it.)\n`;
  return files.map((name) => readFileSync(join(crate.directory, name), "utf8").replaceAll("\r\n", "\n").replace(/[ \t]+$/gm, "").trim()).join("\n\n").concat("\n");
}

/** The whole file. */
export async function thirdPartyLicenses() {
  /** Equal texts once, under the names of all that have them. @type {Map<string, string[]>} */
  const texts = new Map();
  for (const crate of [...(await crates()), ...packages()].filter(({ isShipped }) => isShipped)) {
    const text = textOf(crate);
    texts.set(text, [...(texts.get(text) ?? []), `${crate.name} ${crate.version} (${chosen(crate.license).join(" and ")})`]);
  }
  const sections = [...texts].map(([text, names]) => `${LINE}${names.join("\n")}\n\n${text}\n`);
  return `The Worker and the console's page are built from Postern's own code and from these. Written by \`npm run licenses\`.\n\n${sections.join("")}`;
}

async function licenses() {
  const text = await thirdPartyLicenses();
  if (!process.argv.includes("--check")) return writeFileSync(FILE, text);
  if (!existsSync(FILE) || readFileSync(FILE, "utf8") !== text) throw new StepFailed("THIRD-PARTY-LICENSES.txt is out of date: npm run licenses");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(licenses);
