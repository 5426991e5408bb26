// @ts-check
// The secrets of a development Worker, in `.dev.vars`: made once, never overwritten, never committed.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fromRoot } from "./paths.mjs";

const file = fromRoot(".dev.vars");

/** The key for the service API: the first of `API_KEYS`, made if there is no file yet. */
export function developmentApiKey() {
  if (!existsSync(file)) {
    const text = `# Secrets for npm start. Not for deployments: there, use \`wrangler secret put\`.\nAPI_KEYS="${randomBytes(24).toString("hex")}"\n`;
    writeFileSync(file, text, { mode: 0o600, flag: "wx" });
  }
  return devVar("API_KEYS")?.match(/[A-Za-z0-9=-]+/)?.[0] ?? "none (API_KEYS is not set in .dev.vars)";
}

/** A variable as `.dev.vars` has it. @param {string} name @returns {string | undefined} */
export function devVar(name) {
  if (!existsSync(file)) return undefined;
  const value = readFileSync(file, "utf8").match(new RegExp(`^\\s*${name}\\s*=\\s*(.*?)\\s*$`, "m"))?.[1];
  return value?.replace(/^(["'])(.*)\1$/, "$2");
}
