//! The `iss` of tokens made at our own endpoints.
//!
//! It stands first among the claims of a payload, is added when a token is minted and taken off when its payload is
//! shown, so that a payload comes back as it was given. Payloads that bring an `iss` of their own keep it.

use postern_jwt::json::{self, ObjectWriter};

/// The payload with our issuer as its first member, unless it names one itself.
pub fn with(payload: &str, issuer: &str) -> String {
    let names_one = json::parse_object(payload).is_ok_and(|object| object.contains("iss"));
    match payload.strip_prefix('{').map(str::trim_start) {
        Some(rest) if !names_one => {
            let comma = if rest.starts_with('}') { "" } else { "," };
            [first_member(issuer).as_str(), comma, rest].concat()
        }
        _ => payload.to_owned(),
    }
}

/// The payload without our issuer, if that is its first member.
pub fn without(payload: &str, issuer: &str) -> String {
    match payload.strip_prefix(&first_member(issuer)) {
        Some(rest) => ["{", rest.strip_prefix(',').unwrap_or(rest)].concat(),
        None => payload.to_owned(),
    }
}

/// An object with that member and no end.
fn first_member(issuer: &str) -> String {
    let mut object = ObjectWriter::new();
    object.text("iss", issuer);
    object.unfinished()
}

#[cfg(test)]
mod tests {
    use super::{with, without};

    const ISSUER: &str = "https://a.example/auth";

    #[test]
    fn our_issuer_is_added_first_and_taken_off_again() {
        for payload in ["{}", r#"{"a":1}"#, r#"{"a":{"iss":"x"},"b":[]}"#] {
            let minted = with(payload, ISSUER);
            assert!(minted.starts_with(r#"{"iss":"https://a.example/auth""#));
            assert_eq!(without(&minted, ISSUER), payload);
        }
    }

    #[test]
    fn an_issuer_of_the_payloads_own_is_kept() {
        for payload in [
            r#"{"iss":"other"}"#,
            r#"{"a":1,"iss":"https://a.example/auth"}"#,
        ] {
            assert_eq!(with(payload, ISSUER), payload);
            assert_eq!(without(payload, ISSUER), payload);
        }
    }
}
