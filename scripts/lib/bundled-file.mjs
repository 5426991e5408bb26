// @ts-check
// Files of tables beside wrangler.toml: gateway.toml and issuers.toml, or gateway.NAME.toml and issuers.NAME.toml for the
// environment NAME. Read as TOML, bundled as JSON text. What their tables mean, and whether they are good, the Worker says.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { TomlError, parse } from "smol-toml";
import { fromRoot } from "./paths.mjs";
import { modulesDirectory } from "./place.mjs";
import { StepFailed, say } from "./process.mjs";

/** Their names without an ending, which are those of the modules, too. */
export const GATEWAY = "gateway";
export const ISSUERS = "issuers";
const FILES = [GATEWAY, ISSUERS];

/** The file of the environment that was chosen, where it has one; else the one for all. @param {string} file @param {string} [environment] */
export function fileOf(file, environment = process.env.CLOUDFLARE_ENV) {
  const own = environment && /^[\w-]+$/.test(environment) ? fromRoot(`${file}.${environment}.toml`) : "";
  return own !== "" && existsSync(own) ? own : fromRoot(`${file}.toml`);
}

/**
 * Writes the modules; without a file, or without a table in it, the text is empty.
 * @param {{goesOn?: boolean}} [options] `goesOn`: a file that is no TOML becomes a module that says so, and the Worker answers
 *   that it is misconfigured. A build that fails while `wrangler dev` runs would leave every request without an answer.
 */
export function bundleFiles({ goesOn = false } = {}) {
  for (const name of FILES) {
    const file = fileOf(name);
    const bundled = join(modulesDirectory, `${name}.mjs`);
    const module = moduleOf(existsSync(file) ? textOf(readFileSync(file, "utf8"), goesOn, basename(file)) : "");
    if (existsSync(bundled) && readFileSync(bundled, "utf8") === module) continue;
    mkdirSync(modulesDirectory, { recursive: true });
    writeFileSync(bundled, module);
  }
}

/** The file as JSON text, or what is wrong with it as a JSON string. @param {string} toml @param {boolean} goesOn @param {string} name of the file */
export function textOf(toml, goesOn, name) {
  try {
    return jsonOf(toml, name);
  } catch (error) {
    if (!goesOn || !(error instanceof StepFailed)) throw error;
    say(`error: ${error.message}`);
    return JSON.stringify(error.message.replace(`${name} `, ""));
  }
}

/** The file as JSON text; empty when it has no table. @param {string} toml @param {string} name of the file */
export function jsonOf(toml, name) {
  const tables = parsedToml(toml, name);
  return Object.keys(tables).length === 0 ? "" : JSON.stringify(tables);
}

/** The file's tables. @param {string} toml @param {string} name of the file @returns {Record<string, any>} */
export function parsedToml(toml, name) {
  try {
    return parse(toml);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The first line says what is wrong; the rest repeats the file.
    throw new StepFailed(`${name} line ${error.line}, column ${error.column}: ${error.message.split("\n")[0]}`);
  }
}

/** The module with this text. @param {string} json */
export const moduleOf = (json) => `export default ${JSON.stringify(json)};\n`;
