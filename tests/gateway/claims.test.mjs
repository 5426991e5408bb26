// What a client claims and only a proxy, or nobody, can know: no origin gets it. What an origin says that only a rule
// with directives may say: no browser gets it. Raw sockets on bare workerd.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { linesOf, startOrigin } from "../support/origin.mjs";
import { exchange, request, values } from "../support/raw-socket.mjs";

const b64 = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

let origin;
let gateway;
/** What the origin answers with, given the request. */
let said = () => ({});
before(async () => {
  origin = await startOrigin((incoming, response) => response.writeHead(200, said(incoming)).end("served"));
  gateway = await startGateway({
    origins: {
      app: { url: origin.url, remove_request_headers: ["Remote-User", "X-Auth-Request-*"] },
      overrides: { url: origin.url, accepts_method_override: true },
      sdk: { url: origin.url, sessions: "sdk" },
    },
    rules: [
      { path: "/doc/**", methods: ["DELETE", "PUT"], origin: "app", require: { claim: "role", equals: "admin" } },
      { path: "/login", methods: ["GET", "POST", "OPTIONS"], origin: "app", session: "none", directives: true },
      { path: "/overrides/**", origin: "overrides", session: "optional" },
      { path: "/sdk/**", origin: "sdk", session: "none" },
      { path: "/**", origin: "app", session: "optional" },
    ],
  });
});
after(async () => {
  await gateway?.close();
  await origin?.close();
});
beforeEach(() => {
  said = () => ({});
  origin.clear();
});
/** The names of the headers that the origin got, in lower case. */
const names = () => linesOf(origin.last()).map(([name]) => name.toLowerCase());

describe("a stricter rule for a method", () => {
  for (const name of ["X-HTTP-Method-Override", "X_HTTP_Method_Override", "X-HTTP-Method", "X_HTTP_METHOD", "X-Method-Override", "x_method-override", "HTTP-Method-Override"]) {
    test(`is not walked around with ${name}`, async () => {
      const { headers } = await gateway.session();
      const answer = await gateway.raw("POST", "/doc/1", [...Object.entries(headers), [name, "DELETE"], ["Content-Length", "0"]]);
      assert.equal(answer.status, 200);
      assert.deepEqual(names().filter((sent) => /method/.test(sent)), []);
      assert.equal((await gateway.raw("DELETE", "/doc/1", Object.entries(headers))).status, 403);
    });
  }

  test("an origin that is said to accept it gets it", async () => {
    assert.equal((await gateway.raw("POST", "/overrides/1", [["X-HTTP-Method-Override", "DELETE"], ["Content-Length", "0"]])).status, 200);
    assert.equal(origin.last().headers["x-http-method-override"], "DELETE");
  });
});

describe("what only a proxy can know", () => {
  const claims = [
    "Proxy", "Client-IP", "True-Client-IP", "X-Client-IP", "X-Original-Path", "X-Original-Method", "X-Rewrite-URL", "X-Scheme", "X-Url-Scheme",
    "Front-End-Https", "X-Host", "X-HTTP-Host-Override", "X-Envoy-Original-Path", "X-Forwarded-Server", "X-Forwarded-Ssl", "Client-Cert",
    "SSL-Client-Verify", "X-Real-IP", "Remote-Addr", "Remote-User", "X-Auth-Request-Email", "X-Auth-Request-Groups",
  ];
  for (const claim of claims) {
    test(`${claim} is not the client's to say`, async () => {
      const answer = await gateway.raw("GET", "/x", [[claim, "claimed"], [claim.replaceAll("-", "_").toUpperCase(), "claimed"], ["X-Other", "kept"]]);
      assert.equal(answer.status, 200);
      const seen = linesOf(origin.last());
      assert.ok(seen.every(([, value]) => !value.includes("claimed")), JSON.stringify(seen));
      assert.equal(origin.last().headers["x-other"], "kept");
    });
  }
});

describe("directives", () => {
  const directive = (incoming) => ({
    "postern-directive-key": incoming.headers["postern-directive-key"] ?? "",
    "postern-create-session": b64({ userId: "mallory" }),
    "access-control-allow-origin": "*",
  });
  const preflight = [["Origin", "https://evil.example"], ["Access-Control-Request-Method", "POST"]];

  test("a preflight has no key, even where the rule names OPTIONS, and its answer sets no session", async () => {
    said = directive;
    const answer = await gateway.raw("OPTIONS", "/login", preflight);
    assert.equal(answer.status, 200);
    assert.equal(origin.received.length, 1);
    assert.ok(!names().some((name) => name.startsWith("postern")), names().join());
    const kept = answer.headers.map(([name]) => name.toLowerCase()).filter((name) => /^(set-cookie|front-token|st-|postern)/.test(name));
    assert.deepEqual(kept, []);
  });

  test("HEAD is not GET", async () => {
    said = directive;
    const answer = await gateway.raw("HEAD", "/login", []);
    assert.equal(answer.status, 200);
    assert.ok(!names().some((name) => name.startsWith("postern")));
    assert.deepEqual([values(answer, "set-cookie"), values(answer, "postern-create-session")], [[], []]);
  });

  test("a method that the rule names has one", async () => {
    said = directive;
    for (const [method, lines] of [["GET", []], ["POST", [["Content-Length", "0"]]], ["OPTIONS", []]]) {
      const answer = await gateway.raw(method, "/login", lines);
      assert.ok(names().includes("postern-directive-key"), method);
      assert.ok(values(answer, "set-cookie").some((line) => line.startsWith("sAccessToken=")), answer.text);
    }
  });
});

describe("Clear-Site-Data", () => {
  const sent = async (path, value, lines = []) => {
    said = () => ({ "clear-site-data": value });
    return values(await gateway.raw("GET", path, lines), "clear-site-data");
  };

  test("of an origin ends no session", async () => {
    for (const [value, kept] of [
      ['"cookies"', []],
      ['"storage"', []],
      ['"*"', ['"cache"']],
      ['"cache", "cookies", "storage"', ['"cache"']],
      ['"cache"', ['"cache"']],
    ]) {
      assert.deepEqual(await sent("/x", value), kept, value);
    }
  });

  test("passes where the rule allows directives for the method, or an SDK runs", async () => {
    assert.deepEqual(await sent("/login", '"cookies"'), ['"cookies"']);
    assert.deepEqual(await sent("/sdk/x", '"*"'), ['"*"']);
  });
});

test("TRACE is refused with its reason at every path, and no origin hears of it", async () => {
  for (const path of ["/x", "/doc/1", "/login"]) {
    const answer = await gateway.raw("TRACE", path, []);
    assert.equal(answer.status, 501, answer.text);
    assert.equal(JSON.parse(answer.body).status, "METHOD_NOT_IMPLEMENTED");
  }
  for (const method of ["TRACK", "CONNECT"]) {
    const answer = await exchange(gateway.url(), request(method, "/x"));
    assert.ok(answer.status >= 400, answer.text);
  }
  assert.equal(origin.received.length, 0);
});

test("answers of our own are not sniffed for another type", async () => {
  for (const path of ["/auth/session", "/auth/healthz", "/auth/jwt/jwks.json", "/doc/1"]) {
    const answer = await gateway.fetch(path, { method: path === "/doc/1" ? "PUT" : "GET" });
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff", path);
    await answer.arrayBuffer();
  }
});
