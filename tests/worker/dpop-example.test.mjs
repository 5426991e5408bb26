// examples/dpop-api with its two clients, bound to Postern as its wrangler.toml says, with and without nonces.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { decodeJwt } from "jose";

import * as withJose from "../../examples/dpop-api/clients/jose.js";
import * as withOauth4webapi from "../../examples/dpop-api/clients/oauth4webapi.js";
import { clientAlias } from "../support/client.mjs";
import { compatibilityDate, startPostern } from "../support/harness.mjs";

const BASE = "https://api.example";

for (const DPOP_NONCE of ["false", "true"]) {
  describe(`with DPOP_NONCE ${DPOP_NONCE}`, () => {
    let postern;
    let send;
    before(async () => {
      const config = {
        name: "dpop-api",
        main: "../examples/dpop-api/src/index.js",
        compatibility_date: compatibilityDate,
        alias: clientAlias,
        services: [{ binding: "SESSIONS", service: "postern" }, { binding: "SESSIONS_ADMIN", service: "postern", entrypoint: "SessionsAdmin" }],
      };
      postern = await startPostern({ vars: { DPOP_NONCE }, workers: [{ config }] });
      const worker = postern.worker("dpop-api");
      send = (url, { method, headers, body } = {}) => worker.fetch(String(url), { method, headers, body: body?.toString() });
    });
    after(() => postern?.close());

    for (const [name, { run }] of Object.entries({ oauth4webapi: withOauth4webapi, jose: withJose })) {
      test(`a client with ${name} signs in, asks, refreshes and asks again`, async () => {
        const { first, before, second, after } = await run(BASE, send);
        assert.deepEqual([before, after], [{ things: [], for: "alice" }, { things: [], for: "alice" }]);
        assert.deepEqual(decodeJwt(second.access_token).cnf, decodeJwt(first.access_token).cnf);
        assert.notEqual(second.refresh_token, first.refresh_token);
      });
    }

    test("what was copied is worth nothing, and a login without a key makes no session", async () => {
      const { second } = await withJose.run(BASE, send);
      const stolen = await send(`${BASE}/things`, { headers: { authorization: `Bearer ${second.access_token}` } });
      assert.deepEqual([stolen.status, await stolen.json()], [401, { error: "invalid_token" }]);
      assert.match(stolen.headers.get("www-authenticate"), /^DPoP error="invalid_token"/);
      const grant = async (members, headers) => {
        const answer = await send(`${BASE}/token`, { method: "POST", body: new URLSearchParams(members), headers: { "content-type": "application/x-www-form-urlencoded", ...headers } });
        return [answer.status, await answer.json()];
      };
      assert.deepEqual(await grant({ grant_type: "refresh_token", refresh_token: second.refresh_token }), [400, { error: "invalid_dpop_proof" }]);
      const login = { grant_type: "urn:example:grant-type:password", username: "alice", password: "wonderland" };
      for (const headers of [{}, { dpop: "x" }]) assert.deepEqual(await grant(login, headers), [400, { error: "invalid_dpop_proof" }]);
    });
  });
}
