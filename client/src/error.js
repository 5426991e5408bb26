/** What every function of this package throws when Postern refuses, or cannot answer. */
export class PosternError extends Error {
  /** A fault on Postern's side, its storage's, or the network's: answer 5xx; nothing was cleared, nothing lost. */
  static GENERAL_ERROR = 1000;
  /** There is no such session (any more): clear the session cookies, log in. */
  static UNAUTHORISED = 2000;
  /** The access token is expired, or cannot be trusted as it is: the client refreshes, then retries. */
  static TRY_REFRESH_TOKEN = 3000;
  /** Refresh only: two holders of one token were seen; the session has ended. */
  static TOKEN_THEFT_DETECTED = 4000;
  /** A page of another website sent the request, with the cookies of a session: answer 403, and clear nothing. */
  static FOREIGN_WEBSITE = 5000;
  /** What is bound to a key was not shown with a good proof of it (DPoP). Nothing was changed. */
  static INVALID_DPOP_PROOF = 6000;
  /** The same for want of a nonce, which `dpopNonce` is. */
  static USE_DPOP_NONCE = 7000;
  /** The session is good, and not bound to a device where `DEVICE_BINDING` asks for that: answer 403, and clear nothing. */
  static DEVICE_BINDING_REQUIRED = 8000;

  static isErrorFromAuth(err) {
    return err instanceof PosternError;
  }

  constructor(errType, message, { retryAfterSeconds, session, dpopNonce, status, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "PosternError";
    this.errType = errType;
    if (retryAfterSeconds !== undefined) this.retryAfterSeconds = retryAfterSeconds;
    if (session !== undefined) this.session = session;
    if (dpopNonce !== undefined) this.dpopNonce = dpopNonce;
    // The status of an HTTP answer; for `limits.js`, which is all that asks.
    if (status !== undefined) Object.defineProperty(this, "status", { value: status, enumerable: false });
  }
}

/** The outcomes that are the session's, by the name they have on every surface. */
const REFUSALS = new Map([
  ["UNAUTHORISED", PosternError.UNAUTHORISED],
  ["TRY_REFRESH_TOKEN", PosternError.TRY_REFRESH_TOKEN],
  ["TOKEN_THEFT_DETECTED", PosternError.TOKEN_THEFT_DETECTED],
  ["FOREIGN_WEBSITE", PosternError.FOREIGN_WEBSITE],
  ["INVALID_DPOP_PROOF", PosternError.INVALID_DPOP_PROOF],
  ["USE_DPOP_NONCE", PosternError.USE_DPOP_NONCE],
  ["DEVICE_BINDING_REQUIRED", PosternError.DEVICE_BINDING_REQUIRED],
]);

/** Returns an answer whose status is OK; throws any other as the error it stands for. */
export function okOrThrow(method, answer) {
  const status = answer?.status;
  if (status === "OK") return answer;
  const errType = REFUSALS.get(status) ?? PosternError.GENERAL_ERROR;
  const said = typeof answer?.message === "string" ? answer.message : status;
  const reason = REFUSALS.has(status) || status === "GENERAL_ERROR" ? said : "an answer this client does not know";
  const { retryAfterSeconds, session, dpopNonce } = answer ?? {};
  throw new PosternError(errType, `${method}: ${reason}`, { retryAfterSeconds, session, dpopNonce });
}
