// The jurisdiction of a deployment is decided once. workerd has none, so a module stands in for the platform's namespaces: the
// same name is another object in each jurisdiction. What is tested is what Postern makes of that.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bearer } from "../support/browser.mjs";
import { serviceApi } from "../support/service-api.mjs";
import { apiKey } from "../support/harness.mjs";
import { startWorkerd } from "../support/workerd.mjs";

const start = (vars = {}, entry = "tests/support/jurisdiction-entry.mjs") => startWorkerd({ vars: { API_KEYS: apiKey, ...vars }, entry });
/** Starts it again over the same storage. */
async function again(postern, vars) {
  await postern.kill();
  await postern.start({ varsOf: { postern: vars } });
}
const session = (postern, token) => postern.fetch("/auth/session", { headers: bearer(token) });
async function isRefused(postern, token) {
  assert.equal((await session(postern, token)).status, 503);
  assert.equal((await postern.fetch("/auth/readyz")).status, 503);
  assert.equal((await postern.fetch("/auth/jwt/jwks.json")).status, 503);
  const created = await serviceApi(postern).post("/recipe/session", { userId: "eve", userDataInJWT: {}, userDataInDatabase: {}, enableAntiCsrf: false });
  assert.notEqual(created.status, 200);
  assert.match(postern.output(), /"event":"jurisdiction"/);
}

test("a deployment that began in a jurisdiction stays there, whatever the variable says later", async () => {
  const postern = await start({ JURISDICTION: "eu" });
  try {
    const { accessToken } = await serviceApi(postern).create("alice");
    assert.equal((await session(postern, accessToken.token)).status, 200);
    const keys = await (await postern.fetch("/auth/jwt/jwks.json")).text();
    for (const other of ["", "us", "fedramp"]) {
      await again(postern, { JURISDICTION: other });
      await isRefused(postern, accessToken.token);
    }
    await again(postern, { JURISDICTION: "eu" });
    assert.equal((await session(postern, accessToken.token)).status, 200, "nothing was lost");
    assert.equal(await (await postern.fetch("/auth/jwt/jwks.json")).text(), keys, "and no key was made");
  } finally {
    await postern.close();
  }
});

test("one that began outside of all is not moved into one", async () => {
  const postern = await start();
  try {
    const { accessToken } = await serviceApi(postern).create("alice");
    await again(postern, { JURISDICTION: "eu" });
    await isRefused(postern, accessToken.token);
    await again(postern, {});
    assert.equal((await session(postern, accessToken.token)).status, 200);
  } finally {
    await postern.close();
  }
});

test("on workerd, which has no jurisdictions, everything is where the process is", async () => {
  const postern = await start({ JURISDICTION: "fedramp" }, "src/entry.mjs");
  try {
    const { accessToken } = await serviceApi(postern).create("alice");
    assert.equal((await session(postern, accessToken.token)).status, 200);
  } finally {
    await postern.close();
  }
});
