// Postern in memory, for tests of what uses it: `postern.init(memoryPostern())`. It keeps the rules of the real one that a
// caller can see (tests/support/client-contract.mjs runs against both); its tokens are worth nothing anywhere else.

import { accessTokenOf, sessionHeaders } from "./cookies.js";
import { jsonObject } from "./src/json.js";
import { provenBy } from "./src/proof.js";
import { changesNothing, isOfAnotherWebsite } from "./src/websites.js";

const HOUR = 3_600_000;
const DEFAULTS = {
  accessTokenValidity: HOUR,
  refreshTokenValidity: 2_400 * HOUR,
  maxSessionData: 1_048_576,
  maxAccessTokenBytes: 4_011,
  websiteOrigins: [],
  dpopNonce: false,
};
const refused = (status, message = status.toLowerCase().replaceAll("_", " ")) => ({ status, message });
const UNAUTHORISED = refused("UNAUTHORISED");
const TRY_REFRESH_TOKEN = refused("TRY_REFRESH_TOKEN");
const INVALID_DPOP_PROOF = refused("INVALID_DPOP_PROOF", "the proof of possession is not good");

/** `{binding, adminBinding}` for `init`, and what tests need besides: `advance(milliseconds)`, `fail(status)`, `kids()`. */
export function memoryPostern(options = {}) {
  const state = { ...DEFAULTS, ...options, skew: 0, failure: undefined, sessions: new Map(), tokens: new Map(), kids: [random()], proofs: new Set(), nonces: new Set() };
  const methods = Object.fromEntries(Object.entries(METHODS).map(([name, method]) => [name, bound(state, name, method)]));
  const { getSession, getSessionForRequest, getSessionData, updateSessionData } = methods;
  return {
    binding: { getSession, getSessionForRequest, getSessionData, updateSessionData },
    adminBinding: methods,
    /** Time passes. */
    advance: (milliseconds) => void (state.skew += milliseconds),
    /** Every call is an outage from now on; `undefined` ends it. */
    fail: (message) => void (state.failure = message),
    kids: () => [...state.kids],
  };
}

/** As over a real binding: a promise, of a copy, of one object. */
const bound = (state, name, method) => async (argument = {}) => {
  if (state.failure !== undefined) return { ...refused("GENERAL_ERROR", state.failure), retryAfterSeconds: 1 };
  return structuredClone(await method(state, structuredClone(argument), name));
};

const METHODS = {
  async getSession(state, { accessToken, antiCsrfToken, doAntiCsrfCheck = true, ...shown }) {
    if (!accessToken) return UNAUTHORISED;
    const known = state.tokens.get(accessToken);
    if (!known || known.expiry <= now(state) || !state.kids.includes(known.kid)) return TRY_REFRESH_TOKEN;
    const notShown = await refusedProof(state, state.sessions.get(known.handle)?.dpopJkt, shown, accessToken);
    if (notShown) return notShown;
    const session = live(state, known.handle);
    if (!session) return UNAUTHORISED;
    if (doAntiCsrfCheck && session.antiCsrfToken !== undefined && session.antiCsrfToken !== antiCsrfToken) return TRY_REFRESH_TOKEN;
    return { status: "OK", session: { ...view(session), jwtPayload: known.jwtPayload } };
  },

  getSessionForRequest(state, { request: { method, url, headers: pairs }, doAntiCsrfCheck }) {
    const headers = new Headers(pairs);
    const bound = headers.get("authorization")?.match(/^dpop +(\S+)$/i)?.[1];
    if (bound !== undefined) {
      // A token that is bound to nothing is none under this scheme.
      if (state.sessions.get(state.tokens.get(bound)?.handle)?.dpopJkt === undefined) return UNAUTHORISED;
      return METHODS.getSession(state, { accessToken: bound, doAntiCsrfCheck: false, dpopProof: headers.get("dpop") ?? "", method, url });
    }
    const found = accessTokenOf(headers);
    const needsProof = found?.from === "cookie" && !changesNothing(method);
    if (needsProof && isOfAnotherWebsite({ url, headers }, state.websiteOrigins)) return refused("FOREIGN_WEBSITE");
    const antiCsrfToken = headers.get("anti-csrf") ?? undefined;
    return METHODS.getSession(state, { accessToken: found?.token, antiCsrfToken, doAntiCsrfCheck: needsProof && doAntiCsrfCheck !== false });
  },

  getSessionData: (state, { handle }) => of(state, handle, (session) => ({ sessionData: session.sessionData })),

  updateSessionData(state, { handle, sessionData }, name) {
    fits(name, "sessionData", jsonObject(name, "sessionData", sessionData), state.maxSessionData);
    return of(state, handle, (session) => void (session.sessionData = sessionData));
  },

  createNewSession(state, { userId, jwtPayload = {}, sessionData = {}, tenantId = "public", device, antiCsrf = false, dpopJkt }, name) {
    if (dpopJkt !== undefined && !/^[\w-]{43}$/.test(dpopJkt)) throw new TypeError(`${name}: "dpopJkt" must be a thumbprint`);
    fits(name, "sessionData", jsonObject(name, "sessionData", sessionData), state.maxSessionData);
    const handle = `memory.${random()}.${random()}${tenantId === "public" ? "" : `_${tenantId}`}`;
    const session = { handle, userId, tenantId, jwtPayload, sessionData, device, dpopJkt, timeCreated: now(state), generation: 0, used: 0, children: 0 };
    if (antiCsrf) session.antiCsrfToken = random();
    const answer = issue(state, session, name, 0);
    state.sessions.set(handle, session);
    return answer;
  },

  createNewSessionForRequest(state, { request: { headers }, ...rest }, name) {
    // Without cookies where nobody asks for them, as the real one with the setting TOKEN_TRANSFER_METHOD "any".
    const inCookies = headers["st-auth-mode"] === "cookie";
    if (inCookies && rest.dpopJkt !== undefined) throw new TypeError(`${name}: "dpopJkt" needs header mode`);
    const issued = METHODS.createNewSession(state, rest, name);
    const { accessToken, refreshToken, frontToken } = issued;
    const pairs = [["front-token", frontToken], ["st-access-token", accessToken.token], ["st-refresh-token", refreshToken.token]];
    return { status: "OK", session: issued.session, headers: inCookies ? sessionHeaders(issued) : pairs };
  },

  // It trusts no issuer: what is good here is of its own sessions, and those are not exchanged.
  async exchangeToken(state, { accessToken }) {
    const found = await METHODS.getSession(state, { accessToken, doAntiCsrfCheck: false });
    return found.status === "OK" ? UNAUTHORISED : found;
  },

  async refreshSession(state, { refreshToken, ...shown }, name) {
    const [handle, generation, index] = state.tokens.get(refreshToken)?.lineage ?? [];
    const bound = handle !== undefined && live(state, handle);
    if (!bound) return UNAUTHORISED;
    const { dpopJkt } = bound;
    const notShown = dpopJkt && (shown.dpopProof === undefined ? INVALID_DPOP_PROOF : await refusedProof(state, dpopJkt, shown));
    if (notShown) return notShown;
    const session = live(state, handle);
    if (!session) return UNAUTHORISED;
    const isNewer = generation === session.generation + 1;
    if (!isNewer && (generation !== session.generation || index !== session.used)) {
      state.sessions.delete(handle);
      return { ...refused("TOKEN_THEFT_DETECTED"), session: { handle, userId: session.userId } };
    }
    if (isNewer) Object.assign(session, { generation, used: index, children: 0 });
    session.lastRefreshed = now(state);
    session.children += 1;
    return issue(state, session, name, session.children - 1);
  },

  revokeSession: (state, { handle }) => ended(state, [handle]),
  revokeMultipleSessions: (state, { handles }) => ended(state, handles),
  revokeAllSessionsForUser: (state, argument) => ended(state, handlesOf(state, argument)),
  revokeAllSessionsBefore(state, { time }) {
    const older = [...state.sessions.values()].filter((session) => session.timeCreated < time);
    ended(state, older.map(({ handle }) => handle));
    return { status: "OK", time };
  },
  getAllSessionHandlesForUser: (state, argument) => ({ status: "OK", handles: handlesOf(state, argument) }),

  // All on one page, and no memory of ended ones.
  listSessions(state, { ended: areEnded = false, ...whose }) {
    const listed = areEnded ? [] : handlesOf(state, whose).map((handle) => state.sessions.get(handle));
    return {
      status: "OK",
      sessions: listed.reverse().map(({ handle, userId, tenantId, timeCreated, lastRefreshed, expiry, device, dpopJkt }) => ({
        handle, issuer: "own", userId, tenantId, timeCreated, ...(lastRefreshed && { lastRefreshed }),
        lastSeen: lastRefreshed ?? timeCreated, expiry, ...(device && { device }), ...(dpopJkt && { dpopJkt }), madeBy: "rpc",
      })),
    };
  },

  // All at once: tests have few sessions. It knows no sessions of trusted issuers.
  eraseUser(state, { userId, issuer }) {
    const { revoked } = ended(state, issuer === undefined ? handlesOf(state, { userId }) : []);
    return { status: "OK", erased: revoked.length, more: false };
  },

  exportUser(state, { userId, issuer }) {
    const { sessions } = METHODS.listSessions(state, { userId });
    const records = sessions.map((session) => {
      const { jwtPayload, sessionData } = state.sessions.get(session.handle);
      return { type: "session", session, jwtPayload, sessionData };
    });
    return { status: "OK", records: issuer === undefined ? records : [] };
  },

  getSessionInformation: (state, { handle }) =>
    of(state, handle, ({ expiry, timeCreated, lastRefreshed, device, dpopJkt, sessionData, ...session }) => ({
      session: { ...view(session), expiry, timeCreated, ...(lastRefreshed && { lastRefreshed }), ...(device && { device }), ...(dpopJkt && { dpopJkt }) },
      sessionData,
    })),

  updateJWTPayload: (state, { handle, jwtPayload }, name) =>
    of(state, handle, (session) => void (token(state, session, name, jwtPayload), (session.jwtPayload = jwtPayload))),

  mergeIntoAccessTokenPayload(state, { handle, jwtPayload }, name) {
    const merged = { ...live(state, handle)?.jwtPayload, ...jwtPayload };
    const kept = Object.entries(merged).filter(([key]) => jwtPayload[key] !== null || !Object.hasOwn(jwtPayload, key));
    return METHODS.updateJWTPayload(state, { handle, jwtPayload: Object.fromEntries(kept) }, name);
  },

  async regenerateAccessToken(state, { accessToken, jwtPayload, ...shown }, name) {
    const known = state.tokens.get(accessToken);
    if (!known?.handle) return TRY_REFRESH_TOKEN;
    const notShown = await refusedProof(state, state.sessions.get(known.handle)?.dpopJkt, shown, accessToken);
    if (notShown) return notShown;
    return of(state, known.handle, (session) => {
      session.jwtPayload = jwtPayload ?? session.jwtPayload;
      return { session: view(session), ...(known.expiry > now(state) && { accessToken: token(state, session, name) }) };
    });
  },

  rotateSigningKeys: (state) => (state.kids.push(random()), { status: "OK" }),
  revokeSigningKey(state, { kid }, name) {
    if (!state.kids.includes(kid)) throw new TypeError(`${name}: "kid" must name a signing key`);
    state.kids = state.kids.filter((known) => known !== kid);
    if (state.kids.length === 0) state.kids.push(random());
    return { status: "OK" };
  },
  // Tokens are names here: no secret is behind them.
  rotateSecrets: (state) => ({ status: "OK", from: now(state), until: now(state) + state.refreshTokenValidity }),
};

/** What is wrong with the proof of a session that is bound to a key; undefined when nothing is. `token` comes with it, but at a refresh. */
async function refusedProof(state, dpopJkt, shown, token) {
  if (dpopJkt === undefined) return undefined;
  if (shown.dpopProof === undefined) return UNAUTHORISED;
  const proven = await provenBy(shown, { token, now: now(state), nonces: state.dpopNonce ? state.nonces : undefined });
  if (proven === null) {
    const dpopNonce = random();
    state.nonces.add(dpopNonce);
    return { ...refused("USE_DPOP_NONCE", "the proof of possession needs a nonce"), dpopNonce };
  }
  // Once; and nobody else's proof uses it up.
  if (proven?.jkt !== dpopJkt || state.proofs.has(proven.use)) return INVALID_DPOP_PROOF;
  state.proofs.add(proven.use);
  return undefined;
}

const now = (state) => Date.now() + state.skew;
const random = () => crypto.randomUUID().replaceAll("-", "");
const view = ({ handle, userId, tenantId, jwtPayload }) => ({ handle, issuer: "own", userId, tenantId, jwtPayload });

function live(state, handle) {
  const session = state.sessions.get(handle);
  return session !== undefined && session.expiry > now(state) ? session : undefined;
}

/** OK with what `action` makes of a live session. */
function of(state, handle, action) {
  const session = live(state, handle);
  return session === undefined ? UNAUTHORISED : { status: "OK", ...action(session) };
}

function ended(state, handles) {
  const revoked = handles.filter((handle) => live(state, handle) !== undefined);
  for (const handle of handles) state.sessions.delete(handle);
  return { status: "OK", revoked };
}

const handlesOf = (state, { userId, tenantId }) =>
  [...state.sessions.values()]
    .filter((session) => session.userId === userId && (tenantId === undefined || session.tenantId === tenantId) && live(state, session.handle))
    .map(({ handle }) => handle);

function issue(state, session, name, index) {
  const accessToken = token(state, session, name);
  session.expiry = now(state) + state.refreshTokenValidity;
  const refreshToken = { token: `memory.${random()}`, expiry: session.expiry, createdTime: now(state) };
  state.tokens.set(refreshToken.token, { lineage: [session.handle, session.generation + (session.children > 0 ? 1 : 0), index] });
  const { antiCsrfToken } = session;
  const issued = { session: view(session), accessToken, refreshToken, ...(antiCsrfToken && { antiCsrfToken }) };
  const [, frontToken] = sessionHeaders(issued).find(([header]) => header === "front-token");
  return { status: "OK", ...issued, frontToken };
}

/** An access token: a JWT by its look, so that what reads its payload finds one. */
function token(state, session, name, jwtPayload = session.jwtPayload) {
  const createdTime = now(state);
  const expiry = createdTime + state.accessTokenValidity;
  const kid = state.kids.at(-1);
  const claims = { ...jwtPayload, sub: session.userId, sessionHandle: session.handle, iat: Math.floor(createdTime / 1_000), exp: Math.floor(expiry / 1_000) };
  const text = `${encoded({ alg: "none", typ: "JWT", kid })}.${encoded(claims)}.${random()}`;
  if (text.length > state.maxAccessTokenBytes) {
    throw new RangeError(`${name}: the access token would have ${text.length} bytes, and ${state.maxAccessTokenBytes} is the limit`);
  }
  state.tokens.set(text, { handle: session.handle, expiry, kid, jwtPayload });
  return { token: text, expiry, createdTime };
}

function encoded(value) {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  const base64 = btoa(Array.from(bytes, (byte) => String.fromCodePoint(byte)).join(""));
  return base64.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function fits(name, member, value, most) {
  const bytes = new TextEncoder().encode(JSON.stringify(value)).length;
  if (bytes > most) throw new RangeError(`${name}: "${member}" has ${bytes} bytes, and ${most} is the limit`);
}
