// @ts-check
// What the Worker will be configured with, wherever the user may have put it: an argument, .dev.vars, or the file and
// environment that wrangler reads.
import { existsSync, readFileSync } from "node:fs";
import { parsedToml } from "./bundled-file.mjs";
import { devVar } from "./dev-vars.mjs";
import { configurationFile } from "./place.mjs";
import { StepFailed } from "./process.mjs";

/** The value of `--name value`, `--name=value`, `-n value` or `-n=value`. @param {string[]} args @param {string} name @param {string} [short] @returns {string | undefined} */
export function option(args, name, short) {
  const forms = [`--${name}`, ...(short === undefined ? [] : [`-${short}`])];
  for (const [at, arg] of args.entries()) {
    if (forms.includes(arg)) return args[at + 1];
    const form = forms.find((form) => arg.startsWith(`${form}=`));
    if (form) return arg.slice(form.length + 1);
  }
  return undefined;
}

/**
 * Notes the environment that arguments choose where wrangler and the build look for it, too: the rules file may be one of
 * that environment. @param {string[]} args
 */
export function useEnvironment(args) {
  const chosen = option(args, "env", "e");
  if (chosen !== undefined) process.env.CLOUDFLARE_ENV = chosen;
}

/** The file that arguments of wrangler choose. @param {string[]} args */
const fileOf = (args) => option(args, "config", "c") ?? configurationFile();

/** The environment that they choose. @param {string[]} args */
const environmentOf = (args) => option(args, "env", "e") ?? process.env.CLOUDFLARE_ENV;

/** The configuration that wrangler makes of its file and environment. @param {string[]} args of wrangler @param {string} [environment] in place of theirs; empty for the top level */
export async function wranglerConfig(args, environment = environmentOf(args)) {
  const { unstable_readConfig: readConfig } = await import("wrangler");
  const config = fileOf(args);
  try {
    return readConfig({ config, env: environment }, { hideWarnings: true });
  } catch (error) {
    const { message } = error instanceof Error ? error : new Error(String(error));
    // A list of what is wrong has headings: one for the file, one for each environment.
    const faults = [...message.matchAll(/^ +- (.+)/gm)].map(([, line]) => line).filter((line) => !line?.endsWith(" environment configuration"));
    throw new StepFailed(`${config}: ${faults[0] ?? message.trim().split("\n")[0]}`);
  }
}

/**
 * The variables of that configuration. Wrangler takes seconds to load, so it is asked only about a file that is no TOML, or is not
 * there, and about an environment that the file does not have. An environment inherits no variables.
 * @param {string[]} args of wrangler @returns {Promise<Record<string, unknown>>}
 */
async function variables(args) {
  const [file, environment] = [fileOf(args), environmentOf(args)];
  const top = file.endsWith(".toml") && existsSync(file) ? parsedToml(readFileSync(file, "utf8"), file) : undefined;
  // Of a file without environments, each has what the top level has.
  const section = environment && top?.env ? top.env[environment] : top;
  return (section ?? (await wranglerConfig(args))).vars ?? {};
}

/** Reads a setting by name; `undefined` where nobody has set it. @param {string[]} args of wrangler @returns {Promise<(name: string) => string | undefined>} */
export async function settingsReader(args) {
  const vars = await variables(args);
  return (name) => {
    const argument = args.map((arg) => arg.replace(/^--var=/, "")).find((arg) => arg.startsWith(`${name}:`));
    if (argument) return argument.slice(name.length + 1);
    const inFile = vars[name];
    return devVar(name) ?? (inFile === undefined ? undefined : typeof inFile === "string" ? inFile : JSON.stringify(inFile));
  };
}
