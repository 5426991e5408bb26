// issuers.toml on workerd: keys that a discovery document names, several entries for one issuer, and entries with faults.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { SignJWT, exportJWK, generateKeyPair } from "jose";

import { jsonOf } from "../../scripts/lib/bundled-file.mjs";
import { startWithCaller } from "../support/rpc.mjs";
import { until } from "../support/until.mjs";

let server;
let base;
let postern;
let key;
/** Paths that the server was asked for. */
const asked = [];

before(async () => {
  key = await generateKeyPair("ES256", { extractable: true });
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(key.publicKey)), kid: "k", alg: "ES256" }] });
  const answers = {
    "/openid/.well-known/openid-configuration": () => ({ issuer: `${base}/openid`, jwks_uri: `${base}/keys` }),
    "/.well-known/oauth-authorization-server/oauth/x": () => ({ issuer: `${base}/oauth/x`, jwks_uri: `${base}/keys` }),
    "/slash/.well-known/openid-configuration": () => ({ issuer: `${base}/slash/`, jwks_uri: `${base}/keys` }),
    "/liar/.well-known/openid-configuration": () => ({ issuer: `${base}/openid`, jwks_uri: `${base}/keys` }),
    "/plain/.well-known/openid-configuration": () => ({ issuer: `${base}/plain`, jwks_uri: "http://keys.example/keys" }),
    "/mute/.well-known/openid-configuration": () => ({ issuer: `${base}/mute` }),
    "/large/.well-known/openid-configuration": () => ({ issuer: `${base}/large`, jwks_uri: `${base}/keys`, padding: "x".repeat(65_536) }),
  };
  server = createServer((request, response) => {
    asked.push(request.url);
    const { pathname } = new URL(request.url, base);
    if (pathname === "/keys") return response.end(jwks);
    if (pathname.startsWith("/moved/")) return response.writeHead(302, { location: "/openid/.well-known/openid-configuration" }).end();
    const answer = answers[pathname]?.();
    return answer ? response.end(JSON.stringify(answer)) : response.writeHead(404).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  base = `http://127.0.0.1:${server.address().port}`;
  const alone = (path) => `[[issuers]]\nid = "${path.replace(/\W/g, "")}"\nissuer = "${base}/${path}"\naudience = ["api"]\n`;
  const file = [
    ...["openid", "oauth/x", "slash/", "liar", "plain", "mute", "large", "moved", "nowhere"].map(alone),
    `[[issuers]]\nid = "users"\nissuer = "https://both.example"\naudience = ["api"]\njwks_uri = "${base}/keys"\n`,
    `[[issuers]]\nid = "machines"\nissuer = "https://both.example"\naudience = ["api"]\njwks_uri = "${base}/keys"\nrequired_claims = { gty = "client-credentials" }\nhandle_claim = "sub"\n`,
    `[[issuers]]\nid = "jobs"\nissuer = "https://both.example"\naudience = ["api"]\njwks_uri = "${base}/keys"\nrequired_claims = { gty = "job" }\n`,
  ].join("\n");
  postern = await startWithCaller({ LOG_LEVEL: "debug" }, { issuers: file });
});
after(async () => {
  await postern?.close();
  server?.closeAllConnections();
  server?.close();
});

const token = (issuer, claims = {}) =>
  new SignJWT({ sub: "ada", ...claims }).setProtectedHeader({ alg: "ES256", kid: "k" }).setIssuer(issuer).setAudience("api").setIssuedAt().setExpirationTime("10m").sign(key.privateKey);
const verify = async (issuer, claims, freshness) => postern.call("SESSIONS", "getSession", { accessToken: await token(issuer, claims), freshness });

test("an issuer alone: its discovery document names the keys, in both places where that may be", async () => {
  for (const path of ["openid", "oauth/x", "slash/"]) {
    const answer = await verify(`${base}/${path}`, { sid: "s" });
    assert.equal(answer.status, "OK", `${path}: ${answer.message}`);
    assert.equal(answer.session.issuer, path.replace(/\W/g, ""));
  }
  assert.ok(asked.indexOf("/oauth/x/.well-known/openid-configuration") < asked.indexOf("/.well-known/oauth-authorization-server/oauth/x"));
  // What was found is kept as key sets are.
  asked.length = 0;
  for (const who of ["bob", "eve"]) assert.equal((await verify(`${base}/openid`, { sub: who, sid: "s" })).status, "OK");
  assert.deepEqual(asked, []);
});

test("a document of another issuer, without a safe address, too large or moved is an outage, and the log says why", async () => {
  for (const [path, why] of Object.entries({
    liar: "is of another issuer", plain: "is no https URL", mute: "has no jwks_uri", large: "larger than", moved: "status 302", nowhere: "status 404",
  })) {
    assert.equal((await verify(`${base}/${path}`)).status, "GENERAL_ERROR", path);
    await until(`the log says why: ${path}`, () => postern.output().split("\n").some((line) => line.includes(`issuer ${path}: its keys`) && line.includes(why)));
  }
});

test("of several entries for one issuer the claims choose", async () => {
  const issuer = "https://both.example";
  for (const [claims, expected] of [[{ sid: "s" }, "users"], [{}, "users"], [{ gty: "client-credentials" }, "machines"], [{ gty: "job" }, "jobs"], [{ gty: "password" }, "users"]]) {
    const { session } = await verify(issuer, claims);
    assert.equal(session.issuer, expected);
    assert.equal(session.handle === null, expected === "jobs" || (expected === "users" && !claims.sid));
  }
  assert.equal((await verify(issuer, { gty: ["job", "client-credentials"] })).status, "UNAUTHORISED");
  await until("the log says so", () => postern.output().includes("fits other entries for the same issuer"));
});

test("faults of the file are told by entry, all at once, and nothing is served", async () => {
  const broken = jsonOf('[[issuers]]\nid = "staff"\nprovider = "auth0"\naudience = []\n[[issuers]]\nid = "x"\nissuer = "https://x.example"\n', "issuers.toml");
  const misconfigured = await startWithCaller({}, { issuers: JSON.parse(broken) });
  try {
    assert.equal((await misconfigured.fetch("/auth/session")).status, 500);
    for (const fault of [
      '"issuers.toml issuers.staff","message":"missing field `issuer`, https://DOMAIN/"', '"issuers.toml issuers.staff","message":"audience must be', '"issuers.toml issuers.x","message":"missing field `audience`',
    ]) await until(fault, () => misconfigured.output().includes(fault));
  } finally {
    await misconfigured.close();
  }
});
