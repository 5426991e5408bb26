// `POST {base}/explain`: what the gateway would do with a request, and why; and that it does just that.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { apiKey } from "../support/harness.mjs";
import { startOrigin } from "../support/origin.mjs";

describe("explain", () => {
  let origin;
  let gateway;
  before(async () => {
    origin = await startOrigin();
    gateway = await startGateway({
      origins: { app: { url: origin.url } },
      rules: [
        { path: "/public/**", session: "none" },
        { path: "/admin/**", require: { claim: "role", equals: "admin" }, refuse: "/public/login" },
        { path: "/shadow/**", shadow: true },
        { path: "/only", methods: ["POST"], session: "optional" },
      ],
    });
  });
  after(async () => {
    await gateway?.close();
    await origin?.close();
  });

  const ask = (body, headers = { "api-key": apiKey }) =>
    gateway.fetch("/auth/explain", { method: "POST", headers, body: typeof body === "string" ? body : JSON.stringify(body) });
  const explained = async (body) => {
    const answer = await ask(body);
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    assert.equal(answer.headers.get("cache-control"), "no-store");
    return JSON.parse(text);
  };

  test("it needs an API key, and a request that is described well", async () => {
    for (const headers of [{}, { "api-key": "wrong-key-wrong-key-wrong" }, { authorization: "Bearer wrong-key-wrong-key-wrong" }]) {
      const answer = await ask({ url: "http://a/" }, headers);
      assert.deepEqual([answer.status, (await answer.json()).status], [401, "INVALID_API_KEY"]);
    }
    const by = await ask({ url: "http://a/x" }, { authorization: `Bearer ${apiKey}` });
    assert.equal(by.status, 200);
    await by.text();
    const own = gateway.url();
    for (const body of ["", "[]", "{}", '{"url":"/x"}', '{"url":"ftp://a/"}', '{"url":"http://"}', '{"url":"http://a/","x":1}', { url: `${own}/auth/session` }, { url: "http://a/", headers: { pad: "x".repeat(70_000) } }]) {
      const answer = await ask(body);
      assert.deepEqual([answer.status, (await answer.json()).status], [400, "BAD_INPUT"], JSON.stringify(body).slice(0, 80));
    }
    for (const [bytes, status] of [[65_536, 200], [65_537, 400]]) {
      const answer = await ask(JSON.stringify({ url: "http://a/" }).padEnd(bytes));
      await answer.text();
      assert.equal(answer.status, status, `${bytes} bytes`);
    }
    const get = await gateway.fetch("/auth/explain");
    assert.deepEqual([get.status, get.headers.get("allow")], [405, "POST"]);
    await get.text();
  });

  test("what it says is what happens", async () => {
    const admin = await gateway.session("alice", { role: "admin", secret: "not-for-explanations" });
    const user = await gateway.session("bob", { role: "user" });
    const page = { accept: "text/html", "sec-fetch-mode": "navigate" };
    for (const [path, init, decision, decidedBy, rule] of [
      ["/public/x", {}, "forward", "rule", 0],
      ["/admin/x", { headers: admin.headers }, "forward", "rule", 1],
      ["/admin/x", { headers: user.headers }, "refuse", "claims", 1],
      ["/admin/x", {}, "refuse", "session", 1],
      ["/admin/x", { headers: page }, "refuse", "session", 1],
      ["/admin/x", { headers: { authorization: `Bearer ${admin.token.slice(0, -4)}AAAA` } }, "refuse", "session", 1],
      ["/shadow/x", {}, "forward", "session", 2],
      ["/only", {}, "refuse", "rule", null],
      ["/only", { method: "POST" }, "forward", "rule", 3],
      ["/admin%2fx", { headers: admin.headers }, "refuse", "path", null],
      ["/nowhere", { headers: admin.headers }, "refuse", "rule", null],
    ]) {
      const told = await explained({ url: gateway.url() + path, method: init.method ?? "GET", headers: init.headers ?? {} });
      assert.deepEqual([told.decision, told.decidedBy, told.rule?.index ?? null], [decision, decidedBy, rule], path);
      const answer = await gateway.fetch(path, init);
      await answer.text();
      assert.equal(answer.status, told.answer?.httpStatus ?? 200, path);
      assert.equal(answer.headers.get("location"), told.answer?.location ?? null, path);
      const text = JSON.stringify(told);
      for (const secret of [admin.token, user.token, "not-for-explanations", "alice", "bob", admin.handle]) assert.ok(!text.includes(secret), path);
    }
    const short = await explained({ url: `${gateway.url()}/admin/x`, token: admin.token });
    assert.deepEqual([short.decision, short.withIdentity], ["forward", true]);
  });

  test("the paths that a URL changes are shown as they came and as they would be sent", async () => {
    const told = await explained({ url: `${gateway.url()}/public/../admin/x` });
    assert.deepEqual(told.path, { received: "/public/../admin/x", sent: "/admin/x" });
    assert.deepEqual([told.decision, told.decidedBy, told.reason], ["refuse", "path", "the path holds a dot segment"]);
  });

  test("a preflight is told as one", async () => {
    const headers = { origin: "https://www.example.com", "access-control-request-method": "GET" };
    const told = await explained({ url: `${gateway.url()}/admin/x`, method: "OPTIONS", headers });
    assert.deepEqual([told.decision, told.decidedBy, told.answer], ["preflight", "preflight", { httpStatus: 204 }]);
  });
});
