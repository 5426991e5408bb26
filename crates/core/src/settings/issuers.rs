//! `TRUSTED_ISSUERS`: the foreign issuers whose tokens are accepted.
//!
//! Owns the form of one entry and what two entries may not share. Refuses to know how keys are fetched or read.

use std::borrow::Cow;

use super::duration::parse_duration;
use super::origin::{host_name, is_loopback_name, origin_host, parse_origin};
use super::reader::Reader;
use crate::tenant::OWN;
use postern_jwt::json::{self, JsonFault, JsonReason, Kind, Object};
use postern_jwt::keys::jwk::{self, KeyFault, KeySetFault, KeySetSource};
use postern_jwt::time::Millis;
use postern_jwt::{Algorithm, Parties};

const NAME: &str = "TRUSTED_ISSUERS";
pub(super) const FORM: &str = "a JSON array of objects, each with id, issuer, audience, algorithms and one of jwks, jwks_uri, \
                    jwks_binding";
const DEFAULT_MAX_TOKEN_AGE: Millis = Millis::from_seconds(24 * 3600);
const DEFAULT_DATA_LIFETIME: Millis = Millis::from_seconds(30 * 86_400);

/// KV refuses entries that are to live for less.
const MIN_DATA_LIFETIME: Millis = Millis::from_seconds(60);

/// The longest tolerance for an issuer's clock.
const MAX_CLOCK_TOLERANCE: Millis = Millis::from_seconds(300);

/// The members of an entry. Unknown ones are refused: a misspelt restriction must not be silently absent.
const MEMBERS: [&str; 17] = [
    "id",
    "issuer",
    "audience",
    "audience_claim",
    "authorized_parties",
    "required_claims",
    "scope",
    "algorithms",
    "jwks",
    "jwks_uri",
    "jwks_binding",
    "handle_claim",
    "user_id_claim",
    "max_token_age",
    "data_lifetime",
    "typ",
    "clock_tolerance",
];

/// A foreign issuer whose tokens `getSession` accepts.
#[derive(Debug, Clone)]
pub struct TrustedIssuer {
    /// The name in settings; part of every handle of this issuer, so it must never change. `[a-z0-9]{1,32}`.
    pub id: String,
    /// The exact `iss`.
    pub issuer: String,
    /// Whom its tokens must be for, and what else they must say.
    pub parties: Parties,
    /// Algorithms that keys of this issuer may be used with, in order: a key that names none is for the first that it fits.
    pub algorithms: Vec<Algorithm>,
    /// Where the keys come from.
    pub keys: IssuerKeys,
    /// The claim that names the session; default `sid`.
    pub handle_claim: String,
    /// The claim that names the user; default `sub`.
    pub user_id_claim: String,
    /// The longest accepted `exp - iat`; default 24 h.
    pub max_token_age: Millis,
    /// How long data is kept after the last write; default 30 days.
    pub data_lifetime: Millis,
    /// The `typ` a token must carry; `None` = whatever names no other purpose ([`postern_jwt::Types::Access`]).
    pub typ: Option<String>,
    /// How far ahead of ours its clock may be; `None` = [`crate::tokens::trusted_issuer::DEFAULT_CLOCK_TOLERANCE`].
    pub clock_tolerance: Option<Millis>,
}

impl TrustedIssuer {
    /// Whether its handles name a subject, for want of a name for each of the subject's sessions.
    pub fn names_subjects(&self) -> bool {
        self.handle_claim == "sub" || self.handle_claim == self.user_id_claim
    }
}

/// Where a foreign issuer's keys come from.
#[derive(Debug, Clone)]
pub enum IssuerKeys {
    /// `jwks`: a JWK Set given in the settings (JSON text).
    Inline(String),
    /// `jwks_uri`: fetched over https (http on loopback).
    Uri(String),
    /// `jwks_binding`: fetched through a service binding of this name.
    Binding(String),
}

/// Reads the whole setting; entries with a fault are left out, and every fault of every entry is noted.
pub(super) fn read(reader: &mut Reader<'_>) -> Vec<TrustedIssuer> {
    let Some(entries) = reader.json_array(NAME, FORM) else {
        return Vec::new();
    };
    let mut issuers: Vec<TrustedIssuer> = Vec::new();
    let mut known: Vec<(&str, String)> = Vec::new();
    for (number, text) in (1_u32..).zip(entries) {
        let mut entry = match json::parse_object(text) {
            Ok(object) => Entry {
                object,
                faults: Vec::new(),
            },
            Err(fault) => {
                let message = without_values(&fault);
                reader.fault(NAME, format!("entry {number}: {message}"));
                continue;
            }
        };
        issuers.extend(parse(&mut entry));
        for member in ["id", "issuer"] {
            let Ok(Some(value)) = entry.object.string(member) else {
                continue;
            };
            let named = (member, value.into_owned());
            if known.contains(&named) {
                entry.fault(format!("{member} is that of an earlier entry"));
            } else {
                known.push(named);
            }
        }
        for message in entry.faults {
            reader.fault(NAME, format!("entry {number}: {message}"));
        }
    }
    issuers
}

/// An entry that is being read, with what was found wrong so far.
struct Entry<'e> {
    object: Object<'e>,
    faults: Vec<String>,
}

fn parse(entry: &mut Entry<'_>) -> Option<TrustedIssuer> {
    entry.refuse_unknown();
    let id = entry.required("id").filter(|id| {
        let is_id = (1..=32).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        entry.require(is_id, "id must be 1 to 32 of a-z and 0-9");
        let is_free = id != OWN;
        entry.require(
            is_free,
            "id must not be \"own\": that means our own sessions",
        );
        is_id && is_free
    });
    let issuer = entry.required("issuer");
    let issuer =
        issuer.filter(|issuer| entry.require(!issuer.is_empty(), "issuer must not be empty"));
    let parties = entry.parties();
    let algorithms = entry.algorithms();
    let keys = entry.keys(algorithms.as_deref().unwrap_or_default());
    let max_token_age = entry.span("max_token_age", Millis(1000), DEFAULT_MAX_TOKEN_AGE);
    let data_lifetime = entry.span("data_lifetime", MIN_DATA_LIFETIME, DEFAULT_DATA_LIFETIME);
    let handle_claim = entry.claim("handle_claim", "sid");
    let user_id_claim = entry.claim("user_id_claim", "sub");
    let typ = entry.text("typ");
    let clock_tolerance = entry.clock_tolerance();
    entry.faults.is_empty().then_some(())?;
    Some(TrustedIssuer {
        id: id?,
        issuer: issuer?,
        parties,
        algorithms: algorithms?,
        keys: keys?,
        handle_claim,
        user_id_claim,
        max_token_age,
        data_lifetime,
        typ,
        clock_tolerance,
    })
}

impl Entry<'_> {
    fn fault(&mut self, message: impl Into<String>) {
        self.faults.push(message.into());
    }

    /// Notes the message unless the condition holds, and gives the condition.
    fn require(&mut self, condition: bool, message: &str) -> bool {
        if !condition {
            self.fault(message);
        }
        condition
    }

    fn refuse_unknown(&mut self) {
        let unknown: Vec<String> = self
            .object
            .members()
            .filter(|member| !MEMBERS.contains(&member.name()))
            .map(|member| {
                let name = member.name().chars().filter(|c| !c.is_control());
                let name: String = name.take(64).collect();
                format!("unknown field `{name}`")
            })
            .collect();
        self.faults.extend(unknown);
    }

    /// A string member; `null` counts as absent.
    fn text(&mut self, name: &str) -> Option<String> {
        if self.is_null(name) {
            return None;
        }
        match self.object.string(name) {
            Ok(text) => text.map(Cow::into_owned),
            Err(fault) => {
                self.wrong(name, &fault);
                None
            }
        }
    }

    fn required(&mut self, name: &str) -> Option<String> {
        let text = self.text(name);
        self.require_member(name);
        text
    }

    fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        self.require_member(name);
        if self.is_null(name) {
            return None;
        }
        match self.object.strings(name) {
            Ok(texts) => Some(texts?.into_iter().map(Cow::into_owned).collect()),
            Err(fault) => {
                self.wrong(name, &fault);
                None
            }
        }
    }

    fn is_null(&self, name: &str) -> bool {
        self.object.get(name) == Some("null")
    }

    fn require_member(&mut self, name: &str) {
        if !self.object.contains(name) || self.is_null(name) {
            self.fault(format!("missing field `{name}`"));
        }
    }

    fn wrong(&mut self, name: &str, fault: &JsonFault) {
        let message = match fault.reason {
            JsonReason::Expected(_) => {
                format!("{name} has a wrong type; {NAME} must be {FORM}")
            }
            _ => fault.to_string(),
        };
        self.fault(message);
    }

    fn claim(&mut self, name: &str, default: &str) -> String {
        let claim = self.text(name).unwrap_or_else(|| default.to_owned());
        self.require(!claim.is_empty(), &format!("{name} must not be empty"));
        claim
    }

    fn span(&mut self, member: &str, least: Millis, default: Millis) -> Millis {
        let Some(text) = self.text(member) else {
            return default;
        };
        let span =
            parse_duration(&text).filter(|span| (least..=super::duration::LONGEST).contains(span));
        span.unwrap_or_else(|| {
            let least = least.as_seconds();
            self.fault(format!(
                "{member} must be a duration such as \"24h\", at least {least} s"
            ));
            default
        })
    }

    fn clock_tolerance(&mut self) -> Option<Millis> {
        let text = self.text("clock_tolerance")?;
        let span = parse_duration(&text).filter(|span| *span <= MAX_CLOCK_TOLERANCE);
        self.require(
            span.is_some(),
            "clock_tolerance must be a duration from \"0s\" to \"300s\"",
        );
        span
    }

    /// A list of one or more names, if it is there.
    fn names(&mut self, name: &str) -> Vec<String> {
        if !self.object.contains(name) || self.is_null(name) {
            return Vec::new();
        }
        let Some(names) = self.texts(name) else {
            return Vec::new();
        };
        let is_good = !names.is_empty() && names.iter().all(|name| !name.is_empty());
        self.require(
            is_good,
            &format!("{name} must be a list of one or more names"),
        );
        names
    }

    fn parties(&mut self) -> Parties {
        let parties = Parties {
            audience_claim: self.text("audience_claim"),
            audience: self.names("audience"),
            authorized: self.names("authorized_parties"),
            claims: self.required_claims(),
            scope: self.names("scope"),
        };
        self.require(
            parties.audience_claim.as_deref() != Some(""),
            "audience_claim must not be empty",
        );
        let says_whom = ["audience", "authorized_parties", "required_claims"];
        if !says_whom.iter().any(|name| self.object.contains(name)) {
            self.fault("missing field `audience`, or else authorized_parties or required_claims: whom tokens are for");
        }
        if parties.audience_claim.is_some() && parties.audience.is_empty() {
            self.fault("audience_claim needs audience");
        }
        parties
    }

    fn required_claims(&mut self) -> Vec<(String, Vec<String>)> {
        pub(super) const FORM: &str = "required_claims must be a table of claims, each a text, a number, true, false, or a list of them";
        let Some(text) = self
            .object
            .get("required_claims")
            .filter(|text| *text != "null")
        else {
            return Vec::new();
        };
        let values = |value: &str| {
            let all = match json::kind(value) {
                Kind::Array => json::parse_array(value).ok()?,
                _ => vec![value],
            };
            let is_scalar =
                |one: &&str| matches!(json::kind(one), Kind::String | Kind::Number | Kind::Boolean);
            (!all.is_empty() && all.iter().all(is_scalar))
                .then(|| all.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        let claims: Option<Vec<_>> = json::parse_object(text).ok().and_then(|table| {
            let members = table.members();
            members
                .map(|member| Some((member.name().to_owned(), values(member.value())?)))
                .collect()
        });
        let is_good = claims.as_ref().is_some_and(|claims| !claims.is_empty());
        self.require(is_good, FORM);
        claims.unwrap_or_default()
    }

    fn algorithms(&mut self) -> Option<Vec<Algorithm>> {
        let names = self.texts("algorithms")?;
        if !self.require(!names.is_empty(), "algorithms must not be empty") {
            return None;
        }
        let algorithms: Option<Vec<_>> = names
            .iter()
            .map(|name| Algorithm::from_name(name))
            .collect();
        self.require(
            algorithms.is_some(),
            "algorithms must be names such as RS256, PS384, ES512, EdDSA, Ed25519, HS256",
        );
        algorithms
    }

    fn keys(&mut self, algorithms: &[Algorithm]) -> Option<IssuerKeys> {
        let jwks = self.object.get("jwks").filter(|jwks| *jwks != "null");
        let jwks = jwks.map(str::to_owned);
        let uri = self.text("jwks_uri");
        let binding = self.text("jwks_binding");
        let keys = match (jwks, uri, binding) {
            (Some(jwks), None, None) => {
                self.check_inline(&jwks, algorithms);
                IssuerKeys::Inline(jwks)
            }
            (None, Some(uri), None) => {
                self.require(
                    uri_is_good(&uri),
                    "jwks_uri must be an https URL (http on loopback)",
                );
                IssuerKeys::Uri(uri)
            }
            (None, None, Some(binding)) => {
                self.require(
                    !binding.is_empty(),
                    "jwks_binding must name a service binding",
                );
                IssuerKeys::Binding(binding)
            }
            _ => {
                self.fault("exactly one of jwks, jwks_uri and jwks_binding must be given");
                return None;
            }
        };
        let is_symmetric = |algorithm: &Algorithm| {
            matches!(
                algorithm,
                Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512
            )
        };
        if algorithms.iter().any(is_symmetric) {
            self.require(
                matches!(keys, IssuerKeys::Inline(_)),
                "algorithms of the HS family need inline jwks: a shared secret is never fetched",
            );
        }
        Some(keys)
    }

    /// Keys that can never verify anything are a fault, and not a token's. In the set of a provider, keys for other
    /// purposes and of other kinds are usual; those are left out.
    fn check_inline(&mut self, jwks: &str, algorithms: &[Algorithm]) {
        let has_keys = json::parse_object(jwks)
            .and_then(|set| set.array("keys"))
            .is_ok_and(|keys| keys.is_some_and(|keys| !keys.is_empty()));
        if !self.require(
            has_keys,
            "jwks must be an object with a non-empty array \"keys\"",
        ) || algorithms.is_empty()
        {
            return;
        }
        match jwk::parse_set(jwks, KeySetSource::Settings, algorithms) {
            Ok(set) => {
                for key in set.left_out {
                    if !matches!(
                        key.fault,
                        KeyFault::NotForVerifying | KeyFault::Unsupported | KeyFault::NotListed
                    ) {
                        self.fault(format!("jwks: {key}"));
                    }
                }
            }
            Err(KeySetFault::Malformed(fault)) => {
                let message = without_values(&fault);
                self.fault(format!("jwks: {message}"));
            }
            Err(fault) => self.fault(format!("jwks: {fault}")),
        }
    }
}

/// What is wrong with the text, without its values.
fn without_values(fault: &JsonFault) -> String {
    match fault.reason {
        JsonReason::Expected(_) => format!("a member has a wrong type; {NAME} must be {FORM}"),
        _ => fault.to_string(),
    }
}

/// A URL in visible ASCII without user information; http only where it never leaves the machine.
fn uri_is_good(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Some(origin) = parse_origin(&format!("{scheme}://{authority}")) else {
        return false;
    };
    uri.bytes().all(|b| b.is_ascii_graphic())
        && (origin.starts_with("https://") || is_loopback_name(host_name(origin_host(&origin))))
}
