// The example of the document that this project comes from, run as it stands, over RPC and over HTTP. That it is the
// document's is checked in client/test/seed.test.mjs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

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
    main: "seed/worker.mjs",
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
