// A page that keeps its token in script, with the unmodified SDK in a real Chromium: an EventSource by a ticket.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { HOST, startGatewaySite } from "./support/gateway-site.mjs";

let site;
before(async () => {
  site = await startGatewaySite({}, [
    { path: "/events/**", origin: "app", session: "required" },
    { path: "/**", origin: "app", session: "none" },
  ]);
});
after(() => site?.close());

/** The page's call of a method of `app`. */
const app = (tab, method, ...args) => tab.evaluate(([method, args]) => globalThis.app[method](...args), [method, args]);
/** The first event of an EventSource, or `error` where it is refused. */
const first = (tab, path) =>
  tab.evaluate((path) => new Promise((resolve) => {
    const source = new EventSource(path);
    const done = (what) => {
      source.close();
      resolve(what);
    };
    source.onmessage = ({ data }) => done(data);
    source.onerror = () => done("error");
  }), path);

test("an EventSource of a page in header mode opens with a ticket, once", async () => {
  const context = await site.browser.newContext({ ignoreHTTPSErrors: true });
  const tab = await context.newPage();
  const url = (path) => `https://${HOST}${path}`;
  await tab.goto(url("/"));
  await app(tab, "start", { name: "supertokens-website", mode: "header", apiDomain: `https://${HOST}` });
  assert.equal((await app(tab, "call", "fetch", url("/login"), { method: "POST", json: { name: "alice" } })).status, 200);
  assert.equal(await first(tab, "/events/news"), "error");
  const { status, body } = await app(tab, "call", "fetch", url("/auth/session/ticket"), { method: "POST", json: { path: "/events/news" } });
  assert.equal(status, 200);
  const path = `/events/news?from=3&postern_ticket=${body.ticket}`;
  assert.equal(await first(tab, path), "alice");
  assert.equal(await first(tab, path), "error");
  const seen = site.received.filter((request) => request.url.startsWith("/events/"));
  assert.deepEqual(seen.map((request) => request.url), ["/events/news?from=3"]);
  for (const { text } of site.received) assert.ok(!text.includes("postern_ticket") && !text.includes(body.ticket));
  await context.close();
});
