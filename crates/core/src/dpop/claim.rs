//! The `cnf` of tokens that are bound to a key at our own endpoints (RFC 9449 section 6.1).
//!
//! It is added when a token is minted and taken off when its payload is shown, so that a payload comes back as it was given.
//! No payload may bring one of its own: what it said would be taken for what Postern checks.

use postern_jwt::{
    json::{self, JsonFault, ObjectWriter},
    proof::Thumbprint,
};

/// The claim's name.
pub const CLAIM: &str = "cnf";

/// The payload with the claim as its first member.
pub fn with(payload: &str, key: Thumbprint) -> String {
    match payload.strip_prefix('{').map(str::trim_start) {
        Some(rest) => {
            let comma = if rest.starts_with('}') { "" } else { "," };
            [first_member(key).as_str(), comma, rest].concat()
        }
        None => payload.to_owned(),
    }
}

/// The payload without the claim, if that is its first member.
pub fn without(payload: &str, key: Thumbprint) -> String {
    match payload.strip_prefix(&first_member(key)) {
        Some(rest) => ["{", rest.strip_prefix(',').unwrap_or(rest)].concat(),
        None => payload.to_owned(),
    }
}

/// Whether a payload brings the claim itself.
///
/// # Errors
/// It is not one JSON object.
pub fn is_claimed(payload: &str) -> Result<bool, JsonFault> {
    Ok(json::parse_object(payload)?.contains(CLAIM))
}

/// An object with that member and no end.
fn first_member(key: Thumbprint) -> String {
    let mut confirmation = ObjectWriter::new();
    confirmation.text("jkt", &key.to_string());
    let mut object = ObjectWriter::new();
    object.json(CLAIM, &confirmation.finish());
    object.unfinished()
}

#[cfg(test)]
mod tests {
    use super::{is_claimed, with, without};
    use postern_jwt::{json, proof};

    #[test]
    fn the_claim_is_added_first_and_taken_off_again() {
        let key = proof::Thumbprint::NONE;
        for payload in ["{}", r#"{"a":1}"#, r#"{"a":{"cnf":"x"},"b":[]}"#] {
            let minted = with(payload, key);
            let claims = json::parse_object(&minted).unwrap();
            assert_eq!(proof::bound_key(&claims), Ok(Some(key)), "{minted}");
            assert_eq!(without(&minted, key), payload);
            assert_eq!(without(payload, key), payload);
            assert_eq!(is_claimed(payload), Ok(false));
            assert_eq!(is_claimed(&minted), Ok(true));
        }
        assert!(is_claimed("[]").is_err());
    }
}
