// What a gateway's work on headers costs in JavaScript: no token is verified, no rule is looked up, nothing is signed. The
// same class, reads, removals, additions, time limit and look at the answer as Postern's gateway, done in the same way.
import { WorkerEntrypoint } from "cloudflare:workers";

const REMOVED = ["authorization", "connection", "host"];
const told = { "postern-session-handle": "h".repeat(67), "postern-user-id": "alice", "postern-payload": "p".repeat(150), "postern-assertion": "a".repeat(620) };
const uncached = { cf: { cacheTtl: -1 } };
const encoder = new TextEncoder();
const buffer = new Uint8Array(65_536);

/** @param {Headers} headers */
function linesOf(headers) {
  let lines = "";
  headers.forEach((value, name) => (lines += `${name},${value}\n`));
  return lines;
}

export default class extends WorkerEntrypoint {
  fetch(request) {
    const { host, pathname, search, protocol } = new URL(request.url);
    encoder.encodeInto(`${request.method}\n${request.url}\n${linesOf(request.headers)}`, buffer);
    return new Promise((resolve) => {
      const late = setTimeout(() => resolve(new Response(null, { status: 504 })), 30_000);
      const outgoing = new Request(this.env.ORIGIN + pathname + search, request);
      for (const name of REMOVED) outgoing.headers.delete(name);
      for (const name in told) outgoing.headers.set(name, told[name]);
      outgoing.headers.append("x-forwarded-host", host);
      outgoing.headers.append("x-forwarded-proto", protocol.slice(0, -1));
      outgoing.headers.append("forwarded", `host="${host}";proto=${protocol.slice(0, -1)}`);
      const done = (/** @type {Response} */ answer) => {
        clearTimeout(late);
        resolve(linesOf(answer.headers).includes("\npostern-") ? new Response(null, { status: 502 }) : answer);
      };
      fetch(outgoing, uncached).then(done, () => done(new Response(null, { status: 502 })));
    });
  }
}
