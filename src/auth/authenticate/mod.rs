//! Authentication of a request or a token, the same for every caller: HTTP, RPC and gateway.

mod auth_error;
mod revocation;

pub(crate) use auth_error::{AuthError, NO_TOKEN, refused};
pub(crate) use revocation::{check_revocation, check_revocation_of, issuer_of, stands};

use auth_error::{none, not_shown};

use crate::auth::{
    device::{self, DeviceDemand},
    dpop::{self, Proofs, Shown},
    session_cookies,
    verified_session::VerifiedToken,
    verifier::{self, PassedOver, TokenState},
};
use crate::objects::context::Context;
use crate::runtime::js;
use postern_core::{
    dpop::BoundToken,
    error::Presented,
    gateway::DeviceFault,
    http::bearer::Scheme,
    identity::Issuers,
    refusal::Refusal,
    request::credentials::{self, Candidate, Classification, Transfer},
    settings::Freshness,
    supertokens::fdi::{
        anti_csrf::AntiCsrfMode, request::BrowserRequest, request_origin::OtherSites,
    },
};
use std::{borrow::Cow, cell::Cell, pin::pin, rc::Rc};

/// How an access token is to be verified.
#[derive(Debug)]
pub(crate) struct Verification<'a> {
    pub(crate) access_token: &'a str,
    pub(crate) anti_csrf_token: Option<&'a str>,
    /// Compare the anti-CSRF token, if the access token carries one.
    pub(crate) check_anti_csrf: bool,
    pub(crate) freshness: Freshness,
    /// What shows the key of a bound token.
    pub(crate) shown: Option<Shown<'a>>,
}

/// Verifies an access token and, as fresh as asked for, that its session lives.
pub(crate) async fn get_session(
    context: &Context,
    ask: &Verification<'_>,
) -> Result<Rc<VerifiedToken>, Refusal> {
    let known = verifier::verify(context, ask.access_token).await?;
    if ask.check_anti_csrf
        && let Some(expected) = known
            .claims
            .as_ref()
            .and_then(|claims| claims.anti_csrf_token.as_ref())
        && !expected.equals(ask.anti_csrf_token.unwrap_or_default())
    {
        return Err(Refusal::TryRefreshToken(
            "the anti-CSRF token does not match",
        ));
    }
    device::check_without_cookies(context, &known)?;
    prove(context, &known, ask).await?;
    check_revocation(context, &known, ask.freshness).await?;
    Ok(known)
}

/// Refuses a bound token without its proof.
async fn prove(
    context: &Context,
    known: &VerifiedToken,
    ask: &Verification<'_>,
) -> Result<(), Refusal> {
    let (Some(key), Some(shown)) = (known.session.bound_key, ask.shown) else {
        return dpop::refuse_bound(known);
    };
    let token = BoundToken {
        text: ask.access_token,
        key,
    };
    let proofs = Proofs::UsedUp.at(ask.freshness);
    let proved = dpop::prove(context, shown, token, proofs).await;
    proved.map_err(dpop::NotShown::logged)
}

/// What an entry point or rule asks of a request's session.
pub(crate) struct Demands<'a> {
    /// How soon a revocation must be felt.
    pub(crate) freshness: Freshness,
    /// Overrides when the anti-CSRF check is made.
    pub(crate) check_anti_csrf: Option<bool>,
    /// Websites other than ours whose pages may change something.
    pub(crate) others: &'a OtherSites,
    /// What a session must show of its device.
    pub(crate) device: DeviceDemand,
    /// Whose sessions count; a token of anybody else is as good as absent.
    pub(crate) issuers: &'a Issuers,
    /// Whether the proof of a bound token counts again after this.
    pub(crate) proofs: Proofs,
}

impl Demands<'_> {
    /// Those of the browser API.
    pub(crate) const fn of(freshness: Freshness) -> Self {
        Self {
            freshness,
            check_anti_csrf: None,
            others: &OtherSites::None,
            device: DeviceDemand::AsSet,
            issuers: &Issuers::Any,
            proofs: Proofs::UsedUp,
        }
    }
}

/// Where the token of a session was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Where access tokens usually are.
    Sent {
        /// In which of these places.
        transfer: Transfer,
        /// Whether nothing else stood in any of them, so that nothing else decides about the answer.
        is_only: bool,
    },
    /// Where the settings say that tokens of its issuer may be.
    Placed,
}

impl Found {
    /// How an answer reaches the page that sent it.
    pub(crate) const fn transfer(self) -> Transfer {
        match self {
            Self::Sent { transfer, .. } => transfer,
            Self::Placed => Transfer::Cookie,
        }
    }
}

/// The session that a request carries, verified: the one of `Authorization` when that is good, else the cookie's. A bearer
/// token that is refused does not lock out whoever has a good cookie; while it cannot be judged, nobody is taken for
/// somebody else.
pub(crate) async fn verified(
    context: &Context,
    request: &BrowserRequest<'_>,
    demands: &Demands<'_>,
) -> Result<(Rc<VerifiedToken>, Found), AuthError> {
    let found = pin!(find_verified(context, request, demands));
    js::traced("postern.authenticate", "", found).await
}

async fn find_verified(
    context: &Context,
    request: &BrowserRequest<'_>,
    demands: &Demands<'_>,
) -> Result<(Rc<VerifiedToken>, Found), AuthError> {
    let settings = &context.settings;
    let passed_over = Cell::new(None);
    let candidates = Cell::new(0_u32);
    let found = credentials::access_tokens(
        settings,
        request.authorization,
        request.cookie,
        |token, transfer| {
            candidates.set(candidates.get().saturating_add(1));
            let (found, why) =
                verifier::classify(context, token, transfer.place(), demands.issuers);
            if why.is_some() {
                passed_over.set(why);
            }
            found
        },
    )
    .map_err(refused)?;
    let sent = |transfer| Found::Sent {
        transfer,
        is_only: candidates.get() == 1,
    };
    let by_header = match found.header {
        Some(token) => match good(context, request, token, demands).await {
            Ok(known) => return Ok((known, sent(Transfer::Header))),
            Err(outage) if matches!(outage.refusal, Refusal::GeneralError(_)) => {
                return Err(outage);
            }
            Err(refused) => Some(refused),
        },
        None => None,
    };
    let by_cookie = match found.cookie {
        Ok(None) => None,
        // Before anything is asked about the token: another website learns and changes nothing.
        _ if request.is_from_foreign_site(settings, demands.others) => {
            Some(refused(Refusal::ForeignWebsite))
        }
        Err(refusal) => Some(refused(refusal)),
        Ok(Some(token)) => match good(context, request, token, demands).await {
            Ok(known) => return Ok((known, sent(Transfer::Cookie))),
            Err(refused) => Some(refused),
        },
    };
    let by_place = match by_place(context, request, demands, &passed_over).await {
        Some(Ok(known)) => return Ok((known, Found::Placed)),
        Some(Err(refused)) => Some(refused),
        None => None,
    };
    Err(match (by_header, by_cookie.or(by_place)) {
        (None, None) => none(passed_over.take()),
        // What a refresh may mend is not given up for what it cannot.
        (Some(header), Some(cookie))
            if matches!(
                cookie.refusal,
                Refusal::TryRefreshToken(_) | Refusal::GeneralError(_)
            ) && !matches!(header.refusal, Refusal::TryRefreshToken(_)) =>
        {
            cookie
        }
        (Some(refused), _) | (None, Some(refused)) => refused,
    })
}

/// The session of a token that stands where its issuer's may (`token_from`): the first that is good. Such a header is often
/// made from a cookie by a proxy before us, so that no place proves that a page of ours sent the request.
async fn by_place(
    context: &Context,
    request: &BrowserRequest<'_>,
    demands: &Demands<'_>,
    passed_over: &Cell<Option<String>>,
) -> Option<Result<Rc<VerifiedToken>, AuthError>> {
    let mut refusal = None;
    for placed in request.placed {
        let token = Cow::Borrowed(placed.text.as_str());
        let state = match verifier::classify(context, &token, placed.place, demands.issuers) {
            (Classification::Token(state), _) => state,
            (_, why) => {
                if why.is_some() {
                    passed_over.set(why);
                }
                continue;
            }
        };
        if request.is_from_foreign_site(&context.settings, demands.others) {
            return Some(Err(refused(Refusal::ForeignWebsite)));
        }
        let candidate = Candidate {
            token,
            scheme: Scheme::Bearer,
            transfer: Transfer::Cookie,
            state,
        };
        match good(context, request, candidate, demands).await {
            Ok(known) => return Some(Ok(known)),
            Err(error) if matches!(error.refusal, Refusal::GeneralError(_)) => {
                return Some(Err(error));
            }
            Err(error) => {
                refusal.get_or_insert(error);
            }
        }
    }
    refusal.map(Err)
}

/// The session of one access token, if everything about it is as demanded. Whoever sent it with the scheme `DPoP` is answered with that
/// (RFC 9449 section 7.1).
async fn good(
    context: &Context,
    request: &BrowserRequest<'_>,
    token: Candidate<'_, TokenState<'_>>,
    demands: &Demands<'_>,
) -> Result<Rc<VerifiedToken>, AuthError> {
    let scheme = token.scheme;
    let found = good_by_any_scheme(context, request, token, demands).await;
    found.map_err(|error| match (scheme, error.presented) {
        (Scheme::Dpop, Presented::Token) => AuthError {
            presented: Presented::BoundToken,
            ..error
        },
        _ => error,
    })
}

async fn good_by_any_scheme(
    context: &Context,
    request: &BrowserRequest<'_>,
    token: Candidate<'_, TokenState<'_>>,
    demands: &Demands<'_>,
) -> Result<Rc<VerifiedToken>, AuthError> {
    let known = verifier::verify_classified(context, &token.token, token.state)
        .await
        .map_err(|verifier::Refused { refusal, detail }| AuthError {
            detail,
            ..refused(refusal)
        })?;
    if let Err(PassedOver::Because(why)) =
        verifier::accepts(demands.issuers, &known.session.identity.issuer)
    {
        return Err(none(Some(why)));
    }
    let shown = Shown {
        proof: request.proof,
        method: request.method,
        url: request.url,
    };
    let came = (&*token.token, token.scheme, token.transfer);
    let proofs = demands.proofs.at(demands.freshness);
    let is_shown = dpop::check(context, &known, came, shown, proofs).await;
    is_shown.map_err(not_shown)?;
    let expected = known
        .claims
        .as_ref()
        .and_then(|claims| claims.anti_csrf_token.as_ref());
    AntiCsrfMode::of(&context.settings)
        .check_verify(
            request,
            token.transfer,
            expected.as_slice(),
            demands.check_anti_csrf,
        )
        .map_err(|refusal| AuthError {
            token_is_good: true,
            ..refused(refusal)
        })?;
    if let Err(refusal) = device::check(context, request.cookies(), &known, demands.device) {
        let device = match refusal {
            Refusal::DeviceBindingRequired if device::is_being_bound(context, &known) => {
                DeviceFault::BeingBound
            }
            Refusal::DeviceBindingRequired => DeviceFault::None,
            _ => DeviceFault::CookieMissing,
        };
        return Err(AuthError {
            device,
            ..refused(refusal)
        });
    }
    match check_revocation(context, &known, demands.freshness).await {
        Ok(()) => Ok(known),
        Err(refusal) => Err(AuthError {
            own_session_is_gone: known.claims.is_some()
                && matches!(refusal, Refusal::Unauthorised(_))
                && !session_cookies::looked_at(context, request)
                    .sent
                    .access
                    .is_anothers(),
            token_is_good: false,
            presented: Presented::Token,
            refusal,
            device: DeviceFault::None,
            detail: None,
        }),
    }
}
