//! The keys of trusted issuers: taken from settings, or asked for and kept in this isolate.
//!
//! The sets of this isolate, one for each issuer in settings. It asks the keeper of a set (`objects::key_sets`), and the
//! issuer only where there is no keeper: in a release before, or out of reach. When to ask is decided by
//! `postern_jwt::jwks_cache`, what a set may hold by `postern_jwt::keys::jwk`. No request waits for a promise that another one made.

use std::{cell::RefCell, rc::Rc};

use worker::Env;

use crate::{
    objects::key_sets::{client, fetch},
    runtime::{clock, log, metrics, promise},
};
use postern_core::{
    key_sets::{
        FIRST_PAUSE,
        call::{KeeperCall, KeeperReply, Place},
    },
    metrics::{Metric, Point},
    settings::{IssuerKeys, TrustedIssuer},
};
use postern_jwt::{
    VerificationKey,
    json::{self, ObjectWriter},
    jwks_cache::{self, Decision, JwksState, SetFreshness},
    keys::jwk::{self, KeySet, KeySetSource, LeftOut},
    time::{Millis, UnixMillis},
};

/// How often a request checks whether the question of another has its answer, and how many times: as long as a question
/// may take.
const LOOK_AGAIN: Millis = Millis(25);
const MOST_CHECKS: u32 = 240;

/// No usable keys are at hand and none can be had: 503. The text says whose, where they are looked for, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outage(pub(crate) String);

/// The keys to verify a token with.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    /// The set.
    set: Rc<KeySet>,
    /// Grows when the set changes: what was verified under a lower number must be verified again.
    pub version: u64,
    /// True when the set is ageing: call [`refresh`] in the background of this request.
    pub refresh: bool,
}

impl Keys {
    /// The usable keys of the set.
    pub(crate) fn usable(&self) -> &[VerificationKey] {
        &self.set.keys
    }

    /// The key of this `kid`, if the set has it and it was left out.
    pub(crate) fn left_out(&self, kid: &str) -> Option<&LeftOut> {
        let mut left_out = self.set.left_out.iter();
        left_out.find(|key| key.key_id.as_deref() == Some(kid))
    }
}

#[derive(Default)]
struct Held {
    state: JwksState,
    text: Vec<u8>,
    set: Rc<KeySet>,
    version: u64,
    /// The keeper's name for the text.
    keeper_version: Option<u64>,
    /// What came of the last question, if that failed.
    trouble: Option<String>,
}

thread_local! {
    /// By the issuer's id in settings; so it holds no more than the settings do.
    static HELD: RefCell<Vec<(String, Held)>> = const { RefCell::new(Vec::new()) };
}

/// The keys of an issuer for a token with this `kid`. Asks for them when the rules say so.
pub(crate) async fn current(
    env: &Env,
    issuer: &TrustedIssuer,
    kid: Option<&str>,
    now: UnixMillis,
) -> Result<Keys, Outage> {
    if let IssuerKeys::Inline(text) = &issuer.keys {
        return inline(issuer, text);
    }
    let lacks_key = || with(&issuer.id, |held| !knows(&held.set.keys, kid));
    let decide = |now| {
        with(&issuer.id, |held| {
            held.state.decide(now, knows(&held.set.keys, kid))
        })
    };
    let mut decision = decide(now);
    let mut has_asked = false;
    for _ in 0..MOST_CHECKS {
        match decision {
            Decision::MustFetch if !has_asked => {
                has_asked = true;
                // A failure is noted, and the rules say what the old set is still good for.
                let is_another = ask(env, issuer, lacks_key(), now).await;
                // The key may be newer than the set that the keeper had.
                if is_another && lacks_key() {
                    let _ = ask(env, issuer, true, now).await;
                }
            }
            Decision::Wait => promise::sleep(LOOK_AGAIN).await,
            _ => break,
        }
        decision = decide(clock::now());
    }
    if matches!(
        decision,
        Decision::Unavailable | Decision::MustFetch | Decision::Wait
    ) {
        return Err(with(&issuer.id, |held| {
            let trouble = held.trouble.as_deref().unwrap_or("they are being fetched");
            Outage(explanation(issuer, trouble))
        }));
    }
    let refresh = decision == Decision::UseAndRefresh;
    Ok(with(&issuer.id, |held| Keys {
        set: Rc::clone(&held.set),
        version: held.version,
        refresh,
    }))
}

/// The version of an issuer's keys, if those at hand may be used without asking anybody.
pub(crate) fn version(issuer: &TrustedIssuer, now: UnixMillis) -> Option<u64> {
    with(&issuer.id, |held| {
        let is_usable = match &issuer.keys {
            IssuerKeys::Inline(_) => !held.text.is_empty(),
            _ => held.state.decide(now, true) == Decision::Use,
        };
        is_usable.then_some(held.version)
    })
}

/// Asks for the keys of an issuer behind an answer.
pub(crate) async fn refresh(env: &Env, issuer: &TrustedIssuer, now: UnixMillis) {
    let _ = ask(env, issuer, false, now).await;
}

/// Asks for the keys of an issuer. A set that cannot be used leaves the old one in place, and the log says why. `true` = a
/// keeper gave another set than the one at hand.
async fn ask(env: &Env, issuer: &TrustedIssuer, lacks_key: bool, now: UnixMillis) -> bool {
    let place = match &issuer.keys {
        IssuerKeys::Inline(_) => return false,
        IssuerKeys::Uri(uri) => Place::Uri(uri.clone()),
        IssuerKeys::Binding(name) => Place::Binding(name.clone()),
        IssuerKeys::Discovery(issuer) => Place::Discovery(issuer.clone()),
    };
    let version = with(&issuer.id, |held| {
        held.state.fetch_started(now);
        held.keeper_version
    });
    let call = KeeperCall::Current {
        place: place.clone(),
        version,
        lacks_key,
    };
    let answer = client::ask(env, call).await;
    let from = match &answer {
        Ok(KeeperReply::Set { .. } | KeeperReply::Unavailable { .. }) => "keeper",
        _ => "issuer",
    };
    let outcome = match answer {
        Ok(KeeperReply::Set {
            text,
            version,
            age,
            lifetime,
            settled,
        }) => {
            let freshness = SetFreshness {
                age,
                lifetime,
                cooldown: jwks_cache::KEEPER_COOLDOWN,
                is_settled: settled,
            };
            Ok((text, Some(version), freshness))
        }
        Ok(KeeperReply::Unavailable { trouble }) => Err((trouble, FIRST_PAUSE)),
        _ => match fetch::fetched(env, &place, None).await {
            Ok(fetched) => {
                let freshness = SetFreshness::by_issuer(fetched.cache_control.as_deref());
                Ok((fetched.text, None, freshness))
            }
            Err(trouble) => Err((trouble.into(), jwks_cache::COOLDOWN)),
        },
    };
    let now = clock::now();
    let (mut is_new, mut is_another) = (false, false);
    let taken = outcome.and_then(|(text, version, freshness)| {
        is_new = text.is_some();
        is_another = is_new && version.is_some();
        take(issuer, text, version)
            .map_err(|trouble| (trouble, freshness.cooldown.max(FIRST_PAUSE)))?;
        Ok(freshness)
    });
    let outcome = match &taken {
        Ok(_) if is_new => "set",
        Ok(_) => "unchanged",
        Err(_) => "failed",
    };
    let labels = [issuer.id.as_str(), from, outcome];
    metrics::add(&Point::one(Metric::IssuerKeyFetches, &labels));
    with(&issuer.id, |held| match taken {
        Ok(freshness) => {
            held.state.fetch_succeeded(now, freshness);
            held.trouble = None;
        }
        Err((trouble, cooldown)) => {
            held.state.fetch_failed(now, cooldown);
            log::write_at_times(log::Event::IssuerKeys, &explanation(issuer, &trouble), now);
            held.trouble = Some(trouble);
        }
    });
    is_another
}

/// Takes over a text, unless it is the one at hand.
fn take(issuer: &TrustedIssuer, text: Option<String>, version: Option<u64>) -> Result<(), String> {
    let Some(text) = text else {
        return Ok(());
    };
    let set = jwk::parse_set(&text, KeySetSource::Fetched, &issuer.algorithms)
        .map_err(|fault| fault.to_string())?;
    for key in &set.left_out {
        log::write(
            log::Event::IssuerKeyLeftOut,
            &explanation(issuer, &key.to_string()),
        );
    }
    with(&issuer.id, |held| {
        held.keeper_version = version;
        hold(held, text.as_bytes(), set);
    });
    Ok(())
}

/// Whose keys, where, and what is wrong with them.
fn explanation(issuer: &TrustedIssuer, trouble: &str) -> String {
    format!(
        "issuer {}: its keys, {}: {trouble}",
        issuer.id,
        place_of(issuer)
    )
}

/// Where an issuer's keys are, in words.
fn place_of(issuer: &TrustedIssuer) -> String {
    match &issuer.keys {
        IssuerKeys::Inline(_) => "in the setting".to_owned(),
        // A query may hold what is nobody's business.
        IssuerKeys::Uri(uri) => uri.split(['?', '#']).next().unwrap_or_default().to_owned(),
        IssuerKeys::Binding(name) => format!("behind the binding {name}"),
        IssuerKeys::Discovery(issuer) => format!("where the discovery document of {issuer} says"),
    }
}

/// What this isolate holds of an issuer's keys: one JSON object, for the operator. Asks nobody.
pub(crate) fn held(issuer: &TrustedIssuer, now: UnixMillis) -> String {
    let mut report = ObjectWriter::new();
    report.text("id", &issuer.id);
    report.text("issuer", issuer.names.first());
    report.text("address", &place_of(issuer));
    with(&issuer.id, |held| {
        if let Some(age) = held.state.age(now) {
            report.number("age", age.0);
        }
        let names = held.set.keys.iter().map(VerificationKey::key_id);
        let names = names.map(|key_id| key_id.unwrap_or("(no kid)"));
        report.json("keys", &json::strings(names));
        report.optional_text("trouble", held.trouble.as_deref());
    });
    report.finish()
}

/// What is found at this moment where an issuer's keys are, past every copy: one JSON object, for the operator.
pub(crate) async fn report(env: &Env, issuer: &TrustedIssuer) -> String {
    let place = match &issuer.keys {
        IssuerKeys::Inline(_) => None,
        IssuerKeys::Uri(uri) => Some(Place::Uri(uri.clone())),
        IssuerKeys::Binding(name) => Some(Place::Binding(name.clone())),
        IssuerKeys::Discovery(issuer) => Some(Place::Discovery(issuer.clone())),
    };
    let set = match (&issuer.keys, place) {
        (IssuerKeys::Inline(text), _) => {
            jwk::parse_set(text, KeySetSource::Settings, &issuer.algorithms)
                .map_err(|fault| fault.to_string())
        }
        (_, Some(place)) => match fetch::fetched(env, &place, None).await {
            Ok(fetched) => {
                let text = fetched.text.unwrap_or_default();
                jwk::parse_set(&text, KeySetSource::Fetched, &issuer.algorithms)
                    .map_err(|fault| fault.to_string())
            }
            Err(trouble) => Err(trouble.into()),
        },
        (_, None) => Err("there is no address".to_owned()),
    };
    let mut report = ObjectWriter::new();
    report.text("id", &issuer.id);
    report.text("address", &place_of(issuer));
    match set {
        Ok(set) => {
            report.text("status", "OK");
            let names = set.keys.iter().map(|key| {
                let key_id = key.key_id().unwrap_or("(no kid)");
                format!("{key_id} {}", key.algorithm())
            });
            let names: Vec<String> = names.collect();
            report.json("keys", &json::strings(names.iter().map(String::as_str)));
            let left_out: Vec<String> = set.left_out.iter().map(ToString::to_string).collect();
            report.json(
                "leftOut",
                &json::strings(left_out.iter().map(String::as_str)),
            );
        }
        Err(trouble) => {
            report.text("status", "UNAVAILABLE");
            report.text("trouble", &trouble);
        }
    }
    report.finish()
}

/// Keys that settings hold never change while the isolate lives: parsed once.
fn inline(issuer: &TrustedIssuer, text: &str) -> Result<Keys, Outage> {
    let id = &issuer.id;
    if with(id, |held| held.text.is_empty()) {
        let set = jwk::parse_set(text, KeySetSource::Settings, &issuer.algorithms)
            .map_err(|fault| Outage(explanation(issuer, &fault.to_string())))?;
        with(id, |held| hold(held, text.as_bytes(), set));
    }
    Ok(with(id, |held| Keys {
        set: Rc::clone(&held.set),
        version: held.version,
        refresh: false,
    }))
}

fn hold(held: &mut Held, text: &[u8], set: KeySet) {
    if held.text != text {
        text.clone_into(&mut held.text);
        held.set = Rc::new(set);
        held.version = held.version.saturating_add(1);
    }
}

fn knows(keys: &[VerificationKey], kid: Option<&str>) -> bool {
    kid.is_none() || keys.iter().any(|key| key.key_id() == kid)
}

fn with<T>(id: &str, act: impl FnOnce(&mut Held) -> T) -> T {
    HELD.with_borrow_mut(|sets| {
        if let Some((_, held)) = sets.iter_mut().find(|(known, _)| known == id) {
            return act(held);
        }
        let mut held = Held::default();
        let outcome = act(&mut held);
        sets.push((id.to_owned(), held));
        outcome
    })
}
