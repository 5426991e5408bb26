/**
 * Sessions at the edge. Every function returns a value, or rejects: with {@link Error} when Postern refuses or cannot
 * answer, with a TypeError or RangeError when an argument is malformed (the message names it; nothing was changed).
 *
 * Payload and data are JSON objects. What JSON cannot hold (a Date, a Map, NaN, a cycle, …) is refused with its path.
 */
import type {
  Device,
  Freshness,
  IssuedSession,
  JsonObject,
  ListedSession,
  Location,
  Session,
  SessionForRequest,
  SessionInformation,
  SessionPage,
  Token,
  UserExport,
  UserRecord,
} from "./rpc.js";

export type {
  Device, Freshness, IssuedSession, JsonObject, ListedSession, Location, Session, SessionForRequest, SessionInformation, SessionPage, Token, UserExport, UserRecord,
};

/** Postern over service bindings. */
export interface Bindings {
  /** Bound to Postern's default entrypoint: `getSession`, `getSessionData`, `updateSessionData`. */
  binding?: object;
  /** Bound to the entrypoint `SessionsAdmin`: every function. */
  adminBinding?: object;
  /** How long one call may take, its repetitions included, in milliseconds; without end by default. */
  timeoutMilliseconds?: number;
  /**
   * How often a call is repeated that meets an outage (503, GENERAL_ERROR) and that may be repeated; 2 by default. Calls that
   * create, refresh, merge or rotate are never repeated; of ten calls in a row one may be.
   */
  retries?: number;
}

/** `AbortSignal`, where the project knows that type. */
type Signal = typeof globalThis extends { AbortSignal: { prototype: infer Known } } ? Known : object;

/** Limits of one call. */
export interface CallOptions {
  /** Aborts the call, which then rejects with the signal's reason. What was sent may be carried out all the same. */
  signal?: Signal;
  /** In place of what `init` was told. */
  timeoutMilliseconds?: number;
}

/**
 * What shows the key of a token that is bound to one (DPoP, RFC 9449); such a token is refused without it. Over a service
 * binding only.
 */
export interface ProofOfPossession {
  /** The `DPoP` header of the request that the token came with. */
  dpopProof?: string;
  /** With `dpopProof`: the method of that request, as it was sent. */
  method?: string;
  /** With `dpopProof`: the URL of that request, as the client asked for it. */
  url?: string;
}

/** Postern over HTTP: its service API, which knows all functions but those that say otherwise. */
export interface ServiceApi {
  /** Address of the service API with its base path, such as `https://host/core`; without a path, `/core` is meant. */
  url: string;
  /** One of the Worker's `API_KEYS`. */
  apiKey: string;
  /** How long one call may take, its repetitions included, in milliseconds; 10,000 by default. */
  timeoutMilliseconds?: number;
  /** As in `Bindings`. */
  retries?: number;
  /** Whether sessions are bound to an anti-CSRF token when created or refreshed; false by default. */
  enableAntiCsrf?: boolean;
}

/**
 * Says where Postern is. Without it, the first call looks for the bindings `SESSIONS` and `SESSIONS_ADMIN` of the
 * Worker it runs in, then for the variables `POSTERN_URL` and `POSTERN_API_KEY`.
 */
export function init(where: Bindings | ServiceApi): void;

/**
 * Verifies an access token. When the result has an `accessToken`, that one replaces the caller's.
 *
 * `antiCsrfToken` is compared if and only if the access token is bound to one, unless `doAntiCsrfCheck` is false.
 * Over HTTP the protocol knows no bound: every freshness but `stateless` is served as `strict`.
 */
export function getSession<Payload extends object = JsonObject>(
  accessToken: string | null | undefined,
  antiCsrfToken?: string | null,
  options?: { doAntiCsrfCheck?: boolean; freshness?: Freshness } & ProofOfPossession & CallOptions,
): Promise<{ session: Session<Payload>; accessToken?: Token }>;

/**
 * Verifies the session of a request that a route got, as Postern verifies those at its own endpoints: the token in
 * `Authorization` decides when it is good, else the one in the session cookie, whatever that is called here. A request by
 * cookie that could change something is checked for `rid` or `anti-csrf` as `ANTI_CSRF` says, and rejected with
 * FOREIGN_WEBSITE when a page of another website sent it: answer 403, and do nothing. `doAntiCsrfCheck: false` leaves out
 * the former. Over a service binding only.
 */
export function getSessionForRequest<Payload extends object = JsonObject>(
  request: { method: string; url: string; headers: { get(name: string): string | null } },
  options?: { doAntiCsrfCheck?: boolean; freshness?: Freshness } & CallOptions,
): Promise<{ session: Session<Payload> }>;

/** The session's data as last written; `{}` if it never was. Over HTTP always `strict`. */
export function getSessionData<Data extends object = JsonObject>(handle: string, options?: { freshness?: Freshness } & CallOptions): Promise<Data>;

/** Overwrites the session's data, all of it. Not synchronised per session: the last overwrite wins. */
export function updateSessionData(handle: string, sessionData: JsonObject, options?: CallOptions): Promise<void>;

/**
 * Starts a session. The payload goes into the access token, which the browser can read; the data stays in storage.
 * `device` and `location` can only be given over a service binding; `location` is where the user is, which counts for the
 * user's first session. `dpopJkt`, over a service binding only, binds the session to a key of the client (DPoP, RFC 9449): the
 * thumbprint of its public JWK. Its tokens count with proofs of that key only.
 */
export function createNewSession(
  userId: string,
  jwtPayload?: JsonObject,
  sessionData?: JsonObject,
  options?: { tenantId?: string; device?: Device; location?: Location; dpopJkt?: string } & CallOptions,
): Promise<IssuedSession>;

/**
 * Starts a session in answer to a browser's login request. Append each of `headers` to the response: the tokens travel
 * as the browser SDK asked for, in cookies or in headers. `request.cf` says where the user is, unless `location` does.
 * Only over a service binding, to `SessionsAdmin`.
 */
export function createNewSessionForRequest(
  request: { headers: { get(name: string): string | null }; cf?: object },
  userId: string,
  jwtPayload?: JsonObject,
  sessionData?: JsonObject,
  options?: { tenantId?: string; device?: Device; location?: Location; dpopJkt?: string } & CallOptions,
): Promise<SessionForRequest>;

/**
 * Turns a token of a trusted issuer, whose entry in the settings has `exchange`, into a session of Postern's own. The user is called as
 * the entry says; `jwtPayload` takes the place of the claims that it copies. Each token makes one session: a repeated call rejects with
 * UNAUTHORISED. A token that is bound to a key (DPoP, RFC 9449) needs its proof, and the session is bound to the same key. Over a
 * service binding to `SessionsAdmin` only; browsers use `POST {base}/session/exchange`.
 */
export function exchangeToken(
  accessToken: string | null | undefined,
  options?: { jwtPayload?: JsonObject; sessionData?: JsonObject; device?: Device; location?: Location } & ProofOfPossession & CallOptions,
): Promise<IssuedSession>;

/**
 * Exchanges a refresh token. Rejects with TOKEN_THEFT_DETECTED when two holders of one token were seen, and with INVALID_DPOP_PROOF,
 * changing nothing, when the session is bound to a key that is not shown.
 */
export function refreshSession(
  refreshToken: string | null | undefined,
  antiCsrfToken?: string | null,
  options?: ProofOfPossession & CallOptions,
): Promise<IssuedSession>;

/** Ends a session; false if there was none. Repeated soon, the call says true again: the session has been ended. */
export function revokeSession(handle: string, options?: CallOptions): Promise<boolean>;

/** Ends up to 1,000 sessions; returns the handles of those that there were. */
export function revokeMultipleSessions(handles: string[], options?: CallOptions): Promise<string[]>;

/** Ends all sessions of a user, in one tenant if named, else in all; returns their handles. */
export function revokeAllSessionsForUser(userId: string, tenantId?: string, options?: CallOptions): Promise<string[]>;

/**
 * Ends everybody's sessions that were created before a time in milliseconds: after a breach. Returns the time that counts,
 * which is later if a later one was given before. Takes about 20 s: when it returns, no isolate honours them beyond the
 * freshness of its route. Over a service binding only.
 */
export function revokeAllSessionsBefore(time: number, options?: CallOptions): Promise<number>;

/** The handles of a user's live sessions, in one tenant if named, else in all. */
export function getAllSessionHandlesForUser(userId: string, tenantId?: string, options?: CallOptions): Promise<string[]>;

/**
 * A page of a user's live sessions with their facts; with `ended`, of those that ended within `ENDED_SESSION_RETENTION`, with
 * when and why. Give `cursor` back for the next page; the last page has none.
 */
export function listSessions(
  userId: string,
  options?: { tenantId?: string; cursor?: string; ended?: boolean } & CallOptions,
): Promise<SessionPage>;

/**
 * Ends what a person has here and erases what is stored about the person, at most 100 sessions at a time: call it again while
 * `more` is true. It can be repeated, also when it is done. `issuer` is the id of a trusted issuer that names the user so; without it
 * a user of this deployment is meant, in all tenants.
 */
export function eraseUser(userId: string, options?: { issuer?: string; tenantId?: string } & CallOptions): Promise<{ erased: number; more: boolean }>;

/** A page of everything that is stored about a person. Give `cursor` back for the next page; the last page has none. */
export function exportUser(
  userId: string,
  options?: { issuer?: string; tenantId?: string; cursor?: string } & CallOptions,
): Promise<UserExport>;

/** Everything stored about a session. */
export function getSessionInformation(handle: string, options?: CallOptions): Promise<SessionInformation>;

/** Replaces the stored payload. Access tokens already given out keep theirs. */
export function updateJWTPayload(handle: string, jwtPayload: JsonObject, options?: CallOptions): Promise<void>;

/** Merges into the stored payload, member by member; a member that is `null` is removed. */
export function mergeIntoAccessTokenPayload(handle: string, jwtPayload: JsonObject, options?: CallOptions): Promise<void>;

/**
 * A new access token in place of a live one, with the given payload (which is stored too) or the stored one. The
 * result has no `accessToken` when the given one has expired.
 */
export function regenerateAccessToken(
  accessToken: string | null | undefined,
  jwtPayload?: JsonObject,
  options?: ProofOfPossession & CallOptions,
): Promise<{ session: Session; accessToken?: Token }>;

/** Makes a new signing key at once. Over a service binding only. */
export function rotateSigningKeys(options?: CallOptions): Promise<void>;

/** Withdraws a signing key: what it signed is no longer accepted. Over a service binding only. */
export function revokeSigningKey(kid: string, options?: CallOptions): Promise<void>;

/**
 * Makes new secrets beside the signing keys: they are used from `from` on, and older ones are recognised until `until`, so that
 * nobody is logged out. Milliseconds since the Unix epoch. Over a service binding only.
 */
export function rotateSecrets(options?: CallOptions): Promise<{ from: number; until: number }>;

/** What is thrown when Postern refuses, or cannot answer. Its message never holds a token. */
declare class PosternError extends globalThis.Error {
  /** 1000: a fault on Postern's side or on the way. Answer 5xx; nothing was cleared, nothing lost. */
  static readonly GENERAL_ERROR: 1000;
  /** 2000: there is no such session (any more). Clear the session cookies, log in. */
  static readonly UNAUTHORISED: 2000;
  /** 3000: the access token is expired, or cannot be trusted as it is. The client refreshes, then retries. */
  static readonly TRY_REFRESH_TOKEN: 3000;
  /** 4000: refresh only; two holders of one token were seen, and the session has ended. */
  static readonly TOKEN_THEFT_DETECTED: 4000;
  /** 5000: `getSessionForRequest` only; a page of another website sent the request. Answer 403; clear nothing. */
  static readonly FOREIGN_WEBSITE: 5000;
  /** 6000: what is bound to a key was not shown with a good proof of it. Nothing was changed: the client sends a new proof. */
  static readonly INVALID_DPOP_PROOF: 6000;
  /** 7000: the same for want of a nonce. Tell the client: 401, `DPoP-Nonce` with `dpopNonce`, `WWW-Authenticate: DPoP error="use_dpop_nonce"`. */
  static readonly USE_DPOP_NONCE: 7000;
  /** 8000: the session is not bound to a device, and `DEVICE_BINDING` is `require`: 403, and clear nothing. */
  static readonly DEVICE_BINDING_REQUIRED: 8000;
  /** True for errors of this class; any other error is a bug or a malformed argument. */
  static isErrorFromAuth(err: unknown): err is PosternError;
  readonly errType: 1000 | 2000 | 3000 | 4000 | 5000 | 6000 | 7000;
  /** GENERAL_ERROR: when to try again, if Postern said so. */
  readonly retryAfterSeconds?: number;
  /** TOKEN_THEFT_DETECTED: whose session ended, if Postern said so. */
  readonly session?: { handle: string; userId: string };
  /** USE_DPOP_NONCE: a nonce that is good. */
  readonly dpopNonce?: string;
}
export { PosternError as Error };
