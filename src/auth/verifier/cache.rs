//! The tokens that this isolate has verified, and whether they still count.

use crate::auth::verified_session::VerifiedToken;
use std::{cell::RefCell, rc::Rc};

use crate::auth::{identity_headers, jwks_client};
use crate::{
    objects::context::Context,
    runtime::{metrics, random},
};
use postern_core::{keys::RingCopy, metrics::Point, settings::Settings, supertokens::former_core};
use postern_jwt::cache::{Validity, VerifiedTokens};
use postern_jwt::time::UnixMillis;

/// How much an isolate remembers of verified tokens, in bytes as the cache counts them. With the tables' empty places and
/// the gaps between allocations, and with the answers that are kept beside them (`src/kept-answers.mjs`), this stays below
/// 16 MiB (`memory_100k_tokens_bytes` in `bench/`).
pub(crate) const VERIFIED_TOKENS_BYTES: usize = 10 * 1024 * 1024;

thread_local! {
    static VERIFIED: RefCell<VerifiedTokens<Rc<VerifiedToken>>> =
        RefCell::new(VerifiedTokens::new(VERIFIED_TOKENS_BYTES, random::random().unwrap_or_default()));
}

/// What the cache calls the policy of a former core's tokens.
pub(super) const FORMER_CORE: u64 = u64::MAX;

/// Whether a token was made by the former core.
pub(crate) fn is_of_former_core(known: &VerifiedToken) -> bool {
    known
        .validity
        .is_some_and(|validity| validity.policy == FORMER_CORE)
}

/// What the cache calls the policy of the trusted issuer at this place; our own is 0.
pub(super) fn policy_of(place: usize) -> u64 {
    u64::try_from(place).unwrap_or(u64::MAX).saturating_add(1)
}

pub(super) fn remembered(context: &Context, token: &str) -> Option<Rc<VerifiedToken>> {
    let version = |policy| key_set_version(&context.settings, &context.ring, policy, context.now);
    let known = VERIFIED.with_borrow_mut(|tokens| tokens.get(token, context.now, version))?;
    metrics::add_remembered(known.session.identity.issuer.id());
    Some(known)
}

/// The version of the keys that a policy goes by; `None` when that has to be asked first.
fn key_set_version(
    settings: &Settings,
    ring: &RingCopy,
    policy: u64,
    now: UnixMillis,
) -> Option<u64> {
    if policy == 0 {
        return Some(ring.key_set_version());
    }
    if policy == FORMER_CORE {
        return jwks_client::version(&former_core::keys(settings)?, now);
    }
    let mut issuers = settings.trusted_issuers.iter().enumerate();
    let (_, issuer) = issuers.find(|(place, _)| policy_of(*place) == policy)?;
    jwks_client::version(issuer, now)
}

/// Whether a token that was verified in this isolate still counts, as in the cache.
pub(crate) fn is_still_good(
    known: &VerifiedToken,
    settings: &Settings,
    ring: &RingCopy,
    now: UnixMillis,
) -> bool {
    let of = |validity: Validity| {
        let version = key_set_version(settings, ring, validity.policy, now);
        version == Some(validity.key_set_version)
    };
    now < known.good_until && known.validity.is_some_and(of)
}

pub(super) fn remember(token: &str, validity: Validity, known: VerifiedToken) -> Rc<VerifiedToken> {
    let good_until = known.good_until;
    let known = Rc::new(known);
    let issuer = known.session.identity.issuer.id();
    metrics::add(&Point::verification(issuer, false));
    let bytes = bytes_of(&known);
    VERIFIED.with_borrow_mut(|tokens| {
        tokens.insert(token, validity, good_until, Rc::clone(&known), bytes);
    });
    known
}

/// What a verified token holds on to, about.
pub(crate) fn bytes_of(known: &VerifiedToken) -> usize {
    // Handle, user id and payload are held as the session, as claims, and by JS as they are shown to browsers and told to Workers.
    let bytes = known
        .session
        .payload
        .len()
        .saturating_add(known.liveness_handle.len())
        .saturating_mul(4);
    bytes
        .saturating_add(known.session.identity.subject.len().saturating_mul(5))
        .saturating_add(384)
        .saturating_add(known.marks.len().saturating_mul(256))
        .saturating_add(identity_headers::bytes(&known.session))
}
