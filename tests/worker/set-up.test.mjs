// @ts-check
// Two commands that start at once set up one after the other, and one that was killed stops nobody; what is there is not asked for again, and what a start installs is what it uses.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { build } from "esbuild";
import { fromRoot, root } from "../../scripts/lib/paths.mjs";
import { StepFailed, run } from "../../scripts/lib/process.mjs";
import { alone } from "../../scripts/setup.mjs";
import { until } from "../support/until.mjs";

const lock = fromRoot(".setup-lock");

/** A command that sets up, and then says that it is none. */
function setUp() {
  const child = spawn(process.execPath, ["scripts/run.mjs", "admin", "no-such-action"], { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  const state = { stderr: "", ended: false };
  child.stderr.on("data", (chunk) => (state.stderr += chunk));
  child.once("close", () => (state.ended = true));
  return state;
}

/** The number of a process that is no more. */
async function killed() {
  const child = spawn(process.execPath, ["-e", ""]);
  await new Promise((resolve) => child.once("close", resolve));
  return String(child.pid);
}

test("a set-up waits for another one, and says so", { timeout: 60_000 }, async () => {
  writeFileSync(lock, String(process.pid));
  try {
    const state = setUp();
    await until("it waits", async () => state.stderr.includes(`Waiting for another set-up of this directory (process ${process.pid})`));
    assert.ok(!state.ended);
    rmSync(lock);
    await until("it goes on", async () => state.ended);
  } finally {
    rmSync(lock, { force: true });
  }
});

test("a lock that a killed process left counts no more", { timeout: 60_000 }, async () => {
  writeFileSync(lock, await killed());
  const state = setUp();
  await until("it goes on", async () => state.ended);
  assert.ok(!state.stderr.includes("error: another"), state.stderr);
  assert.ok(!existsSync(lock));
});

test("of many who find a lock that was left behind, one has it at a time", { timeout: 60_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), "postern-lock-"));
  const left = join(directory, "lock");
  const pid = await killed();
  writeFileSync(left, pid);
  const contenders = Array.from({ length: 4 }, async () => {
    const child = spawn(process.execPath, ["tests/support/lock-contender.mjs", left, pid, String(Date.now() + 4_000)], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    const code = await new Promise((resolve) => child.once("close", resolve));
    assert.equal(code, 0, output);
    return Number(output);
  });
  const taken = await Promise.all(contenders);
  // How often each of them comes to it is the machine's affair.
  assert.ok(taken.reduce((sum, times) => sum + times, 0) > 40, String(taken));
  rmSync(directory, { recursive: true });
});

test("a build waits for another one, but not for a set-up", { timeout: 60_000 }, async () => {
  const letGo = [await alone("build"), await alone("set-up")];
  let begun = false;
  const second = alone("build").then((unlock) => ((begun = true), unlock));
  await pause(1_000);
  assert.ok(!begun);
  for (const unlock of letGo) unlock();
  (await second)();
  assert.ok(!existsSync(fromRoot(".build-lock")));
});

test("a program that is missing is named in one line", async () => {
  await assert.rejects(run("postern-no-such-program", []), (error) => error instanceof StepFailed && /^postern-no-such-program is missing/.test(error.message));
});

test("a later set-up needs none of the programs that the first one used", () => {
  const env = { ...process.env, PATH: mkdtempSync(join(tmpdir(), "postern-path-")) };
  const { status, stderr } = spawnSync(process.execPath, ["scripts/run.mjs", "build", "--development"], { cwd: root, env, encoding: "utf8" });
  rmSync(env.PATH, { recursive: true });
  assert.deepEqual([status, stderr], [0, ""]);
});

test("a start uses no npm package that it does not install", async () => {
  // Of a release build only, which installs all.
  const ofReleases = ["binaryen"];
  const { metafile } = await build({
    entryPoints: ["start", "check", "build", "admin", "costs", "reset"].map((command) => fromRoot("scripts", `${command}.mjs`)),
    bundle: true, packages: "external", platform: "node", format: "esm", outdir: "unused", write: false, metafile: true, logLevel: "error",
  });
  const used = new Set(Object.values(metafile.inputs).flatMap(({ imports }) => imports.filter(({ path, external }) => external && !isBuiltin(path)).map(({ path }) => path)));
  const { dependencies } = JSON.parse(readFileSync(fromRoot("package.json"), "utf8"));
  assert.deepEqual([...used].filter((name) => !(name in dependencies)), ofReleases);
});
