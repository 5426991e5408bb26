// Requests that mean one thing to a gateway and another to the origin, over raw sockets on bare workerd: each is refused
// before the origin hears of it, or arrives without what was smuggled. And the published holes of other gateways.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { access } from "../support/browser.mjs";
import { startGateway } from "../support/gateway.mjs";
import { linesOf, startOrigin } from "../support/origin.mjs";
import { exchange } from "../support/raw-socket.mjs";

let origin;
let trusting;
let gateway;
before(async () => {
  origin = await startOrigin((_, response) => response.end("served"));
  trusting = await startOrigin((_, response) => response.end("served"));
  gateway = await startGateway({
    origins: { app: { url: origin.url }, trusting: { url: trusting.url, accepts_ambiguous_paths: true } },
    rules: [
      { path: "/public/**", origin: "app", session: "none" },
      { path: "/admin/**", origin: "app", session: "required" },
      { host: "only.example", path: "/**", methods: ["GET"], origin: "app", session: "none" },
      { path: "/trusting/**", origin: "trusting", session: "none" },
      { path: "/open/**", methods: ["GET", "POST"], origin: "app", session: "optional" },
    ],
  });
});
after(async () => {
  await gateway?.close();
  await origin?.close();
  await trusting?.close();
});

const head = (target, lines, method = "GET") => `${method} ${target} HTTP/1.1\r\n${["Host: app.example", ...lines].join("\r\n")}\r\n\r\n`;

/** Paths that reach past the rule for `/public/**`, or would. */
const paths = [
  "/public/../admin/users",
  "/public/..%2fadmin/users",
  "/public/..%2Fadmin/users",
  "/public/%2e%2e/admin/users",
  "/public/%2E%2E%2Fadmin",
  "/public/.%2e/admin",
  "/public/%252e%252e/admin",
  "/public/..\\admin",
  "/public/..%5cadmin",
  "/public\\..\\admin",
  "/public/..;/admin/users",
  "/public/;/../admin",
  "/public/x;a=b/../../admin",
  "/public//../admin",
  "//admin/users",
  "//evil.example/public/x",
  "/public/./../admin",
  "/public/%2e/x",
  "/public/x/%2f/y",
  "/public/x%00/../../admin",
  "/public/x%00",
  "/public/%0d%0aX: 1",
  "/public/%",
  "/public/%zz",
  "/public/%c0%ae%c0%ae/admin",
  "/public/%ff",
  "/public/%u002e%u002e/admin",
  "/public/x%09",
  "/public/x\\",
  "http://app.example/public/../admin",
  "/open/x;jsessionid=1",
];

describe("ambiguous paths", () => {
  for (const target of paths) {
    test(`${JSON.stringify(target)} is refused, and no origin hears of it`, async () => {
      origin.clear();
      const answer = await exchange(gateway.url(), head(target, []));
      assert.ok([400, 403].includes(answer.status), answer.text);
      assert.equal(origin.received.length, 0);
      if (answer.status === 400) assert.match(answer.text, /BAD_INPUT|Bad Request/);
    });
  }

  test("what the rule saw is what the origin gets, byte by byte", async () => {
    for (const target of ["/public/a%20b", "/public/%E6%97%A5", "/public/a+b@c:d!$&'()*,=~-._", "/public/x?a=../../admin&b=%2e%2e;//", "/public/x/", "/public/a%2Bb"]) {
      origin.clear();
      const answer = await exchange(gateway.url(), head(target, []));
      assert.equal(answer.status, 200, `${target}: ${answer.text}`);
      assert.equal(origin.last().url, target);
    }
  });

  test("an origin that is known to agree gets the path that the rule saw", async () => {
    for (const target of ["/trusting/a//b", "/trusting/a;b/c", "/trusting/a%2fb"]) {
      trusting.clear();
      const answer = await exchange(gateway.url(), head(target, []));
      assert.equal(answer.status, 200, `${target}: ${answer.text}`);
      assert.equal(trusting.last().url, target);
    }
    trusting.clear();
    const up = await exchange(gateway.url(), head("/trusting/../admin/x", []));
    assert.ok(up.status >= 400 && trusting.received.length === 0, up.text);
  });
});

/** Header lines that would smuggle something in: who, what, past whom. The origin must not see `root`, nor a name of ours. */
const smuggled = [
  ["Postern-User-Id: root"],
  ["postern_user_id: root"],
  ["Postern-User_Id: root"],
  ["POSTERN_USER-ID: root"],
  ["postern.user.id: root"],
  ["Postern-Payload: root", "Postern-Session-Handle: root"],
  ["Postern-Assertion: root"],
  ["Postern-Create-Session: root"],
  ["Postern-Directive-Key: root"],
  ["Connection: Postern-User-Id", "Postern-User-Id: root"],
  ["Connection: X-Admin, keep-alive", "X-Admin: root"],
  ["Connection: x_admin", "X-Admin: root"],
  ["Connection: close", "Connection: X-Admin", "X-Admin: root"],
  ["X-Forwarded-User: root"],
  ["X-Forwarded-For: root", "X-Forwarded-Host: root", "X-Forwarded-Proto: root"],
  ["X_Forwarded_For: root"],
  ["X-Forwarded-Uri: /root"],
  ["X-Forwarded-Prefix: /root"],
  ["X-Original-URL: /root"],
  ["X-Rewrite-URL: /root"],
  ["Forwarded: for=root"],
  ["X-Real-IP: root"],
  ["X-HTTP-Method-Override: root"],
  ["Proxy-Authorization: Basic root", "Proxy-Connection: root"],
  ["TE: root", "Trailer: root", "Keep-Alive: root"],
  ["Upgrade: root", "Connection: Upgrade"],
  ["Expect: root"],
  ["Cookie: sAccessToken=root"],
  ["Cookie: a=1", "Cookie: sAccessToken=root"],
  ["Cookie: a=1; SACCESSTOKEN=root"],
  ["Cookie: a=1;sRefreshToken=root"],
];

describe("smuggled headers", () => {
  for (const lines of smuggled) {
    test(`${lines.join(" | ")}`, async () => {
      origin.clear();
      const answer = await exchange(gateway.url(), head("/open/x", lines));
      assert.ok(answer.status === 200 || (answer.status >= 400 && answer.status < 500), answer.text);
      if (answer.status !== 200) assert.equal(origin.received.length, 0);
      const seen = JSON.stringify(origin.received.map(({ rawHeaders }) => rawHeaders));
      assert.ok(!/root/.test(seen) && !/postern/i.test(seen), seen);
    });
  }
});

/** Messages whose end or target two parsers see in different places. One answer, or a refusal; never a second request. */
const framings = [
  ["two lengths", "POST /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhelloGET /admin/x HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a length with a sign", "POST /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello"],
  ["a length and chunks", "POST /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
  ["an unknown coding", "POST /open/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
  ["chunked twice", "POST /open/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
  ["a folded header", "GET /open/x HTTP/1.1\r\nHost: a\r\nX-A: b\r\n Postern-User-Id: root\r\n\r\n"],
  ["a space before the colon", "GET /open/x HTTP/1.1\r\nHost: a\r\nPostern-User-Id : root\r\n\r\n"],
  ["two hosts", "GET /open/x HTTP/1.1\r\nHost: a\r\nHost: only.example\r\n\r\n"],
  ["no host", "GET /open/x HTTP/1.1\r\n\r\n"],
  ["a host with a path", "GET /open/x HTTP/1.1\r\nHost: only.example/public\r\n\r\n"],
  ["a target with a user", "GET http://root@app.example/open/x HTTP/1.1\r\nHost: app.example\r\n\r\n"],
  ["a target of another host than the header says", "GET http://only.example/open/x HTTP/1.1\r\nHost: app.example\r\n\r\n"],
  ["a host with a user", "GET /open/x HTTP/1.1\r\nHost: only.example@evil.example\r\n\r\n"],
  ["a bare line feed in a value", "GET /open/x HTTP/1.1\r\nHost: a\r\nX-A: b\nPostern-User-Id: root\r\n\r\n"],
  ["NUL in a value", "GET /open/x HTTP/1.1\r\nHost: a\r\nX-A: b\0root\r\n\r\n"],
];

describe("framing", () => {
  for (const [name, bytes] of framings) {
    test(name, async () => {
      origin.clear();
      const answer = await exchange(gateway.url(), bytes);
      assert.ok([200, 400, 403, 501].includes(answer.status), answer.text);
      assert.ok(origin.received.length <= 1 && origin.received.every(({ url }) => url === "/open/x"), JSON.stringify(origin.received.map(({ url }) => url)));
      const seen = JSON.stringify(origin.received.map(({ rawHeaders }) => rawHeaders));
      assert.ok(!/root|postern/i.test(seen), seen);
    });
  }
});

describe("holes that other gateways had", () => {
  const reached = async (bytes) => {
    origin.clear();
    const answer = await exchange(gateway.url(), bytes);
    return { answer, seen: origin.received };
  };

  test("CVE-2025-64484: identity headers with underscores pass the stripper", async () => {
    for (const name of ["postern_user_id", "Postern_User-Id", "POSTERN_SESSION_HANDLE"]) {
      for (const path of ["/open/x", "/public/x"]) {
        const { answer, seen } = await reached(head(path, [`${name}: admin`]));
        assert.equal(answer.status, 200);
        assert.ok(linesOf(seen[0]).every(([line, value]) => !/postern/i.test(line) && value !== "admin"));
      }
    }
  });

  test("CVE-2026-40575: a client's X-Forwarded-Uri decides that no session is needed", async () => {
    for (const name of ["X-Forwarded-Uri", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix"]) {
      const { answer, seen } = await reached(head("/admin/x", [`${name}: /public/x`]));
      assert.deepEqual([answer.status, seen.length], [401, 0]);
    }
  });

  test("GHSA-7rh7-c77v-6434: the query decides that no session is needed", async () => {
    for (const target of ["/admin/x?/public/y", "/admin/x?path=/public/", "/admin/x?a#/public/y"]) {
      const { answer, seen } = await reached(head(target, []));
      assert.deepEqual([answer.status, seen.length], [401, 0], target);
    }
  });

  test("CVE-2026-41059: # or %23 in the path", async () => {
    for (const target of ["/admin/x#/public/y", "/admin/x%23/public/y", "/public/..%23/../admin/x"]) {
      const { answer, seen } = await reached(head(target, []));
      assert.ok(answer.status >= 400, `${target}: ${answer.text}`);
      assert.equal(seen.length, 0, target);
    }
    const { seen } = await reached(head("/public/x#/../../admin", []));
    assert.ok(seen.every(({ url }) => url === "/public/x"));
  });

  test("GHSA-5hvv: the user agent of a health check passes everywhere", async () => {
    for (const agent of ["GoogleHC/1.0", "kube-probe/1.31", "ELB-HealthChecker/2.0"]) {
      const { answer, seen } = await reached(head("/admin/x", [`User-Agent: ${agent}`]));
      assert.deepEqual([answer.status, seen.length], [401, 0]);
    }
  });

  test("oauth2-proxy#1065, #624: routes without a session let identity headers through", async () => {
    const { seen } = await reached(head("/public/x", ["Postern-User-Id: admin", "X-Forwarded-User: admin", "X-Forwarded-Email: admin@example.com"]));
    assert.ok(!JSON.stringify(seen[0].rawHeaders).includes("admin"));
  });

  test("oauth2-proxy#388, #644: session cookies leak to the origin", async () => {
    const { token } = await gateway.session();
    const { seen } = await reached(head("/open/x", [`Cookie: ${access(token)}; other=1`]));
    assert.equal(seen[0].headers.cookie, "other=1");
    assert.equal(seen[0].headers["postern-user-id"], "alice");
  });

  test("pomerium#3069: many groups make a head that the origin refuses", async () => {
    const session = await gateway.session("alice", { groups: Array.from({ length: 90 }, (_, n) => `group-${n}-name`) });
    const { answer, seen } = await reached(head("/open/x", [`Authorization: Bearer ${session.token}`]));
    assert.equal(answer.status, 200);
    const bytes = linesOf(seen[0]).reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
    assert.ok(bytes < 12 * 1024, `${bytes} bytes of headers`);
  });

  test("envoy#28230, mod_oauth2#77: claims that are not ASCII break headers", async () => {
    const session = await gateway.session("Zoë\u0000\r\n", { "https://example.com/ñ": "日本\r\nX: 1" });
    const { answer, seen } = await reached(head("/open/x", [`Authorization: Bearer ${session.token}`]));
    assert.equal(answer.status, 200);
    assert.ok(linesOf(seen[0]).every(([, value]) => /^[\x20-\x7e]*$/.test(value)));
  });

  test("oathkeeper#1054: a CORS preflight is asked for a session", async () => {
    const { answer, seen } = await reached(head("/admin/x", ["Origin: https://www.example.com", "Access-Control-Request-Method: POST"], "OPTIONS"));
    assert.deepEqual([answer.status, seen.length], [204, 0]);
  });

  test("a method that only looks like one the rule covers", async () => {
    for (const method of ["get", "Get", "GETX", "CONNECT", "TRACE"]) {
      const { answer, seen } = await reached(`${method} /x HTTP/1.1\r\nHost: only.example\r\n\r\n`);
      assert.ok(answer.status >= 400 && seen.length === 0, `${method}: ${answer.text}`);
    }
  });

  test("a host that only looks like the rule's", async () => {
    for (const [host, passes] of [["only.example", true], ["ONLY.example", true], ["only.example.", true], ["xonly.example", false], ["only.example.evil.example", false]]) {
      const { seen } = await reached(`GET /x HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      assert.equal(seen.length === 1, passes, host);
    }
  });
});

test("there are more than fifty variants", () => {
  assert.ok(paths.length + smuggled.length + framings.length >= 50);
});
