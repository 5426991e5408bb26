// A Worker of one's own and Postern in one `wrangler dev -c mine -c postern`, with real service bindings between them: what the first file
// says is served, and reaches Postern by RPC only.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { parse, stringify } from "smol-toml";

import { childEnvironment, fromRoot, projectNode, wrangler } from "../../scripts/lib/paths.mjs";
import { freePort } from "../../scripts/lib/ports.mjs";
import { clientAlias } from "../support/client.mjs";
import { until } from "../support/until.mjs";

const scratch = mkdtempSync(join(tmpdir(), "postern-one-process-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

const MINE = `import * as postern from "postern";
export default {
  async fetch(request) {
    if (new URL(request.url).pathname === "/login") {
      const { accessToken } = await postern.createNewSession("alice", { role: "editor" }, { cart: ["book"] });
      return Response.json({ token: accessToken.token });
    }
    try {
      const { session } = await postern.getSessionForRequest(request);
      const data = await postern.getSessionData(session.handle);
      return Response.json({ userId: session.userId, role: session.jwtPayload.role, data });
    } catch (error) {
      if (!postern.Error.isErrorFromAuth(error)) throw error;
      return Response.json({ errType: error.errType }, { status: 401 });
    }
  },
};
`;

/** Writes a configuration into a folder of its own, and says where. @param {string} name @param {Record<string, unknown>} configuration */
function configured(name, configuration) {
  const folder = join(scratch, name);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "wrangler.toml");
  writeFileSync(file, stringify(configuration));
  return file;
}

test("a Worker of one's own and Postern run in one process, and the one asks the other over bindings", { timeout: 180_000 }, async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  // As it is in the repository, but for what its folder means, and built already.
  const { build: _build, assets, ...shipped } = /** @type {any} */ (parse(readFileSync(fromRoot("wrangler.toml"), "utf8")));
  const posternFile = configured("postern", {
    ...shipped,
    main: fromRoot(shipped.main),
    ...(assets && { assets: { ...assets, directory: fromRoot(assets.directory) } }),
    vars: { ...shipped.vars, API_DOMAIN: url },
  });
  const mineFile = configured("mine", {
    name: "mine",
    main: "index.mjs",
    compatibility_date: shipped.compatibility_date,
    alias: clientAlias,
    services: [
      { binding: "SESSIONS", service: shipped.name },
      { binding: "SESSIONS_ADMIN", service: shipped.name, entrypoint: "SessionsAdmin" },
    ],
  });
  writeFileSync(join(scratch, "mine", "index.mjs"), MINE);
  const args = [wrangler, "dev", "-c", mineFile, "-c", posternFile, "--ip", "127.0.0.1", "--port", String(port), "--persist-to", join(scratch, "state"), "--show-interactive-dev-session=false"];
  const child = spawn(projectNode, args, { cwd: scratch, env: childEnvironment(), stdio: ["ignore", "pipe", "pipe"], detached: true });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  const ended = new Promise((resolve) => child.once("close", resolve));
  try {
    await until("it listens, or has ended", async () => child.exitCode !== null || (await fetch(url).then((answer) => answer.status === 401, () => false)), 120_000);
    assert.equal(child.exitCode, null, output);
    const { token } = /** @type {any} */ (await (await fetch(`${url}/login`)).json());
    const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    assert.deepEqual(await answer.json(), { userId: "alice", role: "editor", data: { cart: ["book"] } }, output);
    // Postern's own paths are not served here: the first file's Worker is.
    assert.deepEqual(await (await fetch(`${url}/auth/session`)).json(), { errType: 2000 });
  } finally {
    if (child.pid) process.kill(-child.pid, "SIGTERM");
    await ended;
  }
});
