//! `Clear-Site-Data` of an origin: what it may have a browser forget.
//!
//! Cookies and storage hold the session, whichever way the browser SDK keeps it. An origin that is not to end sessions
//! cannot end one this way.

use std::borrow::Cow;

/// What an origin may clear on any rule, in lower case. What is not listed here, types to come among it, may hold a session.
const HARMLESS: [&str; 5] = [
    "\"cache\"",
    "\"clienthints\"",
    "\"executioncontexts\"",
    "\"prefetchcache\"",
    "\"prerendercache\"",
];

/// What is left of the header's value; `None` when nothing is. `"*"` stands for everything: the cache is left of it.
pub fn kept(value: &str) -> Option<Cow<'_, str>> {
    let parts = value.split(',').map(str::trim);
    let is_harmless = |part: &str| HARMLESS.contains(&part.to_ascii_lowercase().as_str());
    if parts.clone().all(is_harmless) {
        return Some(Cow::Borrowed(value));
    }
    let left: Vec<&str> = parts
        .map(|part| if part == "\"*\"" { "\"cache\"" } else { part })
        .filter(|part| is_harmless(part))
        .collect();
    (!left.is_empty()).then(|| Cow::Owned(left.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::kept;

    #[test]
    fn nothing_that_may_hold_a_session_is_cleared() {
        for (value, left) in [
            ("\"cache\"", Some("\"cache\"")),
            (
                "\"cache\", \"executionContexts\"",
                Some("\"cache\", \"executionContexts\""),
            ),
            ("\"cookies\"", None),
            ("\"storage\"", None),
            ("\"Cookies\"", None),
            ("\"storage:bucket\"", None),
            ("\"something-new\"", None),
            ("cookies", None),
            ("", None),
            ("\"*\"", Some("\"cache\"")),
            ("\"*\", \"cookies\"", Some("\"cache\"")),
            ("\"cookies\",\"cache\",\"storage\"", Some("\"cache\"")),
            (
                "\"cache\" ,\t\"cookies\", \"clientHints\"",
                Some("\"cache\", \"clientHints\""),
            ),
        ] {
            assert_eq!(kept(value).as_deref(), left, "{value}");
        }
    }
}
