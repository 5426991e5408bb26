//! Where the API key of a request may stand. Whether it is one of ours, [`crate::settings::Settings`] knows.

/// The key that a request presents: `api-key`, or else `Authorization`, bare or after `Bearer` in any case.
pub fn presented<'a>(api_key: Option<&'a str>, authorization: Option<&'a str>) -> Option<&'a str> {
    api_key
        .or_else(|| authorization.map(without_scheme))
        .map(str::trim)
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
    use super::presented;

    #[test]
    fn the_key_stands_in_either_header() {
        for (api_key, authorization, expected) in [
            (Some("k"), None, Some("k")),
            (Some("  k "), None, Some("k")),
            (None, Some("k"), Some("k")),
            (None, Some(" bEaReR  k "), Some("k")),
            (None, Some("Basic k"), Some("Basic k")),
            (Some(""), None, Some("")),
            (None, None, None),
            // A good key elsewhere does not mend a bad one in `api-key`.
            (Some("bad"), Some("k"), Some("bad")),
        ] {
            assert_eq!(presented(api_key, authorization), expected);
        }
    }
}
