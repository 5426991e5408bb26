// `npm start`, as a program that reads its output sees it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { freePort } from "../../scripts/lib/ports.mjs";
import { until } from "../support/until.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** @param {string[]} args */
const start = (...args) => run("start", ...args);

/** @param {string} command @param {string[]} args */
function run(command, ...args) {
  const child = spawn(process.execPath, ["scripts/run.mjs", command, ...args], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (output.stdout += chunk));
  child.stderr.on("data", (chunk) => (output.stderr += chunk));
  /** @type {Promise<number | null>} */
  const ended = new Promise((resolve) => child.once("close", resolve));
  const ready = new Promise((resolve, reject) => {
    child.stdout.on("data", () => output.stdout.includes("Ready on ") && resolve(undefined));
    ended.then((code) => reject(new Error(`ended with ${code}: ${output.stderr}`)));
  });
  ready.catch(() => {});
  return { child, output, ended, ready };
}

test("it says its key and where it is ready, and leaves nothing behind", { timeout: 120_000 }, async () => {
  const port = await freePort();
  const storage = mkdtempSync(join(tmpdir(), "postern-start-"));
  const { child, output, ended, ready } = start("--port", String(port), "--persist-to", storage);
  try {
    await ready;
    const lines = output.stdout.trimEnd().split("\n");
    assert.equal(lines.length, 2, output.stdout);
    assert.match(lines[0] ?? "", /^API key: [A-Za-z0-9=-]{20,}$/);
    assert.equal(lines[1], `Ready on http://127.0.0.1:${port}`);
    const response = await fetch(`http://127.0.0.1:${port}/no/such/path`);
    assert.equal(response.status, 404);
    await response.text();
    const page = await fetch(`http://127.0.0.1:${port}/`, { headers: { accept: "text/html" } });
    assert.match(await page.text(), /Postern is running/);
  } finally {
    child.kill("SIGTERM");
  }
  assert.notEqual(await ended, 0);
  await assert.rejects(fetch(`http://127.0.0.1:${port}/`), TypeError);
  rmSync(storage, { recursive: true, force: true });
});

test("what wrangler refuses ends it with exit code 1", { timeout: 120_000 }, async () => {
  const { output, ended } = start("--no-such-option");
  assert.equal(await ended, 1);
  assert.match(output.stderr, /^error: wrangler dev ended/m);
});

test("where something listens already it says so; the check listens elsewhere, and means its own settings", { timeout: 120_000 }, async () => {
  // Whoever answers there would pass for a Worker that is ready.
  const others = [0, 8787].map((port) => createServer((_, response) => void response.end("ok")).on("error", () => "one more is there").listen(port, "127.0.0.1"));
  const storage = mkdtempSync(join(tmpdir(), "postern-start-"));
  try {
    await until("one listens", async () => others[0]?.address() !== null);
    const address = others[0]?.address();
    const port = typeof address === "object" ? address?.port : 0;
    const started = start("--port", String(port), "--persist-to", storage);
    assert.equal(await started.ended, 1);
    assert.match(started.output.stderr, new RegExp(`^error: port ${port} is in use`, "m"));
    assert.ok(!started.output.stdout.includes("Ready on"));
    const checked = run("check", "--persist-to", storage, "--var", "FRESHNESS:never");
    assert.equal(await checked.ended, 1);
    assert.match(checked.output.stderr, /^error: setting FRESHNESS: /m);
  } finally {
    for (const other of others) other.close();
    rmSync(storage, { recursive: true, force: true });
  }
});
