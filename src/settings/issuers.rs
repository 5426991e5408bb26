//! `TRUSTED_ISSUERS`: the foreign issuers whose tokens are accepted.
//!
//! Owns the form of one entry and what two entries may not share. Refuses to know how keys are fetched or read.

use std::borrow::Cow;

use super::duration::parse_duration;
use super::origin::{host_name, is_loopback_name, origin_host, parse_origin};
use super::reader::Reader;
use crate::json::{self, JsonFault, JsonReason, Object};
use crate::time::Millis;
use crate::token::Algorithm;

const NAME: &str = "TRUSTED_ISSUERS";
const FORM: &str = "a JSON array of objects, each with id, issuer, audience, algorithms and one of jwks, jwks_uri, \
                    jwks_binding";
const DEFAULT_MAX_TOKEN_AGE: Millis = Millis::from_seconds(24 * 3600);
const DEFAULT_DATA_LIFETIME: Millis = Millis::from_seconds(30 * 86_400);

/// KV refuses entries that are to live for less.
const MIN_DATA_LIFETIME: Millis = Millis::from_seconds(60);

/// The members of an entry. Unknown ones are refused: a misspelt restriction must not be silently absent.
const MEMBERS: [&str; 12] = [
    "id",
    "issuer",
    "audience",
    "algorithms",
    "jwks",
    "jwks_uri",
    "jwks_binding",
    "handle_claim",
    "user_id_claim",
    "max_token_age",
    "data_lifetime",
    "typ",
];

/// A foreign issuer whose tokens `getSession` accepts.
#[derive(Debug, Clone)]
pub struct TrustedIssuer {
    /// The name in settings; part of every handle of this issuer, so it must never change. `[a-z0-9]{1,32}`.
    pub id: String,
    /// The exact `iss`.
    pub issuer: String,
    /// At least one of these must be in `aud`.
    pub audience: Vec<String>,
    /// Algorithms that keys of this issuer may be used with.
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
    /// The `typ` a token must carry, if given.
    pub typ: Option<String>,
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

/// Reads the whole setting; entries with a fault are left out, and every fault is noted.
pub(super) fn read(reader: &mut Reader<'_>) -> Vec<TrustedIssuer> {
    let Some(entries) = reader.json_array(NAME, FORM) else {
        return Vec::new();
    };
    let mut issuers: Vec<TrustedIssuer> = Vec::new();
    for (number, entry) in (1_u32..).zip(entries) {
        match parse(entry) {
            Err(message) => reader.fault(NAME, format!("entry {number}: {message}")),
            Ok(issuer) => {
                for (member, is_repeated) in [
                    ("id", issuers.iter().any(|known| known.id == issuer.id)),
                    (
                        "issuer",
                        issuers.iter().any(|known| known.issuer == issuer.issuer),
                    ),
                ] {
                    if is_repeated {
                        reader.fault(
                            NAME,
                            format!("entry {number}: {member} is that of an earlier entry"),
                        );
                    }
                }
                issuers.push(issuer);
            }
        }
    }
    issuers
}

fn parse(entry: &str) -> Result<TrustedIssuer, String> {
    let entry = json::parse_object(entry).map_err(|fault| without_values(&fault))?;
    if let Some(unknown) = entry
        .members()
        .find(|member| !MEMBERS.contains(&member.name()))
    {
        return Err(format!("unknown field `{}`", unknown.name()));
    }
    let id = text(&entry, "id")?;
    let id_is_good = (1..=32).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    require(id_is_good, "id must be 1 to 32 of a-z and 0-9")?;
    let issuer = text(&entry, "issuer")?;
    require(!issuer.is_empty(), "issuer must not be empty")?;
    let audience = texts(&entry, "audience")?;
    require(
        !audience.is_empty() && audience.iter().all(|name| !name.is_empty()),
        "audience must be a list of one or more names",
    )?;
    let algorithms = parse_algorithms(&texts(&entry, "algorithms")?)?;
    let keys = parse_keys(&entry)?;
    if algorithms.iter().any(|algorithm| is_symmetric(*algorithm)) {
        require(
            matches!(keys, IssuerKeys::Inline(_)),
            "algorithms of the HS family need inline jwks: a shared secret is never fetched",
        )?;
    }
    Ok(TrustedIssuer {
        max_token_age: span(&entry, "max_token_age", Millis(1000), DEFAULT_MAX_TOKEN_AGE)?,
        data_lifetime: span(
            &entry,
            "data_lifetime",
            MIN_DATA_LIFETIME,
            DEFAULT_DATA_LIFETIME,
        )?,
        id,
        issuer,
        audience,
        algorithms,
        keys,
        handle_claim: claim(&entry, "handle_claim", "sid")?,
        user_id_claim: claim(&entry, "user_id_claim", "sub")?,
        typ: optional_text(&entry, "typ")?,
    })
}

/// A string member; `null` counts as absent.
fn optional_text(entry: &Object<'_>, name: &str) -> Result<Option<String>, String> {
    if entry.get(name) == Some("null") {
        return Ok(None);
    }
    entry
        .string(name)
        .map(|text| text.map(Cow::into_owned))
        .map_err(|fault| without_values(&fault))
}

fn text(entry: &Object<'_>, name: &str) -> Result<String, String> {
    optional_text(entry, name)?.ok_or_else(|| missing(name))
}

fn texts(entry: &Object<'_>, name: &str) -> Result<Vec<String>, String> {
    let texts = entry
        .strings(name)
        .map_err(|fault| without_values(&fault))?
        .ok_or_else(|| missing(name))?;
    Ok(texts.into_iter().map(Cow::into_owned).collect())
}

fn claim(entry: &Object<'_>, name: &str, default: &str) -> Result<String, String> {
    let claim = optional_text(entry, name)?.unwrap_or_else(|| default.to_owned());
    require(!claim.is_empty(), &format!("{name} must not be empty"))?;
    Ok(claim)
}

fn missing(name: &str) -> String {
    format!("missing field `{name}`")
}

fn require(condition: bool, message: &str) -> Result<(), String> {
    condition.then_some(()).ok_or_else(|| message.to_owned())
}

/// What is wrong with the text, without its values.
fn without_values(fault: &JsonFault) -> String {
    match fault.reason {
        JsonReason::Expected(_) => format!("a member has a wrong type; {NAME} must be {FORM}"),
        _ => fault.to_string(),
    }
}

fn parse_algorithms(names: &[String]) -> Result<Vec<Algorithm>, String> {
    require(!names.is_empty(), "algorithms must not be empty")?;
    let algorithms = names.iter().map(|name| Algorithm::from_name(name));
    algorithms.collect::<Option<_>>().ok_or_else(|| {
        "algorithms must be names such as RS256, PS384, ES512, EdDSA, Ed25519, HS256".to_owned()
    })
}

const fn is_symmetric(algorithm: Algorithm) -> bool {
    matches!(
        algorithm,
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512
    )
}

fn parse_keys(entry: &Object<'_>) -> Result<IssuerKeys, String> {
    let jwks = entry.get("jwks").filter(|jwks| *jwks != "null");
    let uri = optional_text(entry, "jwks_uri")?;
    let binding = optional_text(entry, "jwks_binding")?;
    match (jwks, uri, binding) {
        (Some(jwks), None, None) => {
            let has_keys = json::parse_object(jwks)
                .and_then(|set| set.array("keys"))
                .is_ok_and(|keys| keys.is_some_and(|keys| !keys.is_empty()));
            require(
                has_keys,
                "jwks must be an object with a non-empty array \"keys\"",
            )?;
            Ok(IssuerKeys::Inline(jwks.to_owned()))
        }
        (None, Some(uri), None) => {
            require(
                uri_is_good(&uri),
                "jwks_uri must be an https URL (http on loopback)",
            )?;
            Ok(IssuerKeys::Uri(uri))
        }
        (None, None, Some(binding)) => {
            require(
                !binding.is_empty(),
                "jwks_binding must name a service binding",
            )?;
            Ok(IssuerKeys::Binding(binding))
        }
        _ => Err("exactly one of jwks, jwks_uri and jwks_binding must be given".to_owned()),
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

fn span(
    entry: &Object<'_>,
    member: &str,
    least: Millis,
    default: Millis,
) -> Result<Millis, String> {
    let Some(text) = optional_text(entry, member)? else {
        return Ok(default);
    };
    parse_duration(&text)
        .filter(|span| (least..=super::duration::LONGEST).contains(span))
        .ok_or_else(|| {
            format!(
                "{member} must be a duration such as \"24h\", at least {} s",
                least.as_seconds()
            )
        })
}
