// A SuperTokens core is taken away after its sessions were taken over (FORMER_CORE_URL): who has moved goes on, and who has not is listed.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";

import { fromRoot, projectNode } from "../../scripts/lib/paths.mjs";
import { startCore } from "../support/core.mjs";
import { apiKey } from "../support/harness.mjs";
import { startIsolates } from "../support/isolates.mjs";

const CORE_API_KEY = "core-key-core-key-core-key";

let core;
let bed;
/** With the settings, and without them. */
let during;
let afterwards;
before(async () => {
  core = await startCore({ issuer: "http://127.0.0.1:8787/auth", apiKey: CORE_API_KEY });
  bed = await startIsolates(2, {}, { varsOf: { postern: { FORMER_CORE_URL: core.url, FORMER_CORE_API_KEY: CORE_API_KEY } } });
  [during, afterwards] = bed.isolates;
});
after(async () => {
  await bed?.close();
  await core?.close();
});

/** `npm run admin -- not-moved`. @param {{name: string}} isolate @param {string[]} users @returns {Promise<{code: number, notMoved?: any[], stderr: string}>} */
function notMoved(isolate, ...users) {
  const child = spawn(projectNode, [fromRoot("scripts", "admin.mjs"), "not-moved", ...users, "--url", bed.url(isolate.name)], { env: { ...process.env, POSTERN_API_KEY: apiKey }, stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (output.stdout += chunk));
  child.stderr.on("data", (chunk) => (output.stderr += chunk));
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, stderr: output.stderr, ...(code === 0 && JSON.parse(output.stdout)) })));
}

test("who has not moved is listed while the core is there and after it is gone, and who has moved goes on", async () => {
  const [moves, stays] = [await core.session("mover"), await core.session("stayer")];
  const moved = await during.admin("refreshSession", { refreshToken: moves.refreshToken.token });
  assert.equal(moved.status, "OK");
  const users = ["mover", "stayer", "nobody"];
  const found = await notMoved(during, ...users);
  const named = ({ notMoved: listed }) => listed.map(({ userId, madeBy }) => [userId, madeBy]);
  assert.deepEqual(named(found), [["stayer", "former_core"]]);

  core.fail(true);
  const failed = await notMoved(during, ...users);
  assert.notEqual(failed.code, 0, "an outage is no empty list");
  assert.match(failed.stderr, /status 503/);

  assert.deepEqual((await notMoved(afterwards, ...users)).notMoved, found.notMoved);
  assert.equal((await afterwards.admin("refreshSession", { refreshToken: moved.refreshToken.token })).status, "OK");
  assert.equal((await afterwards.admin("refreshSession", { refreshToken: stays.refreshToken.token })).status, "UNAUTHORISED");
  assert.equal(await afterwards.verdict(stays.accessToken.token), "TRY_REFRESH_TOKEN");
  // What was heard of can be ended, and its data read.
  const [{ handle }] = found.notMoved;
  assert.equal((await afterwards.admin("revokeSession", { handle })).status, "OK");
  assert.deepEqual((await notMoved(afterwards, ...users)).notMoved, []);
});
