// One normal form of a host for every entry point: the router, the service API's hosts, and the rules. Raw sockets on bare workerd.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { startOrigin } from "../support/origin.mjs";
import { exchange } from "../support/raw-socket.mjs";

let origin;
let gateway;
before(async () => {
  origin = await startOrigin((request, response) => response.end(`served ${request.headers["x-forwarded-host"]}`));
  gateway = await startGateway({
    vars: { SERVICE_API_HOSTS: ["core.example"] },
    origins: { app: { url: origin.url } },
    rules: [
      { host: "admin.example", path: "/**", session: "required" },
      { host: "port.example:8443", path: "/**", session: "required" },
      { path: "/told/**", session: "none", workers_dev: true },
      { path: "/**", session: "none" },
    ],
  });
});
after(async () => {
  await gateway?.close();
  await origin?.close();
});

const get = (host, path) => exchange(gateway.url(), `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);

describe("spellings of one host", () => {
  for (const host of ["admin.example", "ADMIN.Example", "admin.example.", "Admin.Example.:80", "admin.example:", "admin.example.:"]) {
    test(`${host} falls under the rule for admin.example`, async () => {
      const answer = await get(host, "/x");
      assert.equal(answer.status, 401, answer.text);
    });
  }
  for (const host of ["port.example:8443", "PORT.example.:8443", "port.example:08443"]) {
    test(`${host} falls under the rule for port.example:8443`, async () => assert.equal((await get(host, "/x")).status, 401));
  }
  for (const host of ["core.example", "CORE.example", "core.example.", "Core.Example.:8443", "ｃｏｒｅ.example"]) {
    test(`${host} is the host of the service API`, async () => {
      const answer = await exchange(gateway.url(), Buffer.from(`GET /recipe/session?sessionHandle=x HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
      assert.match(answer.text, /Invalid API key|Bad Request|malformed/, answer.text);
    });
  }

  test("an origin is told the normal form", async () => {
    for (const host of ["App.Example", "app.example.", "app.example:"]) {
      assert.equal((await get(host, "/x")).body, "served app.example", host);
    }
  });
});

describe("what is no host", () => {
  for (const host of ["admin.example..", "admin..example", ".admin.example", ".", "..", "admin.example..:80", "core.example..", "user@admin.example", "admin.example:x", "admin.example:99999"]) {
    test(`${host} is refused at every entry point`, async () => {
      const heard = origin.received.length;
      for (const path of ["/x", "/auth/session", "/auth/healthz", "/core/hello", "/auth/jwt/jwks.json"]) {
        const answer = await get(host, path);
        assert.equal(answer.status, 400, `${path}: ${answer.text}`);
      }
      assert.equal(origin.received.length, heard);
    });
  }
});

describe("names that the platform gives", () => {
  for (const [host, path, status] of [
    ["postern.team.workers.dev", "/x", 403],
    ["POSTERN.team.workers.dev.", "/x", 403],
    ["0f1e2d3c-postern.team.workers.dev", "/x", 403],
    ["postern.team.workers.dev", "/told/x", 200],
    ["postern.team.workers.dev", "/auth/healthz", 200],
    ["other.example", "/x", 200],
    ["127.0.0.1", "/x", 200],
  ]) {
    test(`${host}${path}: ${status}`, async () => assert.equal((await get(host, path)).status, status));
  }

  test("the log says why", () => assert.match(gateway.output(), /rules without a host do not answer under workers\.dev/));
});
