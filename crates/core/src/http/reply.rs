//! Replies as plain values; the shell turns them into the runtime's responses.

use std::ops::{Deref, DerefMut};

/// A whole reply. A single pointer, because it passes through many layers, often as an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply(Box<Parts>);

/// What a reply consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The status code.
    pub status: u16,
    /// Header names (lower-case) and values, in the order they are sent; a name may repeat (`set-cookie`).
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Deref for Reply {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl DerefMut for Reply {
    fn deref_mut(&mut self) -> &mut Parts {
        &mut self.0
    }
}

impl Reply {
    /// The value of a header.
    #[cfg(test)]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// A reply with these headers.
    pub fn new(status: u16, headers: &[(&str, &str)], body: String) -> Self {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        Self(Box::new(Parts {
            status,
            headers: headers.iter().map(owned).collect(),
            body,
        }))
    }

    /// A JSON reply that no cache may keep: the default, because nearly every answer of ours is about one session.
    pub fn json(status: u16, body: impl Into<String>) -> Self {
        Self::new(status, &[JSON, NO_STORE, NO_SNIFF], body.into())
    }

    /// A JSON document that is the same for everybody and may be kept for `max_age_seconds`, e.g. a JWK Set. Any
    /// website may read it (fdi.md 3.3).
    pub fn public_json(body: impl Into<String>, max_age_seconds: u64) -> Self {
        let kept = format!("max-age={max_age_seconds}, must-revalidate");
        let headers = [
            JSON,
            NO_SNIFF,
            ("cache-control", kept.as_str()),
            ("access-control-allow-origin", "*"),
        ];
        Self::new(200, &headers, body.into())
    }

    /// A reply without a body.
    pub fn empty(status: u16) -> Self {
        Self::new(status, &[NO_STORE], String::new())
    }

    /// The same reply with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
const NO_STORE: (&str, &str) = ("cache-control", "no-store");
/// A body is what its type says: none of ours is to be run as a script or a style, whatever a user put into it.
pub(crate) const NO_SNIFF: (&str, &str) = ("x-content-type-options", "nosniff");

#[cfg(test)]
mod tests {
    use super::Reply;

    #[test]
    fn bodies_are_what_their_type_says() {
        for reply in [Reply::json(200, "{}"), Reply::public_json("{}", 60)] {
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        }
    }

    #[test]
    fn only_public_documents_may_be_kept() {
        assert_eq!(
            Reply::json(200, "{}").header("cache-control"),
            Some("no-store")
        );
        assert_eq!(Reply::empty(204).header("cache-control"), Some("no-store"));
        let document = Reply::public_json("{}", 60);
        assert_eq!(
            document.header("cache-control"),
            Some("max-age=60, must-revalidate")
        );
        assert_eq!(document.header("access-control-allow-origin"), Some("*"));
    }
}
