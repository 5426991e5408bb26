//! What caches may do with the answers of rules that look at a session: such an answer may be about one person, and an
//! origin that never saw a cookie cannot know.

/// The request headers that such an answer depends on, whatever the origin says.
pub const VARY: [&str; 2] = ["Cookie", "Authorization"];

/// True for response headers that speak to shared caches only: the targeted fields of RFC 9213, and what went before
/// them. Takes a name in lower case.
pub fn is_for_shared_caches(name: &str) -> bool {
    name.ends_with("-cache-control")
        || matches!(
            name,
            "surrogate-control" | "edge-control" | "x-accel-expires"
        )
}

/// `Cache-Control` as it should be, given as the origin sent it; `None` = as it is.
///
/// `private` stands in place of whatever lets shared caches keep the answer, and where the origin says nothing. With
/// `shared_cache` the origin's word stands, if there is one.
pub fn cache_control(sent: Option<&str>, shared_cache: bool) -> Option<String> {
    let sent = sent.map(str::trim).filter(|sent| !sent.is_empty());
    let Some(sent) = sent else {
        return Some("private".to_owned());
    };
    if shared_cache {
        return None;
    }
    let directives = directives(sent);
    let is_closed = directives
        .iter()
        .any(|directive| matches!(sharing(directive), Sharing::Closes));
    let mut kept = Vec::with_capacity(directives.len().saturating_add(1));
    let mut place = None;
    for directive in &directives {
        if matches!(sharing(directive), Sharing::Opens) {
            place = place.or(Some(kept.len()));
        } else {
            kept.push(*directive);
        }
    }
    if is_closed && place.is_none() {
        return None;
    }
    if !is_closed {
        kept.insert(place.unwrap_or(0), "private");
    }
    Some(kept.join(", "))
}

/// What a directive says to shared caches.
enum Sharing {
    /// They may keep the answer, or parts of it.
    Opens,
    /// They may not.
    Closes,
    /// Nothing about that.
    Neither,
}

fn sharing(directive: &str) -> Sharing {
    let (name, value) = directive
        .split_once('=')
        .map_or((directive, None), |(name, value)| (name, Some(value)));
    match (name.trim().to_ascii_lowercase().as_str(), value) {
        // With names of headers `private` is about these only.
        ("public" | "s-maxage", _) | ("private", Some(_)) => Sharing::Opens,
        ("private" | "no-store", _) => Sharing::Closes,
        _ => Sharing::Neither,
    }
}

/// The members of a list in which texts in quotes may hold commas.
fn directives(list: &str) -> Vec<&str> {
    let mut is_quoted = false;
    let members = list.split(|c: char| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    });
    let members = members.map(str::trim);
    members.filter(|member| !member.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::{cache_control, is_for_shared_caches};

    #[test]
    fn no_shared_cache_keeps_a_personal_answer() {
        for (sent, expected) in [
            (None, Some("private")),
            (Some(""), Some("private")),
            (Some(" , "), Some("private")),
            (Some("public"), Some("private")),
            (Some("public, max-age=600"), Some("private, max-age=600")),
            (Some("max-age=600, PUBLIC"), Some("max-age=600, private")),
            (Some("max-age=600"), Some("private, max-age=600")),
            (Some("no-cache"), Some("private, no-cache")),
            (Some("s-maxage=60"), Some("private")),
            (Some("max-age=1, S-MaxAge = 60"), Some("max-age=1, private")),
            (
                Some("public,s-maxage=60,immutable"),
                Some("private, immutable"),
            ),
            (Some("private, s-maxage=60"), Some("private")),
            (Some("no-store, public"), Some("no-store")),
            (
                Some("private=\"set-cookie, x\", max-age=1"),
                Some("private, max-age=1"),
            ),
            (
                Some("ext=\"a, public, b\""),
                Some("private, ext=\"a, public, b\""),
            ),
            (Some("private"), None),
            (Some("Private, max-age=5"), None),
            (Some("no-store"), None),
            (Some("no-cache, no-store, must-revalidate"), None),
        ] {
            assert_eq!(cache_control(sent, false).as_deref(), expected, "{sent:?}");
        }
    }

    #[test]
    fn where_a_rule_allows_shared_caches_the_word_of_the_origin_stands() {
        for sent in [
            "public, max-age=600",
            "s-maxage=60",
            "max-age=1",
            "no-store",
        ] {
            assert_eq!(cache_control(Some(sent), true), None, "{sent}");
        }
        // Saying nothing allows nothing.
        assert_eq!(cache_control(None, true).as_deref(), Some("private"));
    }

    #[test]
    fn headers_for_shared_caches_only() {
        for name in [
            "cdn-cache-control",
            "cloudflare-cdn-cache-control",
            "vercel-cdn-cache-control",
            "netlify-cdn-cache-control",
            "surrogate-control",
            "edge-control",
            "x-accel-expires",
        ] {
            assert!(is_for_shared_caches(name), "{name}");
        }
        for name in ["cache-control", "expires", "age", "etag", "surrogate-key"] {
            assert!(!is_for_shared_caches(name), "{name}");
        }
    }
}
