// An MCP server behind the gateway, and the real client of the Model Context Protocol in front: it finds the authorization server by the
// challenge and the metadata (RFC 9728), registers, has its user log in, and calls a tool. And what each refusal says to clients.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { once } from "node:events";
import { createServer } from "node:http";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { SignJWT, exportJWK, generateKeyPair } from "jose";

import { start as startMcp } from "../../examples/mcp-front/server.mjs";
import { bearer } from "../support/browser.mjs";
import { startGateway } from "../support/gateway.mjs";

let idp;
let mcp;
let gateway;
before(async () => {
  [idp, mcp] = [await startAuthorizationServer(), await startMcp()];
  const issuer = { id: "idp", issuer: idp.url, audience: ["mcp-api"], algorithms: ["ES256"], jwks_uri: `${idp.url}/keys`, handle_claim: "sid" };
  const rule = (path, more) => ({ path, issuers: ["idp"], ...more });
  gateway = await startGateway({
    origins: { mcp: { url: mcp.url } },
    rules: [
      rule("/mcp", { scope: ["mcp"], resource: "/mcp" }),
      rule("/strong", { acr_values: ["gold", "platinum"], max_age: "5m" }),
      rule("/named", { resource: { url: "https://api.example.com/named", authorization_servers: ["https://as.example.com"], scopes_supported: ["a", "b"], name: "An API", documentation: "https://api.example.com/docs" } }),
      rule("/plain", {}),
    ],
    vars: { TRUSTED_ISSUERS: [issuer] },
  });
});
after(async () => {
  await gateway?.close();
  mcp?.close();
  idp?.close();
});

/** An OAuth authorization server, as far as an MCP client needs one. */
async function startAuthorizationServer() {
  const key = await generateKeyPair("ES256", { extractable: true });
  const jwk = { ...(await exportJWK(key.publicKey)), kid: "k", alg: "ES256" };
  const asked = [];
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, base);
    let body = "";
    for await (const chunk of request) body += chunk;
    asked.push({ path: url.pathname, query: url.searchParams, body });
    const json = (value, status = 200) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (url.pathname === "/keys") return json({ keys: [jwk] });
    if (url.pathname === "/.well-known/oauth-authorization-server") return json({
      issuer: base, authorization_endpoint: `${base}/authorize`, token_endpoint: `${base}/token`, registration_endpoint: `${base}/register`,
      response_types_supported: ["code"], code_challenge_methods_supported: ["S256"], grant_types_supported: ["authorization_code"], token_endpoint_auth_methods_supported: ["none"],
    });
    if (url.pathname === "/register") return json({ ...JSON.parse(body), client_id: "client-1" }, 201);
    if (url.pathname === "/authorize") return response.writeHead(302, { location: `${url.searchParams.get("redirect_uri")}?code=code-1` }).end();
    if (url.pathname === "/token") return json({ access_token: await token({ scope: "mcp" }), token_type: "Bearer", expires_in: 600 });
    return json({}, 404);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const base = `http://127.0.0.1:${server.address().port}`;
  const token = (claims) =>
    new SignJWT({ sub: "ada", sid: "s1", ...claims }).setProtectedHeader({ alg: "ES256", kid: "k", typ: "at+jwt" }).setIssuer(base).setAudience("mcp-api").setIssuedAt().setExpirationTime("10m").sign(key.privateKey);
  return { url: base, asked, token, close: () => (server.closeAllConnections(), server.close()) };
}

/** What the client remembers, and where it has its user log in. */
function provider() {
  const held = {};
  const of = (name) => ({ [name]: () => held[name], [`save${name[0].toUpperCase()}${name.slice(1)}`]: (value) => void (held[name] = value) });
  return {
    held,
    redirectUrl: "http://127.0.0.1:1/callback",
    clientMetadata: { redirect_uris: ["http://127.0.0.1:1/callback"], client_name: "test", grant_types: ["authorization_code"], response_types: ["code"], token_endpoint_auth_method: "none" },
    ...of("clientInformation"), ...of("tokens"), ...of("codeVerifier"),
    redirectToAuthorization: (url) => void (held.url = url),
  };
}

test("a real MCP client finds its way from the challenge to a tool's answer", async () => {
  const authProvider = provider();
  const address = new URL(`${gateway.url()}/mcp`);
  const first = new StreamableHTTPClientTransport(address, { authProvider });
  await assert.rejects(new Client({ name: "test", version: "1" }).connect(first), UnauthorizedError);
  assert.equal(authProvider.held.url.searchParams.get("scope"), "mcp");
  assert.equal(authProvider.held.url.searchParams.get("resource"), address.href);
  const login = await fetch(authProvider.held.url, { redirect: "manual" });
  await first.finishAuth(new URL(login.headers.get("location")).searchParams.get("code"));

  const client = new Client({ name: "test", version: "1" });
  await client.connect(new StreamableHTTPClientTransport(address, { authProvider }));
  assert.deepEqual((await client.listTools()).tools.map(({ name }) => name), ["whoami"]);
  const { content } = await client.callTool({ name: "whoami", arguments: {} });
  assert.deepEqual(JSON.parse(content[0].text), { issuer: "idp", subject: "ada" });
  await client.close();
});

const challenge = async (path, claims) => {
  const headers = claims ? bearer(await idp.token(claims)) : {};
  const response = await gateway.fetch(path, { headers });
  return [response.status, response.headers.get("www-authenticate"), response];
};

test("the challenge of a rule with a resource names its scope and its metadata", async () => {
  const metadata = `resource_metadata="${gateway.url()}/.well-known/oauth-protected-resource/mcp"`;
  assert.deepEqual((await challenge("/mcp")).slice(0, 2), [401, `Bearer scope="mcp", ${metadata}`]);
  const [status, early] = await challenge("/mcp", { scope: "mcp", nbf: Math.floor(Date.now() / 1_000) + 600 });
  assert.deepEqual([status, early], [401, `Bearer error="invalid_token", scope="mcp", ${metadata}`]);
  const [refused, insufficient] = await challenge("/mcp", { scope: "other mcp2" });
  assert.deepEqual([refused, insufficient], [403, `Bearer error="insufficient_scope", scope="mcp", ${metadata}`]);
  assert.equal((await challenge("/plain"))[1], "Bearer");
});

test("the metadata is served where the resource says, to any website, and nowhere else", async () => {
  const path = "/.well-known/oauth-protected-resource/mcp";
  const response = await gateway.fetch(path, { headers: { origin: "https://inspector.example" } });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("access-control-allow-origin"), "*");
  assert.deepEqual(await response.json(), {
    resource: `${gateway.url()}/mcp`, authorization_servers: [idp.url], scopes_supported: ["mcp"], bearer_methods_supported: ["header"],
  });
  assert.equal((await gateway.fetch(path, { method: "OPTIONS" })).status, 204);
  assert.equal((await gateway.fetch(path, { method: "POST" })).status, 405);
  assert.equal((await gateway.fetch("/.well-known/oauth-protected-resource")).status, 403);
  // Of another host.
  assert.equal((await gateway.fetch("/.well-known/oauth-protected-resource/named")).status, 403);
  const raw = await gateway.raw("GET", "/.well-known/oauth-protected-resource/named", [["Host", "api.example.com"]]);
  assert.match(raw.body.toString(), /"resource":"https:\/\/api\.example\.com\/named","authorization_servers":\["https:\/\/as\.example\.com"\],"scopes_supported":\["a","b"\]/);
  assert.match((await challenge("/named"))[1], /resource_metadata="https:\/\/api\.example\.com\/\.well-known\/oauth-protected-resource\/named"/);
});

test("a weak or an old authentication is answered with what to ask the user for (RFC 9470)", async () => {
  const now = Math.floor(Date.now() / 1_000);
  for (const claims of [{}, { acr: "silver", auth_time: now }, { acr: "gold" }, { acr: "gold", auth_time: now - 400 }, { acr: "gold", auth_time: now + 900 }]) {
    const [status, header] = await challenge("/strong", claims);
    assert.equal(status, 401, JSON.stringify(claims));
    assert.match(header, /^Bearer error="insufficient_user_authentication", error_description="[^"]+", acr_values="gold platinum", max_age="300"$/);
  }
  for (const acr of ["gold", "platinum"]) assert.notEqual((await challenge("/strong", { acr, auth_time: now - 10 }))[0], 401);
});
