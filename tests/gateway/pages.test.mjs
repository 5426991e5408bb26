// @ts-check
// People see pages, programs get JSON, and the log has the id that the page shows.
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { after, before, test } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { startOrigin } from "../support/origin.mjs";
import { startWithCaller } from "../support/rpc.mjs";
import { until } from "../support/until.mjs";

/** @type {Awaited<ReturnType<typeof startOrigin>>} */
let origin;
/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
/** @type {import("node:net").Server} */
let silent;

const PAGE = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

before(async () => {
  origin = await startOrigin((request, response) => {
    const html = { "content-type": "text/html; charset=utf-8" };
    if (request.url === "/errors/403.html") return response.writeHead(200, { ...html, "set-cookie": "a=1" }).end("<h1>our own 403</h1>");
    if (request.url === "/errors/large.html") return response.writeHead(200, html).end("x".repeat(256 * 1024 + 1));
    if (request.url === "/errors/slow.html") return void setTimeout(() => response.writeHead(200, html).end("late"), 4_000).unref();
    if (request.url === "/errors/json") return response.writeHead(200, { "content-type": "application/json" }).end("{}");
    if (request.url === "/errors/moved") return response.writeHead(302, { location: "/errors/403.html" }).end();
    response.writeHead(404, html).end("origin's own 404");
  });
  silent = createServer(() => {});
  await new Promise((resolve) => silent.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (silent.address());
  const admin = { claim: "role", equals: "admin" };
  gateway = await startGateway({
    origins: { app: { url: origin.url }, dead: { url: "http://127.0.0.1:1" }, silent: { url: `http://127.0.0.1:${port}`, timeout: "200ms" } },
    rules: [
      { path: "/members", origin: "app" },
      { path: "/form", origin: "app", refuse: "/login" },
      { path: "/login", origin: "app", session: "none" },
      { path: "/admin", origin: "app", require: admin },
      { path: "/own", origin: "app", require: admin, pages: { 403: "/errors/403.html" } },
      { path: "/large", origin: "app", require: admin, pages: { 403: "/errors/large.html" } },
      { path: "/slow", origin: "app", require: admin, pages: { 403: "/errors/slow.html" } },
      { path: "/json", origin: "app", require: admin, pages: { default: "/errors/json" } },
      { path: "/moved", origin: "app", require: admin, pages: { 403: "/errors/moved" } },
      { path: "/dead", origin: "dead", session: "none" },
      { path: "/dead-own", origin: "dead", session: "none", pages: { origin: "app", 502: "/errors/403.html" } },
      { path: "/dead-directives", origin: "dead", methods: ["GET"], session: "optional", directives: true },
      { path: "/silent", origin: "silent", session: "none" },
      { path: "/app/**", origin: "app", session: "none" },
    ],
  });
});
after(async () => {
  await gateway?.close();
  await origin?.close();
  silent?.close();
});

const ask = (/** @type {string} */ path, /** @type {RequestInit & {headers?: Record<string, string>}} */ init = {}) => gateway.fetch(path, { ...init, headers: { ...PAGE, ...init.headers } });
const idOf = (/** @type {string} */ text) => /<code>([^<]+)<\/code>/.exec(text)?.[1] ?? "";
const linesWith = (/** @type {string} */ id) => gateway.output().split("\n").filter((line) => line.includes(`"request":"${id}"`));

test("whoever asks for a page gets one, with the same status, and an id that the log has", async () => {
  const user = await gateway.session("user", { role: "user" });
  for (const [path, status, title, headers] of /** @type {[string, number, string, Record<string, string>?][]} */ ([
    ["/members", 401, "Please sign in"],
    ["/admin", 403, "You may not see this page", user.headers],
    ["/nowhere", 403, "This page is not open to you"],
    ["/dead", 502, "The server behind this page does not answer"],
    ["/dead-directives", 502, "The server behind this page does not answer"],
    ["/silent", 504, "The server behind this page takes too long"],
    ["/app/a%2fb", 400, "This request could not be understood"],
    ["/auth/session", 401, "Please sign in"],
    ["/auth/signout", 405, "This address cannot be opened like this"],
  ])) {
    const page = await ask(path, { headers });
    const text = await page.text();
    assert.deepEqual([page.status, page.headers.get("content-type"), page.headers.get("cache-control")], [status, "text/html; charset=utf-8", "no-store"], path);
    assert.ok(text.includes(`<h1>${title}</h1>`) && /^<!doctype html>\n<html lang="en">/.test(text), `${path} ${text}`);
    assert.match(page.headers.get("content-security-policy") ?? "", /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'$/);
    assert.match(page.headers.get("vary") ?? "", /accept/i);
    assert.doesNotMatch(text, /127\.0\.0\.1|dead|silent|<script/);
    const id = idOf(text);
    assert.match(id, /^[0-9A-Za-z-]{8,64}$/);
    await until(`the log has ${path}`, async () => linesWith(id).length > 0);

    const head = await ask(path, { headers, method: "HEAD" });
    assert.deepEqual([head.status, await head.text()], [status, ""], path);
    for (const accept of ["*/*", "application/json", "application/json, text/html;q=0.5"]) {
      const json = await ask(path, { headers: { ...headers, accept } });
      assert.equal(json.status, status);
      assert.equal(typeof (/** @type {any} */ (await json.json())).status, "string", `${path} ${accept}`);
    }
  }
});

test("the id is Cloudflare's where there is one, and nothing else that a client says", async () => {
  const ray = "8f2b6c1d2e3f4a5b-FRA";
  assert.equal(idOf(await (await ask("/members", { headers: { "cf-ray": ray } })).text()), ray);
  await until("the log has it", async () => linesWith(ray).some((line) => line.includes("no access token")));
  assert.doesNotMatch(await (await ask("/members", { headers: { "cf-ray": "<script>alert(1)</script>" } })).text(), /script/);
});

test("the log names the origin that failed and where it is, the page and JSON do not", async () => {
  for (const [path, told] of [["/dead", "origin dead at http://127.0.0.1:1"], ["/silent", "origin silent at http://127.0.0.1:"]]) {
    const json = await gateway.fetch(path);
    assert.doesNotMatch(await json.text(), /127|dead|silent/);
    await until(`the log names it: ${path}`, async () => gateway.output().includes(told));
  }
});

test("a form that is refused says so, and where to sign in without losing it", async () => {
  const answer = await ask("/form", { method: "POST", body: new URLSearchParams({ text: "long" }) });
  const text = await answer.text();
  assert.equal(answer.status, 401);
  assert.ok(text.includes("Your form was not sent") && text.includes('href="/login" target="_blank" rel="noopener"'), text);
  const page = await ask("/form");
  assert.deepEqual([page.status, page.headers.get("location")], [302, "/login?return_to=%2Fform"]);
});

test("the browser SDK reads JSON whatever it accepts", async () => {
  const user = await gateway.session("user", { role: "user" });
  const answer = await ask("/admin", { headers: { ...user.headers, rid: "anti-csrf" } });
  assert.equal((/** @type {any} */ (await answer.json())).claimValidationErrors[0].id, "role");
});

test("a page of the operator's, asked for without credentials, and ours where it cannot be had", async () => {
  const user = await gateway.session("user", { role: "user" });
  const headers = { ...user.headers, cookie: "mine=1", "accept-language": "fr", "x-secret": "1" };
  origin.clear();
  const own = await ask("/own", { headers });
  assert.deepEqual([own.status, await own.text(), own.headers.getSetCookie()], [403, "<h1>our own 403</h1>", []]);
  const asked = origin.last()?.headers ?? {};
  assert.deepEqual([asked.authorization, asked.cookie, asked["x-secret"], asked["accept-language"], asked["postern-assertion"]], [undefined, undefined, undefined, "fr", undefined]);
  await until("the log has its id", async () => linesWith(String(asked["postern-request-id"])).length > 0);
  for (const path of ["/large", "/slow", "/json", "/moved"]) {
    const began = Date.now();
    const page = await ask(path, { headers: user.headers });
    assert.deepEqual([page.status, (await page.text()).includes("<h1>You may not see this page</h1>")], [403, true], path);
    assert.ok(Date.now() - began < 3_500, path);
  }
  assert.equal((/** @type {any} */ (await (await ask("/own", { headers: { ...user.headers, accept: "*/*" } })).json())).status, "INVALID_CLAIMS");
  // Another origin's for one that is down.
  const down = await ask("/dead-own");
  assert.deepEqual([down.status, await down.text()], [502, "<h1>our own 403</h1>"]);
  // What an origin answers itself is its own.
  assert.equal(await (await ask("/app/x")).text(), "origin's own 404");
});

test("without rules, with wrong settings and during an outage people see pages, too", async () => {
  const bare = await startWithCaller({});
  try {
    const page = await bare.fetch("/", { headers: PAGE });
    assert.deepEqual([page.status, (await page.text()).includes("<h1>There is no such page</h1>")], [404, true]);
  } finally {
    await bare.close();
  }
  const wrong = await startWithCaller({ LOG_LEVEL: "loud" });
  try {
    const page = await wrong.fetch("/", { headers: PAGE });
    assert.deepEqual([page.status, (await page.text()).includes("<h1>This site is not set up correctly</h1>")], [500, true]);
  } finally {
    await wrong.close();
  }
});
