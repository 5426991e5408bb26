//! The decision about one request: which rule it falls under, and whether it passes.
//!
//! The order of the checks, for the gateway itself and for [`crate::gateway::decision::explain`] alike.

use crate::error::{self, Presented};
use crate::gateway::rules::Matched;
use crate::identity::Issuer;
use crate::refusal::Refusal;

use crate::gateway::decision::navigation::{cannot_refresh, is_navigation, is_of_sdk};

use crate::gateway::decision::renewal::{MAX_FORM_BYTES, Renewal};
use crate::gateway::matching::path::{self, PathFault};
use crate::gateway::matching::readings;
use crate::gateway::rules::bearer::Lack;
use crate::gateway::rules::requirement::FailedClaim;
use crate::gateway::rules::{
    Gateway, OnOutage, RefusalShape, Rule, SessionNeed, is_never_answered,
};

use postern_jwt::time::UnixMillis;

/// What is known of a request before its session is.
#[derive(Clone, Copy)]
pub struct RequestMeta<'a> {
    /// `name[:port]`, in its [normal form](crate::http::host::normal).
    pub host: &'a str,
    /// The method as it was sent.
    pub method: &'a str,
    /// The path as it was sent, without the query.
    pub raw_path: &'a str,
    /// The path of the URL that is to be sent; equal to the raw one where [`path::is_kept_by_urls`] says so.
    pub path: &'a str,
    /// What follows `?`; empty when nothing does.
    pub query: &'a str,
    /// A header by its lower-case name; asked for only where a decision hangs on it.
    pub header: &'a dyn Fn(&str) -> Option<String>,
}

/// What becomes of a request before its session is looked at.
#[derive(Debug, Clone, Copy)]
pub enum Admission<'g> {
    /// It falls under a rule.
    Rule(Matched<'g>),
    /// It asks whether a request that falls under the rule may be made from another website (a CORS preflight). No
    /// session is looked at; [`crate::gateway::response::cors::preflight`] answers, or says that the origin is to be asked.
    Preflight(Matched<'g>),
}

/// What is wrong with the device of a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeviceFault {
    /// Nothing.
    #[default]
    None,
    /// It is bound, and its bound cookie is missing.
    CookieMissing,
    /// It is not bound where that is asked for, and so young that its browser may be about to register its key.
    BeingBound,
}

/// A session that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRefused {
    /// Why.
    pub refusal: Refusal,
    /// Whether there was a token at all.
    pub presented: Presented,
    /// True when a session of ours was looked up and is gone, so that its tokens are cleared (fdi.md 4.1).
    pub own_session_is_gone: bool,
    /// True when nothing is wrong with the token, and the request lacks what proves that no other website made it.
    pub token_is_good: bool,
    /// The refresh that may make its session good, unless it was tried; for cookies only.
    pub renewal: Option<Renewal>,
    /// What is wrong with its device.
    pub device: DeviceFault,
    /// What is known besides, for the log and for [`crate::gateway::decision::explain`]: issuer, claim and rule, without user data.
    pub detail: Option<String>,
}

impl SessionRefused {
    /// A refusal about which nothing more is known.
    pub const fn new(refusal: Refusal, presented: Presented) -> Self {
        Self {
            refusal,
            presented,
            own_session_is_gone: false,
            token_is_good: false,
            renewal: None,
            device: DeviceFault::None,
            detail: None,
        }
    }

    /// The reason as the log has it.
    pub fn log_reason(&self) -> String {
        let detail = self.detail.clone();
        detail.unwrap_or_else(|| error::detail(&self.refusal))
    }
}

/// A good session, as a rule sees it.
#[derive(Debug, Clone, Copy)]
pub struct RuleSession<'a> {
    /// Who vouches for it.
    pub issuer: &'a Issuer,
    /// Its payload.
    pub payload: &'a str,
    /// The time of the request.
    pub now: UnixMillis,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// Its method is never answered, see [`is_never_answered`].
    Method,
    /// Rule and origin could read its path differently.
    Path(PathFault),
    /// No rule lets it through.
    NoRule,
    /// Its session.
    Session(SessionRefused),
    /// Another website's page sent it, with the cookies that browsers send along.
    Website,
    /// It cannot be sent on as it came.
    Unsendable(Unsendable),
    /// Its session is good, and its token lacks what the rule demands of it.
    Bearer(Lack),
    /// Its session is good, and its claims do not meet the rule's requirement.
    Claims(Vec<FailedClaim>),
}

/// Why a request cannot be sent on as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsendable {
    /// A `GET` or `HEAD` with a body of unknown length: the platform would leave the body out.
    BodyWithoutLength,
    /// A token of ours in its URL: what is in a URL is kept in logs, and in the pages that link from there.
    TokenInUrl,
}

/// How a request passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// True = with the identity of its session; false = as anonymous.
    pub with_identity: bool,
    /// Something about it that the log should have.
    pub warning: Option<ForwardWarning>,
}

/// What is remarkable about a request that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForwardWarning {
    /// The rule is in shadow mode; without it this would have been the answer.
    Shadowed(Denial),
    /// Keys or storage are out of reach, and the rule lets requests pass as anonymous then.
    Outage,
    /// Its session was refused, and as nothing can refresh it here the request passes as anonymous.
    StaleSession,
    /// It carries a token that does not count under this rule, and this is why.
    PassedOver(String),
}

/// The decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It goes to the origin.
    Forward(Forward),
    /// It is refused.
    Refuse(Denial),
    /// Its session is stale, and the browser is to refresh it and come back ([`crate::gateway::decision::renewal`]).
    Renew(Renewal),
    /// The browser is to ask again by itself: for a page that a link on another site led to, it neither sent nor renewed the
    /// cookie that shows the device.
    AskAgain,
}

impl Unsendable {
    /// For the log, and for who is refused.
    pub const fn text(self) -> &'static str {
        match self {
            Self::BodyWithoutLength => "a body of GET or HEAD needs a Content-Length",
            Self::TokenInUrl => "the URL holds a token of a session",
        }
    }
}

impl Denial {
    /// The check that refused, by its stable name.
    pub const fn check(&self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Path(_) => "path",
            Self::NoRule => "rule",
            Self::Session(_) => "session",
            Self::Website => "website",
            Self::Unsendable(_) => "request",
            Self::Bearer(Lack::Scope) => "scope",
            Self::Bearer(Lack::Authentication) => "authentication",
            Self::Claims(_) => "claims",
        }
    }
}

/// Finds the rule of a request.
///
/// # Errors
/// No rule, a method that is never answered, or a path that is not safe to match. An ambiguous path is refused before
/// anything is said about rules.
pub fn admit<'g>(gateway: &'g Gateway, request: &RequestMeta<'_>) -> Result<Admission<'g>, Denial> {
    if is_never_answered(request.method) {
        return Err(Denial::Method);
    }
    // A preflight is about the method that it names.
    let wanted = (request.method == "OPTIONS" && (request.header)("origin").is_some())
        .then(|| (request.header)("access-control-request-method"))
        .flatten();
    let method = wanted.as_deref().unwrap_or(request.method);
    let matched = gateway
        .find(request.host, method, request.path)
        .and_then(|index| {
            let rule = gateway.rule(index)?;
            Some(Matched {
                index,
                rule,
                origin: gateway.origin(rule)?,
            })
        });
    let safety = path::check(request.raw_path, request.path).and_then(|()| {
        let other = readings::other(request.path);
        let is_other_rule = other.is_some_and(|other| {
            let found = gateway.find(request.host, method, &other);
            found != matched.map(|matched| matched.index)
        });
        if is_other_rule {
            Err(PathFault::OtherRule)
        } else {
            Ok(())
        }
    });
    if let Err(fault) = safety
        && !matched.is_some_and(|matched| matched.origin.accepts_ambiguous_paths)
    {
        return Err(Denial::Path(fault));
    }
    let matched = matched.ok_or(Denial::NoRule)?;
    if matches!(request.method, "GET" | "HEAD") && (request.header)("transfer-encoding").is_some() {
        return Err(Denial::Unsendable(Unsendable::BodyWithoutLength));
    }
    Ok(if wanted.is_some() {
        Admission::Preflight(matched)
    } else {
        Admission::Rule(matched)
    })
}

/// Decides about a request that falls under a rule. `session` is its session, or why there is none; it is not looked at
/// when the rule does not [ask for a session](Rule::asks_for_session). A session of an issuer that the rule does not accept
/// is none.
pub fn decide(
    rule: &Rule,
    request: &RequestMeta<'_>,
    session: Result<RuleSession<'_>, SessionRefused>,
) -> Decision {
    let session = session.and_then(|seen| {
        if rule.issuers.accepts(seen.issuer) {
            Ok(seen)
        } else {
            Err(not_accepted(seen.issuer))
        }
    });
    let forward = |with_identity, warning| {
        Decision::Forward(Forward {
            with_identity,
            warning,
        })
    };
    if rule.session == SessionNeed::None {
        return forward(false, None);
    }
    let refused = match session {
        Ok(RuleSession {
            issuer,
            payload,
            now,
        }) => {
            if let Some(lack) = rule.bearer.lack(payload, now) {
                let denial = Denial::Bearer(lack);
                return if rule.shadow {
                    forward(true, Some(ForwardWarning::Shadowed(denial)))
                } else {
                    Decision::Refuse(denial)
                };
            }
            let failed = rule
                .require
                .as_ref()
                .map(|require| require.failures(issuer, payload))
                .unwrap_or_default();
            return match (failed.is_empty(), rule.shadow) {
                (true, _) => forward(true, None),
                (false, true) => {
                    forward(true, Some(ForwardWarning::Shadowed(Denial::Claims(failed))))
                }
                (false, false) => Decision::Refuse(Denial::Claims(failed)),
            };
        }
        Err(SessionRefused {
            refusal: Refusal::ForeignWebsite,
            ..
        }) => {
            return if rule.shadow {
                forward(false, Some(ForwardWarning::Shadowed(Denial::Website)))
            } else {
                Decision::Refuse(Denial::Website)
            };
        }
        Err(refused) => refused,
    };
    if matches!(refused.refusal, Refusal::GeneralError(_)) && rule.on_outage == OnOutage::Anonymous
    {
        return forward(false, Some(ForwardWarning::Outage));
    }
    if rule.session == SessionNeed::Optional
        && refused.presented == Presented::Nothing
        && matches!(refused.refusal, Refusal::Unauthorised(_))
    {
        return forward(false, refused.detail.map(ForwardWarning::PassedOver));
    }
    if refused.device == DeviceFault::CookieMissing
        && rule.refresh
        && !rule.shadow
        && comes_by_a_link_from_elsewhere(request)
    {
        return Decision::AskAgain;
    }
    if let Some(renewal) = refused.renewal.as_ref()
        && goes_through_a_refresh(rule, request, renewal)
    {
        return Decision::Renew(renewal.clone());
    }
    if rule.session == SessionNeed::Optional && counts_as_anonymous(rule, request, &refused) {
        return forward(false, Some(ForwardWarning::StaleSession));
    }
    let denial = Denial::Session(refused);
    if rule.shadow {
        forward(false, Some(ForwardWarning::Shadowed(denial)))
    } else {
        Decision::Refuse(denial)
    }
}

/// True for a page that another site led to: browsers renew a bound cookie only for requests of its own site.
fn comes_by_a_link_from_elsewhere(request: &RequestMeta<'_>) -> bool {
    let site = (request.header)("sec-fetch-site");
    request.method == "GET"
        && is_navigation(request.method, request.header)
        && matches!(site.as_deref(), Some("cross-site" | "same-site"))
}

fn not_accepted(issuer: &Issuer) -> SessionRefused {
    let refusal = Refusal::Unauthorised("the request carries no access token");
    SessionRefused {
        detail: Some(format!(
            "issuer {}: its sessions are not accepted here",
            issuer.id()
        )),
        ..SessionRefused::new(refusal, Presented::Nothing)
    }
}

/// True for what goes through a refresh and comes back: a page that is opened; a form that would otherwise be refused, as
/// it would be lost; and a form that may be a logout, when nothing else can tell whose session is to end.
fn goes_through_a_refresh(rule: &Rule, request: &RequestMeta<'_>, renewal: &Renewal) -> bool {
    let is_renewed = rule.refresh && !rule.shadow && is_navigation(request.method, request.header);
    is_renewed
        && match request.method {
            "GET" => true,
            "POST" => {
                let length = (request.header)("content-length");
                let is_short = length
                    .is_none_or(|length| length.parse().is_ok_and(|it: u64| it <= MAX_FORM_BYTES));
                let is_refused_else = rule.session == SessionNeed::Required;
                is_short && (is_refused_else || (rule.directives && !renewal.is_proven))
            }
            _ => false,
        }
}

/// True when a request with a session that is no good passes an optional rule as if it had none.
fn counts_as_anonymous(rule: &Rule, request: &RequestMeta<'_>, refused: &SessionRefused) -> bool {
    let is_stale = matches!(
        refused.refusal,
        Refusal::TryRefreshToken(_) | Refusal::Unauthorised(_)
    );
    let is_read = matches!(request.method, "GET" | "HEAD");
    if !is_stale || (refused.token_is_good && !is_read) {
        return false;
    }
    // Where people log in and out no session may stand in the way: of an SDK's requests only one that no refresh can
    // bring back. Who sends a token in a header knows of it.
    if rule.directives && (refused.own_session_is_gone || !knows_of_its_token(request)) {
        return true;
    }
    let is_sent_to_log_in = is_read
        && matches!(&rule.refuse, RefusalShape::Login { page, .. } if path_of(page) != request.path);
    !is_sent_to_log_in && cannot_refresh(request.method, request.header)
}

fn knows_of_its_token(request: &RequestMeta<'_>) -> bool {
    is_of_sdk(request.header) || (request.header)("authorization").is_some()
}

/// The path of a login page; of one elsewhere the whole address, which is no path.
fn path_of(page: &str) -> &str {
    page.split('?').next().unwrap_or(page)
}
