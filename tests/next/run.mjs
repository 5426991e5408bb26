// Route handlers of a real Next.js with `postern/next`: built by `next build`, served by `next start`, and asking a Postern on workerd over
// HTTP. Next and what it needs are 340 MB, so they are installed for this run only, by tests/next/package-lock.json.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromRoot } from "../../scripts/lib/paths.mjs";
import { freePort } from "../../scripts/lib/ports.mjs";
import { must } from "../../scripts/lib/process.mjs";
import { apiKey, startPostern } from "../support/harness.mjs";
import { until } from "../support/until.mjs";

const next = (/** @type {string} */ directory) => join(directory, "node_modules", "next", "dist", "bin", "next");

/** Builds and asks it. @returns {Promise<number>} how many requests were answered as they must be */
export async function tryNext() {
  const directory = mkdtempSync(join(tmpdir(), "postern-next-"));
  try {
    for (const name of ["app", "package.json", "package-lock.json"]) cpSync(fromRoot("tests", "next", name), join(directory, name), { recursive: true });
    const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };
    await must("npm", ["ci", "--no-audit", "--no-fund"], { cwd: directory, env });
    cpSync(fromRoot("client"), join(directory, "node_modules", "postern"), { recursive: true, filter: (from) => !/node_modules|[/\\]test$/.test(from.slice(fromRoot("client").length)) });
    await must(process.execPath, [next(directory), "build"], { cwd: directory, env });
    return await asked(directory, env);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** @param {string} directory @param {NodeJS.ProcessEnv} env */
async function asked(directory, env) {
  const postern = await startPostern({ secrets: { API_KEYS: apiKey } });
  const port = await freePort();
  const own = `http://127.0.0.1:${port}`;
  const child = spawn(process.execPath, [next(directory), "start", "--port", String(port), "--hostname", "127.0.0.1"], {
    cwd: directory,
    env: { ...env, POSTERN_URL: `${postern.url.origin}/core`, POSTERN_API_KEY: apiKey },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  try {
    await until("Next listens, or has ended", async () => child.exitCode !== null || (await fetch(own).then((answer) => answer.ok, () => false)), 60_000);
    const body = JSON.stringify({ userId: "alice", userDataInJWT: {}, userDataInDatabase: { cart: ["book"] }, enableAntiCsrf: false });
    const created = await fetch(new URL("/core/recipe/session", postern.url), { method: "POST", headers: { "api-key": apiKey }, body });
    const { token } = /** @type {any} */ (await created.json()).accessToken;
    const header = { authorization: `Bearer ${token}` };
    const cookie = { cookie: `theme=dark; sAccessToken=${token}` };
    /** @type {[string, RequestInit, number, object][]} */
    const cases = [
      ["/me/7", {}, 401, { status: "UNAUTHORISED", message: "unauthorised" }],
      ["/me/7", { headers: { authorization: `Bearer ${token}x` } }, 401, { status: "TRY_REFRESH_TOKEN", message: "try refresh token" }],
      ["/me/7", { headers: header }, 200, { id: "7", user: "alice", data: { cart: ["book"] } }],
      ["/me/7", { headers: cookie }, 200, { id: "7", user: "alice", data: { cart: ["book"] } }],
      ["/me/8", { method: "POST", headers: { ...cookie, origin: "https://evil.example" } }, 403, { status: "FOREIGN_WEBSITE", message: "the request comes from another website" }],
      ["/me/8", { method: "POST", headers: { ...cookie, origin: own } }, 200, { id: "8" }],
      ["/me/9", { headers: header }, 200, { id: "9", user: "alice", data: { seen: "8" } }],
      ["/open", {}, 200, { user: null }],
      ["/open", { headers: header }, 200, { user: "alice" }],
    ];
    for (const [path, init, status, answer] of cases) {
      const response = await fetch(`${own}${path}`, init);
      assert.deepEqual([response.status, await response.json()], [status, answer], `${init.method ?? "GET"} ${path}`);
      if (status === 401) assert.match(response.headers.get("www-authenticate") ?? "", /^Bearer/);
    }
    return cases.length;
  } finally {
    child.kill();
    await ended;
    await postern.close();
  }
}
