// An origin that takes minutes is waited for, whatever else is asked meanwhile. The clock of the isolate is set ahead;
// nobody really waits.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { startOrigin } from "../support/origin.mjs";

const website = "http://127.0.0.1:3000";
let origin;
let gateway;
/** @type {import("node:http").ServerResponse | undefined} */
let held;
/** @type {import("node:http").IncomingMessage | undefined} */
let asked;
before(async () => {
  origin = await startOrigin((request, response) => {
    if (request.url === "/login") [asked, held] = [request, response];
    else response.end("at once");
  });
  gateway = await startGateway({
    entry: "tests/support/clock-entry.mjs",
    vars: { WEBSITE_ORIGINS: [website] },
    origins: { app: { url: origin.url, timeout: "300s" } },
    rules: [{ path: "/**", methods: ["GET", "POST"], session: "none", directives: true }],
  });
});
after(async () => {
  await gateway?.close();
  await origin?.close();
});
beforeEach(() => {
  [asked, held] = [undefined, undefined];
});

/** Sets the clock ahead with a request of somebody else's. @param {number} seconds */
const ahead = async (seconds) => {
  const answer = await gateway.fetch("/auth/healthz", { headers: { "test-clock-ahead": String(seconds * 1000) } });
  assert.equal(answer.status, 200);
};
/** Other requests, each of which waits for something. */
const others = () => Promise.all(["/other", "/auth/readyz"].map((path) => gateway.fetch(path).then((answer) => answer.arrayBuffer())));
const until = async (what) => {
  for (let n = 0; !what(); n += 1) {
    assert.ok(n < 500, "in time");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
const post = async () => {
  const answer = gateway.fetch("/login", { method: "POST", body: "x", headers: { origin: website } });
  await until(() => held);
  return { answer };
};

test("an origin that takes 299 seconds has its answer passed on, and its directives carried out", async () => {
  const { answer } = await post();
  for (const seconds of [121, 240, 299]) {
    await ahead(seconds);
    await others();
  }
  held?.writeHead(200, {
    "postern-directive-key": asked?.headers["postern-directive-key"] ?? "",
    "postern-create-session": Buffer.from(JSON.stringify({ userId: "late" })).toString("base64url"),
  }).end("slow");
  const got = await answer;
  assert.deepEqual([got.status, await got.text()], [200, "slow"], gateway.output());
  assert.ok(got.headers.getSetCookie().some((line) => line.startsWith("sAccessToken=")));
  await ahead(0);
});

test("what is given up nevertheless is answered with 504, readable for its website, and logged", async () => {
  const { answer } = await post();
  await ahead(700);
  await others();
  held?.end("too late");
  const got = await answer;
  assert.equal(got.status, 504);
  assert.equal(got.headers.get("access-control-allow-origin"), website);
  assert.equal((await got.json()).status, "GATEWAY_TIMEOUT");
  assert.match(gateway.output(), /"event":"given_up"/);
  await ahead(0);
});
