// The data rules and the outcomes, through the client, over both of its transports.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { refreshTokenOf, sessionHeaders } from "../../client/cookies.js";
import * as client from "../../client/index.js";
import { boundContract, contract } from "../support/client-contract.mjs";
import { clientAlias } from "../support/client.mjs";
import { apiKey, compatibilityDate, startPostern } from "../support/harness.mjs";

const { UNAUTHORISED } = client.Error;

let postern;
let worker;

before(async () => {
  const config = {
    name: "client",
    main: "support/client-worker.mjs",
    compatibility_date: compatibilityDate,
    alias: clientAlias,
    services: [
      { binding: "SESSIONS", service: "postern" },
      { binding: "SESSIONS_ADMIN", service: "postern", entrypoint: "SessionsAdmin" },
    ],
  };
  const vars = { MAX_SESSION_DATA: "64KiB" };
  postern = await startPostern({ vars, secrets: { API_KEYS: apiKey }, workers: [{ config }] });
  worker = postern.worker("client");
  client.init({ url: `${postern.url.origin}/core`, apiKey });
});
after(() => postern.close());

const transports = {
  RPC: async (call, ...args) => {
    const response = await worker.fetch("/", { method: "POST", body: JSON.stringify({ call, with: args }) });
    const { value, thrown } = await response.json();
    if (thrown) throw Object.assign(new Error(thrown.message), thrown);
    return value;
  },
  HTTP: (call, ...args) => client[call](...args),
};

for (const [transport, call] of Object.entries(transports)) {
  contract(transport, call);
  // The protocol of the other has no room for proofs.
  if (transport === "RPC") boundContract(transport, call);

  test(`an unknown handle is UNAUTHORISED and creates nothing over ${transport}`, async () => {
    const kv = await postern.kv();
    const handles = ["", "no-such-handle", "a.b.c", "x".repeat(10_000)];
    const objects = (await postern.objectIds("UserSessions")).length;
    for (const handle of handles) {
      await assert.rejects(call("getSessionData", handle), { errType: UNAUTHORISED });
      await assert.rejects(call("updateSessionData", handle, { a: 1 }), { errType: UNAUTHORISED });
    }
    // Copies of other sessions still come and go.
    assert.deepEqual((await kv.list()).keys.filter(({ name }) => handles.includes(name)), []);
    assert.equal((await postern.objectIds("UserSessions")).length, objects);
  });
}

test("the cookies that a backend sets by itself are those that Postern sets", async () => {
  const login = { url: "https://app.example/login", method: "POST", headers: { "st-auth-mode": "cookie" } };
  const { headers } = await transports.RPC("createNewSessionForRequest", login, "alice", { name: "Zoë 漢" });
  const issued = await client.createNewSession("alice", { name: "Zoë 漢" });
  const own = sessionHeaders(issued, { secure: false });
  // Tokens and times differ from session to session.
  const shape = (pairs) =>
    pairs
      .filter(([name]) => name !== "cache-control")
      .map(([name, value]) => (name === "front-token" ? [name] : [name, value.replace(/=[^;]{20,}?;/, "=…;").replace(/Expires=[^;]+/, "Expires=…")]));
  assert.deepEqual(shape(own), shape(headers));
  const front = JSON.parse(Buffer.from(own.find(([name]) => name === "front-token")?.[1] ?? "", "base64").toString());
  assert.deepEqual([front.uid, front.ate, front.up.name], ["alice", issued.accessToken.expiry, "Zoë 漢"]);
  const cookie = own.filter(([name]) => name === "set-cookie").map(([, value]) => value.split(";")[0]).join("; ");
  const answer = await postern.fetch("/auth/session", { headers: { cookie } });
  assert.equal(answer.status, 200);
  const refreshed = await client.refreshSession(refreshTokenOf(new Headers({ cookie })));
  assert.equal(refreshed.session.handle, issued.session.handle);
});
