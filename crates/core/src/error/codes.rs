//! The table of error codes: code, HTTP status, public message and meaning of every refusal and fault that Postern answers.
//!
//! The enum that code answers by and `docs/errors.md` (`npm run docs`) are made from it. Codes are public: callers decide by them.

use crate::http::reply::Reply;
use postern_jwt::json::ObjectWriter;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $code:ident = $name:literal $status:literal $message:literal;)+) => {
        /// What a refusal or a fault is called, whichever entry point answers it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ $code,)+
        }

        impl ErrorCode {
            /// Every code, in the order of `docs/errors.md`.
            pub const ALL: &[Self] = &[$(Self::$code),+];

            /// `status` in HTTP bodies and in results of RPC.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)+ }
            }

            /// The HTTP status; for 401 about a session `SESSION_EXPIRED_STATUS_CODE` takes its place.
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$code => $status,)+ }
            }

            /// The public text, which tells a stranger nothing more than the code does.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$code => $message,)+ }
            }

            /// What it means, and what a caller does.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$code => concat!($($doc),+),)+ }
            }
        }
    };
}

codes! {
    /// There is no such session, or no longer. Clear the session and sign in.
    Unauthorised = "UNAUTHORISED" 401 "unauthorised";
    /// The access token is expired, or cannot be trusted as it is. Refresh, then try again.
    TryRefreshToken = "TRY_REFRESH_TOKEN" 401 "try refresh token";
    /// Refresh only: two holders of one refresh token were seen, and the session has ended. Clear it, and warn the user.
    TokenTheftDetected = "TOKEN_THEFT_DETECTED" 401 "token theft detected";
    /// The token or the session is bound to a key (DPoP), and the request has no good proof of it. Nothing was changed, and the session goes
    /// on: send a new proof.
    InvalidDpopProof = "INVALID_DPOP_PROOF" 401 "the proof of possession is not good";
    /// The same for want of a nonce: send a new proof with the nonce in `DPoP-Nonce` (over RPC `dpopNonce`).
    UseDpopNonce = "USE_DPOP_NONCE" 401 "the proof of possession needs a nonce";
    /// The session is good, and a claim that is required is not met. The answer names the claims where the rule allows that.
    InvalidClaims = "INVALID_CLAIMS" 403 "invalid claim";
    /// The session is good, and not bound to a device where that is asked for. Ask again after `Retry-After` where the answer has it: the
    /// browser of a new session may be about to bind it. Otherwise sign in again with a browser that knows device-bound sessions.
    DeviceBindingRequired = "DEVICE_BINDING_REQUIRED" 403
        "this needs a session that is bound to a device: sign in again with a browser that supports it";
    /// The page of another website would use the session; nothing was done.
    ForeignWebsite = "FOREIGN_WEBSITE" 403 "this website may not use the session";
    /// The input is malformed; nothing was changed. The message names the field and its form. Over RPC the call is rejected instead.
    BadInput = "BAD_INPUT" 400 "bad input";
    /// The input is larger than a limit; nothing was changed. The message names both. Over RPC the call is rejected instead.
    TooLarge = "TOO_LARGE" 413 "too large";
    /// There were [too many](rate-limits.md) such requests lately; nothing was changed. Try again after `Retry-After`.
    TooManyRequests = "TOO_MANY_REQUESTS" 429 "too many requests; try again later";
    /// A fault of Postern or of its storage; nothing was cleared or lost. Try again after `Retry-After`.
    GeneralError = "GENERAL_ERROR" 503 "temporarily unavailable; try again";
    /// The settings cannot be used; the log says which. Every route answers so.
    Misconfigured = "MISCONFIGURED" 500 "this service is not set up correctly; its log says why";
    /// Nobody serves this path.
    NotFound = "NOT_FOUND" 404 "not found";
    /// The path has other methods, which `Allow` lists.
    MethodNotAllowed = "METHOD_NOT_ALLOWED" 405 "method not allowed";
    /// The method is never answered, whatever the path.
    MethodNotImplemented = "METHOD_NOT_IMPLEMENTED" 501 "TRACE, TRACK and CONNECT are never answered";
    /// An API key is needed, and none, or a wrong one, was sent.
    InvalidApiKey = "INVALID_API_KEY" 401 "an API key is needed";
    /// No rule of the gateway lets the request through.
    NoRule = "NO_RULE" 403 "no rule lets this request through";
    /// The body's length has to be said for this origin (`Content-Length`).
    LengthRequired = "LENGTH_REQUIRED" 411 "the length of the body is required";
    /// The origin cannot be reached, broke off, or sent what it may not. The log says which, and why.
    BadGateway = "BAD_GATEWAY" 502 "the origin gave no usable answer";
    /// The origin, or what an answer waited for, took too long.
    GatewayTimeout = "GATEWAY_TIMEOUT" 504 "the origin did not answer in time";
}

impl ErrorCode {
    /// The reply with the code's own message.
    pub(crate) fn reply(self) -> Reply {
        self.reply_with(self.message())
    }

    /// The reply with a message that says more.
    pub(crate) fn reply_with(self, message: &str) -> Reply {
        Reply::json(self.http_status(), self.body(message))
    }

    /// The body of our own endpoints: `{"status":"…","message":"…"}`.
    pub(crate) fn body(self, message: &str) -> String {
        let mut body = ObjectWriter::new();
        body.text("status", self.name());
        body.text("message", message);
        body.finish()
    }
}
