//! The API key of a request: where it may stand, and whether it is one of ours.
//!
//! Owns the header rules of the protocol and the constant-time comparison. Refuses to know where keys are configured.

use crate::secret::{Secret, digest};

/// Whether the request carries one of the keys, given as SHA-256 digests.
///
/// The key stands in `api-key`, or else in `Authorization`, bare or after `Bearer` in any case. Every digest is
/// compared, each in constant time, so that timing tells neither a key nor its place in the list.
pub fn is_authorised(
    api_key: Option<&str>,
    authorization: Option<&str>,
    key_digests: &[Secret],
) -> bool {
    let Some(key) = api_key.or_else(|| authorization.map(without_scheme)) else {
        return false;
    };
    let presented = digest(key.trim().as_bytes());
    key_digests.iter().fold(false, |found, known| {
        found | known.equals(presented.expose())
    })
}

/// The credential of an `Authorization` header, without `Bearer ` if it is there.
fn without_scheme(value: &str) -> &str {
    let value = value.trim();
    match value.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key,
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::is_authorised;
    use crate::secret::{Secret, digest};

    fn keys() -> Vec<Secret> {
        vec![
            digest(b"first-key-of-twenty-chars"),
            digest(b"second-key-of-twenty-chars"),
        ]
    }

    #[test]
    fn any_configured_key_is_good_in_either_header() {
        let key = "second-key-of-twenty-chars";
        assert!(is_authorised(Some(key), None, &keys()));
        assert!(is_authorised(Some(&format!("  {key} ")), None, &keys()));
        assert!(is_authorised(None, Some(key), &keys()));
        assert!(is_authorised(None, Some(&format!("bEaReR {key}")), &keys()));
    }

    #[test]
    fn a_wrong_missing_or_partial_key_is_refused() {
        assert!(!is_authorised(None, None, &keys()));
        assert!(!is_authorised(Some(""), None, &keys()));
        assert!(!is_authorised(
            Some("first-key-of-twenty-char"),
            None,
            &keys()
        ));
        assert!(!is_authorised(
            None,
            Some("Basic first-key-of-twenty-chars"),
            &keys()
        ));
        // `api-key` wins: a good key elsewhere does not mend a bad one there.
        assert!(!is_authorised(
            Some("wrong"),
            Some("first-key-of-twenty-chars"),
            &keys()
        ));
    }

    #[test]
    fn without_configured_keys_nothing_is_authorised() {
        assert!(!is_authorised(Some("anything"), None, &[]));
    }
}
