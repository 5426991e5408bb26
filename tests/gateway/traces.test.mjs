// Traces: the spans of Postern's own in the platform's trace, and the trace context of W3C on the way to a real origin and back.
// A collector is bound to the Worker as the platform binds one (a streaming tail of workerd).
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { startGateway } from "../support/gateway.mjs";
import { startIssuer } from "../support/issuer.mjs";
import { startOrigin } from "../support/origin.mjs";
import { until } from "../support/until.mjs";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = `00-${TRACE}-00f067aa0ba902b7-01`;
const STATE = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";
const MALFORMED = ["", "00", `00-${TRACE}-00f067aa0ba902b7`, `00-${"0".repeat(32)}-00f067aa0ba902b7-01`, `ff-${TRACE}-00f067aa0ba902b7-01`, PARENT.toUpperCase(), `${PARENT}-more`];

let origin;
let issuer;
/** Where its keys are. */
let keys;
let gateway;
const start = async (traced) => {
  issuer = await startIssuer();
  const { jwks, ...entry } = issuer.setting;
  keys = await startOrigin((_, response) => response.end(JSON.stringify(jwks)));
  origin = await startOrigin();
  // Any answer will do but an upgrade.
  new WebSocketServer({ server: origin.server }).on("connection", (socket) => socket.on("message", (data) => socket.send(String(data))));
  const rule = { origin: "app", session: "none" };
  gateway = await startGateway({
    origins: { app: { url: origin.url } },
    rules: [{ ...rule, path: "/open/**" }, { ...rule, path: "/strict/**", session: "required", freshness: "strict" }, { ...rule, path: "/directed/**", session: "optional", directives: true, methods: ["GET"] }],
    vars: { TRUSTED_ISSUERS: [{ ...entry, jwks_uri: `${keys.url}/keys` }] },
    traced,
  });
};
const stop = async () => {
  await gateway?.close();
  await origin?.close();
  await keys?.close();
};
/** What the origin got of the trace, and what the client was told. @param {string} path @param {Record<string, string>} headers */
async function passed(path, headers = {}) {
  const answer = await gateway.fetch(path, { headers });
  assert.equal(answer.status, 200, await answer.clone().text());
  const { traceparent, tracestate } = origin.last().headers;
  return { traceparent, tracestate, timing: answer.headers.get("server-timing") };
}

describe("a request that the platform does not trace", () => {
  before(() => start(false));
  after(stop);

  test("has the trace that its client gave it, and none is made for it", async () => {
    for (const path of ["/open/x", "/directed/x"]) {
      assert.deepEqual(await passed(path, { traceparent: PARENT, tracestate: STATE }), { traceparent: PARENT, tracestate: STATE, timing: null });
      assert.deepEqual(await passed(path), { traceparent: undefined, tracestate: undefined, timing: null });
    }
  });

  test("does not pass on a trace that is malformed, nor a state without a trace", async () => {
    for (const traceparent of MALFORMED) assert.deepEqual(await passed("/open/x", { traceparent, tracestate: STATE }), { traceparent: undefined, tracestate: undefined, timing: null }, traceparent);
    assert.equal((await passed("/open/x", { tracestate: STATE })).tracestate, undefined);
    assert.deepEqual(await passed("/open/x", { traceparent: PARENT, tracestate: "none" }), { traceparent: PARENT, tracestate: undefined, timing: null });
    const answer = await gateway.raw("GET", "/open/x", [["traceparent", PARENT], ["traceparent", PARENT.replace("4bf9", "4bf8")]]);
    assert.equal(answer.status, 200);
    assert.equal(origin.last().headers.traceparent, undefined, "of two nobody knows which");
  });
});

describe("a request that the platform traces", () => {
  before(() => start(true));
  after(stop);

  /** Every line of the collector's so far. */
  const lines = () => [...gateway.output().matchAll(/^trace (\{.*\})$/gm)].map(([, line]) => JSON.parse(line));
  const opened = (name) => lines().filter((line) => line.type === "open" && line.name === name);

  test("has the span of its origin as the parent of what the origin does, and its client is told", async () => {
    for (const path of ["/open/x", "/directed/x"]) {
      const { traceparent, tracestate, timing } = await passed(path, { traceparent: PARENT, tracestate: STATE });
      const [, traceId, spanId] = traceparent.match(/^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/);
      assert.notEqual(traceId, TRACE, "the platform continues no trace of a client's");
      assert.equal(tracestate, undefined, "what another trace had to say");
      assert.equal(timing, `traceparent;desc="${traceparent}"`);
      const span = await until("the collector has it", async () => opened("postern.origin").find((line) => line.spanId === spanId));
      assert.equal(span.traceId, traceId);
      assert.ok(lines().some((line) => line.type === "onset" && line.traceId === traceId && line.spanId === span.parentId), "below the request's own span");
      await until("it has ended", async () => lines().some((line) => line.type === "close" && line.spanId === spanId));
    }
  });

  test("has a span for each thing that it waited for", async () => {
    const { headers, handle } = await gateway.session("alice");
    assert.equal((await gateway.fetch("/strict/x", { headers })).status, 200);
    const { status } = await gateway.call("SESSIONS", "getSessionData", { handle, freshness: "within 60s" });
    assert.ok(["OK", "UNAUTHORISED"].includes(status));
    const foreign = await gateway.fetch("/auth/session", { headers: { authorization: `Bearer ${await issuer.token({ sub: "carol", sid: "s-1" })}` } });
    assert.equal(foreign.status, 200, await foreign.text());
    for (const name of ["postern.verify", "postern.authenticate", "postern.object", "postern.kv", "postern.jwks", "postern.origin"]) {
      const [span] = await until(`a span ${name}`, async () => opened(name).length > 0 && opened(name));
      await until(`the end of ${name}`, async () => lines().some((line) => line.type === "close" && line.spanId === span.spanId));
    }
    const told = lines().filter((line) => line.type === "attributes").flatMap(({ named }) => named);
    assert.ok(told.some(({ value }) => value === "user-sessions.internal/"));
    for (const { name, value } of told) {
      assert.equal(name, "postern.what");
      assert.ok(!String(value).includes("alice") && !String(value).includes(handle), value);
    }
  });

  test("is upgraded to a WebSocket as ever", async () => {
    const socket = new WebSocket(`${gateway.url().replace("http", "ws")}/open/socket`);
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    const echoed = new Promise((resolve) => socket.once("message", (data) => resolve(String(data))));
    socket.send("hello");
    assert.equal(await echoed, "hello");
    socket.close();
  });

  test("but a token whose signature is all that is to be waited for has none, nor has an answer that is kept", async () => {
    const { headers } = await gateway.session("bob");
    const ask = async () => assert.equal((await gateway.fetch("/auth/session", { headers })).status, 200);
    const before = lines().filter(({ type }) => type === "open").map(({ name }) => name).filter((name) => name.startsWith("postern.")).length;
    for (let time = 0; time < 7; time++) await ask();
    const { traceparent } = await passed("/open/x");
    await until("the collector is up to date", async () => lines().some((line) => line.type === "close" && traceparent.includes(line.spanId)));
    const after = lines().filter(({ type }) => type === "open").map(({ name }) => name).filter((name) => name.startsWith("postern.")).length;
    assert.equal(after - before, 1, "the origin's only");
  });
});
