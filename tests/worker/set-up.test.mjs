// @ts-check
// Two commands that start at once set up one after the other, and one that was killed stops nobody.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fromRoot, root } from "../../scripts/lib/paths.mjs";
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
  const killed = spawn(process.execPath, ["-e", ""]);
  await new Promise((resolve) => killed.once("close", resolve));
  writeFileSync(lock, String(killed.pid));
  const state = setUp();
  await until("it goes on", async () => state.ended);
  assert.ok(!state.stderr.includes("error: another"), state.stderr);
  assert.ok(!existsSync(lock));
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
