// Personal answers stay personal: what caches are told on rules that look at a session, and what Cloudflare's own cache is.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { startOrigin } from "../support/origin.mjs";
import { values } from "../support/raw-socket.mjs";

/** What the origin answers. @type {{status?: number, headers?: Record<string, string | string[]>}} */
let said = {};
let origin;
let gateway;
let session;
before(async () => {
  origin = await startOrigin((_, response) => response.writeHead(said.status ?? 200, said.headers ?? {}).end([204, 304].includes(said.status ?? 200) ? undefined : "served"));
  gateway = await startGateway({
    origins: { app: { url: origin.url, timeout: "500ms" }, gone: { url: "http://127.0.0.1:9" }, bound: { binding: "APP" } },
    rules: [
      { path: "/open/**", origin: "app", session: "none" },
      { path: "/required/**", origin: "app", session: "required" },
      { path: "/admin/**", origin: "app", session: "required", require: { claim: "role", equals: "admin" } },
      { path: "/login-page/**", origin: "app", session: "required", refuse: "/login" },
      { path: "/shared/**", origin: "app", session: "optional", shared_cache: true },
      { path: "/gone/**", origin: "gone", session: "optional" },
      { path: "/act/**", methods: ["POST"], origin: "app", session: "optional", directives: true },
      { path: "/bound/open/**", origin: "bound", session: "none" },
      { path: "/bound/forwarding/**", origin: "bound", session: "none", forward_credentials: true },
      { path: "/bound/**", origin: "bound", session: "optional" },
      { path: "/**", origin: "app", session: "optional" },
    ],
    services: { APP: "bound-app" },
    callers: [{ name: "bound-app", path: "tests/support/bound-app-worker.mjs", bindings: {} }],
  });
  session = await gateway.session("carol");
});
after(async () => {
  await gateway?.close();
  await origin?.close();
});
beforeEach(() => {
  said = {};
});

const bearer = () => [`Authorization: Bearer ${session.token}`];
const vary = (answer) => values(answer, "vary").join(", ").toLowerCase().split(/\s*,\s*/);
const dependsOnSession = (answer) => assert.deepEqual(["cookie", "authorization"].filter((name) => !vary(answer).includes(name)), [], answer.text);
const control = (answer) => values(answer, "cache-control").join(", ");

test("what the origin says is made private, and depends on cookies and Authorization", async () => {
  for (const [sent, expected] of [
    [{}, "private"],
    [{ "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT" }, "private"],
    [{ expires: "Thu, 01 Jan 2099 00:00:00 GMT" }, "private"],
    [{ "cache-control": "public, max-age=600" }, "private, max-age=600"],
    [{ "cache-control": "max-age=600" }, "private, max-age=600"],
    [{ "cache-control": "s-maxage=600, max-age=1" }, "private, max-age=1"],
    [{ "cache-control": "PUBLIC" }, "private"],
    [{ "cache-control": ["public", "max-age=600"] }, "private, max-age=600"],
    [{ "cache-control": "no-store" }, "no-store"],
    [{ "cache-control": "private, max-age=5" }, "private, max-age=5"],
  ]) {
    said = { headers: { vary: "Accept-Encoding", etag: '"x"', ...sent } };
    for (const [path, lines] of [["/required/x", bearer()], ["/optional/x", bearer()], ["/optional/x", []]]) {
      for (const method of ["GET", "HEAD", "POST"]) {
        const answer = await gateway.raw(method, path, [...lines, ...(method === "POST" ? ["Content-Length: 0"] : [])]);
        assert.equal(answer.status, 200);
        assert.equal(control(answer), expected, `${method} ${path} ${JSON.stringify(sent)}`);
        dependsOnSession(answer);
        assert.ok(vary(answer).includes("accept-encoding"));
        assert.deepEqual(values(answer, "etag"), ['"x"']);
      }
    }
  }
});

test("headers for shared caches only are removed", async () => {
  const names = ["CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Vercel-CDN-Cache-Control", "Surrogate-Control", "Edge-Control", "X-Accel-Expires"];
  said = { headers: { ...Object.fromEntries(names.map((name) => [name, "public, max-age=600"])), "x-kept": "1" } };
  const answer = await gateway.raw("GET", "/optional/x", bearer());
  for (const name of names) assert.deepEqual(values(answer, name.toLowerCase()), [], name);
  assert.deepEqual([control(answer), values(answer, "x-kept")], ["private", ["1"]]);
});

test("304, 206, errors and redirects of the origin say the same", async () => {
  for (const status of [206, 301, 302, 304, 400, 401, 403, 404, 410, 500, 503]) {
    said = { status, headers: { "cache-control": "public, max-age=60", vary: "accept" } };
    const answer = await gateway.raw("GET", "/optional/x", bearer());
    assert.deepEqual([answer.status, control(answer)], [status, "private, max-age=60"]);
    dependsOnSession(answer);
  }
  said = { headers: { vary: "*" } };
  assert.deepEqual(vary(await gateway.raw("GET", "/optional/x", bearer())), ["*"], "it depends on everything already");
});

test("our own answers are kept by nobody", async () => {
  for (const [path, lines, status] of [
    ["/required/x", [], 401],
    ["/required/x", ["Authorization: Bearer eyJ.x.y"], 401],
    ["/admin/x", bearer(), 403],
    ["/login-page/x", ["Accept: text/html", "Sec-Fetch-Mode: navigate"], 302],
    ["/gone/x", bearer(), 502],
  ]) {
    for (const method of ["GET", "HEAD"]) {
      const answer = await gateway.raw(method, path, lines);
      assert.deepEqual([answer.status, control(answer)], [status, "no-store"], `${method} ${path}`);
      dependsOnSession(answer);
    }
  }
});

test("where a rule says shared_cache the origin's word stands", async () => {
  said = { headers: { "cache-control": "public, s-maxage=600", "cdn-cache-control": "max-age=5" } };
  const answer = await gateway.raw("GET", "/shared/x");
  assert.deepEqual([control(answer), values(answer, "cdn-cache-control")], ["public, s-maxage=600", ["max-age=5"]]);
  dependsOnSession(answer);
  said = {};
  assert.equal(control(await gateway.raw("GET", "/shared/x")), "private");
});

test("where no session is looked at the answer is the origin's", async () => {
  said = { headers: { "cache-control": "public, max-age=600", "cdn-cache-control": "max-age=5" } };
  const answer = await gateway.raw("GET", "/open/x", bearer());
  assert.deepEqual([control(answer), values(answer, "cdn-cache-control"), values(answer, "vary")], ["public, max-age=600", ["max-age=5"], []]);
  said = {};
  assert.deepEqual(values(await gateway.raw("GET", "/open/x"), "cache-control"), []);
});

test("Cloudflare's cache neither keeps nor gives what is made for a session or with a credential", async () => {
  const cacheOf = async (path, headers = {}) => {
    const { cf, headers: received } = await (await gateway.fetch(path, { headers })).json();
    // Origins take these for a wish to have no 304.
    assert.deepEqual([received["cache-control"], received.pragma], [undefined, undefined]);
    return [cf?.cacheTtl, cf?.cacheLevel];
  };
  const uncached = [-1, "bypass"];
  assert.deepEqual(await cacheOf("/bound/x", session.headers), uncached);
  assert.deepEqual(await cacheOf("/bound/x"), uncached);
  assert.deepEqual(await cacheOf("/bound/forwarding/x", session.headers), uncached);
  assert.deepEqual(await cacheOf("/bound/open/x", { authorization: "Basic YTpi" }), uncached);
  assert.deepEqual(await cacheOf("/bound/open/x"), [undefined, undefined]);
});

test("a conditional request is answered with 304 as without us", async () => {
  said = { status: 304, headers: { etag: '"x"' } };
  const answer = await gateway.raw("GET", "/optional/x", [...bearer(), 'If-None-Match: "x"']);
  assert.deepEqual([answer.status, origin.last().headers["if-none-match"], origin.last().headers["cache-control"]], [304, '"x"', undefined]);
});
