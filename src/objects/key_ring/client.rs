//! The isolate's side of the key ring: a copy that is renewed in time, and what is done with its keys.
//!
//! The copy of this isolate. When to ask again is decided by `postern_core::keys`; keys are made in `object`. No
//! request waits for a question that another one asked: the platform would cancel it.

use std::{cell::RefCell, rc::Rc};

use worker::Env;

use super::name::{BINDING, OBJECT_NAME};
use crate::objects::relays;
use crate::runtime::{
    clock, crypto,
    http::fetch::{self, Limits, Target},
    js::{self, Fetcher, ObjectNamespace},
    log, promise, settings,
};
use postern_core::{
    keys::{CopyStatus, KeyKind, Questions, RingCall, RingCopy, Sealing, SigningKey, UnknownKey},
    refusal::Refusal,
    relay,
};
use postern_jwt::{
    SigningAlgorithm,
    time::{Millis, UnixMillis},
};

/// A ring of a few thousand keys: more than any sensible setting makes.
const LIMITS: Limits = Limits {
    timeout_ms: 5_000,
    body_bytes: 8 * 1024 * 1024,
};

/// How often a request checks whether the question of another has its answer, and how many times: as long as a question
/// may take.
const LOOK_AGAIN: Millis = Millis(25);
const MOST_CHECKS: u32 = 200;

/// The key ring cannot be reached, or has no key for what is asked. A fault of ours: 503, and nothing rotates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outage;

/// The refusal of what needs the key ring itself.
pub(crate) const OUT_OF_REACH: Refusal = Refusal::GeneralError("the key ring is out of reach");

/// What became of a `kid` that had to be withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Withdrawal {
    /// It is out of use.
    Done,
    /// There is no key of this name.
    UnknownKid,
}

#[derive(Default)]
struct CachedRing {
    copy: Option<Rc<RingCopy>>,
    questions: Questions,
}

thread_local! {
    static HELD: RefCell<CachedRing> = RefCell::new(CachedRing::default());
}

/// The copy of this isolate, if it needs no renewal: what work that must not wait may use.
pub(crate) fn held(now: UnixMillis) -> Option<Rc<RingCopy>> {
    HELD.with_borrow(|held| {
        held.copy
            .clone()
            .filter(|copy| copy.status(held.questions, now) == CopyStatus::Good)
    })
}

/// The copy of the ring to use for this request. Asks the ring when it is time; when there is no answer, the copy at
/// hand serves on as long as the rules allow.
pub(crate) async fn current(env: &Env, now: UnixMillis) -> Result<Rc<RingCopy>, Outage> {
    if let Some(copy) = held(now) {
        return Ok(copy);
    }
    match renew(env, now, 0).await {
        Ok(copy) => Ok(copy),
        Err(_) => HELD
            .with_borrow(|held| {
                held.copy
                    .clone()
                    .filter(|copy| copy.status(held.questions, now) != CopyStatus::Unusable)
            })
            .ok_or(Outage),
    }
}

/// Looks for a key that the copy got from [`current`] does not hold. `Ok(None)` = there is no such key.
///
/// While another request asks, this one sleeps and checks, by a timer of its own: the answer is for all of them, and an
/// outsider who invents many names at once causes one question and no outage.
pub(crate) async fn with_unknown_key(
    env: &Env,
    now: UnixMillis,
    kid: &str,
) -> Result<Option<Rc<RingCopy>>, Outage> {
    let holds = |copy: &Rc<RingCopy>| copy.verifier(kid, now).is_some();
    for _ in 0..MOST_CHECKS {
        let (copy, questions) = HELD.with_borrow(|held| (held.copy.clone(), held.questions));
        let decision = match copy {
            // It may have been renewed since.
            Some(copy) if holds(&copy) => return Ok(Some(copy)),
            Some(copy) => copy.unknown_key(questions, now),
            None => UnknownKey::Ask,
        };
        match decision {
            UnknownKey::Refuse => return Ok(None),
            UnknownKey::Outage => return Err(Outage),
            UnknownKey::Wait => promise::sleep(LOOK_AGAIN).await,
            UnknownKey::Ask => {
                let copy = renew_within(env, now, 0, Millis(0)).await;
                let copy = copy.map_err(|_| Outage)?;
                return Ok(Some(copy).filter(holds));
            }
        }
    }
    Err(Outage)
}

/// Makes new dynamic keys; they sign after the overlap (`rotateSigningKeys`).
pub(crate) async fn rotate(env: &Env, now: UnixMillis) -> Result<Rc<RingCopy>, Outage> {
    let copy = ask(env, now, RingCall::Rotate).await.map_err(|_| Outage)?;
    let members = [(log::Member::Reason, "rotated")];
    log::write_with(
        log::Event::SigningKeys,
        &members,
        "a new signing key was asked for",
    );
    Ok(copy)
}

/// What became of a rotation of the secrets beside the signing keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SecretsRotated {
    /// From when on the new ones make.
    pub(crate) from: UnixMillis,
    /// Until when older ones are kept.
    pub(crate) until: UnixMillis,
}

/// Makes new secrets beside the signing keys; they make after the overlap (`rotateSecrets`).
pub(crate) async fn rotate_secrets(env: &Env, now: UnixMillis) -> Result<SecretsRotated, Refusal> {
    let copy = ask(env, now, RingCall::RotateSecrets).await;
    let copy = copy.map_err(|refused| match refused {
        Refused::TooMany => Refusal::BadInput(
            "there are as many secrets as may be: the oldest has to be dropped first".to_owned(),
        ),
        Refused::UnknownKid | Refused::Outage => OUT_OF_REACH,
    })?;
    let members = [(log::Member::Reason, "secrets_rotated")];
    log::write_with(
        log::Event::SigningKeys,
        &members,
        "new secrets beside the signing keys were asked for",
    );
    let (from, until) = copy.secrets_change();
    let until = until.unwrap_or(from);
    Ok(SecretsRotated { from, until })
}

/// Takes a key out of use at once (`revokeSigningKey`).
pub(crate) async fn withdraw(env: &Env, now: UnixMillis, kid: &str) -> Result<Withdrawal, Outage> {
    let kid = kid.to_owned();
    match ask(env, now, RingCall::Withdraw { kid }).await {
        Ok(_) => {
            let members = [(log::Member::Reason, "withdrawn")];
            log::write_with(
                log::Event::SigningKeys,
                &members,
                "a signing key was withdrawn",
            );
            Ok(Withdrawal::Done)
        }
        Err(Refused::UnknownKid) => Ok(Withdrawal::UnknownKid),
        Err(Refused::TooMany | Refused::Outage) => Err(Outage),
    }
}

/// The key to sign with. Get it before anything rotates: without it the request is 503.
pub(crate) fn signer(
    copy: &RingCopy,
    algorithm: SigningAlgorithm,
    kind: KeyKind,
    now: UnixMillis,
) -> Result<&SigningKey, Outage> {
    copy.signer(algorithm, kind, now).ok_or(Outage)
}

/// The signature of `signing_input` with a key from [`signer`].
pub(crate) async fn sign(key: &SigningKey, signing_input: &str) -> Result<Vec<u8>, Outage> {
    let private = key.private_jwk.as_ref().ok_or(Outage)?;
    crypto::sign(&key.kid, private, key.algorithm, signing_input.as_bytes())
        .await
        .map_err(|_| Outage)
}

/// Ends everybody's sessions that were created before `moment`.
pub(crate) async fn cut_off(env: &Env, now: UnixMillis, moment: UnixMillis) -> Result<(), Outage> {
    let cut_off = ask(env, now, RingCall::CutOff { moment }).await;
    cut_off.map(drop).map_err(|_| Outage)
}

/// Asks for a new copy if the one at hand is older than a version that the ring is known to have.
pub(crate) async fn renew_if_older_than(env: &Env, now: UnixMillis, version: u64) {
    let is_older = HELD.with_borrow(|held| {
        held.copy
            .as_ref()
            .is_none_or(|copy| copy.key_set_version() < version)
    });
    if is_older && renew(env, now, version).await.is_err() {
        log::write(
            log::Event::KeyRingStale,
            "the key ring has changed and is out of reach",
        );
    }
}

/// Why nothing came of what concerns a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotSealed {
    /// The key, or the backup, is none, damaged or another, or came too late.
    Unopened,
    /// There is another ring.
    OtherRing,
    /// The ring gave no answer, or is of a release that does not know this.
    Outage,
}

/// Asks for something that concerns a backup: the text of the JSON object that is answered.
pub(crate) async fn sealing(env: &Env, wanted: Sealing) -> Result<String, NotSealed> {
    let restores = matches!(wanted, Sealing::Restore { .. });
    let answer = object_answer(env, &RingCall::Sealing(wanted), LIMITS).await;
    let answer = answer.map_err(|Outage| NotSealed::Outage)?;
    if restores && answer.status == 200 {
        // Here it counts at once; elsewhere with the next question, as every change.
        let _ = ask(env, clock::now(), RingCall::Ring).await;
    }
    match answer.status {
        200 => String::from_utf8(answer.body).map_err(|_| NotSealed::Outage),
        409 => Err(NotSealed::OtherRing),
        422 => Err(NotSealed::Unopened),
        _ => Err(NotSealed::Outage),
    }
}

enum Refused {
    UnknownKid,
    TooMany,
    Outage,
}

/// A newer copy, of at least a version that the ring is known to have.
async fn renew(env: &Env, now: UnixMillis, version: u64) -> Result<Rc<RingCopy>, Refused> {
    let longest_age =
        HELD.with_borrow(|held| relay::longest_age_of_ring(held.copy.as_deref(), now));
    renew_within(env, now, version, longest_age).await
}

/// Asks a relay for a copy that is no older than this, if there are relays; and the ring itself if it has no answer from one.
async fn renew_within(
    env: &Env,
    now: UnixMillis,
    version: u64,
    longest_age: Millis,
) -> Result<Rc<RingCopy>, Refused> {
    HELD.with_borrow_mut(|held| held.questions.asked = Some(now));
    let relayed = relays::ring(env, longest_age, version).await;
    if let Some((text, age)) = relayed
        && let Some(copy) = readable(&text)
    {
        return Ok(keep(copy, now, age));
    }
    ask_within(env, now, RingCall::Ring, relays::left(env, LIMITS)).await
}

async fn ask(env: &Env, now: UnixMillis, call: RingCall) -> Result<Rc<RingCopy>, Refused> {
    ask_within(env, now, call, LIMITS).await
}

/// Asks the object, and keeps the answer unless a newer one has overtaken it.
async fn ask_within(
    env: &Env,
    now: UnixMillis,
    call: RingCall,
    limits: Limits,
) -> Result<Rc<RingCopy>, Refused> {
    HELD.with_borrow_mut(|held| held.questions.asked = Some(now));
    #[cfg(postern_next)]
    let answer = match call {
        RingCall::Ring => match ask_object(env, &RingCall::RingNext, limits).await {
            Ok(copy) => Ok(copy),
            // A ring of the release before does not know it.
            Err(_) => ask_object(env, &call, limits).await,
        },
        _ => ask_object(env, &call, limits).await,
    };
    #[cfg(not(postern_next))]
    let answer = ask_object(env, &call, limits).await;
    match answer {
        Ok(copy) => Ok(keep(copy, now, Millis(0))),
        Err(refused @ (Refused::UnknownKid | Refused::TooMany)) => Err(refused),
        Err(Refused::Outage) => {
            HELD.with_borrow_mut(|held| held.questions.failed = Some(now));
            Err(Refused::Outage)
        }
    }
}

/// Takes over the answer to a question that was asked at `asked`, as old as this then, unless a newer one has overtaken it.
fn keep(copy: RingCopy, asked: UnixMillis, age: Millis) -> Rc<RingCopy> {
    HELD.with_borrow_mut(|held| {
        (held.questions.failed, held.questions.heard) = (None, Some(asked));
        match &held.copy {
            Some(known) if !copy.supersedes(known) => Rc::clone(known),
            _ => {
                let copy = Rc::new(copy);
                held.copy = Some(Rc::clone(&copy));
                held.questions.answered = Some(asked.minus(age));
                copy
            }
        }
    })
}

/// What the ring answers to [`RingCall::Ring`], as text.
pub(super) async fn text(env: &Env) -> Option<String> {
    let answer = object_answer(env, &RingCall::Ring, LIMITS).await.ok()?;
    (answer.status == 200)
        .then(|| String::from_utf8(answer.body).ok())
        .flatten()
}

fn readable(text: &str) -> Option<RingCopy> {
    RingCopy::from_json(text).ok().filter(RingCopy::is_readable)
}

async fn object_answer(
    env: &Env,
    call: &RingCall,
    limits: Limits,
) -> Result<fetch::Answer, Outage> {
    let object: Fetcher = js::binding::<ObjectNamespace>(env, BINDING)
        .and_then(|namespace| namespace.object(OBJECT_NAME, settings::central_place(env)?))
        .ok_or(Outage)?;
    // Only the path matters: the host goes nowhere.
    let url = format!("https://key-ring.internal/{}", call.path());
    let body = call.body().ok_or(Outage)?;
    fetch::request(Target::Object(&object), &url, Some(&body), limits)
        .await
        .map_err(|_| Outage)
}

async fn ask_object(env: &Env, call: &RingCall, limits: Limits) -> Result<RingCopy, Refused> {
    let answer = object_answer(env, call, limits).await;
    let answer = answer.map_err(|Outage| Refused::Outage)?;
    match answer.status {
        200 => std::str::from_utf8(&answer.body)
            .ok()
            .and_then(readable)
            .ok_or(Refused::Outage),
        404 => Err(Refused::UnknownKid),
        409 => Err(Refused::TooMany),
        _ => Err(Refused::Outage),
    }
}
