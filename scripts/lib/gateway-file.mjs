// @ts-check
// gateway.toml, or gateway.NAME.toml for the environment NAME: read as TOML, bundled as JSON text. What the rules mean,
// and whether they are good, the Worker says.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { TomlError, parse } from "smol-toml";
import { fromRoot } from "./paths.mjs";
import { gatewayModuleFile } from "./place.mjs";
import { StepFailed, say } from "./process.mjs";

/** The file of the environment that was chosen, where it has one; else the one for all. */
export function gatewayFile(environment = process.env.CLOUDFLARE_ENV) {
  const own = environment && /^[\w-]+$/.test(environment) ? fromRoot(`gateway.${environment}.toml`) : "";
  return own !== "" && existsSync(own) ? own : fromRoot("gateway.toml");
}

/**
 * Writes the module that `src/entry.mjs` imports; without a file, or without a rule in it, the text is empty.
 * @param {{goesOn?: boolean}} [options] `goesOn`: a file that is no TOML becomes a module that says so, and the Worker answers
 *   that it is misconfigured. A build that fails while `wrangler dev` runs would leave every request without an answer.
 */
export function bundleGatewayFile({ goesOn = false } = {}) {
  const file = gatewayFile();
  const text = existsSync(file) ? textOf(readFileSync(file, "utf8"), goesOn, basename(file)) : "";
  const module = gatewayModule(text);
  if (existsSync(gatewayModuleFile) && readFileSync(gatewayModuleFile, "utf8") === module) return;
  mkdirSync(dirname(gatewayModuleFile), { recursive: true });
  writeFileSync(gatewayModuleFile, module);
}

/** @param {string} toml @param {boolean} goesOn @param {string} [name] of the file */
export function textOf(toml, goesOn, name = "gateway.toml") {
  try {
    return gatewayJson(toml, name);
  } catch (error) {
    if (!goesOn || !(error instanceof StepFailed)) throw error;
    say(`error: ${error.message}`);
    return JSON.stringify(error.message.replace(`${name} `, ""));
  }
}

/** The addresses of the file's origins, under the names that a fault has. Those behind a binding have none. @returns {{name: string, url: string}[]} */
export function gatewayOrigins() {
  const file = gatewayFile();
  const text = existsSync(file) ? gatewayJson(readFileSync(file, "utf8"), basename(file)) : "";
  const origins = text === "" ? {} : (JSON.parse(text).origins ?? {});
  const named = Object.entries(origins).map(([name, origin]) => ({ name: `${basename(file)}: origins.${name}.url`, url: origin?.url }));
  return named.filter(({ url }) => typeof url === "string");
}

/** The module with these rules. @param {string} json */
export const gatewayModule = (json) => `export default ${JSON.stringify(json)};\n`;

/** The rules file as JSON text. @param {string} toml @param {string} [name] of the file */
export function gatewayJson(toml, name = "gateway.toml") {
  try {
    const tables = parse(toml);
    return Object.keys(tables).length === 0 ? "" : JSON.stringify(tables);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The first line says what is wrong; the rest repeats the file.
    throw new StepFailed(`${name} line ${error.line}, column ${error.column}: ${error.message.split("\n")[0]}`);
  }
}
