//! Path patterns: literal segments, `*` for one segment, and `/**` at the end for everything from there on.

use crate::gateway::matching::segments::decoded;
use crate::gateway::matching::segments::segments;

use crate::gateway::matching::{path, readings};

/// The most segments of a pattern.
pub(crate) const MAX_SEGMENTS: usize = 32;

/// The longest pattern, in bytes.
const MAX_BYTES: usize = 1024;

/// One segment of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Exactly this text, after escapes are decoded.
    Literal(String),
    /// Any one segment that is not empty.
    Any,
}

/// A path pattern, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) segments: Vec<Segment>,
    /// True for patterns that end in `/**`: they match what the segments match, and everything below.
    pub(crate) open: bool,
}

impl Pattern {
    /// Reads a pattern; `None` for what is none. A path that no request could have is none either.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_BYTES || !text.starts_with('/') || text.contains("//") {
            return None;
        }
        let (text, open) = text
            .strip_suffix("/**")
            .map_or((text, false), |rest| (rest, true));
        let segments: Vec<Segment> = segments(text).map(segment).collect::<Option<_>>()?;
        (segments.len() <= MAX_SEGMENTS).then_some(Self { segments, open })
    }

    /// True when every path that it matches lies at `base` or below it.
    pub(crate) fn lies_under(&self, base: &str) -> bool {
        let mut own = self.segments.iter();
        segments(base).all(
            |wanted| matches!(own.next(), Some(Segment::Literal(literal)) if *literal == wanted),
        )
    }

    /// The one path that it matches, when there is but one.
    pub(crate) fn only_path(&self) -> Option<String> {
        if self.open {
            return None;
        }
        self.segments
            .iter()
            .try_fold(String::new(), |path, segment| match segment {
                Segment::Literal(literal) => Some(path + "/" + literal),
                Segment::Any => None,
            })
    }
}

fn segment(text: &str) -> Option<Segment> {
    if text == "*" {
        return Some(Segment::Any);
    }
    // A literal that the path check refuses would never match, nor one that other servers read as another text.
    let is_good = !text.is_empty()
        && !text.contains(['*', '?', '#'])
        && !text.contains(|character: char| character.is_control() || character == ' ')
        && path::check_segment(text).is_ok()
        && readings::of_segment(&decoded(text)).text == decoded(text);
    is_good.then(|| Segment::Literal(decoded(text).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn patterns_are_literals_stars_and_one_tail() {
        for (text, segments, open) in [
            ("/", 0, false),
            ("/**", 0, true),
            ("/a", 1, false),
            ("/a/", 1, false),
            ("/a/*/c", 3, false),
            ("/a/**", 1, true),
            ("/caf%C3%A9", 1, false),
            ("/café", 1, false),
            ("/a.b/~c", 2, false),
        ] {
            let pattern = Pattern::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(
                (pattern.segments.len(), pattern.open),
                (segments, open),
                "{text}"
            );
        }
    }

    #[test]
    fn what_could_never_match_is_no_pattern() {
        for text in [
            "",
            "a",
            "**",
            "/a//b",
            "//",
            "/a**",
            "/a*",
            "/**/b",
            "/*a",
            "/a?b",
            "/a#b",
            "/..",
            "/a/./b",
            "/a;b",
            "/a%2fb",
            "/a%2e",
            "/a\\b",
            "/a%zz",
            "/a b",
            "/a\u{0}",
            "/a/***",
            "/%2561",
            "/a%3bb",
            "/...",
            "/a.",
            "/%20",
            "/a%20",
            "/%EF%BC%8F",
            "/a%3Fb",
            "/a::$DATA",
        ] {
            assert_eq!(Pattern::parse(text), None, "{text}");
        }
        assert_eq!(Pattern::parse(&"/a".repeat(33)), None);
        assert_eq!(Pattern::parse(&format!("/{}", "a".repeat(1024))), None);
    }

    #[test]
    fn a_pattern_lies_under_a_base_when_all_its_paths_do() {
        for (text, base, lies) in [
            ("/core", "/core", true),
            ("/core/", "/core", true),
            ("/core/**", "/core", true),
            ("/core/x/*", "/core", true),
            ("/cor%65/x", "/core", true),
            ("/**", "/core", false),
            ("/*", "/core", false),
            ("/*/x", "/core", false),
            ("/corex", "/core", false),
            ("/a/b/**", "/a/b", true),
            ("/a/**", "/a/b", false),
        ] {
            assert_eq!(
                Pattern::parse(text).unwrap().lies_under(base),
                lies,
                "{text} {base}"
            );
        }
    }
}
