// A site's users, in a real Chromium with the unmodified browser SDKs: from the first visit to signing out.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { CROSS_SITE, LIFE_MILLISECONDS, REFRESH, SAME_SITE, useSite } from "./support/site.mjs";

const site = useSite();

const statuses = (answers) => answers.map(({ status, failed }) => status ?? failed);

describe("a visit from beginning to end", { concurrency: 4 }, () => {
  for (const api of [SAME_SITE, CROSS_SITE]) {
    for (const mode of ["cookie", "header"]) {
      const sdk = (api === SAME_SITE) === (mode === "cookie") ? "supertokens-website" : "supertokens-web-js";
      for (const transport of ["fetch", "XMLHttpRequest", "axios"]) {
        test(`${transport}, ${mode} mode, ${api === SAME_SITE ? "same site" : "another site"}, ${sdk}`, async () => {
          const visitor = await site().visitor();
          const tab = await visitor.open({ api, mode, sdk });
          const refreshes = () => visitor.calls(REFRESH).length;

          // A first visit: the SDK asks once whether there is a session, and never again.
          for (let i = 0; i < 3; i++) assert.equal((await tab.call(transport)).status, 401);
          assert.equal(refreshes(), 1);
          assert.equal((await tab.ask("doesSessionExist")).value, false);

          assert.deepEqual(await tab.logIn(transport), { status: 200, body: { userId: "alice" } });
          assert.ok((await tab.events()).includes("SESSION_CREATED"));
          const me = await tab.call(transport);
          assert.equal(me.status, 200);
          assert.deepEqual(me.body.session.jwtPayload, { role: "editor" });
          assert.equal((await tab.call(transport, "/api/cart", { method: "POST", json: { item: 1 } })).status, 200);
          assert.equal(refreshes(), 1);
          const sent = visitor.calls("/api/me").at(-1).headers;
          assert.equal(mode === "cookie" ? /sAccessToken=/.test(sent.cookie) : /^Bearer /.test(sent.authorization), true);

          await tab.untilExpiry();
          assert.equal((await tab.call(transport)).status, 200);
          assert.equal(refreshes(), 2);
          assert.equal((await tab.ask("getUserId")).value, "alice");

          await tab.untilExpiry();
          const started = Date.now();
          assert.deepEqual(statuses(await tab.many(20, transport)), Array(20).fill(200));
          // One; a machine too slow for twenty calls within a token's life needs one for each such life.
          const lives = 1 + Math.floor((Date.now() - started) / LIFE_MILLISECONDS);
          assert.ok(refreshes() >= 3 && refreshes() <= 2 + lives, `${refreshes() - 2} refreshes in ${lives} lives`);

          assert.deepEqual(await tab.ask("signOut"), { value: undefined });
          assert.equal((await tab.ask("doesSessionExist")).value, false);
          assert.equal((await tab.call(transport)).status, 401);
          assert.ok((await tab.events()).includes("SIGN_OUT"));
          const cookies = (await visitor.context.cookies()).map(({ name }) => name);
          for (const name of ["sAccessToken", "sRefreshToken", "st-access-token", "st-refresh-token", "sFrontToken"]) assert.ok(!cookies.includes(name), name);
          await visitor.context.close();
        });
      }
    }
  }
});
