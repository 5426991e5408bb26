// Isolates of one release with objects of another, in both directions: every call of every entry point, and revocations within
// their bound.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startIsolates } from "../support/isolates.mjs";
import { startOrigin } from "../support/origin.mjs";
import { until } from "../support/until.mjs";
import { browserAndGateway, gatewayTo, rpc, serviceApi } from "./calls.mjs";

const BOUND = 10;

/** @type {Record<string, string[]>} */
const DIRECTIONS = {
  "isolates of this release, objects of the next": ["postern"],
  "isolates of the next release, objects of this one": ["postern-2", "postern-3"],
};

for (const [direction, next] of Object.entries(DIRECTIONS)) {
  describe(direction, () => {
    /** @type {Awaited<ReturnType<typeof startIsolates>>} */
    let bed;
    /** @type {Awaited<ReturnType<typeof startOrigin>>} */
    let origin;
    before(async () => {
      origin = await startOrigin();
      bed = await startIsolates(3, {}, { next, gateway: gatewayTo(origin.url) });
    });
    after(async () => {
      await bed?.close();
      await origin?.close();
    });
    const guest = () => /** @type {any} */ (bed.isolates[1]);

    test("every call over RPC is answered as ever", () => rpc(guest(), "rpc"));
    test("every call of the service API is answered as ever", () => serviceApi(guest(), "core"));
    test("the browser API and the gateway answer as ever", () => browserAndGateway(guest(), "browser"));

    test("a token used twice is theft here as there, and a stranger's ends nothing", async () => {
      const created = await guest().core("/recipe/session", { userId: "thief", userDataInJWT: {}, userDataInDatabase: {}, enableAntiCsrf: false });
      const refresh = async (/** @type {string} */ refreshToken) =>
        (await guest().core("/recipe/session/refresh", { refreshToken, enableAntiCsrf: false, useDynamicSigningKey: true })).body;
      const first = created.body.refreshToken.token;
      const [one, other] = [await refresh(first), await refresh(first)];
      assert.equal((await refresh(one.refreshToken.token)).status, "OK");
      assert.equal((await refresh(`${first}x`)).status, "UNAUTHORISED");
      assert.equal((await refresh(other.refreshToken.token)).status, "TOKEN_THEFT_DETECTED");
      assert.deepEqual((await guest().admin("getAllSessionHandlesForUser", { userId: "thief" })).handles, []);
    });

    test(`a session that ends at one isolate is refused at all others within ${BOUND} s, and its data with it`, async () => {
      const tokens = [];
      for (const [n, at] of bed.isolates.entries()) {
        const { session, accessToken } = await at.admin("createNewSession", { userId: `ends-${n}`, sessionData: { n } });
        for (const it of bed.isolates) assert.equal(await it.verdict(accessToken.token, `within ${BOUND}s`), "OK");
        tokens.push({ handle: session.handle, token: accessToken.token });
      }
      for (const [n, { handle }] of tokens.entries()) {
        const ended = await /** @type {any} */ (bed.isolates[(n + 1) % 3]).admin("revokeSession", { handle });
        assert.deepEqual(ended, { status: "OK", revoked: [handle] });
      }
      const acknowledged = Date.now();
      await until("every isolate refuses all", async () => {
        const verdicts = await Promise.all(bed.isolates.flatMap((it) => tokens.map(({ token }) => it.verdict(token, `within ${BOUND}s`))));
        return verdicts.every((verdict) => verdict === "UNAUTHORISED");
      });
      assert.ok(Date.now() - acknowledged < (BOUND + 2) * 1_000);
      for (const it of bed.isolates) {
        for (const { handle } of tokens) assert.equal((await it.ask("getSessionData", { handle, freshness: `within ${BOUND}s` })).status, "UNAUTHORISED");
      }
    });

    test("a withdrawn key is refused at all isolates soon", async () => {
      const { accessToken } = await guest().admin("createNewSession", { userId: "keys" });
      const { kid } = JSON.parse(Buffer.from(accessToken.token.split(".")[0], "base64url").toString());
      for (const it of bed.isolates) assert.equal(await it.verdict(accessToken.token, `within ${BOUND}s`), "OK");
      assert.equal((await guest().admin("revokeSigningKey", { kid })).status, "OK");
      await until("all refuse the key", async () => {
        const verdicts = await Promise.all(bed.isolates.map((it) => it.verdict(accessToken.token, `within ${BOUND}s`)));
        return verdicts.every((verdict) => verdict === "TRY_REFRESH_TOKEN");
      });
    });

    test("a call that nobody knows is a typed refusal and changes nothing", async () => {
      const at = guest();
      const { session, refreshToken } = await at.admin("createNewSession", { userId: "unknown" });
      const route = session.handle.slice(0, session.handle.indexOf("."));
      for (const call of [{ jump: { handle: session.handle } }, { refresh: { token: refreshToken.token } }]) {
        for (const protocol of [0, 1, 7]) {
          const answer = await bed.asks("UserSessions", route, { protocol, not_before: 0, call });
          assert.equal(answer.status, 200);
          const { why } = answer.body.reply.unread;
          assert.equal(why, protocol === 0 || protocol === 7 || "jump" in call ? "unsupported" : "damaged");
        }
      }
      await sleep(5);
      assert.equal((await at.admin("refreshSession", { refreshToken: refreshToken.token })).status, "OK");
    });
  });
}
