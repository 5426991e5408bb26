// @ts-check
// Rotation: each connection refreshes a session of its own again and again, always with the token it got last.
//
// Without a grace period, so that every exchange rotates. With each of two algorithms for the access token.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { interleaved } from "../lib/rounds.mjs";
import { PAYLOAD, startPostern } from "../lib/sessions.mjs";
import { serve } from "../lib/workerd.mjs";

const CONNECTIONS = 16;
/** Of each connection in a round. Every answer is waited for: a token whose answer was lost is a stolen one. */
const EXCHANGES = 20;

/** @param {string[]} tokens one for each connection, replaced as they are exchanged */
function refreshing(tokens) {
  let connections = 0;
  return (/** @type {any} */ client) => {
    const mine = (connections += 1) % tokens.length;
    client.setRequests([
      {
        method: "POST",
        path: "/auth/session/refresh",
        setupRequest: (/** @type {any} */ request) => ({ ...request, headers: { ...request.headers, authorization: `Bearer ${tokens[mine]}`, rid: "session" } }),
        onResponse: (/** @type {number} */ _status, /** @type {string} */ _body, /** @type {object} */ _context, /** @type {Record<string, string>} */ headers) => {
          tokens[mine] = headers["st-refresh-token"] ?? tokens[mine];
        },
      },
    ]);
  };
}

/** Both sides with one algorithm. @param {"RS256" | "ES256"} algorithm */
async function sides(algorithm) {
  const postern = await startPostern({ REFRESH_GRACE_PERIOD: "0s", SIGNING_ALGORITHM: algorithm });
  const { privateKey } = algorithm === "RS256" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : generateKeyPairSync("ec", { namedCurve: "P-256" });
  const vars = {
    SIGNING_KEY: { ...privateKey.export({ format: "jwk" }), alg: algorithm, kid: "d-1" },
    HANDLE_SECRET: randomBytes(32).toString("base64url"),
    REFRESH_SECRET: randomBytes(32).toString("base64url"),
    ISSUER: "http://127.0.0.1:8787/auth",
    PAYLOAD: JSON.stringify(PAYLOAD),
  };
  const js = await serve([{ name: "refresh", entry: "bench/workers/refresh.mjs", vars, bindings: { USERS: { objects: "JsSessions" } } }]);
  const own = [];
  const theirs = [];
  for (let user = 0; user < CONNECTIONS; user += 1) {
    own.push((await postern.createSession(`user-${user}`)).refreshToken.token);
    const created = /** @type {any} */ (await (await fetch(`${js.url()}/create?user=user-${user}`)).json());
    theirs.push(created.refreshToken);
  }
  const load = (/** @type {string[]} */ tokens) => ({ path: "/auth/session/refresh", method: "POST", connections: CONNECTIONS, each: EXCHANGES, setupClient: refreshing(tokens) });
  return [
    { name: `postern refresh ${algorithm}`, served: postern, url: postern.url(), load: load(own) },
    { name: `js refresh ${algorithm}`, served: js, url: js.url(), load: load(theirs) },
  ];
}

/** @param {import("../main.mjs").Plan} plan */
export async function run(plan) {
  const subjects = [...(await sides("RS256")), ...(await sides("ES256"))];
  try {
    return await interleaved(subjects, plan);
  } finally {
    for (const { served } of subjects) await served.end();
  }
}
