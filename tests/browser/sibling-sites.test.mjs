// @ts-check
// A real Chromium, and a sibling of the site under one parent domain: it plants cookies, and sends requests that the
// browser adds the site's cookies to, as SameSite counts it in.
import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { createServer } from "node:https";
import { after, before, describe, test } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { startOrigin } from "../support/origin.mjs";
import { selfSigned } from "./support/certificate.mjs";
import { launch } from "./support/chromium.mjs";

const [APP, EVIL] = ["app.example.test", "evil.example.test"];
/** @type {(() => unknown)[]} */
const closing = [];
after(async () => {
  for (const close of closing.reverse()) await close();
});

/** The site, whose origin logs in whoever is named, and its sibling, which serves what `sibling` says. @param {Record<string, unknown>} vars */
async function start(vars) {
  /** @type {string[]} */
  const received = [];
  const origin = await startOrigin((request, response) => {
    received.push(`${request.method} ${request.url}`);
    const user = /^\/login\/(\w+)$/.exec(request.url ?? "")?.[1];
    if (user) {
      response.setHeader("postern-directive-key", request.headers["postern-directive-key"] ?? "");
      response.setHeader("postern-create-session", Buffer.from(JSON.stringify({ userId: user })).toString("base64url"));
    }
    response.setHeader("content-type", "text/html");
    response.end("<!doctype html><title>app</title>");
  });
  const gateway = await startGateway({
    origins: { app: { url: origin.url } },
    rules: [{ path: "/login/*", methods: ["POST"], session: "optional", directives: true }, { path: "/**", session: "optional" }],
    vars: { API_DOMAIN: `https://${APP}`, ...vars },
  });
  const sibling = { body: "<!doctype html><title>evil</title>", cookies: /** @type {string[]} */ ([]) };
  const front = createServer(selfSigned(), (request, response) => {
    if (request.headers.host !== APP) {
      response.writeHead(200, { "content-type": "text/html", "set-cookie": sibling.cookies }).end(sibling.body);
      return;
    }
    const { port } = new URL(gateway.url());
    const passed = httpRequest({ host: "127.0.0.1", port, method: request.method, path: request.url, headers: request.headers, setHost: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    passed.on("error", () => response.destroy());
    request.pipe(passed);
  });
  await new Promise((resolve) => front.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (front.address());
  const browser = await launch(port);
  closing.push(async () => {
    await browser.close();
    front.closeAllConnections();
    front.close();
    await gateway.close();
    await origin.close();
  });
  /** A person at the site, logged in. @param {string} user */
  const person = async (user) => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    await page.goto(`https://${APP}/`);
    const post = (/** @type {string} */ path) => page.evaluate(async (path) => (await fetch(path, { method: "POST" })).status, path);
    assert.equal(await post(`/login/${user}`), 200);
    return {
      context,
      page,
      post,
      who: () => page.evaluate(async () => (/** @type {any} */ (await (await fetch("/auth/session")).json())).session?.userId),
      cookies: () => context.cookies([`https://${APP}/auth/session/refresh`]),
    };
  };
  return { person, sibling, received };
}

for (const prefixed of [false, true]) {
  describe(`a sibling site${prefixed ? ", with HOST_PREFIXED_COOKIE" : ""}`, { timeout: 120_000 }, () => {
    /** @type {Awaited<ReturnType<typeof start>>} */
    let site;
    before(async () => {
      site = await start({ HOST_PREFIXED_COOKIE: prefixed });
    });
    const prefix = prefixed ? "__Host-" : "";

    test("that plants its own refresh token does not make its visitor somebody else", async () => {
      const { person, sibling } = site;
      const mallory = await person("mallory");
      const token = (await mallory.cookies()).find(({ name }) => name === `${prefix}sRefreshToken`)?.value;
      assert.ok(token);
      const victim = await person("victim");
      sibling.cookies = [`sRefreshToken=${token}; Domain=.example.test; Path=/auth/session/refresh; Secure; SameSite=None`];
      await victim.page.goto(`https://${EVIL}/`);
      sibling.cookies = [];
      assert.ok((await victim.cookies()).some(({ name, domain }) => name === "sRefreshToken" && domain === ".example.test"), "it is planted");
      await victim.page.goto(`https://${APP}/`);
      for (let i = 0; i < 2; i++) {
        assert.equal(await victim.post("/auth/session/refresh"), 200);
        assert.equal(await victim.who(), "victim");
      }
      const held = await victim.cookies();
      for (const name of ["sAccessToken", "sRefreshToken"]) assert.ok(held.some((cookie) => cookie.name === `${prefix}${name}` && cookie.domain === APP), name);
    });

    test("that sends forms and fetches with its visitor's cookies gets 403, and nobody is logged out", async () => {
      const { person, sibling, received } = site;
      const victim = await person("victim");
      const before = (await victim.cookies()).map(({ name, value }) => `${name}=${value}`).sort();
      for (const path of ["/transfer", "/auth/session/refresh", "/auth/signout"]) {
        sibling.body = `<!doctype html><form method=post action="https://${APP}${path}"></form>`;
        await victim.page.goto(`https://${EVIL}/`);
        const [answer] = await Promise.all([victim.page.waitForNavigation(), victim.page.evaluate("document.forms[0].submit()")]);
        assert.equal(answer?.status(), 403, path);
        await victim.page.goto(`https://${EVIL}/`);
        await victim.page.evaluate(async (url) => void (await fetch(url, { method: "POST", mode: "no-cors", credentials: "include" })), `https://${APP}${path}`);
      }
      assert.ok(!received.includes("POST /transfer"));
      assert.deepEqual((await victim.cookies()).map(({ name, value }) => `${name}=${value}`).sort(), before, "nothing is cleared or changed");
      await victim.page.goto(`https://${EVIL}/`);
      await victim.page.goto(`https://${APP}/`);
      assert.equal(await victim.who(), "victim");
      assert.equal(await victim.post("/transfer"), 200, "the site's own page may");
      assert.ok(received.includes("POST /transfer"));
    });
  });
}
