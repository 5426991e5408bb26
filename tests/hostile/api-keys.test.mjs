// API keys: exchanged without a gap, and nothing near one is one.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { startWorkerd } from "../support/workerd.mjs";

const OLD = "old-key-old-key-old-key=1";
const NEW = "new-key-new-key-new-key=2";

let postern;
before(async () => {
  postern = await startWorkerd({ vars: { API_KEYS: OLD } });
});
after(() => postern?.close());

/** Deploys again with these keys, over the same storage. */
async function deploy(keys) {
  await postern.kill();
  await postern.start({ varsOf: { postern: { API_KEYS: keys } } });
}

async function ask(path, key, body) {
  const headers = { ...(key === undefined ? {} : { "api-key": key }), "content-type": "application/json" };
  const response = await postern.fetch(`/core${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, text, body: response.status === 200 ? JSON.parse(text) : undefined };
}
const create = (key) => ask("/recipe/session", key, { userId: "alice", userDataInJWT: {}, userDataInDatabase: {}, enableAntiCsrf: false });
const verify = (key, accessToken) => ask("/recipe/session/verify", key, { accessToken, enableAntiCsrf: false, doAntiCsrfCheck: false, checkDatabase: true });

test("a key is exchanged by having both for a while; what the old one made stays good", async () => {
  const { body } = await create(OLD);
  assert.equal(body.status, "OK");
  assert.equal((await create(NEW)).status, 401);
  await deploy(`${OLD}, ${NEW}`);
  for (const key of [OLD, NEW]) assert.equal((await create(key)).body?.status, "OK");
  await deploy(NEW);
  assert.equal((await create(OLD)).status, 401);
  assert.equal((await verify(NEW, body.accessToken.token)).body?.status, "OK");
});

test("nothing near a key is one, and every refusal is the same", async () => {
  await deploy(`${OLD},${NEW}`);
  const refusals = new Set();
  const changed = [...OLD].map((character, at) => `${OLD.slice(0, at)}${character === "x" ? "y" : "x"}${OLD.slice(at + 1)}`);
  const near = [undefined, "", OLD.slice(0, -1), `${OLD}1`, OLD.toUpperCase(), `${OLD},${NEW}`, OLD + NEW, NEW.slice(1), "*", "null", "x".repeat(10_000), ...changed];
  for (const key of near) {
    const { status, text } = await create(key);
    assert.equal(status, 401, key);
    refusals.add(text);
  }
  assert.equal(refusals.size, 1);
});
