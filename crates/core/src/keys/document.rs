//! The JWK Set as it is served (RFC 7517 section 5; protocol: `GET /.well-known/jwks.json`).

use serde::Serialize;
use serde_json::value::RawValue;

use super::{KeyPolicy, KeyRing, SigningKey};
use postern_jwt::{
    SigningAlgorithm,
    json::{self, ObjectWriter},
    time::UnixMillis,
};

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

/// RFC 7517 section 5, of keys as they were made.
#[derive(Serialize)]
struct JwkSet<'a> {
    keys: Vec<&'a RawValue>,
}

impl KeySetDocument {
    /// The value of the `Cache-Control` header, in the exact form that clients parse.
    pub fn cache_control(&self) -> String {
        format!("max-age={}, must-revalidate", self.max_age_seconds)
    }
}

impl KeyRing {
    /// The JWK Set of session tokens: dynamic keys, newest first, then static keys.
    pub fn document(&self, policy: KeyPolicy, now: UnixMillis) -> KeySetDocument {
        self.document_of(self.verifiers(now), policy, now)
    }

    /// The JWK Set of assertions to origins.
    pub fn assertion_document(&self, policy: KeyPolicy, now: UnixMillis) -> KeySetDocument {
        self.document_of(self.assertion_verifiers(now), policy, now)
    }

    fn document_of(
        &self,
        keys: Vec<&SigningKey>,
        policy: KeyPolicy,
        now: UnixMillis,
    ) -> KeySetDocument {
        let keys = keys.into_iter();
        let keys = keys.filter_map(|key| serde_json::from_str(&key.public_jwk).ok());
        let set = JwkSet {
            keys: keys.collect(),
        };
        KeySetDocument {
            // Texts in a list: that can be written.
            json: serde_json::to_string(&set).unwrap_or_default(),
            max_age_seconds: self
                .next_change(policy)
                .since(now)
                .as_seconds()
                .clamp(1, LONGEST_MAX_AGE_SECONDS),
        }
    }
}

/// The JWK to publish for an exported key (RFC 7518 section 6, RFC 8037 section 2): its public members only, in the
/// protocol's order, whatever else the export holds.
pub fn public_jwk(kid: &str, algorithm: SigningAlgorithm, exported: &str) -> Option<String> {
    let exported = json::parse_object(exported).ok()?;
    let (key_type, curve, members): (_, _, &[&str]) = match algorithm {
        SigningAlgorithm::RS256 => ("RSA", None, &["n", "e"]),
        SigningAlgorithm::ES256 => ("EC", Some("P-256"), &["x", "y"]),
        SigningAlgorithm::EdDSA => ("OKP", Some("Ed25519"), &["x"]),
    };
    let mut jwk = ObjectWriter::new();
    jwk.text("kty", key_type);
    jwk.text("kid", kid);
    jwk.optional_text("crv", curve);
    for name in members {
        jwk.text(name, &exported.string(name).ok()??);
    }
    jwk.text("alg", algorithm.name());
    jwk.text("use", "sig");
    Some(jwk.finish())
}
