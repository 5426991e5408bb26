#!/usr/bin/env node
// `npx postern COMMAND …`: Postern in a project that has installed the package, without Rust and without a checkout.
import { runCommand } from "../scripts/lib/command.mjs";
import { wrangler } from "../scripts/lib/place.mjs";
import { StepFailed, say } from "../scripts/lib/process.mjs";

/** What a command is for, and the file of ../scripts that does it; `here`: in the directory where it is called. */
const COMMANDS = {
  init: { what: "write wrangler.toml, gateway.toml, issuers.toml, worker.mjs and .dev.vars.example where they are missing", file: "init", here: true },
  dev: { what: "run Postern on this machine; arguments are those of `wrangler dev`", file: "start" },
  check: { what: "ask the Worker whether it accepts its settings and rules", file: "check" },
  deploy: { what: "check, then `wrangler deploy` with the arguments given", file: "deploy" },
  admin: { what: "look at and end sessions, rotate and withdraw signing keys, back up and restore the key ring, explain a decision; local or deployed", file: "admin" },
  keys: { what: "make a key for the service API (the secret API_KEYS)", file: "keys", here: true },
  reset: { what: "delete what `npx postern dev` stored", file: "reset" },
  upgrade: { what: "install another release, and add to wrangler.toml what it needs; the version is optional", file: "upgrade" },
  migrate: { what: "add to wrangler.toml what this release needs", file: "migrate" },
  build: { what: "read gateway.toml and issuers.toml; wrangler calls this", file: "build" },
};
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

const [name = "", ...rest] = process.argv.slice(2);
const args = rest[0] === "--" ? rest.slice(1) : rest;
const command = COMMANDS[name === "start" ? "dev" : name];
if (!command) {
  const width = Math.max(...Object.keys(COMMANDS).map((known) => known.length)) + 2;
  say(`usage: npx postern COMMAND …\n\n${Object.entries(COMMANDS).map(([known, { what }]) => `  ${known.padEnd(width)}${what}`).join("\n")}`);
  process.exitCode = ["", "help", "--help", "-h"].includes(name) ? 0 : 1;
} else if (major < 22 || (major === 22 && minor < 12)) {
  say(`error: node 22.12 or newer is needed, this is ${process.versions.node} (https://nodejs.org)`);
  process.exitCode = 1;
} else if (command.here) {
  const { run } = await import(`../scripts/${command.file}.mjs`);
  try {
    await run(args);
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    say(`error: ${error.message}`);
    process.exitCode = 1;
  }
} else if (wrangler === "" && command.file !== "build") {
  say("error: wrangler is missing: npm install --save-dev wrangler");
  process.exitCode = 1;
} else {
  runCommand(command.file, args);
}
