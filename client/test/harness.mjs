// A loopback HTTP server that records each request and answers as told. It stands for the wire, not for Postern:
// these tests state what the client sends and what it makes of an answer; the tests on workerd use the real thing.
import { createServer } from "node:http";

export const API_KEY = "a-key-of-twenty-characters";

export async function wire(test, reply) {
  const requests = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    requests.push({ method: request.method, path: request.url, headers: request.headers, body: body && JSON.parse(body) });
    const { status = 200, headers = {}, text, json } = reply(requests.at(-1)) ?? {};
    if (text === undefined && json === undefined) return;
    response.writeHead(status, headers).end(text ?? JSON.stringify(json));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, requests };
}

/** An unsigned access token with these claims: enough for a client, which never checks signatures. */
export function tokenWith(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256", typ: "JWT", kid: "d-1", version: "5" })}.${part(claims)}.c2lnbmF0dXJl`;
}
