// @ts-check
// Some thousand paths through Postern, on raw workerd, at the real servers that are found here. A request without a session
// must not get a protected file, whatever its path.
import { startGateway } from "../support/gateway.mjs";
import { exchange } from "../support/raw-socket.mjs";
import { jetty, tomcat } from "./java-servers.mjs";
import { isProtectedAsText, paths, rulesFor } from "./paths.mjs";
import { SECRET, files, program } from "./server.mjs";
import { apache, nginx, node, php } from "./web-servers.mjs";

/** @typedef {import("./server.mjs").Running} Running */
/** @typedef {{name: string, asText: number, refused: number, passed: number, unanswered: number, reached: string[]}} Result */

const AT_ONCE = 16;
const ANSWER_MS = 10_000;

/**
 * Starts every server that is found, alone and behind one another.
 * @param {string} folder @param {string} root @param {(text: string) => void} say
 */
async function servers(folder, root, say) {
  /** @type {Running[]} */
  const running = [];
  /** @type {string[]} */
  const missed = [];
  /** @type {string[]} */
  const failed = [];
  /** @param {string} name @param {() => Promise<Running | undefined>} begin */
  const add = async (name, begin) => {
    try {
      const server = await begin();
      if (server) running.push(server);
      else missed.push(name);
      return server;
    } catch (error) {
      failed.push(name);
      say(`error: ${/** @type {Error} */ (error).message}`);
      return undefined;
    }
  };
  await add("node (Express)", () => node(folder, root));
  await add("nginx", () => nginx(folder, root));
  await add("Apache httpd", () => apache(folder, root));
  await add("PHP", () => php(folder, root));
  const cgi = program("php-cgi");
  if (cgi) await add("Apache httpd with php-cgi", () => apache(folder, root, { cgi }));
  for (const begin of [tomcat, jetty]) {
    const behind = await add(begin === tomcat ? "Tomcat" : "Jetty", () => begin(folder, root));
    if (!behind) continue;
    await add(`nginx, then ${behind.name}`, () => nginx(folder, root, behind));
    await add(`Apache httpd, then ${behind.name}`, () => apache(folder, root, { behind }));
  }
  return { running, missed: [...new Set(missed)], failed };
}

/** An answer, or none in time. @param {string} url @param {string} host @param {string} path @param {string[]} [lines] */
async function asked(url, host, path, lines = []) {
  try {
    return await exchange(url, [`GET ${path} HTTP/1.1`, `Host: ${host}`, "Connection: close", ...lines, "", ""].join("\r\n"), ANSWER_MS);
  } catch {
    return undefined;
  }
}

/** Calls `each` for all paths, some at once. @param {(path: string) => Promise<void>} each */
async function forAll(each) {
  const rest = paths.values();
  const worker = async () => {
    for (const path of rest) await each(path);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** @param {Running} server @param {string} host @param {Awaited<ReturnType<typeof startGateway>>} gateway @returns {Promise<Result>} */
async function tried(server, host, gateway) {
  /** @type {Result} */
  const result = { name: server.name, asText: 0, refused: 0, passed: 0, unanswered: 0, reached: [] };
  // What it would be without the files being there, or with a server that answers nothing, is no result.
  const { token } = await gateway.session("admin", { role: "admin" });
  for (const [path, lines, status] of /** @type {[string, string[], number][]} */ ([
    ["/open/page.txt", [], 200],
    ["/admin/secret.txt", [], 401],
    ["/report.txt", [], 401],
    ["/admin/secret.txt", [`Authorization: Bearer ${token}`], 200],
  ])) {
    const answer = await asked(gateway.url(), host, path, lines);
    if (answer?.status !== status) throw new Error(`${server.name}: ${path} is ${answer?.status ?? "not answered"}, not ${status}`);
  }
  await forAll(async (path) => {
    const direct = await asked(server.url, "127.0.0.1", path);
    if (direct?.text.includes(SECRET) && !isProtectedAsText(path)) result.asText += 1;
    const answer = await asked(gateway.url(), host, path);
    if (!answer?.status) result.unanswered += 1;
    else if (answer.status === 400 || answer.status === 401) result.refused += 1;
    else result.passed += 1;
    if (answer?.text.includes(SECRET)) result.reached.push(path);
  });
  return result;
}

/**
 * All of it. @param {(text: string) => void} say
 */
export async function tryOrigins(say) {
  const { folder, root, remove } = files();
  const { running, missed, failed } = await servers(folder, root, say);
  const named = running.map((server, at) => ({ server, id: `o${at}`, host: `o${at}.example` }));
  /** @type {Awaited<ReturnType<typeof startGateway>> | undefined} */
  let gateway;
  try {
    gateway = await startGateway({
      vars: { LOG_LEVEL: "error" },
      origins: Object.fromEntries(named.map(({ server, id }) => [id, { url: server.url }])),
      rules: named.flatMap(({ id, host }) => rulesFor(host, id)),
    });
    /** @type {Result[]} */
    const results = [];
    for (const { server, host } of named) {
      say(`${paths.length} paths at ${server.name} …`);
      results.push(await tried(server, host, gateway));
    }
    return { results, missed, failed };
  } finally {
    await gateway?.close();
    await Promise.all(running.map((server) => server.close()));
    remove();
  }
}
