// What pages of other websites get when their visitors' browsers send session cookies along: 403, and nothing else.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { NOTHING, access, bearer, browserApi, cookie, refreshCookie } from "../support/browser.mjs";

const FOREIGN = { status: "FOREIGN_WEBSITE", message: "this website may not use the session" };
const WEBSITE = "https://www.example.com";
const OWN = "https://api.example.com";

/** What a request says of where it comes from, and whether that is another website. */
const SENDERS = [
  [{}, false],
  [{ origin: OWN }, false],
  [{ origin: OWN, "sec-fetch-site": "same-origin" }, false],
  [{ origin: WEBSITE, "sec-fetch-site": "same-site" }, false],
  [{ origin: "capacitor://localhost", "sec-fetch-site": "cross-site" }, false],
  [{ origin: "chrome-extension://abcdefghijklmnopabcdefghijklmnop", "sec-fetch-site": "cross-site" }, false],
  [{ origin: "null", "sec-fetch-site": "same-origin" }, false],
  [{ "sec-fetch-site": "none" }, false],
  [{ origin: "https://evil.example" }, true],
  [{ origin: "https://evil.example", "sec-fetch-site": "cross-site" }, true],
  [{ origin: "https://blog.example.com", "sec-fetch-site": "same-site" }, true],
  [{ origin: "http://api.example.com" }, true],
  [{ origin: `${OWN}.evil.example` }, true],
  [{ origin: "ionic://localhost" }, true],
  [{ origin: "null" }, true],
  [{ origin: "null", "sec-fetch-site": "cross-site" }, true],
  [{ "sec-fetch-site": "cross-site" }, true],
  [{ "sec-fetch-site": "same-site" }, true],
];

const SETTINGS = [
  ["SameSite=Lax", {}],
  ["SameSite=None, custom header", { COOKIE_SAME_SITE: "none" }],
  ["SameSite=None, anti-CSRF tokens", { COOKIE_SAME_SITE: "none", ANTI_CSRF: "VIA_TOKEN" }],
];

for (const [name, vars] of SETTINGS) {
  describe(name, () => {
    const at = browserApi({ API_DOMAIN: OWN, WEBSITE_ORIGINS: [WEBSITE, "capacitor://localhost", "chrome-extension://abcdefghijklmnopabcdefghijklmnop"], ...vars });

    test("a refresh and a sign-out of another website are refused: nothing is done, nothing is cleared", async () => {
      for (const [sender, isForeign] of SENDERS) {
        const { session, accessToken, refreshToken, antiCsrf } = await at.byCookie();
        const own = { rid: "session", ...(antiCsrf && { "anti-csrf": antiCsrf }) };
        const cookies = cookie(access(accessToken), refreshCookie(refreshToken));
        const what = JSON.stringify(sender);
        if (isForeign) {
          // A website cannot send `rid`, nor know the token; with them it is refused as well.
          for (const headers of [cookies, { ...own, ...cookies }, { ...bearer("opaque"), ...cookies }]) {
            for (const answer of [await at.refresh({ ...sender, ...headers }), await at.signOut({ ...sender, ...headers })]) {
              assert.deepEqual([answer.status, answer.body, answer.headers], [403, FOREIGN, NOTHING], what);
            }
          }
          const unarmed = await at.refresh({ ...sender });
          assert.deepEqual([unarmed.status, unarmed.headers], [403, NOTHING], `${what}, without a cookie`);
          assert.equal((await at.admin("getSessionInformation", { handle: session.handle })).status, "OK");
        }
        const sent = isForeign ? {} : sender;
        assert.equal((await at.refresh({ ...sent, ...own, ...cookies })).status, 200, what);
        assert.equal((await at.signOut({ ...sent, ...own, ...cookies })).status, 200, what);
      }
    });

    test("reading, and tokens that no website can send, go by CORS", async () => {
      const { accessToken } = await at.byCookie();
      const byHeader = await at.byHeader();
      for (const [sender] of SENDERS) {
        assert.equal((await at.session({ ...sender, ...cookie(access(accessToken)) })).status, 200, "as a link that is followed");
        assert.equal((await at.session({ ...sender, ...bearer(byHeader.accessToken) })).status, 200);
      }
      assert.equal((await at.signOut({ origin: "https://evil.example", ...bearer(byHeader.accessToken) })).status, 200);
    });
  });
}

describe("apps", () => {
  const app = "capacitor://localhost";
  const at = browserApi({ API_DOMAIN: OWN, WEBSITE_ORIGINS: [app] });

  test("a listed app passes CORS, and cookies stay SameSite=Lax", async () => {
    const preflight = await at.ask("OPTIONS", "/auth/session/refresh", { origin: app, "access-control-request-method": "POST" });
    assert.equal(preflight.response.headers.get("access-control-allow-origin"), app);
    const { headers, refreshToken } = await at.byHeader();
    assert.deepEqual(headers.cookies, []);
    const refreshed = await at.refresh({ origin: app, ...bearer(refreshToken) });
    assert.deepEqual([refreshed.status, refreshed.response.headers.get("access-control-allow-origin")], [200, app]);
    assert.match((await at.byCookie()).headers.cookies[0], /SameSite=Lax$/);
  });
});
