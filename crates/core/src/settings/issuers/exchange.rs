//! Whether tokens of an entry are exchanged for sessions of our own, and whose these are.

use super::TrustedIssuer;
use super::entry::Entry;
use super::names::IssuerNames;
use postern_jwt::time::Millis;

/// How old a token may be. A session outlives the token that it is made from, so a token that was found later must not make one.
const DEFAULT_MAX_AGE: Millis = Millis::from_seconds(5 * 60);

/// Claims that are about the token and not about its user (RFC 7519 section 4.1, RFC 7800), and those that our access tokens have
/// for a purpose of their own.
pub(crate) const NOT_EXCHANGED: [&str; 14] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "cnf",
    "tId",
    "rsub",
    "sessionHandle",
    "refreshTokenHash1",
    "parentRefreshTokenHash1",
    "antiCsrfToken",
];

/// The most claims that a payload takes over.
const MAX_CLAIMS: usize = 32;

/// How tokens of an entry are exchanged for sessions of our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeTerms {
    /// What its users are called here.
    pub users: ExchangedUsers,
    /// How long ago a token may have been made (`iat`).
    pub max_age: Millis,
    /// The claims that the session's payload takes over, where a token has them.
    pub claims: Vec<String>,
}

/// What a trusted issuer's users are called as users of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExchangedUsers {
    /// `ID:SUBJECT`, or `ID:TENANT:SUBJECT` for an issuer that has tenants: nobody else's users are called so.
    Prefixed,
    /// As the issuer calls them, since it names the users of this deployment.
    Subject,
}

impl Entry<'_> {
    pub(super) fn exchange(
        &mut self,
        names: Option<&IssuerNames>,
        max_token_age: Millis,
    ) -> Option<ExchangeTerms> {
        let users = match self.text("exchange").as_deref() {
            None => None,
            Some("prefixed") => Some(ExchangedUsers::Prefixed),
            Some("subject") => Some(ExchangedUsers::Subject),
            Some(_) => {
                self.fault("exchange must be \"prefixed\" or \"subject\"");
                None
            }
        };
        for member in ["exchange_max_age", "exchange_claims"] {
            let is_alone = self.has(member) && !self.has("exchange");
            self.require(!is_alone, &format!("{member} needs exchange"));
        }
        if users == Some(ExchangedUsers::Subject) {
            let is_one = names.is_none_or(IssuerNames::is_one_party);
            self.require(
                is_one,
                "exchange \"subject\" is for issuers with one tenant: others may have users of the same name",
            );
        }
        let default = DEFAULT_MAX_AGE.min(max_token_age);
        let max_age = self.span("exchange_max_age", Millis(1000), default);
        let claims = self.names("exchange_claims");
        self.require(
            claims.len() <= MAX_CLAIMS,
            &format!("exchange_claims must be at most {MAX_CLAIMS} names"),
        );
        for claim in &claims {
            if NOT_EXCHANGED.contains(&claim.as_str()) {
                self.fault(format!(
                    "exchange_claims must not have `{claim}`, which access tokens have for another purpose"
                ));
            }
        }
        Some(ExchangeTerms {
            users: users?,
            max_age,
            claims,
        })
    }
}

/// Whether a user of one could become a user of the other: both call users as the issuer does, and these are two issuers, or two
/// claims of one.
pub(super) fn may_share_users(one: &TrustedIssuer, other: &TrustedIssuer) -> bool {
    let calls_by_subject = |issuer: &TrustedIssuer| {
        let terms = issuer.exchange.as_ref();
        terms.is_some_and(|terms| terms.users == ExchangedUsers::Subject)
    };
    calls_by_subject(one)
        && calls_by_subject(other)
        && (one.names != other.names || one.user_id_claim != other.user_id_claim)
}
