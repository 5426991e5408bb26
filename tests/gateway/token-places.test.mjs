// `token_from`: an issuer's tokens count in the places that its entry names, at every entry point, and what stands there does not
// reach an origin unless the rule says so.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { startGateway } from "../support/gateway.mjs";
import { apiKey } from "../support/harness.mjs";
import { startIssuer } from "../support/issuer.mjs";
import { echo, startOrigin } from "../support/origin.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
let origin;
let gateway;
let proxy;
let usual;
let token;
before(async () => {
  proxy = await startIssuer("proxy");
  usual = await startIssuer("usual");
  token = await proxy.token({ sub: "ada", sid: "s1" });
  origin = await startOrigin(echo);
  const sockets = new WebSocketServer({ server: origin.server, handleProtocols: (offered) => [...offered][0] ?? false });
  sockets.on("connection", (socket, request) => origin.received.push(request));
  const named = { ...proxy.setting, token_from: { headers: ["X-Id-Token"], cookies: ["id_session"], websocket_protocols: ["id.bearer."] } };
  gateway = await startGateway({
    origins: { app: { url: origin.url } },
    rules: [
      { path: "/both/**", issuers: ["own", "proxy", "usual"] },
      { path: "/own/**", session: "optional" },
      { path: "/open/**", session: "none" },
      { path: "/forward/**", issuers: ["own", "proxy"], forward_credentials: true },
    ],
    vars: { TRUSTED_ISSUERS: [named, usual.setting] },
  });
});
after(async () => {
  await gateway?.close();
  await origin?.close();
});

const places = () => ({
  header: { "x-id-token": token },
  "header with Bearer": { "x-id-token": `bearer ${token}` },
  cookie: { cookie: `theme=dark; id_session=${token}` },
});
const ask = async (path, headers, method = "GET") => {
  origin.clear();
  const answer = await gateway.fetch(path, { method, headers, redirect: "manual" });
  await answer.text();
  return { status: answer.status, got: origin.last()?.headers };
};
const holds = (headers) => Object.entries(headers).filter(([name, value]) => !name.startsWith("postern-") && String(value).includes(token)).map(([name]) => name);

test("each place counts at the gateway, at the browser API and over RPC, and is not sent on", async () => {
  for (const [place, headers] of Object.entries(places())) {
    const { status, got } = await ask("/both/x", headers);
    assert.equal(status, 200, place);
    assert.deepEqual([got["postern-issuer"], got["postern-subject"]], ["proxy", "ada"], place);
    assert.deepEqual(holds(got), [], place);
    if (headers.cookie) assert.equal(got.cookie, "theme=dark");
    const page = await gateway.fetch("/auth/session", { headers });
    assert.equal((await page.json()).session?.issuer, "proxy", place);
    const request = { method: "GET", url: `${gateway.url()}/x`, headers: Object.entries(headers) };
    assert.equal((await gateway.call("SESSIONS", "getSessionForRequest", { request })).session?.issuer, "proxy", place);
  }
});

test("explain knows every place, by itself and by what it is told", async () => {
  const explained = async (body) => {
    const answer = await gateway.fetch("/auth/explain", { method: "POST", headers: { "api-key": apiKey }, body: JSON.stringify(body) });
    return answer.json();
  };
  const url = `${gateway.url()}/both/x`;
  for (const headers of [...Object.values(places()), { upgrade: "websocket", "sec-websocket-protocol": `chat, id.bearer.${token}` }]) {
    const told = await explained({ url, headers });
    assert.deepEqual([told.decision, told.withIdentity, told.tokenIn], ["forward", true, undefined], JSON.stringify(told));
    assert.deepEqual(told.rule.tokenFrom, { proxy: ["header x-id-token", "cookie id_session", "websocket protocol id.bearer."], usual: ["authorization", "the cookie of own access tokens"] });
  }
  const byItself = await explained({ url, token });
  assert.deepEqual([byItself.decision, byItself.tokenIn], ["forward", "header x-id-token"]);
  assert.deepEqual((await explained({ url, token: await usual.token({ sub: "bob", sid: "s" }) })).tokenIn, "authorization");
  const elsewhere = await explained({ url, headers: { authorization: `Bearer ${token}` } });
  assert.deepEqual([elsewhere.decision, elsewhere.decidedBy], ["refuse", "session"]);
  assert.match(elsewhere.reason, /issuer proxy: its tokens do not count where one was found/);
  const doubled = await explained({ url, token, headers: { "x-id-token": "x" } });
  assert.equal(doubled.status, "BAD_INPUT");
  // The command of an operator, with several headers.
  const command = async (...args) => {
    const child = spawn(process.execPath, ["scripts/admin.mjs", "explain", "GET", url, "--url", gateway.url(), ...args], { cwd: root, env: { ...process.env, POSTERN_API_KEY: apiKey }, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    const [code] = await once(child, "close");
    return { code, told: code === 0 ? JSON.parse(output) : undefined };
  };
  assert.equal((await command("--token", token)).told.tokenIn, "header x-id-token");
  const { told } = await command("--header", "accept: text/html", "--header", `cookie: id_session=${token}`);
  assert.deepEqual([told.decision, told.withIdentity], ["forward", true]);
  assert.equal((await command("--header", "nonsense")).code, 1);
});

test("no other place does: not the usual ones, another name, or an address", async () => {
  for (const headers of [
    { authorization: `Bearer ${token}` }, { cookie: `sAccessToken=${token}` }, { "x-token": token }, { cookie: `ID_SESSION=${token}` },
    { cookie: `x-id-token=${token}` }, { "sec-websocket-protocol": `id.bearer.${token}` },
  ]) {
    assert.equal((await ask("/both/x", headers)).status, 401, JSON.stringify(Object.keys(headers)));
    assert.equal((await gateway.fetch("/auth/session", { headers })).status, 401);
  }
  for (const query of ["access_token", "x-id-token", "id_session", "token"]) assert.equal((await ask(`/both/x?${query}=${token}`, {})).status, 401, query);
  // An issuer without places has the usual ones, and none of another's.
  const other = await usual.token({ sub: "bob", sid: "s" });
  assert.equal((await ask("/both/x", { authorization: `Bearer ${other}` })).status, 200);
  for (const headers of [{ "x-id-token": other }, { cookie: `id_session=${other}` }]) assert.equal((await ask("/both/x", headers)).status, 401);
});

test("our own tokens do not count there", async () => {
  const own = await gateway.session("alice");
  for (const headers of [{ "x-id-token": own.token }, { cookie: `id_session=${own.token}` }]) assert.equal((await ask("/both/x", headers)).status, 401);
  // A good token of ours decides, and a stranger in a place beside it changes nothing.
  const { status, got } = await ask("/both/x", { ...own.headers, "x-id-token": token });
  assert.deepEqual([status, got["postern-user-id"], got["postern-issuer"]], [200, "alice", undefined]);
  assert.deepEqual(holds(got), []);
});

test("whatever the rule, the places are empty at the origin, unless it has forward_credentials", async () => {
  for (const [place, headers] of Object.entries(places())) {
    for (const path of ["/own/x", "/open/x"]) {
      const { status, got } = await ask(path, headers);
      assert.deepEqual([status, got["postern-subject"], holds(got)], [200, undefined, []], `${path} ${place}`);
    }
    const { got } = await ask("/forward/x", headers);
    assert.equal(holds(got).length, 1, place);
  }
  const { got } = await ask("/open/x", { "x-id-token": "opaque", cookie: "id_session=opaque; a=1" });
  assert.deepEqual([got["x-id-token"], got.cookie], [undefined, "a=1"]);
});

test("a page of another website changes nothing by what browsers or proxies add", async () => {
  for (const headers of Object.values(places())) {
    const foreign = { ...headers, origin: "https://evil.example", "sec-fetch-site": "cross-site" };
    assert.equal((await ask("/both/x", foreign, "POST")).status, 403);
    assert.equal((await ask("/both/x", headers, "POST")).status, 200);
  }
});

test("a WebSocket's subprotocol", async () => {
  origin.clear();
  const socket = new WebSocket(`${gateway.url().replace("http", "ws")}/both/live`, ["chat", `id.bearer.${token}`]);
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject).once("unexpected-response", (_, response) => reject(new Error(String(response.statusCode)))));
  const got = origin.last().headers;
  assert.deepEqual([socket.protocol, got["sec-websocket-protocol"], got["postern-subject"]], ["chat", "chat", "ada"]);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.close();
  await closed;
});
