//! The table of log events: name, level, members and meaning of every line that Postern writes.
//!
//! The enum that code logs by and `docs/logs.md` (`npm run docs`) are made from it. A line is one JSON object with `level`, `event`,
//! the event's members and `message`. Names and levels are public: operators search and alert by them.

use crate::settings::LogLevel;

/// A member that some events have beside `level`, `event` and `message`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    /// The id of the request (`cf-ray`, or one that is made), which people are shown on pages.
    Request,
    /// The name of the setting.
    Setting,
    /// The HTTP method, or the name of the RPC method.
    Method,
    /// The path of the request without its query; parts that may be credentials or addresses of people are left out.
    Path,
    /// The gateway rule, by its name or its first path.
    Rule,
    /// Who vouches for the session: `own`, or the id of a trusted issuer.
    Issuer,
    /// The status of the answer.
    Status,
    /// Why, as a code that queries and alerts can go by.
    Reason,
    /// A keyed digest of the session's handle: equal in all lines of one session, and of no use to look one up.
    Session,
    /// How many sessions.
    Count,
    /// The country of the client address at the session's creation.
    Country,
}

impl Member {
    /// The name in the line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Setting => "setting",
            Self::Method => "method",
            Self::Path => "path",
            Self::Rule => "rule",
            Self::Issuer => "issuer",
            Self::Status => "status",
            Self::Reason => "reason",
            Self::Session => "session",
            Self::Count => "count",
            Self::Country => "country",
        }
    }
}

macro_rules! events {
    ($($(#[doc = $doc:literal])+ $event:ident = $level:ident $name:literal $([$($member:ident),+])?;)+) => {
        /// An event that is logged.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum LogEvent {
            $($(#[doc = $doc])+ $event,)+
        }

        impl LogEvent {
            /// Every event, in the order of `docs/logs.md`.
            pub const ALL: &[Self] = &[$(Self::$event),+];

            /// The name in the line.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$event => $name,)+ }
            }

            /// The level at which it is logged.
            pub const fn level(self) -> LogLevel {
                match self { $(Self::$event => LogLevel::$level,)+ }
            }

            /// What its line may have beside level, event and message.
            pub const fn members(self) -> &'static [Member] {
                match self { $(Self::$event => &[$($(Member::$member),+)?],)+ }
            }

            /// What it means, and what to do about it.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$event => concat!($($doc),+),)+ }
            }
        }
    };
}

events! {
    /// A setting or gateway rule that cannot be used. Every route answers 500, or the rules answer 503, until it is right; without the key of the stored key ring in
    /// `KEY_ENCRYPTION_KEYS`, what needs keys answers 503.
    BadSetting = Error "bad_setting" [Setting];
    /// A setting or gateway rule that is allowed and unwise.
    UnwiseSetting = Warn "unwise_setting" [Setting];

    /// The host of a request is malformed; it was answered 400.
    MalformedHost = Info "http";
    /// A request of the browser API was refused: which token rule, issuer or claim, and why.
    BrowserApi = Info "browser_api" [Reason];
    /// A refresh was refused.
    Refresh = Info "refresh" [Reason];
    /// A session ticket was refused.
    SessionTicket = Info "session_ticket";
    /// A person's request to look at their own sessions, or to end some, was refused.
    OwnSessions = Info "own_sessions";
    /// The registration of a device's key, or its proof, was refused, or the browser was told that its session has ended: why.
    SessionDevice = Info "session_device";
    /// A browser could not renew the cookie that shows its device: `server_error`, `unreachable` or `quota_exceeded`. It was answered 503.
    DeviceSkipped = Warn "device_skipped";
    /// An RPC call was refused. A call with bad arguments is rejected instead, and not logged.
    Rpc = Info "rpc" [Method, Reason];
    /// An operator did something on the console: `reason` says what, the message by whom, as a keyed digest that is equal in all lines of one operator.
    ConsoleAction = Warn "console_action" [Reason];
    /// A request of the console was refused: who asked for what is not known, or may not.
    Console = Info "console" [Reason];
    /// A request of an operator, under `/postern/` of the service API, was refused.
    OperatorApi = Info "operator_api";
    /// A person was shown a page in place of an answer of the browser API.
    Page = Info "page" [Request];
    /// `GET {base}/readyz` was answered 503: keys, KV or objects cannot serve.
    NotReady = Error "readyz";

    /// The gateway refused a request, sent it through a refresh, or passed it on as anonymous: which rule, and why.
    Gateway = Info "gateway" [Request, Rule, Reason, Status];
    /// A rule in shadow mode would have refused a request, which was passed on.
    GatewayShadow = Warn "gateway_shadow" [Rule, Reason];
    /// A request was passed on as anonymous because keys or storage are out of reach.
    GatewayOutage = Warn "gateway_outage";
    /// An origin is out of reach, or its answer cannot be passed on: which rule and origin.
    GatewayOrigin = Warn "gateway_origin" [Request];
    /// An origin's answer had a directive on a session that its rule does not allow, or that is malformed. Nothing was done for it.
    GatewayDirective = Warn "gateway_directive" [Request];
    /// The operator's error page of a rule cannot be had; Postern's own was shown.
    GatewayPage = Warn "gateway_page" [Request];
    /// A request for an origin carried an API key of the service API, which was taken off.
    GatewayApiKey = Warn "gateway_api_key";

    /// An access token was refused.
    Token = Info "token";
    /// A token names nearly, but not exactly, a trusted issuer. Logged at most once a minute for each text.
    TrustedIssuer = Warn "trusted_issuer";
    /// The keys of a trusted issuer cannot be had or used; its tokens are answered 503. Logged at most once a minute for each text.
    IssuerKeys = Warn "issuer_keys";
    /// A key of a trusted issuer's set is not used: which, and why. The others are.
    IssuerKeyLeftOut = Info "issuer_key_left_out";
    /// The keeper of a trusted issuer's key set failed or gave no answer; isolates fetch the set themselves meanwhile.
    KeySet = Error "key_set";
    /// A trusted issuer's logout signal was refused, or ends nobody here: whose, and why. What was ended is not logged.
    IssuerLogout = Info "issuer_logout";
    /// A trusted issuer's logout signal could not be taken in, because keys or objects are out of reach; it was answered 503.
    IssuerLogoutOutage = Warn "issuer_logout_outage";
    /// An object that remembers which logout signals were taken in, or which proofs of possession were used, failed or gave no answer.
    IssuerLogoutMemory = Error "issuer_logout_memory";
    /// WebCrypto failed to check a signature; the request was answered 503.
    Signature = Error "signature";
    /// A refresh token was used by two holders, or a session that is bound to a device was refreshed without its key
    /// (`device_key_missing`). The session has ended. `reason` is how that was recognised, `country` where the session was made. `listSessions` with `ended` tells the user's other facts.
    TokenTheft = Warn "token_theft" [Session, Reason, Country];
    /// A session was made; `reason` is which way.
    SessionCreated = Info "session_created" [Session, Issuer, Reason];
    /// A token of a trusted issuer was exchanged for a session of our own: whose token, and which session. The session's own line,
    /// `session_created`, has the reason `exchange`.
    TokenExchanged = Info "token_exchanged" [Session, Issuer];
    /// The SuperTokens core whose sessions are taken over (`FORMER_CORE_URL`) is out of reach, or its answer cannot be used: how it
    /// answered. Requests that need it are answered 503.
    FormerCore = Warn "former_core";
    /// A session was refreshed.
    SessionRefreshed = Debug "session_refreshed" [Session, Issuer];
    /// A session was ended; `reason` is who ended it. Of many at once one line is written, with their number.
    SessionsEnded = Info "sessions_ended" [Session, Reason, Count];
    /// What is stored about a person was erased (`eraseUser`), or the next part of it: how many sessions, and who asked. Not whose.
    PersonErased = Warn "person_erased" [Count, Reason];
    /// Everybody's sessions from before a moment were ended.
    RevokedBefore = Warn "revoked_before";
    /// A new signing key was asked for, a key was withdrawn, other secrets were rotated, or the key ring was backed up or restored; `reason` says which.
    SigningKeys = Warn "signing_keys" [Reason];
    /// A request to the service API, to `explain` or to `metrics` carried no or a wrong API key. Logged at most once a minute.
    WrongApiKey = Warn "wrong_api_key";
    /// Too many refreshes of one session from one network, tickets of one session, or wrong API keys from one network, in the count of the binding `RATE_LIMIT`; the
    /// request was answered 429. Logged at most once a minute for each of the three.
    RateLimited = Warn "rate_limited";
    /// The binding `RATE_LIMIT` failed, or gave no answer in time; the request was let through. Logged at most once a minute for each text.
    RateLimiter = Error "rate_limiter";

    /// No usable copy of the key ring; requests that need keys are answered 503.
    KeyRing = Error "key_ring";
    /// `JURISDICTION` is not what it was at the first deployment ([jurisdiction](deploying.md#jurisdiction)): no keys are made, and requests that need
    /// some are answered 503. Logged at most once a minute.
    Jurisdiction = Error "jurisdiction";
    /// The key ring has changed and is out of reach; its last copy is used meanwhile.
    KeyRingStale = Warn "key_ring_stale";
    /// A relay gave no answer, or is of a release that knows none; the key ring or the authority on revocations was asked itself. Logged
    /// at most once a minute.
    Relay = Warn "relay";
    /// A poll of the authority on revocations came to nothing. Routes with a bound ask the user's object once it is spent.
    RevocationPoll = Warn "revocation_poll";
    /// A `Revocations` object, or a call of one, failed.
    Revocations = Error "revocations";
    /// The alarm of a `Revocations` object failed; it has been set again.
    RevocationsAlarm = Error "revocations_alarm";
    /// A user's object, or a call of one, failed; the call was answered as temporarily unavailable.
    UserSessions = Error "user_sessions";
    /// A message of another release was not read, and nothing was changed: while two releases are mixed. Its sender makes an
    /// older call where there is one; a request for which there is none is answered 503 and logged as such.
    OtherRelease = Warn "other_release";
    /// The alarm of a user's object failed; it has been set again.
    UserSessionsAlarm = Error "user_sessions_alarm";
    /// A user's object could not write a copy of session data; it is tried again.
    UserSessionsCopy = Error "user_sessions_copy";
    /// A user's object could not report a revocation; it is tried again.
    UserSessionsReport = Error "user_sessions_report";
    /// A user's object could not set its alarm when it was started.
    UserSessionsRevive = Error "user_sessions_revive";
    /// Events were not taken by the queue or the webhook: why. They wait, and are sent again. Logged at most once a minute for each text.
    EventDelivery = Warn "event_delivery";
    /// An object had no room for more events, and gave up its oldest, `count` of them, undelivered. Its destination has not taken any for long.
    EventsDropped = Error "events_dropped" [Count];
    /// KV refused or failed a read or a write.
    Kv = Error "kv";

    /// Work was given up, because what it waited for never came, or went wrong in the runtime.
    GivenUp = Warn "given_up" [Request];
    /// The platform takes no work in the background.
    Background = Error "background";
}

/// How much of a path is logged, in bytes.
const MAX_PATH_BYTES: usize = 200;
/// The longest part of a path that is logged: identifiers are shorter than credentials.
const MAX_PART_BYTES: usize = 40;

/// What a line says of a path: parts that may be a credential, or the address of a person, are left out.
pub fn loggable_path(path: &str) -> String {
    let is_loggable = |part: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        part.len() <= MAX_PART_BYTES && part.bytes().all(is_plain)
    };
    let mut kept = String::new();
    for (at, part) in path.split('/').enumerate() {
        if at > 0 {
            kept.push('/');
        }
        if kept.len().saturating_add(part.len()) > MAX_PATH_BYTES {
            kept.push('\u{2026}');
            break;
        }
        kept.push_str(if is_loggable(part) { part } else { "\u{2026}" });
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::loggable_path;

    #[test]
    fn a_path_is_loggable_without_what_may_be_a_credential_or_a_person() {
        for (path, expected) in [
            ("/", "/"),
            ("/api/v1/orders/4711", "/api/v1/orders/4711"),
            ("/users/alice@example.com/edit", "/users/\u{2026}/edit"),
            ("/users/alice%40example.com", "/users/\u{2026}"),
            ("/a b", "/\u{2026}"),
        ] {
            assert_eq!(loggable_path(path), expected);
        }
        let token = "x".repeat(41);
        assert_eq!(loggable_path(&format!("/reset/{token}")), "/reset/\u{2026}");
        let long = "/abcdefgh".repeat(100);
        assert!(loggable_path(&long).len() <= 210);
    }
}
