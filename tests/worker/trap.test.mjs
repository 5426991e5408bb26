// After a trap the isolate goes on with a fresh Wasm instance: nothing that was stored is lost, and every entry point works.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startPostern } from "../support/harness.mjs";

/** @type {Awaited<ReturnType<typeof startPostern>>} */
let postern;
before(async () => {
  postern = await startPostern({ main: "support/trapping-worker.mjs", entrypoints: ["SessionsAdmin"] });
});
after(() => postern?.close());

const trap = async () => {
  const response = await postern.fetch("/trap");
  assert.equal(await response.text(), "RuntimeError: memory access out of bounds");
};

test("the first call after a trap works over RPC, with the objects that lived in the lost memory", async () => {
  const admin = postern.entrypoint("SessionsAdmin");
  const created = await admin.createNewSession({ userId: "trapped", sessionData: { n: 1 } });
  assert.equal(created.status, "OK");
  for (let round = 0; round < 3; round += 1) {
    await trap();
    const seen = await admin.getSession({ accessToken: created.accessToken.token, freshness: "strict", doAntiCsrfCheck: false });
    assert.deepEqual([seen.status, seen.session?.handle], ["OK", created.session.handle]);
    await trap();
    const rotated = await admin.rotateSigningKeys({});
    assert.equal(rotated.status, "OK");
  }
  const data = await admin.getSessionData({ handle: created.session.handle, freshness: "strict" });
  assert.deepEqual({ ...data }, { status: "OK", sessionData: { n: 1 } });
});

test("the first request after a trap works over HTTP", async () => {
  await trap();
  assert.equal((await postern.fetch("/auth/readyz")).status, 200);
  await trap();
  assert.equal((await postern.fetch("/auth/jwt/jwks.json")).status, 200);
});
