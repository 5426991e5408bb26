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
    rules: [{ path: "/open", session: "none" }, { path: "/**", session: "optional" }],
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
