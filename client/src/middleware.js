// What every framework's middleware does: the session of a request, or the answer in its place.

import { getSession, getSessionForRequest } from "../index.js";
import { accessTokenOf } from "../cookies.js";
import { isBound } from "./connection.js";
import { PosternError } from "./error.js";
import { changesNothing, isOfAnotherWebsite } from "./websites.js";

/** By kind of error: status, the name on every surface, the text, and the challenge (RFC 6750 section 3). */
const ANSWERS = new Map([
  [PosternError.UNAUTHORISED, [401, "UNAUTHORISED", "unauthorised", "Bearer"]],
  [PosternError.TRY_REFRESH_TOKEN, [401, "TRY_REFRESH_TOKEN", "try refresh token", 'Bearer error="invalid_token"']],
  [PosternError.FOREIGN_WEBSITE, [403, "FOREIGN_WEBSITE", "the request comes from another website"]],
  [PosternError.DEVICE_BINDING_REQUIRED, [403, "DEVICE_BINDING_REQUIRED", "this needs a session that is bound to a device", 'Bearer error="insufficient_scope"']],
  [PosternError.INVALID_DPOP_PROOF, [401, "INVALID_DPOP_PROOF", "the proof of possession is not good", 'DPoP error="invalid_dpop_proof"']],
  [PosternError.USE_DPOP_NONCE, [401, "USE_DPOP_NONCE", "the proof of possession needs a nonce", 'DPoP error="use_dpop_nonce"']],
]);

/**
 * `{session}`, where it is undefined for a request without one that needs none; or `{refusal: {status, headers, body}}`.
 * `request` is `{method, url, headers: {get}}`. Rejects with what is no error of Postern's.
 */
export async function sessionOf(request, { required = true, freshness, origins = [], onError } = {}) {
  try {
    return { session: await verified(request, freshness, origins) };
  } catch (error) {
    if (!PosternError.isErrorFromAuth(error)) throw error;
    if (!required && passesWithout(error, request)) return { session: undefined };
    onError?.(error, request);
    return { refusal: refusalOf(error, request) };
  }
}

async function verified(request, freshness, origins) {
  const options = { freshness };
  if (await isBound()) return (await getSessionForRequest(request, options)).session;
  const found = accessTokenOf(request.headers);
  // What a page of any website can have a browser send: only a cookie, and then only what could change something matters.
  const needsProof = found?.from === "cookie" && !changesNothing(request.method);
  if (needsProof && isOfAnotherWebsite(request, origins)) {
    throw new PosternError(PosternError.FOREIGN_WEBSITE, "the request comes from another website");
  }
  const known = await getSession(found?.token, request.headers.get("anti-csrf"), { ...options, doAntiCsrfCheck: needsProof });
  return known.session;
}

/** A page that somebody opens cannot refresh: with a stale token it is shown as to anybody. */
const passesWithout = ({ errType }, { headers }) =>
  errType === PosternError.UNAUTHORISED || (errType === PosternError.TRY_REFRESH_TOKEN && headers.get("sec-fetch-mode") === "navigate");

function refusalOf({ errType, retryAfterSeconds, dpopNonce }, { headers }) {
  const outage = [503, "GENERAL_ERROR", "the session could not be looked at"];
  const [status, name, message, usual] = ANSWERS.get(errType) ?? outage;
  // Whoever sent a token with the scheme DPoP is answered with that (RFC 9449 section 7.1).
  const isDpop = status === 401 && /^dpop /i.test(headers.get("authorization") ?? "");
  const challenge = isDpop && usual.startsWith("Bearer") ? 'DPoP error="invalid_token"' : usual;
  return {
    status,
    headers: {
      "cache-control": "no-store",
      ...(challenge && { "www-authenticate": challenge }),
      ...(dpopNonce && { "dpop-nonce": dpopNonce }),
      ...(status === 503 && { "retry-after": String(retryAfterSeconds ?? 1) }),
    },
    body: { status: name, message },
  };
}

/** Node's request as the one above. */
export const ofNode = (request) => ({
  method: request.method,
  url: `${request.protocol ?? "http"}://${request.headers.host ?? "localhost"}${request.originalUrl ?? request.url}`,
  headers: {
    get(name) {
      const value = request.headers[name.toLowerCase()];
      return value === undefined ? null : String(value);
    },
  },
});
