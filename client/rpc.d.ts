/**
 * Postern's RPC methods, as a service binding offers them: one object in, one union out. The functions of `postern`
 * are built on these; use them directly where a union is handier than an exception.
 */

/** A JSON object. Members may be any JSON value; `undefined` members are left out. */
export type JsonObject = { [key: string]: any };

/**
 * How soon the answer must reflect a revocation: `stateless` (when the access token expires), `within 60s` (any
 * duration from one second), `strict` (at once, by asking the session's own object).
 */
export type Freshness = "stateless" | "strict" | `within ${string}`;

/** A verified session; `Payload` is what its creator promises of the payload, and nothing checks that. */
export interface Session<Payload extends object = JsonObject> {
  /**
   * Names the session; the key under which its data is stored. At run time it is `null` for a token of a trusted issuer that
   * names a user and no session: look at `issuer` where such tokens are accepted. There is no session data then, and calls
   * that are given the `null` reject with a TypeError.
   */
  handle: string;
  /** Who vouches for it: `own` for sessions of this deployment, else the id of a trusted issuer in its settings. */
  issuer: string;
  /** The user the session was created for. Two issuers may call two people the same: look at `issuer` as well. */
  userId: string;
  /** The tenant it was created in; `public` unless another was named. */
  tenantId: string;
  /** What the creator put into the access token. The browser can read it too. */
  jwtPayload: Payload;
}

/** A token with its times, in milliseconds since the Unix epoch. */
export interface Token {
  token: string;
  expiry: number;
  createdTime: number;
}

/** What creating or refreshing a session gives out. */
export interface IssuedSession {
  session: Session;
  accessToken: Token;
  refreshToken: Token;
  /** Present when the session is bound to an anti-CSRF token. */
  antiCsrfToken?: string;
  /** The value of the `front-token` response header, for browser SDKs; over a service binding only. */
  frontToken?: string;
}

/** A session made for a browser's request. */
export interface SessionForRequest {
  session: Session;
  /** Names and values to append, one by one, to the response. They carry the tokens: let no cache keep them. */
  headers: [name: string, value: string][];
}

/** Facts about the device a session lives on. */
export interface Device {
  userAgent?: string;
  /** How much of it is kept says the setting `DEVICE_IP`. */
  ip?: string;
  /** Of the address: two letters (ISO 3166-1), as `request.cf.country` has it. */
  country?: string;
}

/** One session of a list. Times in milliseconds since the Unix epoch. */
export interface ListedSession {
  handle: string;
  /** `own`: sessions of trusted issuers are listed by their issuers. */
  issuer: string;
  userId: string;
  tenantId: string;
  timeCreated: number;
  /** Absent when it never was. */
  lastRefreshed?: number;
  /** When its user was last seen, as far as the session's object was told: it may be up to `ACCESS_TOKEN_VALIDITY` behind. */
  lastSeen: number;
  /** When it ends unless it is refreshed; of an ended one, when it would have ended. */
  expiry: number;
  /** As given when it was made; absent when nothing was given. */
  device?: Device;
  /** Which way it was made; a later release may have more. Absent for sessions from before this was noted. */
  madeBy?: "rpc" | "service_api" | "origin" | "exchange" | "former_core" | (string & {});
  /** When it was bound to a key of the browser's device; absent when it is not, and of ended ones. */
  deviceBound?: number;
  /** The thumbprint of the key that it is bound to by DPoP; absent when it is not, and of ended ones. */
  dpopJkt?: string;
  /** Only of ended ones. */
  ended?: {
    time: number;
    reason: "signed_out" | "revoked" | "revoked_with_all" | "displaced" | "expired" | "theft" | "cut_off" | (string & {});
    /** Who ended it, where somebody did: the user from another session, a Worker, a backend, an origin, or an operator. */
    by?: "user" | "rpc" | "service_api" | "origin" | "console" | "sign_out" | (string & {});
  };
}

/** A page of a user's sessions. */
export interface SessionPage {
  /** At most 100; the newest first, of ended ones the last to end first. */
  sessions: ListedSession[];
  /** Give it back for the next page; absent on the last one. */
  cursor?: string;
}

/** One thing that is stored about a person. A later release may have more types. */
export type UserRecord =
  | { type: "session"; session: ListedSession; jwtPayload: JsonObject; sessionData: JsonObject; deviceKey?: JsonObject }
  | { type: "ended_session"; session: ListedSession }
  | { type: "issuer_session"; session: { handle: string; issuer: string; userId: string }; sessionData: JsonObject };

/** A page of what is stored about a person. */
export interface UserExport {
  records: UserRecord[];
  /** Give it back for the next page; absent on the last one. */
  cursor?: string;
}

/** A region, as the platform's location hints name it. */
export type Location = "wnam" | "enam" | "sam" | "weur" | "eeur" | "apac" | "oc" | "afr" | "me";

/** Everything stored about a session. Times in milliseconds since the Unix epoch. */
export interface SessionInformation {
  session: Session & {
    /** When the session ends unless it is refreshed. */
    expiry: number;
    timeCreated: number;
    /** Absent when it never was. */
    lastRefreshed?: number;
    device?: Device;
    /** When it was bound to a key of the browser's device; absent when it is not. */
    deviceBound?: number;
    /** The thumbprint of the key that it is bound to by DPoP; absent when it is not. */
    dpopJkt?: string;
  };
  sessionData: JsonObject;
}

/** An answer other than OK. `INVALID_CLAIMS` is named for completeness: no method here takes claim requirements. */
export type Refusal =
  | { status: "UNAUTHORISED" | "TRY_REFRESH_TOKEN" | "TOKEN_THEFT_DETECTED" | "INVALID_CLAIMS"; message: string }
  | { status: "INVALID_DPOP_PROOF" | "DEVICE_BINDING_REQUIRED"; message: string }
  | { status: "USE_DPOP_NONCE"; message: string; dpopNonce: string }
  | { status: "GENERAL_ERROR"; message: string; retryAfterSeconds: number };

/** What shows the key of a token, or of a session, that is bound to one (DPoP, RFC 9449); it is refused without. */
export interface ProofOfPossession {
  /** The `DPoP` header of the request that the token came with. */
  dpopProof?: string;
  /** With `dpopProof`: the method of that request, as it was sent. */
  method?: string;
  /** With `dpopProof`: the URL of that request, as the client asked for it. */
  url?: string;
}

/** `{status: "OK", …}`, or why not. */
export type Answer<T = {}> = Promise<({ status: "OK" } & T) | Refusal>;

/** The entrypoint `SessionsVerify`. */
export interface SessionsVerify {
  /** Anti-CSRF is checked if and only if the token carries the claim, unless `doAntiCsrfCheck` is false. */
  getSession(argument: {
    accessToken: string;
    antiCsrfToken?: string;
    doAntiCsrfCheck?: boolean;
    freshness?: Freshness;
  } & ProofOfPossession): Answer<{ session: Session; accessToken?: Token }>;
  /**
   * The same of a whole request, as Postern's own endpoints verify it: cookies by either name, `rid`, `anti-csrf`, and where
   * the request comes from. Header names in any case; of the headers only those that say something about this are read.
   */
  getSessionForRequest(argument: {
    request: { method: string; url: string; headers: [name: string, value: string][] };
    doAntiCsrfCheck?: boolean;
    freshness?: Freshness;
  }): Promise<({ status: "OK"; session: Session }) | Refusal | { status: "FOREIGN_WEBSITE"; message: string }>;
}

/** The default entrypoint. */
export interface Sessions extends SessionsVerify {
  getSessionData(argument: { handle: string; freshness?: Freshness }): Answer<{ sessionData: JsonObject }>;
  updateSessionData(argument: { handle: string; sessionData: JsonObject }): Answer;
}

/** The entrypoint `SessionsAdmin`: whoever holds it can make a session for any user. */
export interface SessionsAdmin extends Sessions {
  createNewSession(argument: {
    userId: string;
    jwtPayload?: JsonObject;
    sessionData?: JsonObject;
    tenantId?: string;
    device?: Device;
    location?: Location;
    /** The thumbprint (RFC 7638) of the client's public JWK, to bind the session to that key (DPoP, RFC 9449). */
    dpopJkt?: string;
  }): Answer<IssuedSession>;
  /**
   * For login routes: how the tokens travel follows the request and the settings, and `headers` are to be appended to
   * the response. Refused before a session exists: one whose tokens would not fit a browser's cookies (a TypeError with
   * both numbers), and cookies that no browser would keep.
   */
  createNewSessionForRequest(argument: {
    /** Header names in lower case; a request that has one of these must pass it on. */
    request: {
      headers: { authorization?: string; cookie?: string; "st-auth-mode"?: string };
      /** Of the platform's request: where the user is. */
      cf?: { continent?: string; longitude?: string };
    };
    userId: string;
    jwtPayload?: JsonObject;
    sessionData?: JsonObject;
    tenantId?: string;
    device?: Device;
    location?: Location;
    /** The thumbprint (RFC 7638) of the client's public JWK, to bind the session to that key (DPoP, RFC 9449). */
    dpopJkt?: string;
  }): Answer<SessionForRequest>;
  /**
   * A session for the user of a trusted issuer's token, where the issuer's entry has `exchange`. Each token makes one session; a
   * token that is bound to a key makes one that is bound to the same. `jwtPayload` takes the place of the entry's `exchange_claims`.
   */
  exchangeToken(argument: {
    accessToken: string;
    jwtPayload?: JsonObject;
    sessionData?: JsonObject;
    device?: Device;
    location?: Location;
  } & ProofOfPossession): Answer<IssuedSession>;
  refreshSession(argument: { refreshToken: string; antiCsrfToken?: string } & ProofOfPossession): Answer<IssuedSession>;
  revokeSession(argument: { handle: string }): Answer<{ revoked: string[] }>;
  /** At most 1,000 handles. */
  revokeMultipleSessions(argument: { handles: string[] }): Answer<{ revoked: string[] }>;
  revokeAllSessionsForUser(argument: { userId: string; tenantId?: string }): Answer<{ revoked: string[] }>;
  /** Ends everybody's sessions that were created before `time`. Answers after about 20 s. */
  revokeAllSessionsBefore(argument: { time: number }): Answer<{ time: number }>;
  getAllSessionHandlesForUser(argument: { userId: string; tenantId?: string }): Answer<{ handles: string[] }>;
  /** A page of a user's live sessions with their facts, or with `ended` of those that have ended lately, with when and why. */
  listSessions(argument: { userId: string; tenantId?: string; cursor?: string; ended?: boolean }): Answer<SessionPage>;
  /** Ends and erases at most 100 sessions of a person at a time; `more`: make the call again. Can be repeated. */
  eraseUser(argument: { userId: string; issuer?: string; tenantId?: string }): Answer<{ erased: number; more: boolean }>;
  /** A page of everything that is stored about a person. */
  exportUser(argument: { userId: string; issuer?: string; tenantId?: string; cursor?: string }): Answer<UserExport>;
  getSessionInformation(argument: { handle: string }): Answer<SessionInformation>;
  updateJWTPayload(argument: { handle: string; jwtPayload: JsonObject }): Answer;
  mergeIntoAccessTokenPayload(argument: { handle: string; jwtPayload: JsonObject }): Answer;
  regenerateAccessToken(argument: {
    accessToken: string;
    jwtPayload?: JsonObject;
  } & ProofOfPossession): Answer<{ session: Session; accessToken?: Token }>;
  rotateSigningKeys(argument: {}): Answer;
  /** Times are milliseconds since the Unix epoch. */
  rotateSecrets(argument: {}): Answer<{ from: number; until: number }>;
  revokeSigningKey(argument: { kid: string }): Answer;
}
