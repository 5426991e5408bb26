// @ts-check
// gateway.toml: its text, and the origins in it.
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { GATEWAY, fileOf, jsonOf, moduleOf } from "./bundled-file.mjs";

/** The addresses of the file's origins, under the names that a fault has. Those behind a binding have none. @returns {{name: string, url: string}[]} */
export function gatewayOrigins() {
  const file = fileOf(GATEWAY);
  const text = existsSync(file) ? gatewayJson(readFileSync(file, "utf8"), basename(file)) : "";
  const origins = text === "" ? {} : (JSON.parse(text).origins ?? {});
  const named = Object.entries(origins).map(([name, origin]) => ({ name: `${basename(file)}: origins.${name}.url`, url: origin?.url }));
  return named.filter(({ url }) => typeof url === "string");
}

/** The module with these rules. @param {string} json */
export const gatewayModule = (json) => moduleOf(json);

/** The rules file as JSON text. @param {string} toml @param {string} [name] of the file */
export const gatewayJson = (toml, name = "gateway.toml") => jsonOf(toml, name);
