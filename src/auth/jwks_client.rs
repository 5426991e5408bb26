//! The keys of foreign issuers: taken from settings, or fetched and kept in this isolate.
//!
//! Owns the fetched sets, one for each issuer in settings. When to fetch is decided by `token::jwks_cache`, what a set
//! may hold by `token::jwk`. No request waits for a fetch that another one started.

use std::{cell::RefCell, rc::Rc};

use worker::Env;

use crate::runtime::{
    clock,
    http::fetch::{self, Answer, FetchFault, Limits, Target},
    js::{self, Fetcher},
    log,
};
use postern_core::settings::{IssuerKeys, TrustedIssuer};
use postern_jwt::VerificationKey;
use postern_jwt::jwks_cache::{self, Decision, JwksState};
use postern_jwt::keys::jwk::{self, KeySet, KeySetSource, LeftOut};
use postern_jwt::time::UnixMillis;

/// The limits of one fetch.
const LIMITS: Limits = Limits {
    timeout_ms: 5_000,
    body_bytes: jwks_cache::MAX_ANSWER_BYTES,
};

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
    /// What came of the last fetch, if that failed.
    trouble: Option<String>,
}

thread_local! {
    /// By the issuer's id in settings; so it holds no more than the settings do.
    static HELD: RefCell<Vec<(String, Held)>> = const { RefCell::new(Vec::new()) };
}

/// The keys of an issuer for a token with this `kid`. Fetches them when the rules say so.
pub(crate) async fn current(
    env: &Env,
    issuer: &TrustedIssuer,
    kid: Option<&str>,
    now: UnixMillis,
) -> Result<Keys, Outage> {
    if let IssuerKeys::Inline(text) = &issuer.keys {
        return inline(issuer, text);
    }
    let decide = || {
        with(&issuer.id, |held| {
            held.state.decide(now, knows(&held.set.keys, kid))
        })
    };
    let mut decision = decide();
    if decision == Decision::MustFetch {
        // A failure is noted, and the rules say what the old set is still good for.
        refresh(env, issuer, now).await;
        decision = decide();
    }
    if matches!(decision, Decision::Unavailable | Decision::MustFetch) {
        return Err(with(&issuer.id, |held| {
            let trouble = held.trouble.as_deref().unwrap_or("they are being fetched");
            Outage(story(issuer, trouble))
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

/// Fetches the keys of an issuer. A set that cannot be used leaves the old one in place, and the log says why.
pub(crate) async fn refresh(env: &Env, issuer: &TrustedIssuer, now: UnixMillis) {
    with(&issuer.id, |held| held.state.fetch_started(now));
    let fetched = fetched(env, issuer).await;
    with(&issuer.id, |held| match fetched {
        Ok((answer, set)) => {
            held.state
                .fetch_succeeded(now, answer.cache_control.as_deref());
            held.trouble = None;
            hold(held, &answer.body, set);
        }
        Err(trouble) => {
            held.state.fetch_failed(now);
            log::warning_at_times("issuer_keys", &story(issuer, &trouble), now);
            held.trouble = Some(trouble);
        }
    });
}

/// Whose keys, where, and what is wrong with them.
fn story(issuer: &TrustedIssuer, trouble: &str) -> String {
    let place = match &issuer.keys {
        IssuerKeys::Inline(_) => "in the setting",
        // A query may hold what is nobody's business.
        IssuerKeys::Uri(uri) => uri.split(['?', '#']).next().unwrap_or_default(),
        IssuerKeys::Binding(name) => &format!("behind the binding {name}"),
    };
    format!("issuer {}: its keys, {place}: {trouble}", issuer.id)
}

async fn fetched(env: &Env, issuer: &TrustedIssuer) -> Result<(Answer, KeySet), String> {
    let answer = fetch(env, &issuer.keys).await?;
    let text = std::str::from_utf8(&answer.body).map_err(|_| "not UTF-8".to_owned())?;
    let set = jwk::parse_set(text, KeySetSource::Fetched, &issuer.algorithms)
        .map_err(|fault| fault.to_string())?;
    Ok((answer, set))
}

async fn fetch(env: &Env, keys: &IssuerKeys) -> Result<Answer, String> {
    let started = clock::now();
    let answer = match keys {
        IssuerKeys::Inline(_) => return Err("they are not fetched".to_owned()),
        IssuerKeys::Uri(uri) => fetch::request(Target::Public, uri, None, LIMITS).await,
        IssuerKeys::Binding(name) => {
            let service: Fetcher =
                js::binding(env, name).ok_or("there is no such service binding")?;
            // The Worker that is bound decides by itself what it serves; this is the usual place.
            let url = "https://issuer.internal/.well-known/jwks.json";
            fetch::request(Target::Binding(&service), url, None, LIMITS).await
        }
    };
    let is_late = || clock::now().since(started).0 >= u64::from(LIMITS.timeout_ms);
    match answer {
        Ok(answer) if answer.status == 200 => Ok(answer),
        Ok(answer) if (300..400).contains(&answer.status) => Err(format!(
            "status {}, a redirect, which is not followed",
            answer.status
        )),
        Ok(answer) => Err(format!("status {}", answer.status)),
        Err(FetchFault::TooLarge) => Err(format!("larger than {} bytes", LIMITS.body_bytes)),
        Err(FetchFault::Failed) if is_late() => {
            Err(format!("no whole answer within {} ms", LIMITS.timeout_ms))
        }
        Err(FetchFault::Failed) => Err("no connection, or it broke off".to_owned()),
    }
}

/// Keys that settings hold never change while the isolate lives: parsed once.
fn inline(issuer: &TrustedIssuer, text: &str) -> Result<Keys, Outage> {
    let id = &issuer.id;
    if with(id, |held| held.text.is_empty()) {
        let set = jwk::parse_set(text, KeySetSource::Settings, &issuer.algorithms)
            .map_err(|fault| Outage(story(issuer, &fault.to_string())))?;
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
