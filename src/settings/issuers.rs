//! `TRUSTED_ISSUERS`: the foreign issuers whose tokens are accepted.
//!
//! Owns the form of one entry and what two entries may not share. Refuses to know how keys are fetched or read.

use serde::Deserialize;
use serde_json::Value;

use super::duration::parse_duration;
use super::origin::{host_name, is_loopback_name, origin_host, parse_origin};
use super::reader::Reader;
use super::{IssuerKeys, TrustedIssuer};
use crate::time::Millis;
use crate::token::Algorithm;

const NAME: &str = "TRUSTED_ISSUERS";
const FORM: &str = "a JSON array of objects, each with id, issuer, audience, algorithms and one of jwks, jwks_uri, \
                    jwks_binding";
const DEFAULT_MAX_TOKEN_AGE: Millis = Millis::from_seconds(24 * 3600);
const DEFAULT_DATA_LIFETIME: Millis = Millis::from_seconds(30 * 86_400);

/// KV refuses entries that are to live for less.
const MIN_DATA_LIFETIME: Millis = Millis::from_seconds(60);

/// One entry as it is written. Unknown members are refused: a misspelt restriction must not be silently absent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    issuer: String,
    audience: Vec<String>,
    algorithms: Vec<Value>,
    jwks: Option<Value>,
    jwks_uri: Option<String>,
    jwks_binding: Option<String>,
    handle_claim: Option<String>,
    user_id_claim: Option<String>,
    max_token_age: Option<String>,
    data_lifetime: Option<String>,
    typ: Option<String>,
}

/// Reads the whole setting; entries with a fault are left out, and every fault is noted.
pub(super) fn read(reader: &mut Reader<'_>) -> Vec<TrustedIssuer> {
    let Some(value) = reader.json(NAME, FORM) else {
        return Vec::new();
    };
    let Value::Array(entries) = value else {
        reader.fault(NAME, format!("must be {FORM}"));
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

fn parse(entry: Value) -> Result<TrustedIssuer, String> {
    let entry = Entry::deserialize(entry).map_err(|error| without_values(&error))?;
    let id_is_good = (1..=32).contains(&entry.id.len())
        && entry
            .id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if !id_is_good {
        return Err("id must be 1 to 32 of a-z and 0-9".to_owned());
    }
    require(!entry.issuer.is_empty(), "issuer must not be empty")?;
    require(
        !entry.audience.is_empty() && entry.audience.iter().all(|name| !name.is_empty()),
        "audience must be a list of one or more names",
    )?;
    let algorithms = parse_algorithms(&entry.algorithms)?;
    let keys = parse_keys(entry.jwks, entry.jwks_uri, entry.jwks_binding)?;
    if algorithms.iter().any(|algorithm| is_symmetric(*algorithm)) {
        require(
            matches!(keys, IssuerKeys::Inline(_)),
            "algorithms of the HS family need inline jwks: a shared secret is never fetched",
        )?;
    }
    for (claim, name) in [
        (&entry.handle_claim, "handle_claim"),
        (&entry.user_id_claim, "user_id_claim"),
    ] {
        require(
            claim.as_ref().is_none_or(|claim| !claim.is_empty()),
            &format!("{name} must not be empty"),
        )?;
    }
    Ok(TrustedIssuer {
        max_token_age: span(
            entry.max_token_age,
            "max_token_age",
            Millis(1000),
            DEFAULT_MAX_TOKEN_AGE,
        )?,
        data_lifetime: span(
            entry.data_lifetime,
            "data_lifetime",
            MIN_DATA_LIFETIME,
            DEFAULT_DATA_LIFETIME,
        )?,
        id: entry.id,
        issuer: entry.issuer,
        audience: entry.audience,
        algorithms,
        keys,
        handle_claim: entry.handle_claim.unwrap_or_else(|| "sid".to_owned()),
        user_id_claim: entry.user_id_claim.unwrap_or_else(|| "sub".to_owned()),
        typ: entry.typ,
    })
}

fn require(condition: bool, message: &str) -> Result<(), String> {
    condition.then_some(()).ok_or_else(|| message.to_owned())
}

/// serde's message, which names a missing or unknown member; about a wrong type it would repeat the value.
fn without_values(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.split_once("invalid type:") {
        Some(_) => format!("a member has a wrong type; {NAME} must be {FORM}"),
        None => message,
    }
}

fn parse_algorithms(names: &[Value]) -> Result<Vec<Algorithm>, String> {
    let algorithms = names
        .iter()
        .map(Algorithm::deserialize)
        .collect::<Result<Vec<_>, _>>()
        .map_err(
            |_| "algorithms must be names such as RS256, PS384, ES512, EdDSA, Ed25519, HS256",
        )?;
    require(!algorithms.is_empty(), "algorithms must not be empty")?;
    Ok(algorithms)
}

const fn is_symmetric(algorithm: Algorithm) -> bool {
    matches!(
        algorithm,
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512
    )
}

fn parse_keys(
    jwks: Option<Value>,
    uri: Option<String>,
    binding: Option<String>,
) -> Result<IssuerKeys, String> {
    match (jwks, uri, binding) {
        (Some(jwks), None, None) => {
            let has_keys = jwks
                .get("keys")
                .and_then(Value::as_array)
                .is_some_and(|keys| !keys.is_empty());
            require(
                has_keys,
                "jwks must be an object with a non-empty array \"keys\"",
            )?;
            Ok(IssuerKeys::Inline(jwks.to_string()))
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
    text: Option<String>,
    member: &str,
    least: Millis,
    default: Millis,
) -> Result<Millis, String> {
    let Some(text) = text else { return Ok(default) };
    parse_duration(&text)
        .filter(|span| (least..=super::duration::LONGEST).contains(span))
        .ok_or_else(|| {
            format!(
                "{member} must be a duration such as \"24h\", at least {} s",
                least.as_seconds()
            )
        })
}
