// Redirects and cookies of an origin speak of the address that the client used.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { startOrigin } from "../support/origin.mjs";
import { values } from "../support/raw-socket.mjs";

/** @type {Record<string, string | string[]>} */
let said = {};
let origin;
let gateway;
let session;
before(async () => {
  origin = await startOrigin((request, response) => {
    if (request.url.startsWith("/act")) response.setHeader("postern-directive-key", request.headers["postern-directive-key"] ?? "");
    response.writeHead(302, said).end();
  });
  gateway = await startGateway({
    origins: { app: { url: origin.url }, kept: { url: origin.url, rewrite: false }, bound: { binding: "APP" } },
    rules: [
      { path: "/kept/**", origin: "kept", session: "none" },
      { path: "/bound/**", origin: "bound", session: "none" },
      { path: "/open/**", origin: "app", session: "none" },
      { path: "/act/**", methods: ["GET"], origin: "app", session: "optional", directives: true },
      { path: "/**", origin: "app", session: "optional" },
    ],
    services: { APP: "bound-app" },
    callers: [{ name: "bound-app", path: "tests/support/redirecting-app-worker.mjs", bindings: {} }],
  });
  session = await gateway.session();
});
after(async () => {
  await gateway?.close();
  await origin?.close();
});

const PATHS = ["/open/x", "/optional/x", "/act/x"];
const asked = (path, host = "app.example", lines = []) => gateway.raw("GET", path, [`Host: ${host}`, ...lines]);

test("an address of the origin becomes the one that was used, in every form", async () => {
  const own = origin.url;
  const bare = own.replace("http:", "");
  for (const host of ["app.example", "app.example:8443", "[2001:db8::1]:8443", "APP.example"]) {
    const address = `http://${host.toLowerCase()}`;
    for (const [name, sent, expected] of [
      ["location", `${own}/login?next=%2Fx#top`, `${address}/login?next=%2Fx#top`],
      ["location", own, address],
      ["location", `HTTP://127.0.0.1:${origin.port}/x`, `${address}/x`],
      ["location", `${bare}/x`, `//${host.toLowerCase()}/x`],
      ["content-location", `${own}/x`, `${address}/x`],
      ["refresh", `0; url=${own}/x`, `0; url=${address}/x`],
      ["refresh", `3;URL='${own}/x'`, `3;URL='${address}/x'`],
      ["link", `<${own}/2>; rel="next", </3>; rel=prev, <https://cdn.example/x>; rel=preload`, `<${address}/2>; rel="next", </3>; rel=prev, <https://cdn.example/x>; rel=preload`],
    ]) {
      for (const path of PATHS) {
        said = { [name]: sent, "x-kept": own };
        const answer = await asked(path, host);
        assert.deepEqual([values(answer, name), values(answer, "x-kept")], [[expected], [own]], `${path} at ${host}: ${sent}`);
      }
    }
  }
});

test("other addresses are left alone", async () => {
  for (const location of ["/login", "login", "?x", "https://elsewhere.example/x", "//elsewhere.example/x", `http://127.0.0.1:${origin.port}.evil.example/`, `http://127.0.0.1:${origin.port}@evil.example/`, "http://127.0.0.1/x", `https://127.0.0.1:${origin.port}/x`, `/go?next=${origin.url}/`, "http://app.example/x", `ftp://127.0.0.1:${origin.port}/`]) {
    said = { location };
    assert.deepEqual(values(await asked("/open/x"), "location"), [location]);
  }
});

test("a cookie loses the domain that is the origin's host, and nothing else", async () => {
  said = { "set-cookie": ["a=1; Domain=127.0.0.1; Path=/; HttpOnly", "b=2; Path=/", "c=3; domain=.127.0.0.1", "d=4; Domain=app.example", "sAccessToken=evil; Domain=127.0.0.1"] };
  for (const path of PATHS) {
    assert.deepEqual(values(await asked(path), "set-cookie"), ["a=1; Path=/; HttpOnly", "b=2; Path=/", "c=3", "d=4; Domain=app.example"], path);
  }
});

test("with rewrite = false everything stays as it is", async () => {
  said = { location: `${origin.url}/x`, "set-cookie": ["a=1; Domain=127.0.0.1"] };
  const answer = await asked("/kept/x");
  assert.deepEqual([values(answer, "location"), values(answer, "set-cookie")], [[`${origin.url}/x`], ["a=1; Domain=127.0.0.1"]]);
});

test("a Worker that is bound is asked by the public address, and answers with it", async () => {
  assert.deepEqual(values(await asked("/bound/x", "app.example:8443"), "location"), ["http://app.example:8443/login"]);
});

test("with a session, and with websites, too", async () => {
  said = { location: `${origin.url}/x`, vary: "accept" };
  const answer = await asked("/optional/x", "app.example", [`Authorization: Bearer ${session.token}`, "Origin: https://www.example.com"]);
  assert.deepEqual(values(answer, "location"), ["http://app.example/x"]);
});
