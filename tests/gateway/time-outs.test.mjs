// Time-outs of origins where one timer serves all requests: it outlives the request that began it, goes over to another one
// before the platform would end it (20 s; the platform's limit is 30), and none is late for that. A minute of real time.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { startOrigin } from "../support/origin.mjs";

const SECOND = 1_000;

let origin;
let gateway;
before(async () => {
  origin = await startOrigin((request, response) => {
    if (request.url?.endsWith("/at-once")) response.end("here");
  });
  gateway = await startGateway({
    origins: { slow: { url: origin.url, timeout: "33s" }, quick: { url: origin.url, timeout: "1s" } },
    rules: [
      { path: "/quick/**", origin: "quick", session: "none" },
      { path: "/**", origin: "slow", session: "none" },
    ],
  });
});
after(async () => {
  await gateway?.close();
  await origin?.close();
});

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** How long a request waits for the answer that it must get. @param {string} path @param {number} status */
async function waits(path, status) {
  const started = Date.now();
  const answer = await gateway.fetch(path);
  await answer.text();
  assert.equal(answer.status, status);
  return Date.now() - started;
}
const near = (ms, expected) => assert.ok(ms > expected - 50 && ms < expected + 2 * SECOND, `${ms} ms in place of ${expected}`);

test("each request waits as long as its origin may take, whoever began the timer", { timeout: 120 * SECOND }, async () => {
  // Begins the timer, and is answered: from now on the timer is nobody's who waits.
  assert.ok((await waits("/at-once", 200)) < 5 * SECOND);
  // Waits, and its client goes away: it must not take the timer with it.
  const gone = new AbortController();
  const left = gateway.fetch("/gone", { signal: gone.signal }).catch(() => {});
  const long = [waits("/a", 504), waits("/b", 504)];
  await sleep(SECOND);
  gone.abort();
  await left;
  // An earlier deadline than the timer was set for.
  near(await waits("/quick/x", 504), SECOND);
  await sleep(22 * SECOND);
  // After the timer went over to another request.
  near(await waits("/quick/y", 504), SECOND);
  const last = waits("/c", 504);
  for (const ms of await Promise.all(long)) near(ms, 33 * SECOND);
  near(await last, 33 * SECOND);
  near(await waits("/quick/z", 504), SECOND);
});
