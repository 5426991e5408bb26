// @ts-check
// Runs the command blocks of a Markdown document, in order, as a reader would in one terminal. What a block needs besides is
// said in a comment before it, which readers do not see:
//   <!-- run: background PORT -->   it goes on; the next block runs once something listens there
//   <!-- run: needs PROGRAM -->     only where that program is; `background PORT needs PROGRAM` is both
//   <!-- run: skip REASON -->       not at all
//   <!-- file: NAME -->             its text is that file
//   <!-- expect: TEXT -->           after a block: what it printed has this
// `npm start` and `npx postern dev` go on until the next of them; `npm install` and `npm test` are not run.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { freePort } from "../../../scripts/lib/ports.mjs";
import { until } from "../../support/until.mjs";

/** @typedef {{line: number, language: string, text: string, run?: string, file?: string, expect: string[]}} Block */

/** @param {string} markdown @returns {Block[]} */
export function blocksOf(markdown) {
  /** @type {Block[]} */
  const blocks = [];
  /** @type {{run?: string, file?: string}} */
  let said = {};
  const lines = markdown.split("\n");
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    const [, kind, value = ""] = line.match(/^<!-- (run|file|expect): (.*) -->$/) ?? [];
    if (kind === "expect") blocks.at(-1)?.expect.push(value);
    else if (kind) said = { ...said, [kind]: value };
    const fence = line.match(/^ *```(\w*)$/);
    if (!fence) continue;
    const end = lines.findIndex((other, index) => index > at && /^ *```$/.test(other));
    blocks.push({ line: at + 1, language: fence[1] ?? "", text: lines.slice(at + 1, end).join("\n"), expect: [], ...said });
    said = {};
    at = end;
  }
  return blocks;
}

/**
 * @param {string} file @param {{cwd: string, start: (args: string[], port: string) => {program: string, args: string[]}, env?: Record<string, string | undefined>, has: (program: string) => boolean}} terminal
 * @returns {Promise<number>} how many blocks were run
 */
export async function runDocument(file, { cwd, start, env: given = process.env, has }) {
  // Where running Workers find each other by name: those of this document, and no other `npm start` of this machine.
  const registry = mkdtempSync(join(tmpdir(), "postern-registry-"));
  const env = { ...given, WRANGLER_REGISTRY_PATH: registry };
  // Others may use these ports.
  const ports = new Map(await Promise.all(["8787", "9000"].map(async (port) => /** @type {const} */ ([port, String(await freePort())]))));
  const ported = (/** @type {string} */ text) => text.replace(/\b(8787|9000)\b/g, (port) => ports.get(port) ?? port);
  const children = new Map();
  const stop = async (/** @type {string} */ port) => {
    const running = children.get(port);
    if (!running) return;
    children.delete(port);
    running.kill();
    await running.ended;
  };
  const begin = async (/** @type {string} */ port, /** @type {string} */ program, /** @type {string[]} */ args, /** @type {(output: string) => Promise<boolean>} */ isReady) => {
    await stop(port);
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    let hasEnded = false;
    const ended = new Promise((resolve) => child.once("close", resolve)).then(() => (hasEnded = true));
    const kill = () => {
      try {
        process.kill(-(child.pid ?? 0), "SIGTERM");
      } catch {
        // It has ended already.
      }
    };
    children.set(port, { kill, ended });
    await until(`${program} ${args.join(" ")}\n${output}`, async () => hasEnded || (await isReady(output)), 120_000);
    assert.ok(!hasEnded, `${file}: ${program} ended: ${output}`);
  };
  const shell = new Shell(cwd, env);
  let count = 0;
  try {
    for (const block of blocksOf(readFileSync(file, "utf8"))) {
      const where = `${file}:${block.line}`;
      const [what = "", detail = ""] = (block.run ?? "").split(" ");
      const needed = block.run?.match(/\bneeds (\S+)/)?.[1];
      const text = ported(block.text);
      if (block.file) {
        mkdirSync(dirname(join(cwd, block.file)), { recursive: true });
        writeFileSync(join(cwd, block.file), `${text}\n`);
      }
      if (!["sh", "shell", "bash"].includes(block.language) || what === "skip" || (needed !== undefined && !has(needed))) continue;
      count += 1;
      if (what === "background") {
        const port = Number(ported(detail));
        await begin(detail, "bash", ["-c", text], () => listens(port));
        continue;
      }
      const lines = text.split("\n").filter((line) => !/^(npm (install|test|init)|git clone|cd )/.test(line));
      const server = lines.find((line) => /^(npm start|npx postern dev)/.test(line));
      if (server !== undefined) {
        const args = server.replace(/ #.*$/, "").replace(/^(npm start|npx postern dev)( --)?/, "").trim();
        const { program, args: all } = start(args === "" ? [] : args.split(/\s+/), ports.get("8787") ?? "");
        await begin("8787", program, all, async (output) => output.includes("Ready on http"));
      }
      const { code, output } = await shell.run(lines.filter((line) => line !== server).join("\n"));
      assert.equal(code, 0, `${where} ended with ${code}: ${output}`);
      for (const expected of block.expect) assert.ok(output.includes(ported(expected)), `${where} printed ${output}, without ${expected}`);
    }
  } finally {
    shell.end();
    for (const port of [...children.keys()]) await stop(port);
    rmSync(registry, { recursive: true, force: true });
  }
  return count;
}

/** One bash, so that variables of one block are there in the next. */
class Shell {
  /** @param {string} cwd @param {Record<string, string | undefined>} env */
  constructor(cwd, env) {
    this.child = spawn("bash", ["--noprofile", "--norc"], { cwd, env, stdio: ["pipe", "pipe", "pipe"] });
    this.output = "";
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on("data", (chunk) => (this.output += chunk));
  }

  /** @param {string} text @returns {Promise<{code: number, output: string}>} of its last command */
  async run(text) {
    this.output = "";
    const end = `end-of-block-${Math.random().toString(36).slice(2)}`;
    this.child.stdin.write(`${text}\necho; echo ${end} $?\n`.replace("echo; echo", `__code=$?; echo; echo`).replace("$?\n", "$__code\n"));
    await until(`this ends: ${text}`, async () => this.output.includes(`${end} `) || this.child.exitCode !== null, 60_000);
    const code = Number(this.output.match(new RegExp(`${end} (\\d+)`))?.[1] ?? 1);
    return { code, output: this.output.split(end)[0] ?? "" };
  }

  end() {
    this.child.stdin.end();
    this.child.kill();
  }
}

/** @param {number} port @returns {Promise<boolean>} */
const listens = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true));
    socket.once("connect", () => socket.end());
    socket.once("error", () => resolve(false));
  });
