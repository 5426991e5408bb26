// `npx postern init`: makes a directory a project that runs and deploys Postern. Writes what is missing, changes nothing
// that is there, but for scripts in package.json.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageDirectory } from "./lib/place.mjs";
import { say } from "./lib/process.mjs";

/** The name in the package, which npm would leave out under its own name, and in the project. */
const FILES = { "wrangler.toml": "wrangler.toml", "gateway.toml": "gateway.toml", "issuers.toml": "issuers.toml", "worker.mjs": "worker.mjs", "dev.vars.example": ".dev.vars.example" };
const template = (/** @type {string} */ name) => readFileSync(join(packageDirectory, "template", name), "utf8");

export async function run() {
  for (const [from, to] of Object.entries(FILES)) {
    if (existsSync(to)) say(`${to} is there already: left as it is`);
    else {
      writeFileSync(to, template(from));
      say(`${to} written`);
    }
  }
  ignoreSecrets();
  completePackage();
  say("\nNext: npx postern dev. Before a deployment set API_DOMAIN in wrangler.toml, then npx postern deploy.");
}

/** Keeps secrets and stored sessions out of git. */
function ignoreSecrets() {
  const present = existsSync(".gitignore") ? readFileSync(".gitignore", "utf8") : "";
  const lines = present.split(/\r?\n/);
  const missing = template("gitignore").split("\n").filter((line) => line !== "" && !lines.includes(line));
  if (missing.length > 0) writeFileSync(".gitignore", `${present}${present === "" || present.endsWith("\n") ? "" : "\n"}${missing.join("\n")}\n`);
}

/** Scripts, and what the dashboard of a deploy button says about the secrets. */
function completePackage() {
  const ours = JSON.parse(template("package.json"));
  const present = existsSync("package.json") ? JSON.parse(readFileSync("package.json", "utf8")) : { name: ours.name, private: true, type: "module" };
  const isInitial = (/** @type {string} */ name) => present.scripts?.[name] === undefined || /no test specified/.test(present.scripts[name]);
  const scripts = Object.fromEntries(Object.entries(ours.scripts).filter(([name]) => isInitial(name)));
  const completed = { ...present, scripts: { ...present.scripts, ...scripts }, cloudflare: present.cloudflare ?? ours.cloudflare };
  writeFileSync("package.json", `${JSON.stringify(completed, undefined, 2)}\n`);
}
