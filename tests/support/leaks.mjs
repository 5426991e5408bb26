// @ts-check
// What every test bed watches for (invariant I10): no token, cookie, key or secret in anything that Postern prints, nor in
// anything that it answers with a status of 400 or more. A test bed fails when it is closed, if one was seen.
import http from "node:http";
import diagnostics from "node:diagnostics_channel";
import { carries, isOurCookie, tokenCookies } from "./credential-names.mjs";

/** Secrets by their shape: whatever a test does, these are none of its own texts. @type {[string, RegExp][]} */
const SHAPES = [
  ["an access token, or a part of one", /(?<![\w-])eyJ[\w-]{24,}/],
  ["a refresh token", /(?<![\w-])1\.[a-z2-7]{26}\.[a-z2-7]{26}\.[a-z2-7]{13}[\w-]*\.\d+\.\d+\.[\w-]{20,}/],
  ["a session ticket", /(?<![\w-])t1\.[a-z2-7]{26}\.[a-z2-7]{26}\.[a-z2-7]{13}/],
  ["a cookie's value", new RegExp(`(?:__Host-|__Secure-)?(?:${tokenCookies.join("|")})=[^;\\s"',]{4,}`)],
  // 32 bytes and more in base64url: anti-CSRF tokens, MACs, the secrets of the key ring, the numbers of a private key.
  ["a key, a MAC or an anti-CSRF token", /(?<![\w./-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]{43,}(?![\w./-])/],
  ["a private key", /"(?:d|p|q|dp|dq|qi|k)":"[\w-]{20,}"|PRIVATE KEY/],
];
/** A credential that is shorter says nothing when it is found. */
const SHORTEST = 16;

/** Every watch of this process: a response belongs to the one whose address was asked. @type {Set<Watch>} */
const watches = new Set();

/** A watch over one running Postern. */
export class Watch {
  /** @type {Set<string>} */ #secrets = new Set();
  /** @type {string[]} */ #leaks = [];
  /** @type {Promise<void>[]} */ #reading = [];
  /** @type {{place: string, text: string}[]} */ #seen = [];
  /** Everything here listens on the loopback, where a port is one program. @type {Set<string>} */ #ports = new Set();
  #answers = 0;

  /** @param {Record<string, unknown>} [vars] settings, whose keys are secrets */
  constructor(vars = {}) {
    for (const keys of [vars.API_KEYS, vars.EVENTS_WEBHOOK_SECRETS, vars.FORMER_CORE_API_KEY, vars.KEY_ENCRYPTION_KEYS]) {
      for (const key of Array.isArray(keys) ? keys : String(keys ?? "").split(",")) this.secret(String(key).trim());
    }
    watches.add(this);
  }

  /** Requests of this process to that address are watched. @param {string | URL} url */
  listensAt(url) {
    this.#ports.add(new URL(url).port);
  }

  /** @param {string} port */
  isAt(port) {
    return this.#ports.has(port);
  }

  /** Something that must not be seen again. @param {string} text */
  secret(text) {
    if (text.length >= SHORTEST) this.#secrets.add(text);
  }

  /** What was printed. @param {string} text */
  printed(text) {
    this.#look("printed", text);
  }

  /** The head of a request: what it carries are secrets. @param {Iterable<[string, string]>} headers */
  sent(headers) {
    for (const [name, value] of headers) {
      if (!carries(name)) continue;
      for (const part of value.split(/[;,\s]+/)) {
        this.secret(part);
        const at = part.indexOf("=");
        if (name.toLowerCase() === "cookie" && at > 0 && isOurCookie(part.slice(0, at))) this.secret(part.slice(at + 1));
      }
    }
  }

  /** What a refusal said that is no HTTP: an error, or a result over RPC. @param {string} what @param {string} text */
  refused(what, text) {
    this.#answers += 1;
    this.#look(what, text);
  }

  /** A whole answer. @param {string} what @param {number} status @param {Iterable<[string, string]>} headers @param {string} body */
  answered(what, status, headers, body) {
    if (status < 400) return;
    this.#answers += 1;
    this.#look(`${what}: ${status}`, `${[...headers].map(([name, value]) => `${name}: ${value}`).join("\n")}\n\n${body}`);
  }

  /** An answer whose body somebody else reads. @param {string} what @param {Response} response */
  response(what, response) {
    if (response.status < 400) return;
    const copy = response.clone();
    this.#reading.push(
      copy.text().then(
        (body) => this.answered(what, response.status, response.headers, body),
        () => this.answered(what, response.status, response.headers, ""),
      ),
    );
  }

  /** How many refusals were looked at. */
  get answers() {
    return this.#answers;
  }

  /** Throws when something was seen. Secrets that came later than the text that held them count as well. */
  async check() {
    watches.delete(this);
    await Promise.all(this.#reading);
    for (const { place, text } of this.#seen) {
      for (const secret of this.#secrets) if (text.includes(secret)) this.#leaks.push(`a credential that a request carried, ${place}: ${around(text, text.indexOf(secret))}`);
    }
    this.#seen = [];
    if (this.#leaks.length > 0) throw new Error(`secrets were seen (invariant I10):\n${[...new Set(this.#leaks)].slice(0, 10).join("\n")}`);
  }

  /** @param {string} place @param {string} text */
  #look(place, text) {
    if (text === "") return;
    this.#seen.push({ place, text });
    for (const [what, shape] of SHAPES) {
      const found = shape.exec(text);
      if (found) this.#leaks.push(`${what}, ${place}: ${around(text, found.index)}`);
    }
  }
}

/** @param {string} text @param {number} at */
const around = (text, at) => JSON.stringify(text.slice(Math.max(0, at - 80), at + 60));

/** @param {string} port */
const watchesAt = (port) => [...watches].filter((watch) => watch.isAt(port));

// Whatever client a test uses: `fetch`, and the SDKs' own, which all end in node:http.
const inner = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const { port, pathname } = new URL(input instanceof Request ? input.url : input);
  const concerned = watchesAt(port);
  if (concerned.length > 0) {
    const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
    for (const watch of concerned) watch.sent(headers);
  }
  const response = await inner(input, init);
  for (const watch of concerned) watch.response(`${init?.method ?? "GET"} ${pathname}`, response);
  return response;
};
diagnostics.subscribe("http.client.response.finish", (message) => {
  const { request, response } = /** @type {{request: http.ClientRequest, response: http.IncomingMessage}} */ (message);
  const concerned = watchesAt(String(request.socket?.remotePort));
  if (concerned.length === 0) return;
  const entries = Object.entries(request.getHeaders()).map(([name, value]) => /** @type {[string, string]} */ ([name, String(value)]));
  for (const watch of concerned) watch.sent(entries);
  if ((response.statusCode ?? 0) < 400) return;
  /** @type {Buffer[]} */
  const chunks = [];
  // Looks at what passes, and leaves it to whom it is for.
  const push = response.push.bind(response);
  response.push = (chunk, encoding) => {
    if (chunk) chunks.push(Buffer.from(chunk));
    else {
      const headers = Object.entries(response.headers).map(([name, value]) => /** @type {[string, string]} */ ([name, String(value)]));
      for (const watch of concerned) watch.answered(`${request.method} ${request.path.split("?")[0]}`, response.statusCode ?? 0, headers, Buffer.concat(chunks).toString());
    }
    return push(chunk, encoding);
  };
});
