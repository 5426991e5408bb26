// The floor of any Worker that reads who asks and answers JSON: no token is verified and nothing is looked up. The same reads,
// head and body as Postern's `GET {base}/session`.
import { facts } from "./facts.mjs";

export const body = JSON.stringify({ session: { handle: "h".repeat(67), userId: "alice", jwtPayload: { role: "editor", team: "a1b2c3", features: ["search", "export"], plan: { name: "pro", seats: 12 } } } });
export const init = { status: 200, headers: new Headers({ "content-type": "application/json; charset=utf-8", "cache-control": "no-store", vary: "Origin" }) };

export default {
  fetch(request) {
    facts(request);
    Date.now();
    return new Response(body, init);
  },
};
