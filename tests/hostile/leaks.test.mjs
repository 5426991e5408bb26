// That the watch over everything printed and refused (tests/support/leaks.mjs) sees what it is there to see: each test bed
// of the whole suite fails by it when Postern shows a secret (invariant I10).
import assert from "node:assert/strict";
import { createServer, get } from "node:http";
import { after, before, test } from "node:test";

import { apiKey } from "../support/harness.mjs";
import { Watch } from "../support/leaks.mjs";
import { startWithCaller } from "../support/rpc.mjs";
import { startWorkerd } from "../support/workerd.mjs";

let postern;
/** Secrets of each kind, as Postern makes them. */
const secrets = {};
before(async () => {
  postern = await startWithCaller({ ANTI_CSRF: "VIA_TOKEN" });
  const { body } = await postern.core("POST", "/recipe/session", { userId: "alice", userDataInJWT: {}, userDataInDatabase: {}, enableAntiCsrf: true });
  secrets["access token"] = body.accessToken.token;
  secrets["header and payload of an access token"] = body.accessToken.token.split(".").slice(0, 2).join(".");
  secrets["payload of an access token"] = body.accessToken.token.split(".")[1];
  secrets["signature of an access token"] = body.accessToken.token.split(".")[2];
  secrets["refresh token"] = body.refreshToken.token;
  secrets["refresh token of a tenant"] = body.refreshToken.token.replace(/\.(\d+\.\d+\.)/, "_blue.$1");
  secrets["session ticket"] = `t1.${body.session.handle}.AAECAwQFBgcICQoL.place.1.2.mac`;
  secrets["anti-CSRF token"] = body.antiCsrfToken;
  secrets["API key"] = apiKey;
  secrets["cookie"] = "sAccessToken=abcdefgh";
  secrets["secret of the key ring"] = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7)).toString("base64url");
});
after(() => postern?.close());

const watch = () => new Watch({ API_KEYS: [apiKey] });
const refuses = (watched) => assert.rejects(watched.check(), /I10/);

test("each kind of secret is seen in a log line, in an error's body and in its headers", async () => {
  for (const [what, secret] of Object.entries(secrets)) {
    assert.ok(secret?.length >= 12, what);
    for (const text of [secret, `{"level":"error","message":"bad token ${secret}"}`, `x${what}: "${secret}",`]) {
      const printed = watch();
      printed.printed(text);
      await refuses(printed);
    }
    const body = watch();
    body.answered("GET /", 401, [], `{"message":"${secret}"}`);
    await refuses(body);
    const header = watch();
    header.answered("GET /", 400, [["www-authenticate", `Bearer realm="${secret}"`]], "");
    await refuses(header);
    const rpc = watch();
    rpc.refused("getSession threw", `${secret} must be a string`);
    await refuses(rpc);
  }
});

test("what was sent as a credential is a secret, whatever it looks like, and whenever it was sent", async () => {
  for (const header of [["authorization", "Basic dXNlcjpwYXNzd29yZA"], ["cookie", "a=b; sAccessToken=not-a-token-at-all"], ["API-KEY", "a wrong-key-of-some-length"]]) {
    const watched = watch();
    watched.answered("GET /", 401, [], "no such key: dXNlcjpwYXNzd29yZA not-a-token-at-all wrong-key-of-some-length");
    watched.sent([/** @type {[string, string]} */ (header)]);
    await refuses(watched);
  }
});

test("handles, statuses and good answers are none", async () => {
  const watched = watch();
  watched.sent([["authorization", `Bearer ${secrets["access token"]}`]]);
  watched.answered("POST /", 200, [["set-cookie", secrets.cookie]], JSON.stringify(secrets));
  watched.answered("GET /", 401, [["set-cookie", "sAccessToken=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly"]], '{"status":"UNAUTHORISED","message":"unauthorised"}');
  watched.printed(`{"level":"info","event":"rpc","method":"getSession","message":"token_too_large"} ${secrets["refresh token"].split(".").slice(1, 4).join(".")}`);
  await watched.check();
});

test("every client of a test is watched: fetch, and whatever ends in node:http", async () => {
  const leaky = createServer((request, response) => response.writeHead(403).end(`you sent ${request.headers.authorization}`));
  await new Promise((listening) => leaky.listen(0, "127.0.0.1", () => listening(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (leaky.address());
  const url = `http://127.0.0.1:${port}/`;
  const headers = { authorization: "Bearer some-credential-of-a-test" };
  const byFetch = watch();
  byFetch.listensAt(url);
  await (await fetch(url, { headers })).text();
  await refuses(byFetch);
  const byHttp = watch();
  byHttp.listensAt(url);
  const body = await new Promise((done) => get(url, { headers: { ...headers, host: "elsewhere.example" } }, async (response) => done(await new Response(/** @type {any} */ (response)).text())));
  assert.match(body, /some-credential/, "what is looked at still arrives");
  await refuses(byHttp);
  leaky.close();
});

test("a test bed that prints a secret fails when it is closed, and one that does not closes", async () => {
  for (const [text, isSecret] of [["nothing to hide", false], [secrets["access token"], true]]) {
    const bed = await startWorkerd({ callers: [{ name: "leaky", path: "tests/support/leaky-worker.mjs", bindings: {} }] });
    await fetch(bed.url("leaky"), { method: "POST", body: text });
    if (isSecret) await assert.rejects(bed.close(), /I10/);
    else await bed.close();
  }
});
