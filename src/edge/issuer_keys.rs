//! The keys of foreign issuers: taken from settings, or fetched and kept in this isolate.
//!
//! Owns the fetched sets, one for each issuer in settings. When to fetch is decided by `token::jwks_cache`, what a set
//! may hold by `token::jwk`. No request waits for a fetch that another one started.

use std::{cell::RefCell, rc::Rc};

use worker::Env;

use super::{
    js::{self, Fetcher},
    outgoing::{self, Answer, Limits, Target},
};
use crate::{
    settings::{IssuerKeys, TrustedIssuer},
    time::UnixMillis,
    token::{
        VerificationKey,
        jwk::{self, KeySetSource},
        jwks_cache::{self, Decision, JwksState},
    },
};

/// The limits of one fetch.
const LIMITS: Limits = Limits {
    timeout_ms: 5_000,
    body_bytes: jwks_cache::MAX_ANSWER_BYTES,
};

/// No usable keys are at hand and none can be had: 503.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outage;

/// The keys to verify a token with.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    /// The usable keys of the set.
    pub(super) usable: Rc<Vec<VerificationKey>>,
    /// Grows when the set changes: what was verified under a lower number must be verified again.
    pub version: u64,
    /// True when the set is ageing: call [`refresh`] in the background of this request.
    pub refresh: bool,
}

#[derive(Default)]
struct Held {
    state: JwksState,
    text: Vec<u8>,
    keys: Rc<Vec<VerificationKey>>,
    version: u64,
}

thread_local! {
    /// By the issuer's id in settings; so it holds no more than the settings do.
    static HELD: RefCell<Vec<(String, Held)>> = const { RefCell::new(Vec::new()) };
}

/// The keys of an issuer for a token with this `kid`. Fetches them when the rules say so.
pub(super) async fn current(
    env: &Env,
    issuer: &TrustedIssuer,
    kid: Option<&str>,
    now: UnixMillis,
) -> Result<Keys, Outage> {
    if let IssuerKeys::Inline(text) = &issuer.keys {
        return inline(&issuer.id, text);
    }
    let decide = || {
        with(&issuer.id, |held| {
            held.state.decide(now, knows(&held.keys, kid))
        })
    };
    let mut decision = decide();
    if decision == Decision::MustFetch {
        // A failure is noted, and the rules say what the old set is still good for.
        let _ = refresh(env, issuer, now).await;
        decision = decide();
    }
    if matches!(decision, Decision::Unavailable | Decision::MustFetch) {
        return Err(Outage);
    }
    let refresh = decision == Decision::UseAndRefresh;
    Ok(with(&issuer.id, |held| Keys {
        usable: Rc::clone(&held.keys),
        version: held.version,
        refresh,
    }))
}

/// The version of an issuer's keys, if those at hand may be used without asking anybody.
pub(super) fn version(issuer: &TrustedIssuer, now: UnixMillis) -> Option<u64> {
    with(&issuer.id, |held| {
        let is_usable = match &issuer.keys {
            IssuerKeys::Inline(_) => !held.text.is_empty(),
            _ => held.state.decide(now, true) == Decision::Use,
        };
        is_usable.then_some(held.version)
    })
}

/// Fetches the keys of an issuer. A set that cannot be used leaves the old one in place.
pub(super) async fn refresh(
    env: &Env,
    issuer: &TrustedIssuer,
    now: UnixMillis,
) -> Result<(), Outage> {
    with(&issuer.id, |held| held.state.fetch_started(now));
    let fetched = fetched(env, &issuer.keys).await;
    with(&issuer.id, |held| {
        let Ok((answer, keys)) = fetched else {
            held.state.fetch_failed(now);
            return Err(Outage);
        };
        held.state
            .fetch_succeeded(now, answer.cache_control.as_deref());
        hold(held, &answer.body, keys);
        Ok(())
    })
}

async fn fetched(env: &Env, keys: &IssuerKeys) -> Result<(Answer, Vec<VerificationKey>), Outage> {
    let answer = fetch(env, keys).await?;
    let text = std::str::from_utf8(&answer.body).map_err(|_| Outage)?;
    let keys = jwk::parse_set(text, KeySetSource::Fetched).map_err(|_| Outage)?;
    Ok((answer, keys))
}

async fn fetch(env: &Env, keys: &IssuerKeys) -> Result<Answer, Outage> {
    let answer = match keys {
        IssuerKeys::Inline(_) => return Err(Outage),
        IssuerKeys::Uri(uri) => outgoing::request(Target::Public, uri, None, LIMITS).await,
        IssuerKeys::Binding(name) => {
            let service: Fetcher = js::binding(env, name).ok_or(Outage)?;
            // The Worker that is bound decides by itself what it serves; this is the usual place.
            let url = "https://issuer.internal/.well-known/jwks.json";
            outgoing::request(Target::Binding(&service), url, None, LIMITS).await
        }
    };
    answer
        .ok()
        .filter(|answer| answer.status == 200)
        .ok_or(Outage)
}

/// Keys that settings hold never change while the isolate lives: parsed once.
fn inline(id: &str, text: &str) -> Result<Keys, Outage> {
    if with(id, |held| held.text.is_empty()) {
        let keys = jwk::parse_set(text, KeySetSource::Settings).map_err(|_| Outage)?;
        with(id, |held| hold(held, text.as_bytes(), keys));
    }
    Ok(with(id, |held| Keys {
        usable: Rc::clone(&held.keys),
        version: held.version,
        refresh: false,
    }))
}

fn hold(held: &mut Held, text: &[u8], keys: Vec<VerificationKey>) {
    if held.text != text {
        text.clone_into(&mut held.text);
        held.keys = Rc::new(keys);
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
