// @ts-check
// An edge route that is bound to Postern, and one that is bound to the same service in JavaScript.
//
// Both services, both callers and KV are Workers of one process, because KV holds what Postern wrote. Only one caller is
// asked at a time, so the CPU time is its own, its service's and KV's.
import { interleaved } from "../lib/rounds.mjs";
import { startPostern } from "../lib/sessions.mjs";

const ALGORITHM = "ES256";
/** Of the session data that is read, and how many reads make a round. */
const SIZES = [
  { name: "1 KiB", bytes: 1024, each: 40 },
  { name: "1 MiB", bytes: 1024 * 1024, each: 2 },
];

/** @param {import("../main.mjs").Plan} plan */
export async function run(plan) {
  // The key set is known once Postern runs; then it starts again with the services that need it.
  const first = await startPostern({ SIGNING_ALGORITHM: ALGORITHM });
  const vars = { JWKS: await first.keySet(), CHECKS: { issuer: "http://127.0.0.1:8787/auth", algorithms: [ALGORITHM], typ: "JWT" } };
  await first.end({ keep: true });
  const postern = await startPostern(
    { SIGNING_ALGORITHM: ALGORITHM, MAX_SESSION_DATA: "2MiB" },
    [
      { name: "js-sessions", entry: "bench/workers/js-sessions.mjs", vars, bindings: { SESSION_DATA: { kv: "kv" } }, socket: false },
      { name: "caller-of-postern", entry: "bench/workers/rpc-caller.mjs", bindings: { SESSIONS: { service: "postern" } } },
      { name: "caller-of-js", entry: "bench/workers/rpc-caller.mjs", bindings: { SESSIONS: { service: "js-sessions" } } },
    ],
    { storageOf: first.directory },
  );
  const pair = (/** @type {string} */ name, /** @type {string} */ method, /** @type {import("../lib/load.mjs").Load} */ load) =>
    ["postern", "js"].map((side) => ({ name: `${side} ${name}`, served: postern, url: postern.url(`caller-of-${side}`), load: { path: `/${method}`, ...load } }));
  try {
    const { accessToken } = await postern.createSession("alice");
    const subjects = pair("getSession", "getSession", { headers: { authorization: `Bearer ${accessToken.token}` } });
    for (const { name, bytes, each } of SIZES) {
      const { session } = await postern.createSession(`user of ${name}`, { sessionData: { text: "x".repeat(bytes - 12) } });
      subjects.push(...pair(`getSessionData ${name}`, "getSessionData", { path: `/getSessionData?handle=${encodeURIComponent(session.handle)}`, each }));
    }
    return await interleaved(subjects, plan);
  } finally {
    await postern.end();
  }
}
