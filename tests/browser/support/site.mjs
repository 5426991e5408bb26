// @ts-check
// A website, its API and Postern behind one TLS server, as a browser meets them by host name. Every request is noted,
// and a test can hold, lose or replace the answer to any.
import { createServer } from "node:https";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { clientAlias } from "../../support/client.mjs";
import { compatibilityDate, startPostern } from "../../support/harness.mjs";
import { launch } from "./chromium.mjs";
import { selfSigned } from "./certificate.mjs";

/**
 * @typedef {object} Call a request that arrived
 * @property {string} host @property {string} method @property {string} path
 * @property {string} visitor whose: the browser context's user agent
 * @property {number} [status] of the answer; none yet, or it was lost
 * @property {import("node:http").IncomingHttpHeaders} headers
 *
 * @typedef {(call: Call, forward: () => Promise<Answer>) => Promise<Answer | undefined>} Fault gives another answer
 *   than the one from behind, or `undefined` to lose it
 * @typedef {{status: number, headers: [string, string][], body: string}} Answer
 */

const page = "<!doctype html><meta charset=utf-8><title>site</title><script src=/app.js></script>";

export const REFRESH = "/auth/session/refresh";
/** The API's host on the site of the website, and on another. */
export const SAME_SITE = "api.example.test";
export const CROSS_SITE = "api.other.test";

/** How long an access token lives: short, but long enough for a few calls on a busy machine. */
export const LIFE_MILLISECONDS = 8_000;
const LIFE = {
  ACCESS_TOKEN_VALIDITY: `${LIFE_MILLISECONDS / 1000}s`,
  ACCESS_TOKEN_VALIDITY_JITTER: "0",
  REFRESH_GRACE_PERIOD: "4s",
  WEBSITE_ORIGINS: ["https://app.example.test", "https://www.example.test"],
};

/** Starts a site for the tests of a file, and ends it after them. */
export function useSite() {
  /** @type {Awaited<ReturnType<typeof startSite>>} */
  let site;
  before(async () => {
    site = await startSite({ [SAME_SITE]: { ...LIFE, COOKIE_DOMAIN: ".example.test", OLDER_COOKIE_DOMAIN: "" }, [CROSS_SITE]: LIFE });
  });
  after(() => site?.close());
  return () => site;
}

/** Starts Postern with a login route beside it. @param {Record<string, unknown>} vars */
async function startApi(vars) {
  const config = {
    name: "login-route",
    main: "../examples/login-route/src/index.js",
    compatibility_date: compatibilityDate,
    alias: clientAlias,
    services: [{ binding: "SESSIONS_ADMIN", service: "postern", entrypoint: "SessionsAdmin" }],
  };
  const postern = await startPostern({ vars, entrypoints: ["SessionsAdmin"], faultyKv: true, workers: [{ config: /** @type {any} */ (config) }] });
  const admin = postern.entrypoint("SessionsAdmin");
  return {
    postern,
    logIn: postern.worker("login-route"),
    /** A method of `SessionsAdmin`. @param {string} method @param {object} argument */
    admin: async (method, argument) => admin[method](argument),
  };
}

/**
 * Starts everything.
 * @param {Record<string, Record<string, unknown>>} apis settings of Postern by the host name of its API
 */
export async function startSite(apis) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("../page/app.js", import.meta.url))],
    bundle: true,
    write: false,
    format: "iife",
    platform: "browser",
    logLevel: "error",
    define: { "process.env.NODE_ENV": '"production"', global: "window" },
  });
  const script = outputFiles[0].text;
  /** @type {Record<string, Awaited<ReturnType<typeof startApi>>>} */
  const running = {};
  for (const [host, vars] of Object.entries(apis)) running[host] = await startApi({ API_DOMAIN: `https://${host}`, ...vars });

  /** @type {Call[]} */
  const calls = [];
  /** @type {Set<Fault>} */
  const faults = new Set();
  const server = createServer(selfSigned(), async (request, response) => {
    const [host, path] = [request.headers.host ?? "", request.url ?? "/"];
    /** @type {Buffer[]} */
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const call = { host, path, method: request.method ?? "", visitor: request.headers["user-agent"] ?? "", headers: request.headers };
    calls.push(call);
    const api = running[host];
    const forward = () => (api ? answerOfApi(api, call, Buffer.concat(chunks)) : answerOfPage(call, script));
    try {
      let next = forward;
      for (const fault of faults) {
        const inner = next;
        // @ts-expect-error A lost answer ends the chain.
        next = () => fault(call, inner);
      }
      /** @type {Answer | undefined} */
      const answer = await next();
      if (!answer) return void request.socket.destroy();
      /** @type {Call} */ (call).status = answer.status;
      const headers = answer.headers.flat();
      response.writeHead(answer.status, headers).end(answer.body);
    } catch (error) {
      console.error(`${call.method} ${call.path}: ${error}`);
      request.socket.destroy();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const browser = await launch(port);

  let visitors = 0;
  return {
    calls,
    /** Postern behind an API's host. @param {string} host */
    api: (host) => running[host],
    /** Answers by `fault` from now on; returns what ends it. @param {Fault} fault */
    disturb(fault) {
      faults.add(fault);
      return () => faults.delete(fault);
    },
    /** A browser profile of its own: cookies and storage. @param {import("playwright-core").BrowserContextOptions} [options] */
    async visitor(options) {
      const name = `visitor ${++visitors}`;
      const context = await browser.newContext({ ignoreHTTPSErrors: true, userAgent: name, ...options });
      return {
        name,
        context,
        /** Requests of this visitor, without preflights, since `from`. @param {string} path @param {number} [from] */
        calls: (path, from = 0) =>
          calls.slice(from).filter((call) => call.visitor === name && call.path === path && call.method !== "OPTIONS"),
        /** A page of the site, with its SDK started. @param {{host?: string, api: string, mode?: string, sdk?: string}} options */
        async open({ host = "app.example.test", api, mode = "cookie", sdk = "supertokens-website" }) {
          const tab = await context.newPage();
          await tab.goto(`https://${host}/`);
          await tab.evaluate((options) => /** @type {any} */ (globalThis).app.start(options), { name: sdk, mode, apiDomain: `https://${api}` });
          return tabOf(tab, api);
        },
      };
    },
    async close() {
      await browser.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      for (const { postern } of Object.values(running)) await postern.close();
    },
  };
}

/** A page, as a test uses it. @param {import("playwright-core").Page} tab @param {string} api */
function tabOf(tab, api) {
  const app = (/** @type {string} */ method, /** @type {unknown[]} */ ...args) =>
    tab.evaluate(([method, args]) => /** @type {any} */ (globalThis).app[method](...args), /** @type {const} */ ([method, args]));
  const self = {
    tab,
    /** A call to the site's API. @param {string} [transport] @param {string} [path] @param {object} [options] */
    call: (transport = "fetch", path = "/api/me", options = {}) => app("call", transport, path.startsWith("/") ? `https://${api}${path}` : path, options),
    many: (/** @type {number} */ count, transport = "fetch") => app("many", count, transport, `https://${api}/api/me`),
    /** A method of the SDK. @param {string} method */
    ask: (method) => app("ask", method),
    events: () => app("events"),
    logIn: (transport = "fetch") => self.call(transport, "/login", { method: "POST", json: { name: "alice", password: "wonderland" } }),
    /** Waits until the page's access token has expired. */
    async untilExpiry() {
      const expiry = await tab.evaluate(() => {
        const [, frontToken] = /(?:^|; )sFrontToken=([^;]*)/.exec(/** @type {any} */ (globalThis).document.cookie) ?? [];
        return JSON.parse(atob(frontToken)).ate;
      });
      await new Promise((resolve) => setTimeout(resolve, expiry - Date.now() + 100));
    },
  };
  return self;
}

/** @param {Call} call @param {string} script @returns {Promise<Answer>} */
async function answerOfPage({ host, path, method }, script) {
  if (host === "third.test") {
    const cors = /** @type {[string, string][]} */ ([["access-control-allow-origin", "*"], ["access-control-allow-headers", "*"]]);
    return { status: method === "OPTIONS" ? 204 : 401, headers: cors, body: "" };
  }
  if (path === "/app.js") return { status: 200, headers: [["content-type", "text/javascript"]], body: script };
  return { status: 200, headers: [["content-type", "text/html"]], body: page };
}

/** @param {Awaited<ReturnType<typeof startApi>>} api @param {Call} call @param {Buffer} body @returns {Promise<Answer>} */
async function answerOfApi({ postern, logIn }, { path, method, headers }, body) {
  const sent = Object.entries(headers).filter(([name]) => !/^(host|connection|content-length|:.*)$/.test(name));
  /** @type {Record<string, string>} */
  const passed = Object.fromEntries(sent.map(([name, value]) => [name, String(value)]));
  const ask = async (/** @type {string} */ method, /** @type {string} */ path) =>
    answerOf(await fetch(new URL(path, postern.url), { method, headers: passed, redirect: "manual", body: method === "POST" ? new Uint8Array(body) : undefined }));
  if (path.startsWith("/auth/")) return ask(method, path);
  if (method === "OPTIONS") return ask("OPTIONS", "/auth/session");
  if (path === "/login") {
    const answer = await answerOf(/** @type {any} */ (await logIn.fetch("/", { method, headers: passed, body: new Uint8Array(body) })));
    // CORS is the login route's own; here it is what Postern says of the origin.
    const cors = (await ask("GET", "/auth/healthz")).headers.filter(([name]) => /^(access-control-allow-.*|vary)$/.test(name));
    return { ...answer, headers: [...answer.headers, ...cors] };
  }
  // The site's own API. HEAD is verified as any request that may change something: its anti-CSRF is checked.
  const verified = await ask(method === "GET" ? "GET" : "HEAD", "/auth/session");
  if (verified.status !== 200 || method === "GET") return verified;
  return { ...verified, body: '{"changed":true}' };
}

/** @param {Response} response @returns {Promise<Answer>} */
async function answerOf(response) {
  const headers = [...response.headers].filter(([name]) => !/^(content-length|content-encoding|transfer-encoding|connection|keep-alive|date)$/.test(name));
  return { status: response.status, headers: /** @type {[string, string][]} */ (headers), body: await response.text() };
}
