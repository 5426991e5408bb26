// The transport over HTTP: Postern's service API, which is the SuperTokens core protocol. It answers in the shapes of
// the RPC methods, so that nothing above this file knows which transport is in use.

import { PosternError } from "./error.js";

const PROTOCOL_VERSION = "5.6";
const LONGEST_QUOTE = 200;

export function serviceApiTransport({ url, apiKey, enableAntiCsrf }) {
  const send = sender(url, apiKey);
  return async (method, argument, signal) => {
    const call = CALLS[method];
    if (call === undefined) {
      throw new PosternError(
        PosternError.GENERAL_ERROR,
        `${method} needs a service binding to the entrypoint SessionsAdmin: the service API has no such call`,
      );
    }
    return call((...request) => send(signal, method, ...request), argument, enableAntiCsrf);
  };
}

/** One function per RPC method: `(send, argument, enableAntiCsrf) → {status, …}`. */
const CALLS = {
  async getSession(send, { accessToken, antiCsrfToken, doAntiCsrfCheck = true, freshness }) {
    const answer = await send("POST", "/recipe/session/verify", {
      accessToken,
      antiCsrfToken,
      doAntiCsrfCheck,
      enableAntiCsrf: carriesAntiCsrfToken(accessToken),
      // The protocol knows "ask nobody" and "ask the session's object"; the latter is within any bound.
      checkDatabase: freshness !== "stateless",
    });
    return whenOk(answer, ({ session, accessToken: minted }) => ({
      session: sessionOf(session),
      ...(minted && { accessToken: minted }),
    }));
  },

  async getSessionData(send, { handle }) {
    const answer = await send("GET", "/recipe/session/data", { sessionHandle: handle });
    return whenOk(answer, ({ userDataInDatabase }) => ({ sessionData: userDataInDatabase }));
  },

  async updateSessionData(send, { handle, sessionData }) {
    return send("PUT", "/recipe/session/data", { sessionHandle: handle, userDataInDatabase: sessionData });
  },

  async createNewSession(send, { userId, jwtPayload, sessionData, tenantId, device, location, dpopJkt }, enableAntiCsrf) {
    for (const [name, value] of Object.entries({ device, location, dpopJkt })) {
      if (value !== undefined) throw new TypeError(`createNewSession: "${name}" can only be given over a service binding`);
    }
    const answer = await send("POST", `${tenantPath("createNewSession", tenantId)}/recipe/session`, {
      userId,
      userDataInJWT: jwtPayload,
      userDataInDatabase: sessionData,
      enableAntiCsrf,
    });
    return whenOk(answer, issued);
  },

  async refreshSession(send, { refreshToken, antiCsrfToken }, enableAntiCsrf) {
    const body = { refreshToken, antiCsrfToken, enableAntiCsrf, useDynamicSigningKey: true };
    return whenOk(await send("POST", "/recipe/session/refresh", body), issued);
  },

  async revokeSession(send, { handle }) {
    return CALLS.revokeMultipleSessions(send, { handles: [handle] });
  },

  async revokeMultipleSessions(send, { handles }) {
    return whenOk(await send("POST", "/recipe/session/remove", { sessionHandles: handles }), revoked);
  },

  async revokeAllSessionsForUser(send, { userId, tenantId }) {
    const path = `${tenantPath("revokeAllSessionsForUser", tenantId)}/recipe/session/remove`;
    const body = { userId, revokeAcrossAllTenants: tenantId === undefined };
    return whenOk(await send("POST", path, body), revoked);
  },

  async getAllSessionHandlesForUser(send, { userId, tenantId }) {
    const path = `${tenantPath("getAllSessionHandlesForUser", tenantId)}/recipe/session/user`;
    const query = { userId, fetchAcrossAllTenants: String(tenantId === undefined) };
    return whenOk(await send("GET", path, query), ({ sessionHandles }) => ({ handles: sessionHandles }));
  },

  // A path of Postern's own, beside the protocol.
  async listSessions(send, { userId, tenantId, cursor, ended }) {
    const query = { userId, ...(tenantId && { tenantId }), ...(cursor && { cursor }), ...(ended && { ended: "true" }) };
    return send("GET", "/postern/sessions", query);
  },

  async eraseUser(send, { userId, issuer, tenantId }) {
    return send("POST", "/postern/users/erase", { userId, ...(issuer && { issuer }), ...(tenantId && { tenantId }) });
  },

  async exportUser(send, { userId, issuer, tenantId, cursor }) {
    const query = { userId, ...(issuer && { issuer }), ...(tenantId && { tenantId }), ...(cursor && { cursor }) };
    return send("GET", "/postern/users/export", query);
  },

  async getSessionInformation(send, { handle }) {
    const answer = await send("GET", "/recipe/session", { sessionHandle: handle });
    return whenOk(answer, ({ sessionHandle, userDataInDatabase, expiry, timeCreated, ...session }) => ({
      session: { ...sessionOf({ ...session, handle: sessionHandle }), expiry, timeCreated },
      sessionData: userDataInDatabase,
    }));
  },

  async updateJWTPayload(send, { handle, jwtPayload }) {
    return send("PUT", "/recipe/jwt/data", { sessionHandle: handle, userDataInJWT: jwtPayload });
  },

  // The protocol has no merge: read, merge, write. Two merges at once may lose one. Over a service binding the session's object
  // merges in one transaction, and none is lost.
  async mergeIntoAccessTokenPayload(send, { handle, jwtPayload }) {
    const stored = await CALLS.getSessionInformation(send, { handle });
    if (stored.status !== "OK") return stored;
    const members = Object.entries({ ...stored.session.jwtPayload, ...jwtPayload });
    const kept = members.filter(([key]) => jwtPayload[key] !== null || !Object.hasOwn(jwtPayload, key));
    return CALLS.updateJWTPayload(send, { handle, jwtPayload: Object.fromEntries(kept) });
  },

  async regenerateAccessToken(send, { accessToken, jwtPayload }) {
    const answer = await send("POST", "/recipe/session/regenerate", { accessToken, userDataInJWT: jwtPayload });
    return whenOk(answer, ({ session, accessToken: minted }) => ({
      session: sessionOf(session),
      ...(minted && { accessToken: minted }),
    }));
  },
};

const whenOk = (answer, shape) => (answer?.status === "OK" ? { status: "OK", ...shape(answer) } : answer);
const revoked = ({ sessionHandlesRevoked }) => ({ revoked: sessionHandlesRevoked });
// The protocol knows no sessions but our own.
const sessionOf = ({ handle, userId, tenantId, userDataInJWT }) => ({
  handle,
  issuer: "own",
  userId,
  tenantId,
  jwtPayload: userDataInJWT,
});
const issued = ({ session, accessToken, refreshToken, antiCsrfToken }) => ({
  session: sessionOf(session),
  accessToken,
  refreshToken,
  ...(antiCsrfToken !== undefined && { antiCsrfToken }),
});

/** The tenant's segment of the path. Checked, because a URL gives `..` and `/` a meaning. */
function tenantPath(method, tenantId) {
  if (tenantId === undefined) return "";
  if (!/^[a-z0-9-]+$/.test(tenantId)) {
    throw new TypeError(`${method}: "tenantId" must consist of lower-case letters, digits and hyphens`);
  }
  return `/${tenantId}`;
}

/**
 * Whether an access token is bound to an anti-CSRF token, read without verifying it: the protocol leaves it to the
 * caller to ask for the check. A caller who alters the claim gains nothing, as the signature then fails.
 */
function carriesAntiCsrfToken(accessToken) {
  try {
    const payload = accessToken.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return typeof JSON.parse(atob(payload)).antiCsrfToken === "string";
  } catch {
    return false;
  }
}

function sender(url, apiKey) {
  const fault = (message, more) => new PosternError(PosternError.GENERAL_ERROR, message, more);
  const headers = {
    "api-key": apiKey,
    "cdi-version": PROTOCOL_VERSION,
    "content-type": "application/json; charset=utf-8",
  };
  return async (signal, call, method, path, fields) => {
    const query = method === "GET" ? `?${new URLSearchParams(fields)}` : "";
    const body = method === "GET" ? undefined : JSON.stringify(fields);
    let response;
    let text;
    try {
      response = await fetch(`${url}${path}${query}`, { method, headers, body, signal, redirect: "manual" });
      text = await response.text();
    } catch (cause) {
      // Who aborted it says why.
      if (signal?.aborted) throw cause;
      throw fault(`${call}: no connection (service API at ${url})`, { cause });
    }
    switch (response.status) {
      case 200:
        break;
      case 400:
        throw new TypeError(`${call}: ${quote(text)}`);
      case 401:
        throw fault(`${call}: the API key was refused (service API at ${url})`);
      case 404:
        throw fault(`${call}: there is no service API at ${url}: is its base path right, and is API_KEYS set there?`);
      case 413:
        throw new RangeError(`${call}: ${quote(text)}`);
      default: {
        const retryAfterSeconds = secondsOf(response.headers.get("retry-after"));
        throw fault(`${call}: status ${response.status} (service API at ${url})`, { retryAfterSeconds, status: response.status });
      }
    }
    try {
      return JSON.parse(text);
    } catch {
      throw fault(`${call}: the answer is not JSON (service API at ${url})`);
    }
  };
}

/** A refusal's text, short, and without anything long enough to be a token, should a proxy have echoed the request. */
function quote(text) {
  return text.trim().slice(0, LONGEST_QUOTE).replace(/[\w.~+/=-]{24,}/g, "…");
}

function secondsOf(retryAfter) {
  return retryAfter !== null && /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) : undefined;
}
