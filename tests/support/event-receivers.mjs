// @ts-check
// Who is told events: a webhook that verifies with the library of Standard Webhooks, and what stands behind a queue of workerd's.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

/** A secret as the scheme has it. */
export const newSecret = () => `whsec_${randomBytes(32).toString("base64")}`;

/** @typedef {{type: string, timestamp: string, id: string, sequence: number, data: Record<string, any>}} Event */
/** What is answered: a status, a status with headers, or nothing at all. @typedef {number | {status: number, headers: Record<string, string>} | "nothing"} Answer */

/** @param {import("node:http").RequestListener} listener @param {number} [port] */
async function listening(listener, port = 0) {
  const server = createServer(listener);
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** @param {import("node:http").IncomingMessage} request @returns {Promise<string>} */
async function textOf(request) {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text;
}

/** @param {(text: string, request: import("node:http").IncomingMessage) => Event[]} read what a request tells; throws when it is not to be believed @param {unknown} [thanks] the body of a good answer */
async function receiver(read, thanks = {}) {
  /** @type {Event[]} */ const taken = [];
  /** @type {Event[]} */ const asked = [];
  /** @type {string[]} */ const faults = [];
  /** @type {{answer: Answer}} */ const how = { answer: 200 };
  const server = await listening(async (request, response) => {
    try {
      const events = read(await textOf(request), request);
      asked.push(...events);
      const { answer } = how;
      if (answer === "nothing") return;
      const { status, headers } = typeof answer === "number" ? { status: answer, headers: {} } : answer;
      if (status < 300) taken.push(...events);
      response.writeHead(status, headers).end(JSON.stringify(thanks));
    } catch (error) {
      faults.push(String(error));
      response.writeHead(400).end();
    }
  });
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    port,
    /** Events that were answered 2xx, in the order in which they came. */
    taken,
    /** Events that came, however they were answered. */
    asked,
    /** Requests that were not to be believed. */
    faults,
    /** @param {Answer} answer from now on */
    answer: (answer) => void (how.answer = answer),
    close: () => (server.closeAllConnections(), server.close()),
  };
}

/** A webhook that knows one secret. @param {string} secret */
export async function startWebhook(secret) {
  const webhook = new Webhook(secret);
  const started = await receiver((text, request) => {
    const event = /** @type {Event} */ (webhook.verify(text, /** @type {any} */ (request.headers)));
    if (request.method !== "POST" || request.headers["content-type"] !== "application/json") throw new Error("not a POST of JSON");
    if (request.headers["webhook-id"] !== event.id) throw new Error("the id is not that of the event");
    return [event];
  });
  return { ...started, url: `http://127.0.0.1:${started.port}/hooks?of=postern` };
}

/** The platform's side of a queue, as workerd calls it. */
export const startQueue = () =>
  receiver((text, request) => {
    if (request.url !== "/batch") throw new Error(`not a batch: ${request.url}`);
    return JSON.parse(text).messages.map((/** @type {{body: string, contentType: string}} */ { body, contentType }) => {
      if (contentType !== "json") throw new Error(`a message of ${contentType}`);
      return JSON.parse(Buffer.from(body, "base64").toString());
    });
  }, { metadata: { metrics: { backlogCount: 0, backlogBytes: 0, oldestMessageTimestamp: 0 } } });
