//! What a token must say to be believed, checked after its signature (RFC 7519 section 4.1, RFC 8725 section 3).

use crate::{Algorithm, Form, Parties, TokenFault};
use crate::{
    json::{Number, Object},
    time::{Millis, UnixMillis},
};

/// How far ahead `iat` of a token of our own may lie. Our isolates and objects do not share a clock, and a clock
/// that lags between I/O must not refuse a token that was made a moment ago elsewhere.
pub const OWN_ISSUED_AT_ALLOWANCE: Millis = Millis::from_seconds(60);

/// The requirements of one kind of token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Algorithms that keys may be used with; `None` = whatever the keys allow.
    pub algorithms: Option<Vec<Algorithm>>,
    /// What `typ` may be.
    pub typ: Types,
    /// The exact `iss`.
    pub issuer: Option<String>,
    /// Whom it must be for.
    pub parties: Parties,
    /// False = a token without `exp` never expires by itself: it tells of an event and is good for nothing else (RFC 8417).
    pub needs_expiry: bool,
    /// The longest accepted `exp` - `iat`.
    pub max_lifetime: Option<Millis>,
    /// True = a token whose `cnf` is anything but the thumbprint of a key is refused (RFC 7800). One with a thumbprint counts
    /// only with a proof, for which the caller asks ([`crate::proof::bound_key`]).
    pub checks_confirmation: bool,
    /// Clock tolerance for `exp`.
    pub tolerance: Millis,
    /// How far ahead `nbf` may lie.
    pub not_before_allowance: Millis,
    /// How far ahead `iat` may lie.
    pub issued_at_allowance: Millis,
}

/// What the header's `typ` may be. Media types compare without case, and `application/` may be left out (RFC 7515 section
/// 4.1.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Types {
    /// This one, which must be there.
    Only(String),
    /// What names no other purpose: none at all, `JWT`, or `at+jwt` (RFC 9068). Whatever else is a JWT has a name of its
    /// own, such as `logout+jwt`, `secevent+jwt` or `dpop+jwt` (RFC 8725 section 3.11).
    Access,
    /// What names no other purpose than a logout token: none at all, `JWT`, or `logout+jwt` (OpenID Connect Back-Channel
    /// Logout 1.0 section 2.4 recommends that, so it is not always there).
    Logout,
}

/// The `typ`s of [`Types::Logout`].
const LOGOUT_TYPES: [&str; 2] = ["jwt", "logout+jwt"];

/// The `typ`s of [`Types::Access`].
const ACCESS_TYPES: [&str; 2] = ["jwt", "at+jwt"];

/// The times of a token that met its policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// `exp`, or `expiryTime` of legacy tokens.
    pub expiry: UnixMillis,
    /// `iat`, or `timeCreated` of legacy tokens.
    pub issued_at: Option<UnixMillis>,
}

impl Policy {
    /// The policy for session tokens of our own: the key decides who issued them.
    pub fn own(tolerance: Millis) -> Self {
        Self {
            algorithms: None,
            typ: Types::Only("JWT".to_owned()),
            issuer: None,
            parties: Parties::default(),
            needs_expiry: true,
            max_lifetime: None,
            checks_confirmation: false,
            tolerance,
            not_before_allowance: tolerance,
            issued_at_allowance: Millis(tolerance.0.max(OWN_ISSUED_AT_ALLOWANCE.0)),
        }
    }

    /// True when keys may be used with this algorithm.
    pub fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithms
            .as_ref()
            .is_none_or(|allowed| allowed.contains(&algorithm))
    }

    /// Checks `typ`.
    pub fn check_type(&self, typ: Option<&str>) -> Result<(), TokenFault> {
        let is_one =
            |found: &str, wanted: &str| media_type(found).eq_ignore_ascii_case(media_type(wanted));
        let is_good = match (&self.typ, typ) {
            (Types::Only(wanted), Some(found)) => is_one(found, wanted),
            (Types::Only(_), None) => false,
            (Types::Access, Some(found)) => ACCESS_TYPES.iter().any(|known| is_one(found, known)),
            (Types::Logout, Some(found)) => LOGOUT_TYPES.iter().any(|known| is_one(found, known)),
            (Types::Access | Types::Logout, None) => true,
        };
        is_good.then_some(()).ok_or(TokenFault::WrongType)
    }

    /// Checks the claims of a token whose signature is good.
    pub(super) fn check_claims(
        &self,
        form: Form,
        claims: &Object<'_>,
        now: UnixMillis,
    ) -> Result<Times, TokenFault> {
        // A token that is not for us is refused as such, also when it is expired: no refresh would help.
        self.check_parties(claims)?;
        let times = self.times(form, claims)?;
        if now >= times.expiry.plus(self.tolerance) {
            return Err(TokenFault::Expired);
        }
        if let Some(not_before) = numeric_date(claims, "nbf")?
            && now.plus(self.not_before_allowance) < not_before
        {
            return Err(TokenFault::NotYetValid);
        }
        if let Some(issued_at) = times.issued_at
            && now.plus(self.issued_at_allowance) < issued_at
        {
            return Err(TokenFault::IssuedInFuture);
        }
        if self.checks_confirmation {
            crate::proof::bound_key(claims)?;
        }
        if let Some(max_lifetime) = self.max_lifetime {
            let issued_at = times.issued_at.ok_or(TokenFault::IssuedAtMissing)?;
            if times.expiry.since(issued_at) > max_lifetime {
                return Err(TokenFault::LifetimeTooLong);
            }
        }
        Ok(times)
    }

    fn times(&self, form: Form, claims: &Object<'_>) -> Result<Times, TokenFault> {
        let (expiry, issued_at) = match form {
            Form::Compact => (numeric_date(claims, "exp")?, numeric_date(claims, "iat")?),
            Form::LegacyV1 | Form::LegacyV2 => (
                milliseconds(claims, "expiryTime")?,
                milliseconds(claims, "timeCreated")?,
            ),
        };
        let expiry = match expiry {
            None if !self.needs_expiry => Some(UnixMillis(u64::MAX)),
            expiry => expiry,
        };
        Ok(Times {
            expiry: expiry.ok_or(TokenFault::ExpiryMissing)?,
            issued_at,
        })
    }

    fn check_parties(&self, claims: &Object<'_>) -> Result<(), TokenFault> {
        if let Some(wanted) = &self.issuer {
            let issuer = claims.string("iss").map_err(|_| TokenFault::BadClaim)?;
            if issuer.as_deref() != Some(wanted.as_str()) {
                return Err(TokenFault::WrongIssuer);
            }
        }
        self.parties.check(claims)
    }
}

fn media_type(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => typ,
    }
}

/// A NumericDate (RFC 7519 section 2), exact to the millisecond.
fn numeric_date(claims: &Object<'_>, name: &str) -> Result<Option<UnixMillis>, TokenFault> {
    scaled(claims, name, |number| number.floor_scaled(3))
}

fn milliseconds(claims: &Object<'_>, name: &str) -> Result<Option<UnixMillis>, TokenFault> {
    scaled(claims, name, |number| number.floor_scaled(0))
}

fn scaled(
    claims: &Object<'_>,
    name: &str,
    scale: impl Fn(&Number<'_>) -> u64,
) -> Result<Option<UnixMillis>, TokenFault> {
    let number = claims.number(name).map_err(|_| TokenFault::BadClaim)?;
    Ok(number.as_ref().map(scale).map(UnixMillis))
}
