//! Fetching a key set from its issuer: one request, with limits, and in words what was wrong with the answer.

use std::pin::pin;

use worker::Env;

use super::discovery;
use crate::runtime::{
    clock,
    http::fetch::{self, Answer, FetchFault, Limits, Target},
    js::{self, Fetcher},
};
use postern_core::key_sets::call::Place;
use postern_jwt::{
    Algorithm, jwks_cache,
    keys::jwk::{self, KeySetSource},
    time::Millis,
};

/// The limits of one fetch.
const LIMITS: Limits = Limits {
    timeout_ms: 5_000,
    body_bytes: jwks_cache::MAX_ANSWER_BYTES,
};

/// The longest `ETag` that is sent back.
const MAX_ETAG_BYTES: usize = 256;

/// What an issuer answered.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// The set; `None` = it is the one whose `ETag` was sent.
    pub(crate) text: Option<String>,
    /// Its `ETag`, if there is one that can be sent back.
    pub(crate) etag: Option<String>,
    /// What `Cache-Control` said.
    pub(crate) cache_control: Option<String>,
}

impl Fetched {
    /// How long the set is good.
    pub(crate) fn lifetime(&self) -> Millis {
        jwks_cache::lifetime(self.cache_control.as_deref())
    }
}

/// Why there is no usable set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FetchTrouble {
    /// The settings at hand have no binding of this name.
    NoBinding,
    /// What is wrong, fit for a log.
    Because(String),
}

impl From<FetchTrouble> for String {
    fn from(trouble: FetchTrouble) -> Self {
        match trouble {
            FetchTrouble::NoBinding => "there is no such service binding".to_owned(),
            FetchTrouble::Because(why) => why,
        }
    }
}

/// Fetches a set, unless it is still the one of this `ETag`. It holds at least one key that some algorithm can use.
pub(crate) async fn fetched(
    env: &Env,
    place: &Place,
    etag: Option<&str>,
) -> Result<Fetched, FetchTrouble> {
    let answer = pin!(answered(env, place, etag));
    let answer = js::traced("postern.jwks", "", answer).await?;
    let text = if answer.status == 304 {
        None
    } else {
        let text = std::str::from_utf8(&answer.body)
            .map_err(|_| FetchTrouble::Because("not UTF-8".to_owned()))?;
        jwk::parse_set(text, KeySetSource::Fetched, &Algorithm::ALL)
            .map_err(|fault| FetchTrouble::Because(fault.to_string()))?;
        Some(text.to_owned())
    };
    let is_good = |etag: &String| {
        etag.len() <= MAX_ETAG_BYTES && etag.bytes().all(|b| b == b' ' || b.is_ascii_graphic())
    };
    Ok(Fetched {
        text,
        etag: answer.etag.filter(is_good),
        cache_control: answer.cache_control,
    })
}

async fn answered(env: &Env, place: &Place, etag: Option<&str>) -> Result<Answer, FetchTrouble> {
    let started = clock::now();
    let answer = match place {
        Place::Uri(uri) => fetch::get_unless(Target::Public, uri, etag, LIMITS).await,
        Place::Discovery(issuer) => {
            let uri = discovery::key_address(issuer).await;
            let uri = uri.map_err(FetchTrouble::Because)?;
            fetch::get_unless(Target::Public, &uri, etag, LIMITS).await
        }
        Place::Binding(name) => {
            let service: Fetcher = js::binding(env, name).ok_or(FetchTrouble::NoBinding)?;
            // The Worker that is bound decides by itself what it serves; this is the usual place.
            let url = "https://issuer.internal/.well-known/jwks.json";
            fetch::get_unless(Target::Binding(&service), url, etag, LIMITS).await
        }
    };
    let is_late = || clock::now().since(started).0 >= u64::from(LIMITS.timeout_ms);
    Err(FetchTrouble::Because(match answer {
        Ok(answer) if answer.status == 200 => return Ok(answer),
        Ok(answer) if answer.status == 304 && etag.is_some() => return Ok(answer),
        Ok(answer) if (300..400).contains(&answer.status) => format!(
            "status {}, a redirect, which is not followed",
            answer.status
        ),
        Ok(answer) => format!("status {}", answer.status),
        Err(FetchFault::TooLarge) => format!("larger than {} bytes", LIMITS.body_bytes),
        Err(FetchFault::Failed) if is_late() => {
            format!("no whole answer within {} ms", LIMITS.timeout_ms)
        }
        Err(FetchFault::Failed) => "no connection, or it broke off".to_owned(),
    }))
}
