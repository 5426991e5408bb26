// The way to an origin and back: a real HTTP server on loopback, bare workerd between it and the client.
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { gzipSync } from "node:zlib";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startGateway } from "../support/gateway.mjs";
import { bodyOf, echo, linesOf, startOrigin } from "../support/origin.mjs";
import { values } from "../support/raw-socket.mjs";

/** What the origin does by path. */
const pages = {
  "/status/": (request, response) => response.writeHead(Number(request.url.split("/")[2])).end(),
  "/early": async (_, response) => {
    response.writeEarlyHints({ link: "</a.css>; rel=preload" });
    await sleep(20);
    response.end("final");
  },
  "/repeated": (_, response) => response.writeHead(200, { "x-r": ["1", "2", "1"], "set-cookie": ["a=1; Path=/", "b=2", "a=3; Path=/x"], vary: ["accept", "x-y"] }).end("x"),
  "/head": (_, response) => response.writeHead(200, { "content-length": "1234", "x-a": "1" }).end(),
  "/not-modified": (_, response) => response.writeHead(304, { etag: '"x"' }).end(),
  "/redirect": (_, response) => response.writeHead(302, { location: "/elsewhere?x=1" }).end(),
  "/hop": (_, response) => {
    response.writeHead(200, { connection: "close, x-secret", "x-secret": "1", "proxy-authenticate": "Basic", "keep-alive": "timeout=9", trailer: "x-t", "transfer-encoding": "chunked", upgrade: "h2c" });
    response.write("x");
    response.addTrailers({ "x-t": "1" });
    response.end();
  },
  "/gzip": (_, response) => response.writeHead(200, { "content-encoding": "gzip", "content-type": "text/plain" }).end(gzipSync("packed".repeat(100))),
  "/slow-head": async (_, response) => {
    await sleep(1_500);
    response.end("late");
  },
  "/slow-body": async (_, response) => {
    response.write("begun ");
    await sleep(900);
    response.end("and ended");
  },
  "/breaks": (request, response) => {
    response.write("half");
    setTimeout(() => request.socket.destroy(), 50);
  },
  "/drops": (request) => request.socket.destroy(),
  "/events": async (request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (let n = 0; n < 5; n += 1) {
      response.write(`data: ${n}\n\n`);
      await sleep(100);
    }
    response.end();
  },
};

describe("an origin behind the gateway", () => {
  let origin;
  let gateway;
  /** Takes connections, and says nothing. */
  const silent = createServer((socket) => socket.on("error", () => {}));
  before(async () => {
    await new Promise((resolve) => silent.listen(0, "127.0.0.1", () => resolve(undefined)));
    origin = await startOrigin((request, response) => {
      const page = Object.keys(pages).find((prefix) => request.url.startsWith(prefix));
      return page ? pages[page](request, response) : echo(request, response);
    });
    gateway = await startGateway({
      origins: { app: { url: origin.url, timeout: "500ms" }, gone: { url: "http://127.0.0.1:9" }, silent: { url: `http://127.0.0.1:${silent.address().port}`, timeout: "300ms" }, bound: { binding: "APP" } },
      rules: [
        { path: "/gone/**", origin: "gone", session: "optional" },
        { path: "/silent/**", origin: "silent", session: "none" },
        { path: "/bound/**", origin: "bound", session: "optional" },
        { path: "/**", origin: "app", session: "optional" },
      ],
      services: { APP: "bound-app" },
      callers: [{ name: "bound-app", path: "tests/support/bound-app-worker.mjs", bindings: {} }],
    });
  });
  after(async () => {
    await gateway?.close();
    await origin?.close();
    silent.close();
  });
  const told = async (path, init) => {
    const answer = await gateway.fetch(path, init);
    assert.equal(answer.status, 200);
    return answer.json();
  };

  test("method, path, query and body arrive as they were sent", async () => {
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "QUERY"]) {
      const body = ["GET"].includes(method) ? undefined : `body of ${method}`;
      const got = await told("/a/b%20c/d?q=1&q=%2F&empty=&x=a+b", { method, body });
      assert.deepEqual([got.method, got.url, got.body], [method, "/a/b%20c/d?q=1&q=%2F&empty=&x=a+b", body ?? ""]);
    }
  });

  test("statuses pass, errors of the origin among them", async () => {
    for (const status of [200, 201, 204, 205, 299, 301, 400, 401, 403, 404, 409, 418, 429, 451, 500, 503, 599]) {
      const answer = await gateway.raw("GET", `/status/${status}`);
      assert.equal(answer.status, status);
    }
  });

  test("values of a repeated header keep their order, both ways, and each Set-Cookie stays one of its own", async () => {
    const answer = await gateway.raw("GET", "/repeated", ["X-R: 1", "X-R: 2", "X-R: 1", "Cookie: z=1; y=2"]);
    assert.deepEqual(linesOf(origin.last()).filter(([name]) => name === "X-R").map(([, value]) => value), ["1", "2", "1"]);
    assert.equal(origin.last().headers.cookie, "z=1; y=2");
    assert.deepEqual(values(answer, "x-r"), ["1", "2", "1"]);
    assert.deepEqual(values(answer, "set-cookie"), ["a=1; Path=/", "b=2", "a=3; Path=/x"]);
  });

  test("HEAD, 204 and 304 have no body, and a length says what GET would have", async () => {
    const head = await gateway.raw("HEAD", "/head");
    assert.deepEqual([head.status, head.body, values(head, "x-a")], [200, "", ["1"]]);
    assert.equal(origin.last().method, "HEAD");
    const notModified = await gateway.raw("GET", "/not-modified", ['If-None-Match: "x"']);
    assert.deepEqual([notModified.status, notModified.body, values(notModified, "etag")], [304, "", ['"x"']]);
    assert.equal(origin.last().headers["if-none-match"], '"x"');
    const nothing = await gateway.raw("GET", "/status/204");
    assert.deepEqual([nothing.status, nothing.body], [204, ""]);
  });

  test("an informational answer first does not break the final one", async () => {
    const answer = await gateway.raw("GET", "/early");
    assert.deepEqual([answer.status, answer.body], [200, "final"]);
  });

  test("a redirect is the client's to follow", async () => {
    const answer = await gateway.raw("GET", "/redirect");
    assert.deepEqual([answer.status, values(answer, "location")], [302, ["/elsewhere?x=1"]]);
  });

  test("what belongs to one connection ends there, both ways", async () => {
    const answer = await gateway.raw("GET", "/hop", ["Connection: keep-alive, X-Mine", "X-Mine: 1", "X-Kept: 1", "Keep-Alive: 5", "TE: trailers", "Proxy-Authorization: Basic x", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"]);
    assert.deepEqual([answer.status, answer.body], [200, "x"]);
    for (const name of ["x-secret", "proxy-authenticate", "keep-alive", "trailer", "upgrade"]) assert.deepEqual(values(answer, name), [], name);
    const names = linesOf(origin.last()).map(([name]) => name.toLowerCase());
    assert.ok(names.includes("x-kept"));
    for (const name of ["x-mine", "keep-alive", "te", "proxy-authorization", "upgrade", "http2-settings"]) assert.ok(!names.includes(name), name);
  });

  test("a packed body passes as it is", async () => {
    const answer = await gateway.raw("GET", "/gzip", ["Accept-Encoding: gzip"]);
    assert.deepEqual(values(answer, "content-encoding"), ["gzip"]);
    assert.equal(answer.body.slice(0, 2), "\x1f\x8b");
    assert.equal(await (await gateway.fetch("/gzip")).text(), "packed".repeat(100));
  });

  test("a body of unknown length streams up, one of known length keeps it", async () => {
    const chunked = await gateway.raw("POST", "/up", ["Transfer-Encoding: chunked"], "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    assert.equal(JSON.parse(chunked.body).body, "hello world");
    const sized = await gateway.raw("POST", "/up", ["Content-Length: 5"], "hello");
    assert.deepEqual([JSON.parse(sized.body).body, origin.last().headers["content-length"]], ["hello", "5"]);
  });

  test("server-sent events arrive as they are produced", async () => {
    const answer = await gateway.fetch("/events");
    const seen = [];
    const started = Date.now();
    for await (const chunk of answer.body) seen.push([Buffer.from(chunk).toString(), Date.now() - started]);
    assert.equal(seen.length, 5, JSON.stringify(seen));
    assert.ok(seen[0][1] < 90 && seen[4][1] - seen[0][1] > 300, JSON.stringify(seen));
  });

  test("what the client says about its address, host and scheme is not believed", async () => {
    const lies = ["X-Forwarded-For: 6.6.6.6", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https", "X-Forwarded-Uri: /admin", "Forwarded: for=6.6.6.6", "X-Real-IP: 6.6.6.6", "X_Forwarded_For: 6.6.6.6", "X-Original-URL: /admin", "X-Rewrite-URL: /admin"];
    await gateway.raw("GET", "/who", [...lies, "CF-Connecting-IP: 2001:db8::1"]);
    const { headers } = origin.last();
    assert.equal(headers["x-forwarded-for"], "2001:db8::1");
    assert.equal(headers["x-forwarded-host"], "app.example");
    assert.equal(headers["x-forwarded-proto"], "http");
    assert.equal(headers.forwarded, 'for="[2001:db8::1]";host="app.example";proto=http');
    assert.ok(!JSON.stringify(origin.last().rawHeaders).match(/6\.6\.6\.6|evil|admin/));
  });

  test("an origin that is not there is 502, one that does not answer 504, and neither hangs", async () => {
    const started = Date.now();
    for (const [path, status, code] of [["/gone/x", 502, "BAD_GATEWAY"], ["/silent/x", 504, "GATEWAY_TIMEOUT"], ["/slow-head", 504, "GATEWAY_TIMEOUT"], ["/drops", 502, "BAD_GATEWAY"]]) {
      const answer = await gateway.fetch(path);
      assert.equal(answer.status, status, path);
      assert.equal((await answer.json()).status, code);
      assert.equal(answer.headers.get("cache-control"), "no-store");
    }
    assert.ok(Date.now() - started < 4_000);
    assert.match(gateway.output(), /rule \/gone\/\*\*: the origin cannot be reached/);
  });

  test("the time-out is for the head: a body may take longer", async () => {
    const answer = await gateway.fetch("/slow-body");
    assert.equal(await answer.text(), "begun and ended");
  });

  test("a body that breaks off does not look whole to the client", async () => {
    const answer = await gateway.raw("GET", "/breaks");
    assert.ok(!answer.text.endsWith("0\r\n\r\n"), answer.text);
  });

  test("a client that goes away is noticed, and others are served", async () => {
    const abort = new AbortController();
    const answer = await gateway.fetch("/events", { signal: abort.signal });
    abort.abort();
    await answer.text().catch(() => {});
    assert.equal((await told("/still")).url, "/still");
  });

  test("an origin behind a service binding sees the request's own URL", async () => {
    const got = await told("/bound/x?y=1", { method: "POST", body: "b", headers: { "x-a": "1" } });
    assert.deepEqual([got.method, new URL(got.url).pathname + new URL(got.url).search, got.body, got.a], ["POST", "/bound/x?y=1", "b", "1"]);
  });

  test("twenty requests at once do not mix", async () => {
    const paths = Array.from({ length: 20 }, (_, n) => `/many/${n}`);
    const bodies = await Promise.all(paths.map((path) => told(path, { method: "POST", body: path })));
    assert.deepEqual(bodies.map(({ url, body }) => [url, body]), paths.map((path) => [path, path]));
  });
});

/** What an origin may send in place of an answer, and the statuses that the client may get. */
const broken = [
  ["nothing", "", [502]],
  ["no HTTP at all", "hello\r\n\r\n", [502]],
  ["half a head", "HTTP/1.1 200 OK\r\nContent-Le", [502]],
  ["a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", [502]],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", [502]],
  ["an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\n\r\nhello", [200, 502]],
  ["a status that is none", "HTTP/1.1 999 What\r\nPostern-User-Id: x\r\nContent-Length: 0\r\n\r\n", [502]],
  ["a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", [502]],
  ["a status of its own platform", "HTTP/1.1 522 x\r\nContent-Length: 1\r\n\r\nx", [504]],
  ["another", "HTTP/1.1 521 x\r\nContent-Length: 1\r\n\r\nx", [502]],
  ["an upgrade that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", [502]],
  ["informational answers and an end", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", [502]],
  ["a folded header", "HTTP/1.1 200 OK\r\nX-A: b\r\n Postern-Revoke: user\r\nContent-Length: 0\r\n\r\n", [200, 502]],
  ["a body with 204", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", [204, 502]],
  ["a head of a megabyte", `HTTP/1.1 200 OK\r\nX-A: ${"a".repeat(1024 * 1024)}\r\nContent-Length: 0\r\n\r\n`, [200, 502]],
];

test("an origin that sends no proper answer is 502, and hurts nobody else", async () => {
  let bytes = "";
  const origin = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(bytes, "latin1"));
  });
  await new Promise((resolve) => origin.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (origin.address());
  const good = await startOrigin();
  const gateway = await startGateway({
    origins: { broken: { url: `http://127.0.0.1:${port}`, timeout: "2s" }, good: { url: good.url } },
    rules: [{ path: "/good", origin: "good", session: "none" }, { path: "/directives/**", methods: ["GET"], origin: "broken", session: "optional", directives: true }, { path: "/**", origin: "broken", session: "optional" }],
  });
  try {
    for (const [what, sent, statuses] of broken) {
      bytes = sent;
      for (const path of ["/x", "/directives/x"]) {
        const answer = await gateway.raw("GET", path);
        assert.ok(statuses.includes(answer.status), `${what} on ${path}: ${answer.text.slice(0, 300)}`);
        assert.ok(!/postern/i.test(answer.text), answer.text.slice(0, 300));
        assert.equal((await gateway.fetch("/good")).status, 200);
      }
    }
  } finally {
    await gateway.close();
    await good.close();
    origin.close();
  }
});

test("a route with an origin of its own: the request goes on to where it was going", async () => {
  const origin = await startOrigin();
  const gateway = await startGateway({ origins: { zone: { route: true } }, rules: [{ path: "/**", origin: "zone", session: "optional" }] });
  try {
    const answer = await gateway.raw("GET", "/x?y=1", [`Host: 127.0.0.1:${origin.port}`]);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual([origin.last().url, origin.last().headers.host], ["/x?y=1", `127.0.0.1:${origin.port}`]);
  } finally {
    await gateway.close();
    await origin.close();
  }
});
