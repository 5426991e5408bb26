// `npm start` as the core of SDKs, with the arguments that docs/compatibility.md gives.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { developmentApiKey } from "../../scripts/lib/dev-vars.mjs";
import { startWrangler } from "../../scripts/lib/wrangler-dev.mjs";
import { load } from "./support/app.mjs";

let server;
let port;
const storage = mkdtempSync(join(tmpdir(), "postern-sdk-"));

async function start() {
  server = await startWrangler(["--port", String(port), "--persist-to", storage, "--var", "LEGACY_KEYLESS_HOSTS:localhost"]);
  assert.deepEqual(await server.ready(), []);
}

before(async () => {
  port = await new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port: free } = /** @type {import("node:net").AddressInfo} */ (probe.address());
      probe.close(() => resolve(free));
    });
  });
  developmentApiKey();
  await start();
});
after(async () => {
  await server?.stop();
  rmSync(storage, { recursive: true, force: true });
});

test("SDKs of all times share one core, and it is started again without a loss", { timeout: 120_000 }, async () => {
  const sdks = {};
  for (const version of [1, 2]) {
    const [functions] = load(`supertokens-node-${version}`, version === 1 ? "session" : "lib/build/session");
    functions.init([{ hostname: "localhost", port }]);
    sdks[version] = functions;
  }
  const [supertokens, Session] = load("supertokens-node-24", "", "recipe/session");
  supertokens.init({
    supertokens: { connectionURI: `http://127.0.0.1:${port}/core`, apiKey: developmentApiKey() },
    appInfo: { appName: "app", apiDomain: "http://127.0.0.1:3000", websiteDomain: "http://127.0.0.1:3000" },
    recipeList: [Session.init()],
    telemetry: false,
  });
  const handles = [];
  for (const version of [1, 2]) handles.push((await sdks[version].createNewSession("alice", {}, { by: version })).session.handle);
  const today = await Session.createNewSessionWithoutRequestResponse("public", supertokens.convertToRecipeUserId("alice"), {}, { by: 24 });
  handles.push(today.getHandle());

  await server.stop();
  await start();
  assert.deepEqual((await sdks[1].getAllSessionHandlesForUser("alice")).sort(), [...handles].sort());
  assert.deepEqual((await sdks[2].getAllSessionHandlesForUser("alice")).sort(), [...handles].sort());
  for (const [index, by] of [1, 2, 24].entries()) {
    assert.deepEqual(await sdks[1].getSessionData(handles[index]), { by });
    assert.deepEqual((await Session.getSessionInformation(handles[index])).sessionDataInDatabase, { by });
  }
  await today.updateSessionDataInDatabase({ changed: true });
  assert.deepEqual(await sdks[2].getSessionData(handles[2]), { changed: true });
  assert.equal(await sdks[1].revokeAllSessionsForUser("alice"), 3);
  assert.deepEqual(await Session.getAllSessionHandlesForUser("alice"), []);
});

test("without a key, only the host named for it answers", async () => {
  const answer = await fetch(`http://127.0.0.1:${port}/handshake`, { method: "POST", body: "{}" });
  assert.equal(answer.status, 404);
  for (const path of ["/core/recipe/session", "/recipe/session", "/auth/session"]) {
    const elsewhere = await fetch(`http://localhost:${port}${path}`, { method: "POST", body: "{}" });
    assert.ok([401, 404].includes(elsewhere.status), `${path}: ${elsewhere.status}`);
  }
});
