// @ts-check
// Postern's service API and `explain`, as `npm run admin` asks them: with an API key, on this machine or deployed.
import { existsSync, readFileSync } from "node:fs";
import { parse } from "smol-toml";
import { devVar } from "./dev-vars.mjs";
import { configurationFile } from "./place.mjs";
import { StepFailed } from "./process.mjs";
import { option } from "./wrangler-settings.mjs";

const LOCAL = "http://127.0.0.1:8787";
/** `revoke-before` answers after about half a minute. */
const ANSWER_MS = 60_000;

/** @typedef {ReturnType<typeof adminApi>} Api */
/** @typedef {{method?: string, path: string, query?: Record<string, string>, body?: object, base?: "core" | "auth"}} Question */

/**
 * Whom the arguments mean: `--url` or POSTERN_URL, else the server of `npm start`. A key comes from POSTERN_API_KEY, and for this
 * machine from .dev.vars: on a command line everybody here could read it.
 * @param {string[]} args
 */
export function adminApi(args) {
  const given = option(args, "url") ?? process.env.POSTERN_URL ?? LOCAL;
  if (!URL.canParse(given) || !/^https?:$/.test(new URL(given).protocol)) throw new StepFailed(`${given} is no http or https address`);
  const { origin, pathname, hostname } = new URL(given);
  const isLocal = hostname === "localhost" || hostname === "[::1]" || /^127\./.test(hostname);
  const setting = isLocal ? localSettings(option(args, "env", "e")) : () => undefined;
  const path = (/** @type {string | undefined} */ text, /** @type {string} */ usual) => `/${(text ?? usual).replace(/^\/+|\/+$/g, "")}`.replace(/^\/$/, "");
  const bases = {
    core: pathname === "/" ? path(option(args, "core-path") ?? setting("SERVICE_API_BASE_PATH"), "/core") : path(pathname, ""),
    auth: path(option(args, "base-path") ?? setting("API_BASE_PATH"), "/auth"),
  };
  const key = process.env.POSTERN_API_KEY ?? (isLocal ? devVar("API_KEYS")?.match(/[A-Za-z0-9=-]+/)?.[0] : undefined);
  if (!key) throw new StepFailed("an API key is needed: set POSTERN_API_KEY (one of the secret API_KEYS of that deployment)");
  return { isLocal, origin, ask: (/** @type {Question} */ question) => ask(`${origin}${bases[question.base ?? "core"]}`, key, question) };
}

/**
 * What this machine's server was started with, without asking wrangler, which takes seconds to say it.
 * @param {string | undefined} environment @returns {(name: string) => string | undefined}
 */
function localSettings(environment) {
  const file = configurationFile();
  const tables = /** @type {any} */ (file.endsWith(".toml") && existsSync(file) ? parse(readFileSync(file, "utf8")) : {});
  const vars = (environment ? tables.env?.[environment]?.vars : tables.vars) ?? {};
  return (name) => devVar(name) ?? (typeof vars[name] === "string" ? vars[name] : undefined);
}

/** @param {string} base @param {string} key @param {Question} question @returns {Promise<any>} what was answered with status 200 */
async function ask(base, key, { method = "GET", path, query, body }) {
  const url = `${base}${path}${query ? `?${new URLSearchParams(query)}` : ""}`;
  const request = { method, headers: { "api-key": key, "content-type": "application/json" }, redirect: /** @type {const} */ ("manual") };
  let response;
  let text;
  try {
    response = await fetch(url, { ...request, ...(body && { body: JSON.stringify(body) }), signal: AbortSignal.timeout(ANSWER_MS) });
    text = await response.text();
  } catch (error) {
    const why = error instanceof Error && error.name === "TimeoutError" ? `does not answer within ${ANSWER_MS / 1000} s` : "cannot be reached";
    throw new Outage(`${new URL(url).origin} ${why}`);
  }
  const answer = parsed(text);
  if (response.status === 200 && answer !== undefined) return answer;
  if (response.status === 401) throw new StepFailed(`the API key was refused by ${new URL(url).origin}`);
  if (response.status === 404) throw new NotThere(`${base} has no ${method} ${path}: is the address right, is API_KEYS set there, and is that release new enough?`);
  const said = `status ${response.status}: ${answer?.message ?? text.trim().slice(0, 200)}`;
  throw response.status >= 500 ? new Outage(said) : new StepFailed(said);
}

/** The deployment does not know the path. */
export class NotThere extends StepFailed {}

/** There was no answer, or none that tells: another attempt may have one. */
export class Outage extends StepFailed {}

/** @param {string} text @returns {any} */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
