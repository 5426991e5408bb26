// A request arrives as it was sent, or is refused with a reason: methods, bodies, ranges, trailers; and CORS for all of them.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { bodyOf, startOrigin } from "../support/origin.mjs";
import { values } from "../support/raw-socket.mjs";

const SITE = "https://www.example.com";
/** RFC 9110 without those that are about a connection, RFC 5789, RFC 4918, RFC 3253 as far as the platform knows them, QUERY. */
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH", "ACL", "MKACTIVITY", "CHECKOUT", "MERGE", "QUERY"];

let origin;
let gateway;
let session;
before(async () => {
  origin = await startOrigin(async (request, response) => {
    const body = await bodyOf(request);
    if (request.url.startsWith("/ranges")) {
      const whole = Buffer.from("0123456789");
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
      const isFresh = (request.headers["if-range"] ?? '"v1"') === '"v1"';
      if (from && isFresh) return response.writeHead(206, { "content-range": `bytes ${from}-${to}/10`, etag: '"v1"', "accept-ranges": "bytes" }).end(whole.subarray(Number(from), Number(to) + 1));
      if (request.headers.range?.startsWith("bytes=99")) return response.writeHead(416, { "content-range": "bytes */10" }).end();
      return response.writeHead(200, { etag: '"v1"', "accept-ranges": "bytes" }).end(whole);
    }
    request.was = body.toString();
    response.end("served");
  });
  gateway = await startGateway({
    origins: { app: { url: origin.url } },
    rules: [
      { path: "/open/**", origin: "app", session: "none" },
      { path: "/some/**", methods: ["GET", "PROPFIND", "VERSION-CONTROL"], origin: "app", session: "required" },
      { path: "/**", origin: "app", session: "optional" },
    ],
    vars: { WEBSITE_ORIGINS: SITE },
  });
  session = await gateway.session();
});
after(async () => {
  await gateway?.close();
  await origin?.close();
});
beforeEach(() => origin.clear());

const bearer = () => [`Authorization: Bearer ${session.token}`];

describe("bodies", () => {
  test("with a length they arrive, whatever the method", async () => {
    for (const method of METHODS) {
      for (const [path, lines] of [["/open/x", []], ["/x", bearer()], ["/x", []]]) {
        origin.clear();
        const answer = await gateway.raw(method, path, [...lines, "Content-Length: 5", "Content-Type: text/plain"], "hello");
        assert.equal(answer.status, 200, `${method} ${path}: ${answer.text}`);
        const { was, headers } = origin.last();
        assert.deepEqual([origin.last().method, was, headers["content-length"], headers["content-type"]], [method, "hello", "5", "text/plain"]);
      }
    }
  });

  test("without a length they arrive, or are refused with a reason", async () => {
    for (const method of METHODS) {
      for (const path of ["/open/x", "/x"]) {
        origin.clear();
        const answer = await gateway.raw(method, path, ["Transfer-Encoding: chunked"], "5\r\nhello\r\n0\r\n\r\n");
        if (method === "GET" || method === "HEAD") {
          assert.deepEqual([answer.status, origin.received.length], [411, 0], `${method} ${path}`);
          if (method === "GET") assert.deepEqual(JSON.parse(answer.body), { status: "LENGTH_REQUIRED", message: "a body of GET or HEAD needs a Content-Length" });
        } else {
          assert.deepEqual([answer.status, origin.last()?.was], [200, "hello"], `${method} ${path}`);
        }
      }
    }
    assert.match(gateway.output(), /a body of GET or HEAD needs a Content-Length/);
  });

  test("no body is none", async () => {
    for (const method of METHODS) {
      assert.equal((await gateway.raw(method, "/open/x")).status, 200, method);
      assert.deepEqual([origin.last().method, origin.last().was], [method, ""]);
    }
  });

  test("trailers are left out on the way, and the body is whole", async () => {
    const answer = await gateway.raw("POST", "/open/x", ["Transfer-Encoding: chunked", "Trailer: X-T"], "5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n");
    assert.deepEqual([answer.status, origin.last().was, origin.last().headers.trailer, origin.last().trailers], [200, "hello", undefined, {}]);
  });
});

test("a method that the platform does not know is refused before us, with a reason", async () => {
  for (const method of ["VERSION-CONTROL", "MKCALENDAR", "FOO"]) {
    const answer = await gateway.raw(method, "/open/x");
    assert.deepEqual([answer.status, origin.received.length], [501, 0], method);
  }
});

test("ranges pass both ways", async () => {
  for (const [lines, status, body, range] of [
    [["Range: bytes=2-4"], 206, "234", "bytes 2-4/10"],
    [["Range: bytes=2-4", 'If-Range: "v1"'], 206, "234", "bytes 2-4/10"],
    [["Range: bytes=2-4", 'If-Range: "v0"'], 200, "0123456789", undefined],
    [["Range: bytes=99-"], 416, "", "bytes */10"],
    [[], 200, "0123456789", undefined],
  ]) {
    const answer = await gateway.raw("GET", "/ranges", [...bearer(), ...lines]);
    assert.deepEqual([answer.status, answer.body, values(answer, "content-range")[0]], [status, body, range], lines.join());
    assert.equal(origin.last().headers.range, lines[0]?.slice(7));
  }
});

describe("CORS", () => {
  const preflight = async (path, method, from = SITE) => {
    const answer = await gateway.raw("OPTIONS", path, [`Origin: ${from}`, `Access-Control-Request-Method: ${method}`]);
    return (values(answer, "access-control-allow-methods")[0] ?? "").split(", ");
  };

  test("a rule for every method allows every method", async () => {
    for (const method of METHODS) assert.ok((await preflight("/x", method)).includes(method), method);
    for (const method of METHODS) assert.ok((await preflight("/open/x", method)).includes(method), method);
    assert.equal(origin.received.length, 0, "our websites are answered here");
  });

  test("a rule for some methods allows these", async () => {
    assert.deepEqual(await preflight("/some/x", "PROPFIND"), ["GET", "PROPFIND", "VERSION-CONTROL", "HEAD"]);
    assert.ok(!(await preflight("/some/x", "GET")).includes("LOCK"));
  });

  test("no stranger is told anything, and no nonsense is said after anybody", async () => {
    assert.deepEqual(await preflight("/x", "LOCK", "https://evil.example"), [""]);
    assert.ok(!(await preflight("/x", "LOCK, X")).includes("X"));
  });
});
