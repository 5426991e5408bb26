// An API whose sessions are bound to the client's key (DPoP, RFC 9449): a token endpoint that starts and refreshes them, and a
// resource that wants a proof with every request.
import { EmbeddedJWK, calculateJwkThumbprint, jwtVerify } from "jose";
import * as postern from "postern";

/** Of proofs, here as at Postern. */
const ALGORITHMS = ["ES256", "ES384", "ES512", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"];
/** A grant of this example: whoever knows a password. Yours is a passkey, a code by mail, or an authorization code. */
const PASSWORD = "urn:example:grant-type:password";
const USERS = { alice: { id: "alice", role: "editor", password: "wonderland" } };

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/token") return request.method === "POST" ? token(request) : new Response(null, { status: 405, headers: { allow: "POST" } });
    if (pathname === "/things") return things(request);
    return new Response(null, { status: 404 });
  },
};

/** The resource. */
async function things(request) {
  try {
    const { session } = await postern.getSessionForRequest(request);
    return reply(200, { things: [], for: session.userId });
  } catch (err) {
    return refused(err, 401, ({ error, headers }) => ({ headers: { "www-authenticate": `DPoP error="${error}", algs="${ALGORITHMS.join(" ")}"`, ...headers } }));
  }
}

/** The token endpoint (RFC 6749 sections 4.5 and 6). */
async function token(request) {
  const form = new URLSearchParams(await request.text());
  try {
    switch (form.get("grant_type")) {
      case PASSWORD: {
        const dpopJkt = await keyOf(request);
        if (!dpopJkt) return reply(400, { error: "invalid_dpop_proof" });
        const name = form.get("username") ?? "";
        const user = Object.hasOwn(USERS, name) ? USERS[name] : undefined;
        if (!user || user.password !== form.get("password")) return reply(400, { error: "invalid_grant" });
        return issued(await postern.createNewSession(user.id, { role: user.role }, {}, { dpopJkt }));
      }
      case "refresh_token": {
        const proof = { dpopProof: request.headers.get("dpop") ?? undefined, method: request.method, url: request.url };
        return issued(await postern.refreshSession(form.get("refresh_token"), undefined, proof));
      }
      default:
        return reply(400, { error: "unsupported_grant_type" });
    }
  } catch (err) {
    return refused(err, 400, ({ error, headers }) => ({ body: { error: error === "invalid_token" ? "invalid_grant" : error }, headers }));
  }
}

/** The key that the proof of a login shows: only the client that holds it gets a session for it. */
async function keyOf(request) {
  const required = ["jti", "htm", "htu"];
  const options = { typ: "dpop+jwt", algorithms: ALGORITHMS, maxTokenAge: 60, clockTolerance: 5, requiredClaims: required };
  try {
    const { protectedHeader, payload } = await jwtVerify(request.headers.get("dpop") ?? "", EmbeddedJWK, options);
    const { origin, pathname } = new URL(request.url);
    if (payload.htm !== request.method || payload.htu !== origin + pathname) return undefined;
    return await calculateJwkThumbprint(protectedHeader.jwk);
  } catch {
    return undefined;
  }
}

function issued({ accessToken, refreshToken }) {
  const expires_in = Math.floor((accessToken.expiry - Date.now()) / 1000);
  return reply(200, { access_token: accessToken.token, token_type: "DPoP", expires_in, refresh_token: refreshToken.token });
}

/** What Postern refuses, in the words of RFC 9449; `answer` says how this endpoint tells it. */
function refused(err, status, answer) {
  if (!postern.Error.isErrorFromAuth(err)) throw err;
  if (err.errType === postern.Error.GENERAL_ERROR) return reply(503, { error: "temporarily_unavailable" }, { "retry-after": String(err.retryAfterSeconds ?? 1) });
  const [error, headers] = {
    [postern.Error.INVALID_DPOP_PROOF]: ["invalid_dpop_proof"],
    [postern.Error.USE_DPOP_NONCE]: ["use_dpop_nonce", { "dpop-nonce": err.dpopNonce }],
  }[err.errType] ?? ["invalid_token"];
  const told = answer({ error, headers });
  return reply(status, told.body ?? { error }, told.headers);
}

function reply(status, body, headers) {
  return Response.json(body, { status, headers: { "cache-control": "no-store", ...headers } });
}
