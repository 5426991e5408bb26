// A receiver of Postern's events as a webhook, on plain Node. It believes nothing that is not signed with its secret.
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";
import { Webhook } from "standardwebhooks";
import { handle } from "./handle.js";

const MOST_BYTES = 64 * 1024;

/** @param {import("node:http").IncomingMessage} request */
async function bodyOf(request) {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) {
    body += chunk;
    if (body.length > MOST_BYTES) throw new Error("too long");
  }
  return body;
}

/**
 * A server that calls `onEvent` once for each event, in order.
 * @param {string} secret one of EVENTS_WEBHOOK_SECRETS: `whsec_…`
 */
export function receiver(secret, onEvent = handle) {
  const webhook = new Webhook(secret);
  // In your program: in your database, in the transaction of what you do about the event.
  const seen = new Set();
  return createServer(async (request, response) => {
    const answer = (/** @type {number} */ status) => response.writeHead(status).end();
    try {
      const body = await bodyOf(request);
      // Throws unless signature and time are good.
      const event = webhook.verify(body, request.headers);
      if (!seen.has(event.id)) {
        await onEvent(event);
        seen.add(event.id);
      }
      // Only now: what is not answered with 2xx comes again.
      answer(204);
    } catch (error) {
      console.error(String(error));
      answer(400);
    }
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { EVENTS_WEBHOOK_SECRET, PORT = "9000" } = process.env;
  if (!EVENTS_WEBHOOK_SECRET) throw new Error("EVENTS_WEBHOOK_SECRET is not set");
  const show = async (event) => {
    console.log(JSON.stringify(event));
    await handle(event);
  };
  receiver(EVENTS_WEBHOOK_SECRET, show).listen(Number(PORT), "127.0.0.1", () => console.log(`http://127.0.0.1:${PORT}`));
}
