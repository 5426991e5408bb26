// @ts-check
// What all servers of `npm run origins` share: programs that are looked for, files to serve, processes with a time limit.
import { spawn } from "node:child_process";
import { accessSync, chmodSync, constants, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/** In each protected file, and nowhere else. */
export const SECRET = "THIS-FILE-IS-PROTECTED";
const START_MS = 60_000;
const END_MS = 10_000;

/**
 * @typedef {object} Running
 * @property {string} name
 * @property {string} url
 * @property {string} version
 * @property {() => Promise<void>} close
 */

const isProgram = (/** @type {string} */ path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** The first program of these names on the path, or where system programs are. @param {string[]} names */
export function program(...names) {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"];
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

/** A folder with `root`, the files to serve, in a tree of its own that any user may read. */
export function files() {
  const folder = mkdtempSync(join(tmpdir(), "postern-origins-"));
  chmodSync(folder, 0o755);
  const root = join(folder, "root");
  for (const name of ["open", "admin", "WEB-INF"]) mkdirSync(join(root, name), { recursive: true });
  const write = (/** @type {string} */ name, /** @type {string} */ text) => writeFileSync(join(root, name), `${text}\n`);
  write("open/page.txt", "open to everybody");
  for (const name of ["admin/secret.txt", "admin/index.html", "report.txt"]) write(name, SECRET);
  for (const name of ["admin.php", "admin/secret.php"]) write(name, `<?php echo "${SECRET}";`);
  return { folder, root, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A port that is free now. @returns {Promise<number>} */
export function freePort() {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/**
 * Starts a program and waits until its port takes connections.
 * @param {string} name @param {string} path @param {string[]} args @param {number} port @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<Running>}
 */
export async function start(name, path, args, port, env = {}) {
  const child = spawn(path, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  let output = "";
  let isOver = false;
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output = (output + chunk).slice(-4_000)));
  child.once("error", (error) => (output += error.message));
  /** @type {Promise<void>} */
  const ended = new Promise((resolve) => child.once("close", () => resolve()));
  void ended.then(() => (isOver = true));
  const close = async () => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
    if (!isOver) await ended;
    clearTimeout(timer);
  };
  for (const end = Date.now() + START_MS; !isOver && Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 100))) {
    if (await takesConnections(port)) return { name, url: `http://127.0.0.1:${port}`, version: "", close };
  }
  await close();
  throw new Error(`${name} did not start: ${output.trim()}`);
}

/** @param {number} port @returns {Promise<boolean>} */
function takesConnections(port) {
  const socket = connect(port, "127.0.0.1");
  return new Promise((resolve) => {
    const done = (/** @type {boolean} */ is) => {
      socket.destroy();
      resolve(is);
    };
    socket.setTimeout(1_000, () => done(false));
    socket.once("connect", () => done(true));
    socket.once("error", () => done(false));
  });
}
