// Sessions at the edge: `import * as postern from "postern"`. The types in index.d.ts say what each function is for.

import { call } from "./src/connection.js";
import { okOrThrow, PosternError } from "./src/error.js";
import { jsonObject } from "./src/json.js";

export { init } from "./src/connection.js";
export { PosternError as Error };

const MOST_HANDLES = 1_000;
/** Of a token that names a user and no session. */
const NO_SESSION = "the token names no session, so there is no session data and no session to end";

export async function getSession(accessToken, antiCsrfToken, options = {}) {
  const { doAntiCsrfCheck, freshness } = options;
  const argument = {
    accessToken: credential("getSession", "accessToken", accessToken),
    antiCsrfToken: optionalText("getSession", "antiCsrfToken", antiCsrfToken),
    doAntiCsrfCheck: optionalBoolean("getSession", "doAntiCsrfCheck", doAntiCsrfCheck),
    freshness: optionalText("getSession", "freshness", freshness),
    ...proofOf("getSession", options),
  };
  return withoutStatus(await ask("getSession", argument, options));
}

/** What of a request says whose it is, and where it comes from. */
const OF_SESSIONS = ["authorization", "cookie", "rid", "anti-csrf", "origin", "sec-fetch-site", "upgrade", "dpop"];

export async function getSessionForRequest(request, options = {}) {
  const { doAntiCsrfCheck, freshness } = options;
  const headers = headersOf("getSessionForRequest", request, OF_SESSIONS);
  if (headers.authorization === undefined && headers.cookie === undefined) {
    throw new PosternError(PosternError.UNAUTHORISED, "getSessionForRequest: there is no accessToken");
  }
  const argument = {
    request: {
      method: text("getSessionForRequest", "request.method", request.method),
      url: text("getSessionForRequest", "request.url", request.url),
      headers: Object.entries(headers),
    },
    doAntiCsrfCheck: optionalBoolean("getSessionForRequest", "doAntiCsrfCheck", doAntiCsrfCheck),
    freshness: optionalText("getSessionForRequest", "freshness", freshness),
  };
  return withoutStatus(await ask("getSessionForRequest", argument, options));
}

export async function getSessionData(handle, options = {}) {
  const argument = {
    handle: text("getSessionData", "handle", handle),
    freshness: optionalText("getSessionData", "freshness", options.freshness),
  };
  return (await ask("getSessionData", argument, options)).sessionData;
}

export async function updateSessionData(handle, sessionData, limits) {
  const argument = {
    handle: text("updateSessionData", "handle", handle),
    sessionData: jsonObject("updateSessionData", "sessionData", sessionData),
  };
  await ask("updateSessionData", argument, limits);
}

export async function createNewSession(userId, jwtPayload = {}, sessionData = {}, options = {}) {
  const { tenantId, device, location, dpopJkt } = options;
  const argument = {
    userId: text("createNewSession", "userId", userId),
    jwtPayload: jsonObject("createNewSession", "jwtPayload", jwtPayload),
    sessionData: jsonObject("createNewSession", "sessionData", sessionData),
    tenantId: optionalText("createNewSession", "tenantId", tenantId),
    device: device === undefined ? undefined : jsonObject("createNewSession", "device", device),
    location: optionalText("createNewSession", "location", location),
    dpopJkt: optionalText("createNewSession", "dpopJkt", dpopJkt),
  };
  return withoutStatus(await ask("createNewSession", argument, options));
}

export async function createNewSessionForRequest(request, userId, jwtPayload = {}, sessionData = {}, options = {}) {
  const { tenantId, device = deviceOf(request), location, dpopJkt } = options;
  const { continent, longitude } = request?.cf ?? {};
  const argument = {
    request: {
      headers: headersOf("createNewSessionForRequest", request, ["authorization", "cookie", "st-auth-mode"]),
      // Where the user is: a first session's object is made near.
      ...(typeof continent === "string" && { cf: { continent, ...(typeof longitude === "string" && { longitude }) } }),
    },
    userId: text("createNewSessionForRequest", "userId", userId),
    jwtPayload: jsonObject("createNewSessionForRequest", "jwtPayload", jwtPayload),
    sessionData: jsonObject("createNewSessionForRequest", "sessionData", sessionData),
    tenantId: optionalText("createNewSessionForRequest", "tenantId", tenantId),
    device: device === undefined ? undefined : jsonObject("createNewSessionForRequest", "device", device),
    location: optionalText("createNewSessionForRequest", "location", location),
    dpopJkt: optionalText("createNewSessionForRequest", "dpopJkt", dpopJkt),
  };
  return withoutStatus(await ask("createNewSessionForRequest", argument, options));
}

export async function exchangeToken(accessToken, options = {}) {
  const { jwtPayload, sessionData, device, location } = options;
  const json = (name, value) => (value === undefined ? undefined : jsonObject("exchangeToken", name, value));
  const argument = {
    accessToken: credential("exchangeToken", "accessToken", accessToken),
    jwtPayload: json("jwtPayload", jwtPayload),
    sessionData: json("sessionData", sessionData),
    device: json("device", device),
    location: optionalText("exchangeToken", "location", location),
    ...proofOf("exchangeToken", options),
  };
  return withoutStatus(await ask("exchangeToken", argument, options));
}

export async function refreshSession(refreshToken, antiCsrfToken, options = {}) {
  const argument = {
    refreshToken: credential("refreshSession", "refreshToken", refreshToken),
    antiCsrfToken: optionalText("refreshSession", "antiCsrfToken", antiCsrfToken),
    ...proofOf("refreshSession", options),
  };
  return withoutStatus(await ask("refreshSession", argument, options));
}

export async function revokeSession(handle, limits) {
  text("revokeSession", "handle", handle);
  return (await ask("revokeSession", { handle }, limits)).revoked.length > 0;
}

export async function revokeMultipleSessions(handles, limits) {
  if (!Array.isArray(handles) || handles.length > MOST_HANDLES) {
    throw new TypeError(`revokeMultipleSessions: "handles" must be an array of at most ${MOST_HANDLES} strings`);
  }
  handles.forEach((handle, i) => text("revokeMultipleSessions", `handles[${i}]`, handle));
  return (await ask("revokeMultipleSessions", { handles }, limits)).revoked;
}

export async function revokeAllSessionsForUser(userId, tenantId, limits) {
  const argument = {
    userId: text("revokeAllSessionsForUser", "userId", userId),
    tenantId: optionalText("revokeAllSessionsForUser", "tenantId", tenantId),
  };
  return (await ask("revokeAllSessionsForUser", argument, limits)).revoked;
}

export async function revokeAllSessionsBefore(time, limits) {
  if (!Number.isSafeInteger(time) || time < 0) {
    throw new TypeError('revokeAllSessionsBefore: "time" must be a whole number of milliseconds');
  }
  return (await ask("revokeAllSessionsBefore", { time }, limits)).time;
}

export async function getAllSessionHandlesForUser(userId, tenantId, limits) {
  const argument = {
    userId: text("getAllSessionHandlesForUser", "userId", userId),
    tenantId: optionalText("getAllSessionHandlesForUser", "tenantId", tenantId),
  };
  return (await ask("getAllSessionHandlesForUser", argument, limits)).handles;
}

export async function listSessions(userId, options = {}) {
  const { tenantId, cursor, ended } = options;
  const argument = {
    userId: text("listSessions", "userId", userId),
    tenantId: optionalText("listSessions", "tenantId", tenantId),
    cursor: optionalText("listSessions", "cursor", cursor),
    ended: optionalBoolean("listSessions", "ended", ended),
  };
  return withoutStatus(await ask("listSessions", argument, options));
}

export async function eraseUser(userId, options = {}) {
  const { issuer, tenantId } = options;
  const argument = {
    userId: text("eraseUser", "userId", userId),
    issuer: optionalText("eraseUser", "issuer", issuer),
    tenantId: optionalText("eraseUser", "tenantId", tenantId),
  };
  return withoutStatus(await ask("eraseUser", argument, options));
}

export async function exportUser(userId, options = {}) {
  const { issuer, tenantId, cursor } = options;
  const argument = {
    userId: text("exportUser", "userId", userId),
    issuer: optionalText("exportUser", "issuer", issuer),
    tenantId: optionalText("exportUser", "tenantId", tenantId),
    cursor: optionalText("exportUser", "cursor", cursor),
  };
  return withoutStatus(await ask("exportUser", argument, options));
}

export async function getSessionInformation(handle, limits) {
  text("getSessionInformation", "handle", handle);
  return withoutStatus(await ask("getSessionInformation", { handle }, limits));
}

export async function updateJWTPayload(handle, jwtPayload, limits) {
  const argument = {
    handle: text("updateJWTPayload", "handle", handle),
    jwtPayload: jsonObject("updateJWTPayload", "jwtPayload", jwtPayload),
  };
  await ask("updateJWTPayload", argument, limits);
}

export async function mergeIntoAccessTokenPayload(handle, jwtPayload, limits) {
  const argument = {
    handle: text("mergeIntoAccessTokenPayload", "handle", handle),
    jwtPayload: jsonObject("mergeIntoAccessTokenPayload", "jwtPayload", jwtPayload),
  };
  await ask("mergeIntoAccessTokenPayload", argument, limits);
}

export async function regenerateAccessToken(accessToken, jwtPayload, options = {}) {
  const argument = {
    accessToken: credential("regenerateAccessToken", "accessToken", accessToken),
    jwtPayload: jwtPayload === undefined ? undefined : jsonObject("regenerateAccessToken", "jwtPayload", jwtPayload),
    ...proofOf("regenerateAccessToken", options),
  };
  return withoutStatus(await ask("regenerateAccessToken", argument, options));
}

export async function rotateSigningKeys(limits) {
  await ask("rotateSigningKeys", {}, limits);
}

export async function revokeSigningKey(kid, limits) {
  await ask("revokeSigningKey", { kid: text("revokeSigningKey", "kid", kid) }, limits);
}

export async function rotateSecrets(limits) {
  const { from, until } = await ask("rotateSecrets", {}, limits);
  return { from, until };
}

/** The proof of possession of what is bound to a key, and the request that it came with. */
function proofOf(method, { dpopProof, method: requestMethod, url }) {
  return {
    dpopProof: optionalText(method, "dpopProof", dpopProof),
    method: optionalText(method, "method", requestMethod),
    url: optionalText(method, "url", url),
  };
}

/** What a login request tells of the device: shown to the user and to operators, and never decided by. */
function deviceOf(request) {
  const header = (name) => request?.headers?.get?.(name) ?? undefined;
  const facts = { userAgent: header("user-agent"), ip: header("cf-connecting-ip"), country: request?.cf?.country };
  const known = Object.entries(facts).filter(([, value]) => typeof value === "string" && value.isWellFormed());
  return known.length > 0 ? Object.fromEntries(known) : undefined;
}

/** Those of the named headers that a request has. */
function headersOf(method, request, names) {
  if (typeof request?.headers?.get !== "function") {
    throw new TypeError(`${method}: "request" must be a Request`);
  }
  const sent = names.map((name) => [name, request.headers.get(name)]);
  return Object.fromEntries(sent.filter(([, value]) => value !== null));
}

/** Sends what was given, and nothing else: a member that is undefined is one that was not given. */
async function ask(method, argument, limits) {
  const given = Object.fromEntries(Object.entries(argument).filter(([, value]) => value !== undefined));
  return okOrThrow(method, await call(method, given, limits ?? {}));
}

function withoutStatus({ status, ...value }) {
  return value;
}

/** A token as a request may or may not bring it: none, or an empty one, is no session, which needs no asking. */
function credential(method, name, value) {
  if (value === undefined || value === null || value === "") {
    throw new PosternError(PosternError.UNAUTHORISED, `${method}: there is no ${name}`);
  }
  return text(method, name, value);
}

function text(method, name, value) {
  if (name === "handle" && value === null) throw new TypeError(`${method}: "handle" is null: ${NO_SESSION}`);
  if (typeof value !== "string" || !value.isWellFormed()) {
    throw new TypeError(`${method}: "${name}" must be a string`);
  }
  return value;
}

/** As `text`, where `undefined`, and the `null` of `headers.get`, mean that none was given. */
function optionalText(method, name, value) {
  return value === undefined || value === null ? undefined : text(method, name, value);
}

function optionalBoolean(method, name, value) {
  if (value !== undefined && typeof value !== "boolean") {
    throw new TypeError(`${method}: "${name}" must be a boolean`);
  }
  return value;
}
