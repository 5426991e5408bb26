// @ts-check
// An edge route that is bound to Postern, and one that is bound to the same service in JavaScript.
//
// Both services, both callers and KV are Workers of one process, because KV holds what Postern wrote. Only one caller is
// asked at a time, so the CPU time is its own, its service's and KV's.
import { interleaved } from "../lib/rounds.mjs";
import { startPostern } from "../lib/sessions.mjs";

const ALGORITHM = "ES256";

/** @param {import("../main.mjs").Plan} plan @param {object} [sessionData] */
export async function run(plan, sessionData = { cart: ["book", "lamp"], note: "x".repeat(200) }) {
  // The key set is known once Postern runs; then it starts again with the services that need it.
  const first = await startPostern({ SIGNING_ALGORITHM: ALGORITHM });
  const vars = { JWKS: await first.keySet(), CHECKS: { issuer: "http://127.0.0.1:8787/auth", algorithms: [ALGORITHM], typ: "JWT" } };
  await first.end({ keep: true });
  const postern = await startPostern(
    { SIGNING_ALGORITHM: ALGORITHM },
    [
      { name: "js-sessions", entry: "bench/workers/js-sessions.mjs", vars, bindings: { SESSION_DATA: { kv: "kv" } }, socket: false },
      { name: "caller-of-postern", entry: "bench/workers/rpc-caller.mjs", bindings: { SESSIONS: { service: "postern" } } },
      { name: "caller-of-js", entry: "bench/workers/rpc-caller.mjs", bindings: { SESSIONS: { service: "js-sessions" } } },
    ],
    { storageOf: first.directory },
  );
  try {
    const { accessToken, session } = await postern.createSession("alice", { sessionData });
    const headers = { authorization: `Bearer ${accessToken.token}` };
    const subject = (/** @type {string} */ caller, /** @type {string} */ method) => ({
      name: `${caller === "caller-of-js" ? "js" : "postern"} ${method}`,
      served: postern,
      url: postern.url(caller),
      load: { path: `/${method}?handle=${encodeURIComponent(session.handle)}`, headers },
    });
    return await interleaved(
      ["getSession", "getSessionData"].flatMap((method) => [subject("caller-of-postern", method), subject("caller-of-js", method)]),
      plan,
    );
  } finally {
    await postern.end();
  }
}
