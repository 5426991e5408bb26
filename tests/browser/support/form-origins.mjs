// @ts-check
// Applications with a login form and no script, as they are written in express, PHP and Flask. The first is the real
// express. PHP and Flask are the real ones where they are installed; forms, cookies and redirects of their shape are
// served by Node everywhere.
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import express from "express";
import { freePort } from "../../../scripts/lib/ports.mjs";
import { bodyOf, startOrigin } from "../../support/origin.mjs";
import { until } from "../../support/until.mjs";

/** @typedef {{url: string, close: () => unknown}} Origin */

const file = (/** @type {string} */ name) => fileURLToPath(new URL(`../origins/${name}`, import.meta.url));
const session = (/** @type {string} */ userId) => Buffer.from(JSON.stringify({ userId, jwtPayload: { role: "member" } })).toString("base64url");
const escaped = (/** @type {string} */ text) => text.replace(/[&<"]/g, (found) => `&#${found.charCodeAt(0)};`);

/** @param {string | undefined} user @param {string} [enctype] @param {string} [script] */
const page = (user, enctype = "application/x-www-form-urlencoded", script = "") =>
  `<!doctype html><title>site</title>${script}<p id=user>${escaped(user ?? "nobody")}</p>` +
  ["login", "logout"].map((action) => `<form method=post action=/${action} enctype=${enctype}><input name=name><button>${action}</button></form>`).join("");

/** The real express, as its documentation shows it: redirects are 302, and a script is on the page that knows no SDK. @returns {Promise<Origin>} */
async function expressOrigin() {
  const app = express();
  app.use(express.urlencoded({ extended: false }));
  app.use((_, response, next) => void (response.cookie("connect.sid", "s:1.x", { httpOnly: true }), next()));
  app.get(["/", "/login", "/account"], (request, response) => void response.send(page(request.get("postern-user-id"), undefined, "<script>globalThis.ran = true</script>")));
  app.post("/login", (request, response) => {
    response.set({ "postern-directive-key": request.get("postern-directive-key"), "postern-create-session": session(request.body.name) });
    response.redirect("/account");
  });
  app.post("/logout", (request, response) => {
    response.set({ "postern-directive-key": request.get("postern-directive-key"), "postern-revoke": "session" });
    response.redirect("/");
  });
  const server = app.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { url: `http://127.0.0.1:${port}`, close: () => void (server.closeAllConnections(), server.close()) };
}

/**
 * Forms, cookies and redirects of a shape.
 * @param {{cookie: string, toAccount: string, toStart: string, enctype?: string, status: number, body?: string}} shape
 */
const shaped = ({ cookie, toAccount, toStart, enctype, status, body }) =>
  startOrigin(async (request, response) => {
    const sent = (await bodyOf(request)).toString();
    response.setHeader("set-cookie", cookie);
    response.setHeader("content-type", "text/html; charset=utf-8");
    if (request.method !== "POST") return response.end(page(request.headers["postern-user-id"]?.toString(), enctype));
    const name = /name="name"\r\n\r\n([^\r]*)/.exec(sent)?.[1] ?? new URLSearchParams(sent).get("name") ?? "";
    response.setHeader("postern-directive-key", request.headers["postern-directive-key"] ?? "");
    if (request.url === "/login") response.setHeader("postern-create-session", session(name));
    else response.setHeader("postern-revoke", "session");
    response.writeHead(status, { location: request.url === "/login" ? toAccount : toStart }).end(body);
  });

/** @param {string} program @param {(port: number) => string[]} args @returns {Promise<Origin>} */
async function spawned(program, args) {
  const port = await freePort();
  const child = spawn(program, args(port), { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  await until(`${program} listens`, () => fetch(url).then(({ ok }) => ok, () => false));
  return { url, close: () => child.kill() };
}

const runs = (/** @type {string} */ program, /** @type {string[]} */ args) => spawnSync(program, args, { stdio: "ignore" }).status === 0;

/** What can be started here, by name. @type {Record<string, (() => Promise<Origin>)>} */
export const formOrigins = {
  express: expressOrigin,
  "PHP's shape": () => shaped({ cookie: "PHPSESSID=abc; path=/", toAccount: "account", toStart: ".", status: 302 }),
  "Flask's shape": () =>
    shaped({
      cookie: "session=eyJfIjoxfQ.x.y; HttpOnly; Path=/", toAccount: "/account", toStart: "/", enctype: "multipart/form-data", status: 302,
      body: "<!doctype html><title>Redirecting...</title><h1>Redirecting...</h1>",
    }),
  ...(runs("php", ["-v"]) ? { PHP: () => spawned("php", (port) => ["-S", `127.0.0.1:${port}`, file("login.php")]) } : {}),
  ...(runs("python3", ["-c", "import flask"]) ? { Flask: () => spawned("python3", (port) => [file("login.py"), String(port)]) } : {}),
};
