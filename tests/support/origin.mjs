// @ts-check
// An origin server on loopback: a plain HTTP server that tells what it received, byte by byte where it matters.
import { createServer } from "node:http";

/** @typedef {import("node:http").IncomingMessage} Received */

/**
 * Starts it and answers when it listens.
 * @param {(request: Received, response: import("node:http").ServerResponse) => unknown} [answer] by default an echo as JSON
 */
export async function startOrigin(answer = echo) {
  /** @type {Received[]} */
  const received = [];
  const server = createServer((request, response) => {
    received.push(request);
    // A client that goes away is not a failure of the origin's.
    request.on("error", () => {});
    Promise.resolve(answer(request, response)).catch((error) => response.writableEnded || response.writeHead(599).end(String(error)));
  });
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    server,
    /** Every request so far. */
    received,
    /** The last request, or undefined. */
    last: () => received.at(-1),
    /** Forgets what was received. */
    clear: () => void received.splice(0),
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** @param {Received} request @param {import("node:http").ServerResponse} response */
export async function echo(request, response) {
  const body = await bodyOf(request);
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body: body.toString() }));
}

/** @param {AsyncIterable<Uint8Array>} stream */
export async function bodyOf(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The raw lines of a received request: names as they came, with their values. @param {Received | undefined} request @returns {[string, string][]} */
export function linesOf(request) {
  const raw = request?.rawHeaders ?? [];
  return raw.flatMap((name, at) => (at % 2 === 0 ? [/** @type {[string, string]} */ ([name, raw[at + 1] ?? ""])] : []));
}
