// A WebSocket that another website's page opens: the browser sends cookies along, and nobody asks CORS first.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { access, cookie } from "../support/browser.mjs";
import { startGateway } from "../support/gateway.mjs";
import { startOrigin } from "../support/origin.mjs";

const SITE = "https://www.example.com";
let origin;
let gateway;
let session;
before(async () => {
  origin = await startOrigin();
  new WebSocketServer({ server: origin.server }).on("connection", (socket) => socket.close(1000));
  gateway = await startGateway({
    origins: { app: { url: origin.url } },
    rules: [
      { path: "/open", session: "none" },
      { path: "/pay", session: "required", cross_site: ["https://pay.example"] },
      { path: "/hook", session: "required", cross_site: "any" },
      { path: "/required", session: "required" },
      { path: "/**", session: "optional" },
    ],
    vars: { WEBSITE_ORIGINS: SITE },
  });
  session = await gateway.session("alice");
});
after(async () => {
  await gateway?.close();
  await origin?.close();
});

/** 101, or the status of the refusal with its code. */
async function opened(path, headers) {
  const socket = new WebSocket(`${gateway.url().replace("http", "ws")}${path}`, { headers });
  socket.on("error", () => {});
  const [[event, answer]] = await Promise.race([
    once(socket, "upgrade").then(() => [["upgrade"]]),
    once(socket, "unexpected-response").then(([, response]) => [["refused", response]]),
  ]);
  if (event === "upgrade") {
    await once(socket, "close");
    return 101;
  }
  let text = "";
  for await (const chunk of answer) text += chunk;
  return [answer.statusCode, JSON.parse(text).status];
}

test("only our websites and programs open one with a session", async () => {
  const alice = cookie(access(session.token));
  const own = new URL(gateway.url()).host;
  for (const [headers, outcome] of [
    [{ ...alice }, 101],
    [{ ...alice, origin: SITE }, 101],
    [{ ...alice, origin: `http://${own}` }, 101],
    [{ ...alice, origin: "https://evil.example" }, [403, "FOREIGN_WEBSITE"]],
    [{ ...alice, origin: "null" }, [403, "FOREIGN_WEBSITE"]],
    [{ ...alice, origin: `${SITE}.evil.example` }, [403, "FOREIGN_WEBSITE"]],
    [{ origin: "https://evil.example" }, 101], // anonymous: nothing of anybody's is used
  ]) {
    assert.deepEqual(await opened("/x", headers), outcome, JSON.stringify(headers.origin ?? null));
  }
  assert.equal(await opened("/open", { ...alice, origin: "https://evil.example" }), 101, "where no session is looked at");
});

/** What a request says of where it comes from, and the status at a rule without exceptions. */
const SENDERS = [
  [{}, 200],
  [{ origin: SITE, "sec-fetch-site": "cross-site" }, 200],
  [{ "sec-fetch-site": "same-origin" }, 200],
  [{ origin: "null", "sec-fetch-site": "same-origin" }, 200],
  [{ origin: "https://evil.example" }, 403],
  [{ origin: "https://evil.example", "sec-fetch-site": "cross-site" }, 403],
  [{ origin: "https://blog.www.example.com", "sec-fetch-site": "same-site" }, 403],
  [{ origin: "https://pay.example" }, 403],
  [{ origin: "null" }, 403],
  [{ "sec-fetch-site": "same-site" }, 403],
];

test("what another website sends with a session's cookie reaches no origin and clears nothing, except where a rule names it", async () => {
  const send = async (method, path, headers) => {
    const before = origin.received.length;
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    const answer = await gateway.raw(method, path, [...lines, "Content-Length: 0"]);
    return { answer, reached: origin.received.length - before };
  };
  // SameSite=None here, as the website is of another site: `rid` is asked for besides.
  const byCookie = { ...cookie(access(session.token)), rid: "x" };
  for (const [sender, status] of SENDERS) {
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      for (const path of ["/x", "/required"]) {
        const { answer, reached } = await send(method, path, { ...byCookie, ...sender });
        assert.deepEqual([answer.status, reached], [status, status === 200 ? 1 : 0], `${method} ${path} ${JSON.stringify(sender)}`);
        assert.ok(!/set-cookie|front-token/i.test(JSON.stringify(answer.headers ?? answer)), "nothing is cleared");
      }
    }
    assert.equal((await send("GET", "/required", { ...byCookie, ...sender })).answer.status, 200, "a link that is followed");
    assert.equal((await send("POST", "/required", { authorization: `Bearer ${session.token}`, ...sender })).answer.status, 200, "no website sends that header");
    assert.equal((await send("POST", "/x", sender)).answer.status, 200, "nobody's session");
    assert.equal((await send("POST", "/hook", { ...byCookie, ...sender })).answer.status, 200);
    const named = sender.origin === "https://pay.example" ? 200 : status;
    assert.equal((await send("POST", "/pay", { ...byCookie, ...sender })).answer.status, named, JSON.stringify(sender));
  }
});

test("a page that came by http is another website to a deployment behind https", async () => {
  const secure = await startGateway({ origins: { app: { url: origin.url } }, rules: [{ path: "/**", session: "required" }], vars: { API_DOMAIN: "https://app.example.com" } });
  try {
    const { token } = await secure.session("alice");
    const status = async (sent) => (await secure.raw("POST", "/x", [`Cookie: ${access(token)}`, "Content-Length: 0", ...sent])).status;
    const own = "app.example"; // what `raw` asks for
    for (const [sent, expected] of [
      [[`Origin: https://${own}`], 200],
      [["Origin: https://app.example.com"], 200],
      [[`Origin: http://${own}`], 403],
      [["Origin: http://app.example.com"], 403],
      [[`Origin: ftp://${own}`], 403],
      [[`Origin: ${own}`], 403],
    ]) {
      assert.equal(await status(sent), expected, sent.join());
    }
  } finally {
    await secure.close();
  }
});
