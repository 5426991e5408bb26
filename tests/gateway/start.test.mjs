// `npm start` in front of an origin that nobody wrote for us, as the README shows it: Python's own file server.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { developmentApiKey } from "../../scripts/lib/dev-vars.mjs";
import { freePort } from "../../scripts/lib/ports.mjs";
import { pythonForTests } from "../../scripts/lib/python.mjs";
import { startWrangler } from "../../scripts/lib/wrangler-dev.mjs";
import { until } from "../support/until.mjs";

const site = mkdtempSync(join(tmpdir(), "postern-site-"));
const storage = mkdtempSync(join(tmpdir(), "postern-gateway-"));
let origin;
let server;
let url;

before(async () => {
  developmentApiKey();
  writeFileSync(join(site, "index.html"), "hello from the origin\n");
  const [originPort, port] = [await freePort(), await freePort()];
  origin = spawn(pythonForTests, ["-m", "http.server", String(originPort), "--bind", "127.0.0.1", "--directory", site], { stdio: "ignore" });
  await until("the origin listens", () => fetch(`http://127.0.0.1:${originPort}/`).then(({ ok }) => ok, () => false));
  url = `http://127.0.0.1:${port}`;
  server = await startWrangler(["--port", String(port), "--persist-to", storage, "--var", `ORIGIN:http://127.0.0.1:${originPort}`]);
  assert.deepEqual(await server.ready(), []);
});
after(async () => {
  await server?.stop();
  origin?.kill();
  for (const directory of [site, storage]) rmSync(directory, { recursive: true, force: true });
});

test("one setting puts any origin behind it", { timeout: 60_000 }, async () => {
  const page = await fetch(`${url}/`);
  assert.deepEqual([page.status, await page.text(), page.headers.get("content-type")], [200, "hello from the origin\n", "text/html"]);
  assert.match(page.headers.get("server") ?? "", /SimpleHTTP/);
  const head = await fetch(`${url}/index.html`, { method: "HEAD" });
  assert.deepEqual([head.status, head.headers.get("content-length"), await head.text()], [200, "22", ""]);
  const again = await fetch(`${url}/index.html`, { headers: { "if-modified-since": page.headers.get("last-modified") ?? "" } });
  assert.equal(again.status, 304);
  assert.equal((await fetch(`${url}/no/such/file`)).status, 404);
  assert.equal((await fetch(`${url}/`, { method: "POST", body: "x" })).status, 501);
});

test("our own endpoints answer beside it, and a session passes", { timeout: 60_000 }, async () => {
  const created = await fetch(`${url}/core/recipe/session`, {
    method: "POST",
    headers: { "api-key": developmentApiKey(), "content-type": "application/json" },
    body: JSON.stringify({ userId: "alice", userDataInJWT: { role: "admin" }, userDataInDatabase: {}, enableAntiCsrf: false }),
  });
  const { accessToken } = /** @type {any} */ (await created.json());
  const headers = { authorization: `Bearer ${accessToken.token}` };
  assert.equal((await fetch(`${url}/auth/session`, { headers })).status, 200);
  assert.equal((await fetch(`${url}/`, { headers })).status, 200);
  assert.equal((await fetch(`${url}/`, { headers: { authorization: `Bearer ${accessToken.token}x` } })).status, 401);
});
