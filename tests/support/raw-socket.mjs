// @ts-check
// HTTP/1.1 by hand: requests that no client library would send, and answers as they came.
import { connect } from "node:net";

/** @typedef {{status: number, headers: [string, string][], body: string, text: string}} RawAnswer */

/**
 * Sends these bytes on a connection of their own; the answer is what came until the other side was done with one response.
 * @param {string} url of the server @param {string | Buffer} bytes @param {number} [withinMs]
 * @returns {Promise<RawAnswer>}
 */
export function exchange(url, bytes, withinMs = 5_000) {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let text = "";
    const done = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(parsed(text));
    };
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no whole answer within ${withinMs} ms: ${JSON.stringify(text)}`));
    }, withinMs);
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (isWhole(text, String(bytes).startsWith("HEAD "))) done();
    });
    socket.on("close", done);
    socket.on("error", () => {});
    socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  });
}

/** A request as text. @param {string} method @param {string} target @param {(string | [string, string])[]} [lines] @param {string} [body] */
export function request(method, target, lines = [], body = "") {
  const head = lines.map((line) => (typeof line === "string" ? line : line.join(": ")));
  const host = head.some((line) => /^host\s*:/i.test(line)) ? [] : ["Host: app.example"];
  return [`${method} ${target} HTTP/1.1`, ...host, ...head, "", body].join("\r\n");
}

/** @param {RawAnswer} answer @param {string} name */
export const values = (answer, name) => answer.headers.filter(([known]) => known.toLowerCase() === name).map(([, value]) => value);

/** @param {string} text @returns {RawAnswer} */
function parsed(text) {
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const [first = "", ...lines] = head.split("\r\n");
  const headers = lines.map((line) => /** @type {[string, string]} */ ([line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
  const body = rest.join("\r\n\r\n");
  const isChunked = headers.some(([name, value]) => name.toLowerCase() === "transfer-encoding" && value === "chunked");
  return { status: Number(first.split(" ")[1] ?? 0), headers, body: isChunked ? unchunked(body) : body, text };
}

/** @param {string} text @param {boolean} isHead */
function isWhole(text, isHead) {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const head = text.slice(0, end).toLowerCase();
  const status = Number(head.split(" ")[1]);
  if (isHead || status === 204 || status === 304) return true;
  if (status < 200) return false;
  if (head.includes("\r\ntransfer-encoding: chunked")) return text.endsWith("0\r\n\r\n");
  const length = head.match(/\r\ncontent-length: (\d+)/);
  return length !== null && text.length >= end + 4 + Number(length[1]);
}

/** @param {string} body */
function unchunked(body) {
  let out = "";
  for (let at = 0; ; ) {
    const end = body.indexOf("\r\n", at);
    const size = parseInt(body.slice(at, end), 16);
    if (!(size > 0)) return out;
    out += body.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
}
