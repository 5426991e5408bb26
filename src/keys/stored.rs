//! The ring as JSON text: what its storage holds, and what isolates get.
//!
//! Members may be added; one that is missing where it is needed makes the whole unreadable.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::{KeyKind, KeyPolicy, KeyRing, RingCopy, RingHead, Secrets, SigningKey};
use crate::{
    json::{self, Object, ObjectWriter},
    secret::Secret,
    settings::SigningAlgorithm,
    time::{Millis, UnixMillis},
};

/// The text is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

/// An object of which every member that is asked for must be there.
struct Members<'a>(Object<'a>);

impl<'a> Members<'a> {
    fn of(text: &'a str) -> Result<Self, Unreadable> {
        json::parse_object(text).map(Self).map_err(|_| Unreadable)
    }

    fn text(&self, name: &str) -> Result<String, Unreadable> {
        match self.0.string(name) {
            Ok(Some(text)) => Ok(text.into_owned()),
            _ => Err(Unreadable),
        }
    }

    fn number(&self, name: &str) -> Result<u64, Unreadable> {
        self.0.unsigned(name).ok().flatten().ok_or(Unreadable)
    }

    fn small(&self, name: &str) -> Result<u32, Unreadable> {
        u32::try_from(self.number(name)?).map_err(|_| Unreadable)
    }

    fn secret(&self, name: &str) -> Result<Secret, Unreadable> {
        Base64UrlUnpadded::decode_vec(&self.text(name)?)
            .map(Secret::new)
            .map_err(|_| Unreadable)
    }

    fn algorithm(&self, name: &str) -> Result<SigningAlgorithm, Unreadable> {
        SigningAlgorithm::from_name(&self.text(name)?).ok_or(Unreadable)
    }

    fn object(&self, name: &str) -> Result<&'a str, Unreadable> {
        self.0.object(name).ok().flatten().ok_or(Unreadable)
    }

    fn array(&self, name: &str) -> Result<Vec<&'a str>, Unreadable> {
        self.0.array(name).ok().flatten().ok_or(Unreadable)
    }

    /// Whether a member is there and is not `null`.
    fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| value != "null")
    }
}

fn secret(object: &mut ObjectWriter, name: &str, secret: &Secret) {
    object.text(name, &Base64UrlUnpadded::encode_string(secret.expose()));
}

fn list(texts: impl Iterator<Item = String>) -> String {
    format!("[{}]", texts.collect::<Vec<_>>().join(","))
}

impl SigningKey {
    /// The text that is stored.
    pub fn to_json(&self) -> String {
        let mut key = ObjectWriter::new();
        key.text("kid", &self.kid);
        key.text("algorithm", self.algorithm.name());
        key.text("kind", self.kind.name());
        key.number("created", self.created.0);
        key.number("signs_from", self.signs_from.0);
        match self.verify_until {
            Some(end) => key.number("verify_until", end.0),
            None => key.json("verify_until", "null"),
        }
        key.text("public_jwk", &self.public_jwk);
        if let Some(private) = &self.private_jwk {
            secret(&mut key, "private_jwk", private);
        }
        key.boolean("withdrawn", self.withdrawn);
        key.finish()
    }

    /// Reads what [`Self::to_json`] wrote.
    pub fn from_json(text: &str) -> Result<Self, Unreadable> {
        let key = Members::of(text)?;
        let kind = match key.text("kind")?.as_str() {
            "dynamic" => KeyKind::Dynamic,
            "static" => KeyKind::Static,
            "assertion" => KeyKind::Assertion,
            _ => return Err(Unreadable),
        };
        let verify_until = key.has("verify_until").then(|| key.number("verify_until"));
        let private_jwk = key.has("private_jwk").then(|| key.secret("private_jwk"));
        Ok(Self {
            kid: key.text("kid")?,
            algorithm: key.algorithm("algorithm")?,
            kind,
            created: UnixMillis(key.number("created")?),
            signs_from: UnixMillis(key.number("signs_from")?),
            verify_until: verify_until.transpose()?.map(UnixMillis),
            public_jwk: key.text("public_jwk")?,
            private_jwk: private_jwk.transpose()?,
            withdrawn: key.0.boolean("withdrawn").map_err(|_| Unreadable)? == Some(true),
        })
    }
}

impl RingHead {
    /// The text that is stored.
    pub fn to_json(&self) -> String {
        let mut secrets = ObjectWriter::new();
        secret(&mut secrets, "route_key", &self.secrets.route_key);
        secret(&mut secrets, "handle_tag_key", &self.secrets.handle_tag_key);
        secret(&mut secrets, "anti_csrf_key", &self.secrets.anti_csrf_key);
        let numbered = self.secrets.refresh_secrets.iter().map(|(number, key)| {
            let mut numbered = ObjectWriter::new();
            numbered.number("number", u64::from(*number));
            secret(&mut numbered, "key", key);
            numbered.finish()
        });
        secrets.json("refresh_secrets", &list(numbered));
        let mut head = ObjectWriter::new();
        head.number("schema", u64::from(self.schema));
        head.number("key_set_version", self.key_set_version);
        if self.not_before > UnixMillis(0) {
            head.number("not_before", self.not_before.0);
        }
        head.json("secrets", &secrets.finish());
        head.finish()
    }

    /// Reads what [`Self::to_json`] wrote.
    pub fn from_json(text: &str) -> Result<Self, Unreadable> {
        let head = Members::of(text)?;
        let secrets = Members::of(head.object("secrets")?)?;
        let mut refresh_secrets = Vec::new();
        for numbered in secrets.array("refresh_secrets")? {
            let numbered = Members::of(numbered)?;
            refresh_secrets.push((numbered.small("number")?, numbered.secret("key")?));
        }
        Ok(Self {
            schema: head.small("schema")?,
            key_set_version: head.number("key_set_version")?,
            not_before: UnixMillis(if head.has("not_before") {
                head.number("not_before")?
            } else {
                0
            }),
            secrets: Secrets {
                route_key: secrets.secret("route_key")?,
                handle_tag_key: secrets.secret("handle_tag_key")?,
                anti_csrf_key: secrets.secret("anti_csrf_key")?,
                refresh_secrets,
            },
        })
    }
}

impl KeyRing {
    /// The whole ring as text.
    pub fn to_json(&self) -> String {
        let mut ring = ObjectWriter::new();
        // Code from before there were assertion keys reads `keys` whole, and passes over a member that it does not know.
        let (assertion, session): (Vec<_>, Vec<_>) = self
            .keys
            .iter()
            .partition(|key| key.kind == KeyKind::Assertion);
        let texts = |keys: Vec<&SigningKey>| list(keys.into_iter().map(SigningKey::to_json));
        ring.json("head", &self.head.to_json());
        ring.json("keys", &texts(session));
        ring.json("assertion_keys", &texts(assertion));
        ring.finish()
    }

    /// Reads what [`Self::to_json`] wrote.
    pub fn from_json(text: &str) -> Result<Self, Unreadable> {
        let ring = Members::of(text)?;
        let mut keys = ring.array("keys")?;
        if ring.has("assertion_keys") {
            keys.append(&mut ring.array("assertion_keys")?);
        }
        Ok(Self {
            head: RingHead::from_json(ring.object("head")?)?,
            keys: keys
                .into_iter()
                .map(SigningKey::from_json)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl RingCopy {
    /// The text that isolates get.
    pub fn to_json(&self) -> String {
        let mut policy = ObjectWriter::new();
        policy.number("interval", self.policy.interval.0);
        policy.number("access_token_validity", self.policy.access_token_validity.0);
        policy.text("signing_algorithm", self.policy.signing_algorithm.name());
        let mut copy = ObjectWriter::new();
        copy.number("as_of", self.as_of.0);
        copy.json("policy", &policy.finish());
        copy.json("ring", &self.ring.to_json());
        copy.finish()
    }

    /// Reads what [`Self::to_json`] wrote.
    pub fn from_json(text: &str) -> Result<Self, Unreadable> {
        let copy = Members::of(text)?;
        let policy = Members::of(copy.object("policy")?)?;
        Ok(Self {
            as_of: UnixMillis(copy.number("as_of")?),
            policy: KeyPolicy {
                interval: Millis(policy.number("interval")?),
                access_token_validity: Millis(policy.number("access_token_validity")?),
                signing_algorithm: policy.algorithm("signing_algorithm")?,
            },
            ring: KeyRing::from_json(copy.object("ring")?)?,
        })
    }
}
