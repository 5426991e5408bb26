// What Postern prints, at its most talkative, over every entry point and many faults: no secret and nothing of a user (invariant I10).
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";

import { apiKey } from "../support/harness.mjs";
import { startWithCaller } from "../support/rpc.mjs";

let postern;
before(async () => {
  postern = await startWithCaller({ LOG_LEVEL: "debug", REFRESH_GRACE_PERIOD: "0s" });
});
after(() => postern?.close());

/** Every string of some length in a value. */
const texts = (value) =>
  typeof value === "string" ? [value] : value && typeof value === "object" ? Object.values(value).flatMap(texts) : [];

test("no token, cookie, key, user id, payload or data is in a log line or in an error's text", async () => {
  const secrets = new Set([apiKey, "user-4711-secret", "payload-value-secret", "data-value-secret", "agent-secret", "2001:db8:77:88::99"]);
  const errors = [];
  const keep = (result) => {
    for (const token of [result.accessToken, result.refreshToken]) {
      if (!token) continue;
      secrets.add(token.token);
      // Each part by itself, too: half a token in a log is too much.
      for (const part of token.token.split(".")) if (part.length >= 20) secrets.add(part);
    }
    for (const name of ["antiCsrfToken", "frontToken"]) if (result[name]) secrets.add(result[name]);
    return result;
  };
  const seen = (answer) => {
    errors.push(answer instanceof Error ? answer.message : JSON.stringify({ ...answer, session: undefined, sessionData: undefined }));
    return answer;
  };
  const created = keep(
    await postern.admin("createNewSession", {
      userId: "user-4711-secret",
      jwtPayload: { value: "payload-value-secret" },
      sessionData: { value: "data-value-secret" },
      device: { userAgent: "agent-secret", ip: "2001:db8:77:88::99" },
    }),
  );
  const { handle } = created.session;
  const { token } = created.accessToken;
  const broken = `${token.slice(0, -10)}AAAAAAAAAA`;
  secrets.add(broken);

  // Refusals and faults over RPC.
  for (const accessToken of [broken, `${token}x`, "garbage-access-token-secret"]) {
    secrets.add(accessToken);
    seen(await postern.call("SESSIONS", "getSession", { accessToken }));
    seen(await postern.admin("regenerateAccessToken", { accessToken, jwtPayload: { value: "payload-value-secret" } }));
    seen(await (await postern.fetch("/auth/session", { headers: { authorization: `Bearer ${accessToken}` } })).json());
    seen(await (await postern.fetch("/auth/session", { headers: { cookie: `sAccessToken=${accessToken}; other=cookie-value-secret` } })).json());
    seen(await (await postern.fetch(`/auth/session?query-value-secret`, { headers: { authorization: `Basic basic-value-secret` } })).json());
    seen(await postern.core("POST", "/recipe/session/verify", { accessToken, doAntiCsrfCheck: false, enableAntiCsrf: false, checkDatabase: true }));
  }
  for (const text of ["cookie-value-secret", "query-value-secret", "basic-value-secret"]) secrets.add(text);
  seen(await postern.call("SESSIONS", "getSession", { accessToken: token, antiCsrfToken: "wrong" }));
  const wrongs = [
    { handle, sessionData: "data-value-secret" },
    { handle, sessionData: { list: ["data-value-secret", { $named: "BigInt" }] } },
    { handle: `${handle}x`, sessionData: { value: "data-value-secret" } },
    { handle, sessionData: { value: "data-value-secret".repeat(100_000) } },
  ];
  for (const argument of wrongs) seen(await postern.call("SESSIONS", "updateSessionData", argument).catch((error) => error));
  const large = { userId: "user-4711-secret", jwtPayload: { value: "payload-value-secret".repeat(500) } };
  seen(await postern.admin("createNewSession", large).catch((error) => error));

  // The service API: wrong keys, and bodies that hold secrets and are broken.
  secrets.add("wrong-key-secret-wrong-key");
  const asStranger = await postern.fetch("/core/recipe/session", { method: "POST", headers: { "api-key": "wrong-key-secret-wrong-key" }, body: "{}" });
  errors.push(await asStranger.text());
  for (const body of ['{"userId":"user-4711-secret",', '{"userId":"user-4711-secret","userDataInJWT":"payload-value-secret"}']) {
    errors.push(JSON.stringify((await postern.core("POST", "/recipe/session", body)).body));
  }

  // KV out, theft, and a key ring and an object whose storage is broken.
  await postern.faults("setFaults", [{ outcome: "refuse" }]);
  seen(await postern.call("SESSIONS", "updateSessionData", { handle, sessionData: { value: "data-value-secret" } }));
  await postern.faults("setFaults", []);
  const refreshed = keep(await postern.admin("refreshSession", { refreshToken: created.refreshToken.token }));
  assert.equal(refreshed.status, "OK");
  keep(await postern.admin("refreshSession", { refreshToken: refreshed.refreshToken.token }));
  const theft = seen(await postern.admin("refreshSession", { refreshToken: created.refreshToken.token }));
  assert.equal(theft.status, "TOKEN_THEFT_DETECTED");
  const output = [postern.output()];
  await postern.kill();
  for (const className of ["KeyRing", "UserSessions"]) {
    for (const file of postern.objectFiles(className)) {
      const database = new DatabaseSync(file);
      if (className === "KeyRing") {
        // Private keys and secrets, as they lie in storage.
        const rows = [...database.prepare("SELECT record FROM signing_keys").all(), ...database.prepare("SELECT record FROM ring").all()];
        for (const { record } of rows) {
          for (const text of texts(JSON.parse(record))) if (text.length >= 32) secrets.add(text);
          const inner = texts(JSON.parse(record)).filter((text) => text.startsWith("{"));
          for (const text of inner.flatMap((jwk) => texts(JSON.parse(jwk)))) if (text.length >= 32) secrets.add(text);
        }
        database.exec("UPDATE ring SET record = 'x' || record");
      }
      database.close();
    }
  }
  await postern.start();
  seen(await postern.call("SESSIONS", "getSession", { accessToken: token }));
  seen(await postern.call("SESSIONS", "updateSessionData", { handle, sessionData: { value: "data-value-secret" } }));
  output.push(postern.output());

  const printed = output.join("\n");
  assert.match(printed, /"level":"error"/, "a run with so many faults has something to say");
  assert.ok(secrets.size > 20);
  for (const secret of secrets) {
    assert.ok(!printed.includes(secret), `printed: ${secret}`);
    for (const error of errors) assert.ok(!error.includes(secret) || error.includes(`"userId":"${secret}"`), `${error} holds ${secret}`);
  }
});
