// @ts-check
// A website whose host is the gateway's own, behind TLS, with one origin that makes its pages: every byte that this origin
// receives is kept, and every token that a browser is given.
import { request as httpRequest } from "node:http";
import { createServer } from "node:https";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
// @ts-expect-error: it brings no types
import { WebSocketServer } from "ws";
import { build } from "esbuild";
import { startGateway } from "../../support/gateway.mjs";
import { bodyOf, startOrigin } from "../../support/origin.mjs";
import { selfSigned } from "./certificate.mjs";
import { launch } from "./chromium.mjs";

export const HOST = "app.example.test";
const PAGE = '<!doctype html><meta charset=utf-8><title>site</title><link rel=stylesheet href=/style.css><img src=/picture.png><script src=/app.js></script>';

/**
 * @param {Record<string, unknown>} vars settings
 * @param {object[]} rules after those for the login
 * @param {(port: number, certificate: ReturnType<typeof selfSigned>) => Promise<any>} [start] starts the browser
 */
export async function startGatewaySite(vars, rules, start = launch) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("../page/app.js", import.meta.url))],
    bundle: true,
    write: false,
    format: "iife",
    platform: "browser",
    logLevel: "error",
    define: { "process.env.NODE_ENV": '"production"', global: "window" },
  });
  /** Whatever the origin received. @type {{method: string, url: string, text: string}[]} */
  const received = [];
  /** What the front answers in the gateway's place, by path: a status; 0 = nothing, it hangs up. @type {Map<string, number>} */
  const faults = new Map();
  const origin = await startOrigin(async (request, response) => {
    const body = (await bodyOf(request)).toString();
    const url = request.url ?? "";
    received.push({ method: request.method ?? "", url, text: [url, ...request.rawHeaders, body].join("\n") });
    if (url.startsWith("/login") && request.method === "POST") {
      response.setHeader("postern-directive-key", request.headers["postern-directive-key"] ?? "");
      response.setHeader("postern-create-session", Buffer.from(JSON.stringify({ userId: new URL(url, "http://origin").searchParams.get("user") ?? "alice", jwtPayload: { role: "member" } })).toString("base64url"));
      return void response.end("{}");
    }
    if (url.startsWith("/events/")) {
      response.setHeader("content-type", "text/event-stream");
      return void response.write(`data: ${request.headers["postern-user-id"]}\n\n`);
    }
    // Pages without any script: a form that signs in, and a link.
    if (url === "/form") return void response.setHeader("content-type", "text/html").end("<!doctype html><form method=post action=/login><button>Sign in</button></form><a href=/api/page>page</a>");
    if (url.startsWith("/api/hop/")) return void response.writeHead(302, { location: url.endsWith("/0") ? "/api/end" : `/api/hop/${Number(url.slice(9)) - 1}` }).end();
    if (url.startsWith("/api/picture")) return void response.setHeader("content-type", "image/gif").end(Buffer.from("R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=", "base64"));
    const [type, text] = url === "/" ? ["text/html", PAGE] : url === "/app.js" ? ["text/javascript", outputFiles[0].text] : url.startsWith("/api/") ? ["application/json", JSON.stringify({ user: request.headers["postern-user-id"] ?? null })] : ["text/css", ""];
    response.setHeader("content-type", type);
    response.end(text);
  });
  const sockets = new WebSocketServer({ server: origin.server });
  sockets.on("connection", (/** @type {{send: (text: string) => void}} */ socket, /** @type {import("node:http").IncomingMessage} */ request) => {
    received.push({ method: "GET", url: request.url ?? "", text: [request.url, ...request.rawHeaders].join("\n") });
    socket.send(String(request.headers["postern-user-id"]));
  });
  const gateway = await startGateway({
    origins: { app: { url: origin.url } },
    rules: [{ path: "/login", methods: ["POST"], origin: "app", session: "optional", directives: true }, ...rules],
    vars: { API_DOMAIN: `https://${HOST}`, ...vars },
  });
  /** Tokens that browsers were given. @type {Set<string>} */
  const tokens = new Set();
  const certificate = selfSigned();
  const front = createServer(certificate, (request, response) => {
    const { port } = new URL(gateway.url());
    const fault = faults.get((request.url ?? "").split("?")[0]);
    if (fault === 0) return void request.socket.destroy();
    if (fault) return void response.writeHead(fault).end();
    const passed = httpRequest({ host: "127.0.0.1", port, method: request.method, path: request.url, headers: request.headers, setHost: false }, (answer) => {
      const cookies = answer.headers["set-cookie"] ?? [];
      const given = [...cookies.map((cookie) => /^(?:__\w+-)?s(?:Access|Refresh)Token=([^;]+)/.exec(cookie)?.[1]), answer.headers["st-access-token"], answer.headers["st-refresh-token"]];
      for (const token of given) if (token) tokens.add(decodeURIComponent(String(token)));
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders.length ? answer.rawHeaders : undefined);
      answer.pipe(response);
    });
    passed.on("error", () => response.destroy());
    request.pipe(passed);
  });
  front.on("upgrade", (request, socket, head) => {
    const passed = connect(Number(new URL(gateway.url()).port), "127.0.0.1", () => {
      const lines = request.rawHeaders.flatMap((name, at, all) => (at % 2 === 0 ? [`${name}: ${all[at + 1]}`] : []));
      passed.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
      passed.write(head);
      passed.pipe(socket).pipe(passed);
    });
    for (const end of [passed, socket]) end.on("error", () => [passed, socket].forEach((one) => one.destroy()));
  });
  await new Promise((resolve) => front.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (front.address());
  const browser = await start(port, certificate);
  return {
    browser,
    gateway,
    received,
    faults,
    tokens,
    async close() {
      await browser.close();
      for (const socket of sockets.clients) socket.terminate();
      front.closeAllConnections();
      await new Promise((resolve) => front.close(resolve));
      await gateway.close();
      await origin.close();
    },
  };
}
