// @ts-check
// HTTP as bytes on a socket: what no client would send, and what comes back.
import { connect } from "node:net";

const PATIENCE_MS = 1_000;

/** @typedef {{status: number, headers: Map<string, string>, body: string} | undefined} Answer none: closed without one */

/**
 * A connection to `url`, to write to piece by piece.
 * @param {string} url
 */
export function open(url) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let received = Buffer.alloc(0);
  let isClosed = false;
  /** @type {(() => void)[]} */
  let waiting = [];
  const wake = () => {
    for (const resume of waiting.splice(0)) resume();
  };
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
    wake();
  });
  // A reset is an end like any other: what came before it counts.
  socket.on("error", () => {});
  socket.on("close", () => {
    isClosed = true;
    wake();
  });
  return {
    socket,
    /** Resolves when the bytes are on their way; not an error when nobody takes them. @param {string | Uint8Array} bytes */
    write: (bytes) => /** @type {Promise<void>} */ (new Promise((done) => (isClosed ? done() : socket.write(bytes, () => done())))),
    /** The first whole answer, or nothing when the connection ends or stays silent without one. @param {number} [withinMs] @returns {Promise<Answer>} */
    async answer(withinMs = 20_000) {
      const end = Date.now() + withinMs;
      for (;;) {
        const answer = parse(received, isClosed);
        if (answer || isClosed || Date.now() > end) return answer;
        await new Promise((resolve) => {
          waiting.push(() => resolve(undefined));
          setTimeout(resolve, Math.max(0, end - Date.now())).unref();
        });
      }
    },
    /** Ends it without a goodbye. */
    abort: () => void socket.resetAndDestroy(),
    close: () => void socket.destroy(),
  };
}

/** Sends these bytes and gives what is answered. @param {string} url @param {string | Uint8Array} bytes @returns {Promise<Answer>} */
export async function exchange(url, bytes) {
  const connection = open(url);
  await connection.write(bytes);
  // Who waits for more than was sent learns that there is none.
  const answer = (await connection.answer(PATIENCE_MS)) ?? (connection.socket.end(), await connection.answer());
  connection.close();
  return answer;
}

/** A request's head, with `host` and `connection: close` unless given. @param {string} line @param {string[]} [headers] */
export function head(line, headers = []) {
  const has = (/** @type {string} */ name) => headers.some((header) => header.toLowerCase().startsWith(`${name}:`));
  const all = [...(has("host") ? [] : ["Host: 127.0.0.1"]), ...headers, ...(has("connection") ? [] : ["Connection: close"])];
  return `${line} HTTP/1.1\r\n${all.join("\r\n")}\r\n\r\n`;
}

/** @param {Buffer} received @param {boolean} isClosed @returns {Answer} */
function parse(received, isClosed) {
  const text = received.toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [line, ...lines] = text.slice(0, end).split("\r\n");
  const status = Number(line.split(" ")[1]);
  if (status === 100) return parse(received.subarray(end + 4), isClosed);
  const headers = new Map(lines.map((header) => [header.slice(0, header.indexOf(":")).toLowerCase(), header.slice(header.indexOf(":") + 1).trim()]));
  const rest = text.slice(end + 4);
  const length = headers.get("content-length");
  if (headers.get("transfer-encoding") === "chunked") {
    if (!rest.endsWith("0\r\n\r\n") && !isClosed) return undefined;
    return { status, headers, body: dechunked(rest) };
  }
  if (length !== undefined && rest.length < Number(length) && !isClosed) return undefined;
  if (length === undefined && !isClosed && status !== 204) return undefined;
  return { status, headers, body: length === undefined ? rest : rest.slice(0, Number(length)) };
}

/** @param {string} text */
function dechunked(text) {
  let body = "";
  for (let rest = text; rest !== ""; ) {
    const size = Number.parseInt(rest, 16);
    const start = rest.indexOf("\r\n") + 2;
    if (!size) break;
    body += rest.slice(start, start + size);
    rest = rest.slice(start + size + 2);
  }
  return body;
}
