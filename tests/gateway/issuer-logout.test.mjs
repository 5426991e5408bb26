// A logout at a trusted issuer, felt at the gateway by every isolate within the rule's freshness.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SignJWT, exportJWK, generateKeyPair } from "jose";

import { bearer } from "../support/browser.mjs";
import { startGateway } from "../support/gateway.mjs";
import { startOrigin } from "../support/origin.mjs";

const EVENT = "http://schemas.openid.net/event/backchannel-logout";
let key;
let origin;
let gateway;
before(async () => {
  key = await generateKeyPair("RS256", { extractable: true });
  const jwks = { keys: [{ ...(await exportJWK(key.publicKey)), kid: "k", alg: "RS256" }] };
  origin = await startOrigin();
  gateway = await startGateway({
    origins: { app: { url: origin.url } },
    rules: [{ path: "/**", issuers: ["keycloak"], freshness: "within 10s" }],
    vars: { TRUSTED_ISSUERS: [{ id: "keycloak", issuer: "https://keycloak.example", audience: ["api"], logout_audience: ["client"], algorithms: ["RS256"], jwks }] },
  });
});
after(async () => {
  await gateway?.close();
  await origin?.close();
});

const now = () => Math.floor(Date.now() / 1_000);
const signed = (claims, typ) => new SignJWT({ iss: "https://keycloak.example", iat: now() - 2, exp: now() + 300, ...claims }).setProtectedHeader({ alg: "RS256", kid: "k", typ }).sign(key.privateKey);
const status = async (token) => (await gateway.fetch("/page", { headers: bearer(token) })).status;

test("within 10s a session that ended at its issuer is refused, at once and after the isolates' copies were renewed", async () => {
  const [mine, others] = await Promise.all(["s1", "s2"].map((sid) => signed({ aud: "api", sub: "u", sid }, "JWT")));
  assert.deepEqual([await status(mine), await status(others)], [200, 200]);
  const logout_token = await signed({ aud: "client", jti: "j1", sid: "s1", events: { [EVENT]: {} } }, "logout+jwt");
  const answer = await gateway.fetch("/auth/issuers/keycloak/logout", { method: "POST", body: new URLSearchParams({ logout_token }) });
  assert.equal(answer.status, 200, await answer.text());
  // Another isolate, which knows what the authority on revocations tells.
  await gateway.kill();
  await gateway.start();
  for (let time = 0; time < 2; time += 1) {
    assert.deepEqual([await status(mine), await status(others)], [401, 200]);
    await sleep(4_000);
  }
});
