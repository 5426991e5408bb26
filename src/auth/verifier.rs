//! Access tokens in this isolate: verifying them, remembering the good ones, and signing new ones.

use super::verified_session::{BoundDevice, VerifiedToken};
use std::{
    borrow::Cow,
    cell::{OnceCell, RefCell},
    rc::Rc,
};

use super::{identity_headers, jwks_client};
use crate::{
    objects::{context::Context, key_ring, user_sessions},
    runtime::{crypto, log, random},
};
use postern_core::{
    http::{credentials::Seen, token_places::Place},
    identity::{Identity, Issuer, Issuers, Session},
    keys::{RingCopy, SigningKey},
    refusal::Refusal,
    revocation::copy::Age,
    session::{
        call::UserCall,
        handle::{CheckedHandle, Subject},
        issuer as own_issuer, issuer_logout,
    },
    settings::{Settings, SupersededBy, TrustedIssuer},
    tokens::{
        access_token::{self, AccessClaims},
        candidate, form,
        token_issuer::{TokenIssuer, token_issuer},
        trusted_issuer,
    },
};
use postern_jwt::cache::{Validity, VerifiedTokens};
use postern_jwt::keys::jwk;
use postern_jwt::time::{Millis, UnixMillis};
use postern_jwt::{
    Algorithm, Pending, Policy, SignatureVerdict, TokenFault, Unverified, VerificationKey,
    Verified, json,
    proof::{PendingProof, bound_key},
};

/// How much an isolate remembers of verified tokens, in bytes as the cache counts them. With the tables' empty places and
/// the gaps between allocations, and with the answers that are kept beside them (`src/kept-answers.mjs`), this stays below
/// 16 MiB (`memory_100k_tokens_bytes` in `bench/`).
pub(crate) const VERIFIED_TOKENS_BYTES: usize = 10 * 1024 * 1024;

const NO_TOKEN: Refusal = Refusal::Unauthorised("no access token");
const SIGNATURE_OUTAGE: Refusal =
    Refusal::GeneralError("signatures cannot be checked at the moment");
const KEY_OUTAGE: Refusal = Refusal::GeneralError("the keys of the issuer are out of reach");

/// How many public keys of our own are kept as they are used. A full list is emptied.
const MAX_OWN_KEYS: usize = 64;

thread_local! {
    static OWN_KEYS: RefCell<Vec<VerificationKey>> = const { RefCell::new(Vec::new()) };
    static VERIFIED: RefCell<VerifiedTokens<Rc<VerifiedToken>>> =
        RefCell::new(VerifiedTokens::new(VERIFIED_TOKENS_BYTES, random::random().unwrap_or_default()));
}

/// What a look at an access token has found.
#[allow(clippy::large_enum_variant)] // it lives on the stack, for one call
pub(crate) enum Look<'a> {
    /// This isolate has verified it before.
    Known(Rc<VerifiedToken>),
    /// It is one by its structure, in parts.
    Parsed(Unverified<'a>),
    /// It is one by its structure; whoever verifies it parses it.
    Unparsed,
}

/// A token that is passed over as if it were not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PassedOver {
    /// It is none by its structure.
    NoToken,
    /// It is one, and this is why it does not count here. Fit for a log.
    Because(String),
}

/// Looks at a text, for a door that accepts the sessions of these issuers.
pub(crate) fn look<'a>(
    context: &Context,
    token: &Cow<'a, str>,
    place: Place<'_>,
    accepted: &Issuers,
) -> Result<Look<'a>, PassedOver> {
    // What this isolate has verified before need not be looked at again.
    if let Some(known) = remembered(context, token) {
        let issuer = &known.session.identity.issuer;
        accepts(accepted, issuer)?;
        counts_at(context, issuer, place)?;
        return Ok(Look::Known(known));
    }
    let issuers = &context.settings.trusted_issuers;
    let (look, is_decoded) = match token {
        Cow::Borrowed(token) => (candidate::look(token, issuers), false),
        // A cookie's that was decoded, which is rare, is parsed again where it is verified.
        Cow::Owned(token) => {
            let look = candidate::look(token, issuers);
            let look = look.map(|candidate::Look { parsed, issuer }| {
                let is_own = parsed
                    .as_ref()
                    .is_some_and(|token| has_own_key(context, token));
                let issuer = issuer.filter(|_| !is_own);
                candidate::Look {
                    parsed: None,
                    issuer,
                }
            });
            (look, true)
        }
    };
    let Some(candidate::Look { parsed, issuer }) = look else {
        return Err(passed_over(context, token));
    };
    let is_own = !is_decoded
        && parsed
            .as_ref()
            .is_some_and(|token| has_own_key(context, token));
    let claimed = issuer
        .filter(|_| !is_own)
        .map_or(Issuer::Own, |issuer| Issuer::Trusted(issuer.id.clone()));
    accepts(accepted, &claimed)?;
    counts_at(context, &claimed, place)?;
    Ok(parsed.map_or(Look::Unparsed, Look::Parsed))
}

/// Whether the session of an issuer counts where these are accepted.
pub(crate) fn accepts(accepted: &Issuers, issuer: &Issuer) -> Result<(), PassedOver> {
    if accepted.accepts(issuer) {
        return Ok(());
    }
    Err(PassedOver::Because(format!(
        "issuer {}: its sessions are not accepted here",
        issuer.id()
    )))
}

/// Whether the tokens of an issuer count where one was found.
fn counts_at(context: &Context, issuer: &Issuer, place: Place<'_>) -> Result<(), PassedOver> {
    let counts = match issuer {
        Issuer::Own => matches!(place, Place::Authorization | Place::SessionCookie),
        Issuer::Trusted(id) => {
            let mut issuers = context.settings.trusted_issuers.iter();
            let trusted = issuers.find(|trusted| &trusted.id == id);
            trusted.is_some_and(|trusted| trusted.takes_from(place))
        }
    };
    counts.then_some(()).ok_or_else(|| {
        PassedOver::Because(format!(
            "issuer {}: its tokens do not count where one was found (token_from)",
            issuer.id()
        ))
    })
}

/// A token whose key is one of ours is ours, whatever its `iss` says.
fn has_own_key(context: &Context, token: &Unverified<'_>) -> bool {
    token
        .key_id()
        .is_some_and(|kid| context.ring.verifier(kid, context.now).is_some())
}

/// Of a text that is no access token: says so when it nearly is one.
fn passed_over(context: &Context, token: &str) -> PassedOver {
    let issuers = &context.settings.trusted_issuers;
    let Some(issuer) = candidate::nearly_names(token, issuers) else {
        return PassedOver::NoToken;
    };
    let why = format!(
        "issuer {}: a token's \"iss\" differs from the setting by a slash at the end, or by case: it is none of this issuer's",
        issuer.id
    );
    log::write_at_times(log::Event::TrustedIssuer, &why, context.now);
    PassedOver::Because(why)
}

/// A token that was refused.
#[derive(Debug)]
pub(crate) struct Refused {
    /// What its sender hears.
    pub(crate) refusal: Refusal,
    /// What the log has besides: issuer, claim and rule, without any value.
    pub(crate) detail: Option<String>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            detail: None,
        }
    }
}

/// The same, told from a session's token of another deployment under one parent domain, whose cookies reach us: it names a
/// key and a handle that we never made. A bearer token is sent on purpose, and is refused by name instead. Besides, why a
/// token was passed over.
pub(crate) fn seen<'a>(
    context: &Context,
    token: &Cow<'a, str>,
    place: Place<'_>,
    accepted: &Issuers,
) -> (Seen<Look<'a>>, Option<String>) {
    match look(context, token, place, accepted) {
        Ok(look) if place == Place::SessionCookie && is_anothers(context, token, &look) => {
            (Seen::Anothers, None)
        }
        Ok(look) => (Seen::Token(look), None),
        Err(PassedOver::NoToken) => (Seen::Nothing, None),
        Err(PassedOver::Because(why)) => (Seen::Nothing, Some(why)),
    }
}

fn is_anothers(context: &Context, token: &str, look: &Look<'_>) -> bool {
    match look {
        Look::Known(_) => return false,
        Look::Parsed(token) if has_own_key(context, token) => return false,
        Look::Parsed(_) | Look::Unparsed => {}
    }
    let Some(named) = named(token) else {
        return false;
    };
    let issuers = &context.settings.trusted_issuers;
    let is_our_key = |kid: &str| context.ring.verifier(kid, context.now).is_some();
    !named.key_id.as_deref().is_some_and(is_our_key)
        && context.checked(&named.handle).is_err()
        && candidate::look(token, issuers).is_none_or(|look| look.issuer.is_none())
}

/// What an access token of ours says of itself; nothing of it is verified.
pub(crate) fn named(token: &str) -> Option<candidate::Own> {
    let mut parts = token.split('.');
    candidate::own(parts.next()?, parts.next()?)
}

/// Verifies an access token that was looked at.
pub(crate) async fn verify_seen(
    context: &Context,
    access_token: &str,
    look: Look<'_>,
) -> Result<Rc<VerifiedToken>, Refused> {
    match look {
        Look::Known(known) => Ok(known),
        Look::Parsed(token) => verify_parsed(context, access_token, token).await,
        Look::Unparsed => {
            let token = form::parse(access_token).map_err(refused)?;
            verify_parsed(context, access_token, token).await
        }
    }
}

/// Verifies an access token: of our own, or of a trusted issuer. Logs what is known of one that is refused.
pub(crate) async fn verify(
    context: &Context,
    access_token: &str,
) -> Result<Rc<VerifiedToken>, Refusal> {
    if access_token.is_empty() {
        return Err(NO_TOKEN);
    }
    if let Some(known) = remembered(context, access_token) {
        return Ok(known);
    }
    let token = form::parse(access_token).map_err(refused)?;
    match verify_parsed(context, access_token, token).await {
        Ok(known) => Ok(known),
        Err(Refused { refusal, detail }) => {
            if let Some(detail) = detail {
                log::write(log::Event::Token, &detail);
            }
            Err(refusal)
        }
    }
}

/// Verifies the assertion of an issuer by which operators sign in, and gives whom it names. It is remembered by nobody, so that no
/// other door takes it for a token that it knows.
pub(crate) async fn verify_operator(
    context: &Context,
    assertion: &str,
    issuer: &TrustedIssuer,
) -> Result<String, Refusal> {
    let token = form::parse(assertion).map_err(refused)?;
    let only = std::slice::from_ref(issuer);
    let TokenIssuer::Trusted(token, issuer) =
        token_issuer(token, |_| false, only).map_err(refused)?
    else {
        return Err(Refusal::Unauthorised("the assertion is of another issuer"));
    };
    let keys = jwks_client::current(&context.env, issuer, token.key_id(), context.now)
        .await
        .map_err(|jwks_client::Outage(detail)| {
            log::write(log::Event::IssuerKeys, &detail);
            KEY_OUTAGE
        })?;
    let policy = trusted_issuer::policy(issuer, context.settings.clock_tolerance);
    let fault = |fault: TokenFault| Refusal::Unauthorised(fault.code());
    let pending = token.choose_keys(keys.usable(), &policy).map_err(fault)?;
    let verdict = verdict(&pending).await?;
    let verified = pending.finish(verdict, context.now).map_err(fault)?;
    let identity = trusted_issuer::identity(issuer, &verified).map_err(fault)?;
    Ok(identity.user_id)
}

/// Verifies what `access_token` was taken apart into.
async fn verify_parsed(
    context: &Context,
    access_token: &str,
    token: Unverified<'_>,
) -> Result<Rc<VerifiedToken>, Refused> {
    let is_own_key = |kid: &str| context.ring.verifier(kid, context.now).is_some();
    let issuers = &context.settings.trusted_issuers;
    let issuer = token_issuer(token, is_own_key, issuers).map_err(|fault| Refused {
        refusal: refused(fault),
        detail: match passed_over(context, access_token) {
            PassedOver::Because(why) => Some(why),
            PassedOver::NoToken => None,
        },
    })?;
    let token = match issuer {
        TokenIssuer::Own(token) => token,
        TokenIssuer::Trusted(token, issuer) => {
            return verify_foreign(context, access_token, token, issuer).await;
        }
        TokenIssuer::Ambiguous(issuer) => {
            return Err(Refused {
                refusal: Refusal::Unauthorised("ambiguous_issuer"),
                detail: Some(format!(
                    "issuer {}: the token fits other entries for the same issuer as well",
                    issuer.id
                )),
            });
        }
    };
    let (verified, key_set_version) = verify_own(context, token).await?;
    let claims = AccessClaims::from_verified(&verified).map_err(refused)?;
    let Some(handle) = context.handle_keys().check(&claims.handle) else {
        return Err(Refusal::TryRefreshToken("the token names a handle that is not ours").into());
    };
    note_use(context, handle, &claims);
    let session = Session {
        handle: Some(claims.handle.clone()),
        identity: Identity::own(claims.tenant_id.clone(), claims.user_id.clone()),
        payload: own_issuer::without(&claims.payload, &context.settings.issuer()),
    };
    let device = claims.origin.device;
    let validity = Validity {
        policy: 0,
        key_set_version,
    };
    let known = VerifiedToken {
        validity: Some(validity),
        device: device.map(|key| BoundDevice::new(key, &claims.handle)),
        bound_key: None,
        session,
        liveness_handle: claims.handle.clone(),
        age: match claims.origin.session_created {
            Some(created) => Age::Session(created),
            None => Age::Token(at_the_latest(claims.created)),
        },
        made: None,
        marks: Vec::new(),
        claims: Some(claims),
        shown: OnceCell::new(),
        good_until: verified.good_until(),
        identity_headers: RefCell::default(),
    };
    Ok(remember(access_token, validity, known))
}

/// Tells the user's object, in the background, that the answer to a refresh has arrived: its access token is here. Only tokens
/// that this isolate does not remember come this far.
fn note_use(context: &Context, handle: CheckedHandle, claims: &AccessClaims) {
    let settings = &context.settings;
    if claims.origin.generation == 0 || settings.refresh_token_superseded_by != SupersededBy::Use {
        return;
    }
    let asking = context.clone();
    let call = UserCall::NoteUse {
        handle: claims.handle.clone(),
        hash1: claims.refresh_token_hash1.clone(),
    };
    context.in_background(async move {
        // A note that is lost does no harm: the next one, or the next refresh, tells as much.
        let _ = user_sessions::ask(&asking, handle.route(), &call).await;
    });
}

/// Reads the claims of a token of our own whose signature is good and which may be expired (regenerate).
pub(crate) async fn verify_even_if_expired(
    context: &Context,
    access_token: &str,
) -> Result<AccessClaims, Refusal> {
    let token = access_token::parse(access_token).map_err(refused)?;
    // As if it were still the moment at which the token was made: only its age is forgiven.
    let claims = AccessClaims::from_unverified(&token).map_err(refused)?;
    let then = context.at(context.now.min(claims.created));
    let (verified, _) = verify_own(&then, token).await?;
    AccessClaims::from_verified(&verified).map_err(refused)
}

/// True for a text that names a handle of ours, whatever else is wrong with it: expired, or signed with a key that was
/// withdrawn. It proves nothing.
pub(crate) fn names_our_handle(context: &Context, access_token: &str) -> bool {
    let claims = access_token::parse(access_token)
        .ok()
        .and_then(|token| AccessClaims::from_unverified(&token).ok());
    claims.is_some_and(|claims| context.handle_keys().check(&claims.handle).is_some())
}

async fn verify_own(context: &Context, token: Unverified<'_>) -> Result<(Verified, u64), Refusal> {
    let mut ring = Rc::clone(&context.ring);
    if let Some(kid) = token.key_id()
        && ring.verifier(kid, context.now).is_none()
    {
        ring = key_ring::with_unknown_key(&context.env, context.now, kid)
            .await
            .map_err(|key_ring::Outage| Refusal::GeneralError("the key ring is out of reach"))?
            .ok_or_else(|| refused(TokenFault::UnknownKey))?;
    }
    // Session keys only: an origin must not be able to come back with what the gateway told it.
    let candidates = match token.key_id() {
        Some(kid) => ring.verifier(kid, context.now).into_iter().collect(),
        None => ring.ring.verifiers(context.now),
    };
    let keys: Vec<VerificationKey> = candidates.into_iter().filter_map(public).collect();
    let policy = Policy::own(context.settings.clock_tolerance);
    let pending = token.choose_keys(&keys, &policy).map_err(refused)?;
    let verdict = verdict(&pending).await?;
    let verified = pending.finish(verdict, context.now).map_err(refused)?;
    Ok((verified, ring.key_set_version()))
}

/// The public half of a key of our own, read once: no two keys of a ring ever share a name.
fn public(key: &SigningKey) -> Option<VerificationKey> {
    OWN_KEYS.with_borrow_mut(|keys| {
        let named = |known: &&VerificationKey| known.key_id() == Some(&key.kid);
        if let Some(known) = keys.iter().find(named) {
            return Some(known.clone());
        }
        let algorithm = Algorithm::signed_with(key.algorithm);
        let read = jwk::own_key(&key.public_jwk, &key.kid, algorithm).ok()?;
        if keys.len() >= MAX_OWN_KEYS {
            keys.clear();
        }
        keys.push(read.clone());
        Some(read)
    })
}

async fn verify_foreign(
    context: &Context,
    access_token: &str,
    token: Unverified<'_>,
    issuer: &TrustedIssuer,
) -> Result<Rc<VerifiedToken>, Refused> {
    let keys = jwks_client::current(&context.env, issuer, token.key_id(), context.now)
        .await
        .map_err(|jwks_client::Outage(log_detail)| Refused {
            refusal: KEY_OUTAGE,
            detail: Some(log_detail),
        })?;
    if keys.refresh {
        let (env, issuer, now) = (context.env.clone(), issuer.clone(), context.now);
        context.in_background(async move { jwks_client::refresh(&env, &issuer, now).await });
    }
    let kid = token.key_id().map(str::to_owned);
    let foreign = |fault| {
        let mut detail = diagnosis(issuer, fault, access_token);
        if fault == TokenFault::UnknownKey
            && let Some(key) = kid.as_deref().and_then(|kid| keys.left_out(kid))
        {
            detail = format!("{detail}; {key}");
        }
        Refused {
            refusal: match fault {
                TokenFault::Expired => Refusal::TryRefreshToken("the token is expired"),
                fault => Refusal::Unauthorised(fault.code()),
            },
            detail: Some(detail),
        }
    };
    let mut issuers = context.settings.trusted_issuers.iter();
    let validity = Validity {
        policy: issuers
            .position(|other| other.id == issuer.id)
            .map_or(u64::MAX, policy_of),
        key_set_version: keys.version,
    };
    let policy = trusted_issuer::policy(issuer, context.settings.clock_tolerance);
    let pending = token.choose_keys(keys.usable(), &policy).map_err(foreign)?;
    let verdict = verdict(&pending).await?;
    let verified = pending.finish(verdict, context.now).map_err(foreign)?;
    let identity = trusted_issuer::identity(issuer, &verified).map_err(foreign)?;
    let bound_key = bound_key(&verified.claims()).map_err(foreign)?;
    let subject = Subject {
        tenant: identity.tenant.as_deref(),
        user_id: &identity.user_id,
    };
    let names_session = identity.session.is_some();
    let handle = context.handle_keys().issue_foreign(
        &issuer.id,
        subject,
        &identity.session.unwrap_or_default(),
    );
    let handle = handle.as_str().to_owned();
    let marks = issuer_logout::marks(context.handle_keys(), issuer, &verified.claims());
    let session = Session {
        handle: names_session.then(|| handle.clone()),
        identity: Identity::trusted(&issuer.id, identity.tenant, identity.user_id),
        payload: json::minify(verified.payload()).map_err(|_| foreign(TokenFault::BadPayload))?,
    };
    Ok(remember(
        access_token,
        validity,
        VerifiedToken {
            validity: Some(validity),
            session,
            liveness_handle: handle,
            age: verified
                .issued_at()
                .map_or(Age::Unknown, |issued| Age::Token(at_the_latest(issued))),
            made: verified.issued_at(),
            marks,
            claims: None,
            shown: OnceCell::new(),
            good_until: verified.good_until(),
            identity_headers: RefCell::default(),
            device: None,
            bound_key,
        },
    ))
}

/// What is wrong with a trusted issuer's token. It is opened again for that: good ones are not to pay for it.
fn diagnosis(issuer: &TrustedIssuer, fault: TokenFault, access_token: &str) -> String {
    let token = form::parse(access_token).ok();
    let claims = token.as_ref().map(Unverified::claims_unverified);
    trusted_issuer::diagnosis(issuer, fault, claims.as_ref())
}

/// A time of which a token tells the whole seconds: no earlier than it was.
const fn at_the_latest(told: UnixMillis) -> UnixMillis {
    told.plus(Millis(999))
}

/// HS256 is checked in the core; everything else by WebCrypto.
pub(crate) async fn verdict(pending: &Pending<'_, '_>) -> Result<SignatureVerdict, Refusal> {
    if let Some(verdict) = pending.verify_here() {
        return Ok(verdict);
    }
    let signed = (pending.algorithm(), pending.signature());
    for key in pending.keys() {
        if asked(key, signed, pending.signing_input()).await? {
            return Ok(SignatureVerdict::from_backend(true));
        }
    }
    Ok(SignatureVerdict::from_backend(false))
}

/// The same of a proof of possession.
pub(crate) async fn proof_verdict(pending: &PendingProof<'_>) -> Result<SignatureVerdict, Refusal> {
    let signed = (pending.algorithm(), pending.signature());
    let is_good = asked(pending.key(), signed, pending.signing_input()).await?;
    Ok(SignatureVerdict::from_backend(is_good))
}

async fn asked(
    key: &VerificationKey,
    (algorithm, signature): (Algorithm, &[u8]),
    input: &str,
) -> Result<bool, Refusal> {
    match crypto::verify(key, algorithm, signature, input.as_bytes()).await {
        Ok(is_good) => Ok(is_good),
        Err(random::CryptoFault::BadKey) => Ok(false),
        Err(random::CryptoFault::Backend) => {
            log::write(log::Event::Signature, "WebCrypto failed");
            Err(SIGNATURE_OUTAGE)
        }
    }
}

fn refused(fault: TokenFault) -> Refusal {
    Refusal::TryRefreshToken(fault.code())
}

/// What the cache calls the policy of the trusted issuer at this place; our own is 0.
fn policy_of(place: usize) -> u64 {
    u64::try_from(place).unwrap_or(u64::MAX).saturating_add(1)
}

fn remembered(context: &Context, token: &str) -> Option<Rc<VerifiedToken>> {
    let version = |policy| key_set_version(&context.settings, &context.ring, policy, context.now);
    VERIFIED.with_borrow_mut(|tokens| tokens.get(token, context.now, version))
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

fn remember(token: &str, validity: Validity, known: VerifiedToken) -> Rc<VerifiedToken> {
    let good_until = known.good_until;
    let known = Rc::new(known);
    let bytes = bytes_of(&known);
    VERIFIED.with_borrow_mut(|tokens| {
        tokens.insert(token, validity, good_until, Rc::clone(&known), bytes);
    });
    known
}

/// What a verified token holds on to, about.
pub(crate) fn bytes_of(known: &VerifiedToken) -> usize {
    // Handle, user id and payload are held as the session, as claims, and by JS as they are shown.
    let bytes = known
        .session
        .payload
        .len()
        .saturating_add(known.liveness_handle.len())
        .saturating_mul(3);
    bytes
        .saturating_add(known.session.identity.subject.len().saturating_mul(4))
        .saturating_add(384)
        .saturating_add(known.marks.len().saturating_mul(256))
        .saturating_add(identity_headers::bytes(&known.session))
}
