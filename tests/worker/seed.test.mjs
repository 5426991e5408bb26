// The example of the document that this project comes from, run as it stands, over RPC and over HTTP.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import * as client from "../../client/index.js";
import { clientAlias, importWithClient } from "../support/client.mjs";
import { apiKey, compatibilityDate, startPostern } from "../support/harness.mjs";

const seed = (name) => new URL(`../seed/${name}`, import.meta.url);
const OLD = { comment: "old session data", cart: ["book"] };
const NEW = { comment: "new session data" };

let postern;
let throughEdgeRoute;

before(async () => {
  const edgeRoute = {
    name: "seed",
    main: "tests/seed/worker.mjs",
    compatibility_date: compatibilityDate,
    alias: clientAlias,
    services: [{ binding: "SESSIONS", service: "postern" }],
  };
  postern = await startPostern({ secrets: { API_KEYS: apiKey }, workers: [{ config: edgeRoute }] });
  throughEdgeRoute = postern.worker("seed");
  client.init({ url: `${postern.url.origin}/core`, apiKey });
  process.env.POSTERN_URL = `${postern.url.origin}/core`;
  process.env.POSTERN_API_KEY = apiKey;
});
after(() => postern.close());

const transports = {
  RPC: async (form, tokens) => {
    const response = await throughEdgeRoute.fetch("/", { method: "POST", body: JSON.stringify({ form, ...tokens }) });
    assert.equal(await response.text(), "done");
  },
  HTTP: async (form, tokens) => {
    globalThis.seedTokens = tokens;
    const module = await importWithClient(seed(form === "javascript" ? "example.cjs" : "example.ts"));
    await (module.default ?? module).changeSessionDataAPI();
  },
};

for (const [transport, run] of Object.entries(transports)) {
  for (const form of ["javascript", "typescript"]) {
    test(`the ${form} form overwrites the session's data over ${transport}`, async () => {
      const { session, accessToken } = await client.createNewSession("alice", { role: "editor" }, OLD);
      await run(form, { accessToken: accessToken.token });
      assert.deepEqual(await client.getSessionData(session.handle), NEW);
      const kv = await postern.kv();
      assert.deepEqual(JSON.parse(await kv.get(session.handle)), NEW);
    });

    test(`the ${form} form overwrites nothing without a good token over ${transport}`, async () => {
      const { session, accessToken } = await client.createNewSession("alice", {}, OLD);
      const broken = `${accessToken.token.slice(0, -20)}${"A".repeat(20)}`;
      for (const token of [broken, ""]) await run(form, { accessToken: token });
      assert.deepEqual(await client.getSessionData(session.handle), OLD);
    });
  }
}

test("the typescript form type-checks", async () => {
  const tsc = createRequire(import.meta.url).resolve("typescript/package.json").replace("package.json", "bin/tsc");
  await promisify(execFile)(process.execPath, [tsc, "--project", fileURLToPath(seed("tsconfig.json"))]);
});

test("the examples are the document's, but for the import and the two token values", async () => {
  for (const [document, example] of [["document.js.txt", "example.cjs"], ["document.ts.txt", "example.ts"]]) {
    const wanted = (await readFile(seed(document), "utf8"))
      .replace('"supertokens-node/session"', '"postern"')
      .replace("let accessToken = //...", "let accessToken = seedTokens.accessToken;")
      .replace("let antiCsrfToken = //...", "let antiCsrfToken = seedTokens.antiCsrfToken;");
    const [given] = (await readFile(seed(example), "utf8")).split("\n// Not in the document");
    assert.equal(given.replace(/^ +/gm, ""), wanted);
  }
});
