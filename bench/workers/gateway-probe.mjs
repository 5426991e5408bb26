// The floor of a gateway that does what Postern's does: the same reads, time-out and headers, sent by Postern's own JavaScript
// half. What to send, and what to make of the answer, is constant: nothing is verified, decided or looked up.
import { forwarding, linesOf } from "../../src/proxy.mjs";
import { facts } from "./facts.mjs";

const edits = "authorization\nconnection\nx-forwarded-for,127.0.0.1\nx-forwarded-host,127.0.0.1:8787\nx-forwarded-proto,http";
const told = [
  "postern-session-handle", "h".repeat(67),
  "postern-user-id", "alice",
  "postern-payload", "p".repeat(140),
  "postern-assertion", "a".repeat(600),
];
const init = { cf: { cacheTtl: -1 } };
const TIMEOUT_MS = 30_000;
const forward = forwarding(() => "=", () => {});

export default {
  fetch(request, env) {
    facts(request);
    linesOf(request.headers);
    Date.now();
    const { pathname, search } = new URL(request.url);
    return forward(request, env.ORIGIN + pathname + search, edits, told, undefined, TIMEOUT_MS, init, 0, env);
  },
};
