//! Whether a page whose session is stale is sent through the refresh, and how often.

use crate::{
    auth::{authenticate::AuthError, verifier},
    objects::context::Context,
    runtime::clock,
};
use postern_core::gateway::decision::renewal::{self, Renewal};
use postern_core::http::cookie::Cookies;
use postern_core::identity::{Issuer, Issuers};
use postern_core::refusal::Refusal;
use postern_core::request::credentials;
use postern_core::supertokens::fdi::anti_csrf::AntiCsrfMode;
use postern_core::supertokens::fdi::request::BrowserRequest;
use postern_jwt::time::{Millis, UnixMillis};
use std::{cell::RefCell, collections::VecDeque};

/// How often one stale token goes through the refresh within [`REMEMBERED`]: several pages may be opened at once, and a
/// program that never keeps a cookie must come to an end.
const MOST_TRIES: usize = 6;

const REMEMBERED: Millis = Millis::from_seconds(60);

thread_local! {
    /// Refreshes of this isolate, by witness, when, and whether the session was refreshed.
    pub(crate) static TRIED: RefCell<VecDeque<(String, UnixMillis, bool)>> = const { RefCell::new(VecDeque::new()) };
}

/// The refresh that may make the session of a request good that was refused, where these issuers' are accepted.
pub(crate) async fn renewal(
    context: &Context,
    request: &BrowserRequest<'_>,
    refused: &AuthError,
    accepted: &Issuers,
) -> Option<Renewal> {
    let settings = &context.settings;
    let is_stale = matches!(refused.refusal, Refusal::TryRefreshToken(_)) && !refused.token_is_good;
    // A page without a script has no anti-CSRF token to refresh with.
    if !is_stale
        || !accepted.accepts(&Issuer::Own)
        || AntiCsrfMode::of(settings) == AntiCsrfMode::ViaToken
    {
        return None;
    }
    let found = credentials::access_tokens(
        settings,
        request.authorization,
        request.cookie,
        |token, transfer| verifier::classify(context, token, transfer.place(), accepted).0,
    );
    let is_by_cookie = found.is_ok_and(|found| {
        let is_in_cookie = !matches!(found.cookie, Ok(None));
        found.header.is_none() && is_in_cookie
    });
    if !is_by_cookie {
        return None;
    }
    let cookies = Cookies::new(request.cookie);
    let ours: Vec<_> = cookies
        .all(settings.access_token_cookie())
        .filter(|token| verifier::names_our_handle(context, token))
        .collect();
    let witness = renewal::witness(settings, request.cookie)?;
    if ours.is_empty() || renewal::was_tried(settings, request.cookie) || is_hopeless(&witness) {
        return None;
    }
    // Asked only where it matters: it takes a signature.
    let is_proven = match ours.as_slice() {
        [token] if request.method == "POST" => verifier::verify_even_if_expired(context, token)
            .await
            .is_ok(),
        _ => false,
    };
    Some(Renewal { witness, is_proven })
}

/// True when this isolate saw that no refresh helps, or that too many were tried.
fn is_hopeless(witness: &str) -> bool {
    let now = clock::now();
    TRIED.with_borrow(|tried| {
        let mut tries = 0_usize;
        for (known, at, is_refreshed) in tried {
            if known == witness && now.since(*at) < REMEMBERED {
                if !is_refreshed {
                    return true;
                }
                tries = tries.saturating_add(1);
            }
        }
        tries >= MOST_TRIES
    })
}
