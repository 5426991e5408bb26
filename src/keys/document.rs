//! The JWK Set as it is served (RFC 7517 section 5; protocol: `GET /.well-known/jwks.json`).

use serde::{Deserialize, Serialize};

use super::{KeyPolicy, KeyRing};
use crate::{settings::SigningAlgorithm, time::UnixMillis};

/// No cache keeps the document longer than this, so that a new or a withdrawn key is known within a minute.
const LONGEST_MAX_AGE_SECONDS: u64 = 60;

/// A JWK Set with its cache lifetime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySetDocument {
    /// The text of `{"keys":[…]}`. The protocol's older twin adds `status` to it.
    pub json: String,
    /// Whole seconds until the document must be asked for again: 1 to 60.
    pub max_age_seconds: u64,
}

impl KeySetDocument {
    /// The value of the `Cache-Control` header, in the exact form that clients parse.
    pub fn cache_control(&self) -> String {
        format!("max-age={}, must-revalidate", self.max_age_seconds)
    }
}

impl KeyRing {
    /// The JWK Set: dynamic keys, newest first, then static keys.
    pub fn document(&self, policy: KeyPolicy, now: UnixMillis) -> KeySetDocument {
        let keys: Vec<&str> = self
            .verifiers(now)
            .into_iter()
            .map(|key| key.public_jwk.as_str())
            .collect();
        KeySetDocument {
            json: format!("{{\"keys\":[{}]}}", keys.join(",")),
            max_age_seconds: self
                .next_change(policy)
                .since(now)
                .as_seconds()
                .clamp(1, LONGEST_MAX_AGE_SECONDS),
        }
    }
}

/// Members of a public JWK that WebCrypto exports (RFC 7518 section 6, RFC 8037 section 2).
#[derive(Deserialize)]
struct Exported {
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// A public JWK in the member order of the protocol.
#[derive(Serialize)]
struct Published<'a> {
    kty: &'static str,
    kid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    alg: &'static str,
    #[serde(rename = "use")]
    key_use: &'static str,
}

/// The JWK to publish for an exported key: its public members only, whatever else the export holds.
pub fn public_jwk(kid: &str, algorithm: SigningAlgorithm, exported: &str) -> Option<String> {
    let Exported { n, e, x, y } = serde_json::from_str(exported).ok()?;
    let blank = |kty, crv, alg| Published {
        kty,
        kid,
        n: None,
        e: None,
        crv,
        x: None,
        y: None,
        alg,
        key_use: "sig",
    };
    let jwk = match algorithm {
        SigningAlgorithm::RS256 => Published {
            n: Some(n?),
            e: Some(e?),
            ..blank("RSA", None, "RS256")
        },
        SigningAlgorithm::ES256 => Published {
            x: Some(x?),
            y: Some(y?),
            ..blank("EC", Some("P-256"), "ES256")
        },
        SigningAlgorithm::EdDSA => Published {
            x: Some(x?),
            ..blank("OKP", Some("Ed25519"), "EdDSA")
        },
    };
    serde_json::to_string(&jwk).ok()
}
