//! Replies as plain values; the shell turns them into the runtime's responses.

/// A whole reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Header names (lower-case) and values, in the order they are sent; a name may repeat (`set-cookie`).
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// A JSON reply that no cache may keep: the default, because nearly every answer of ours is about one session.
    pub fn json(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: vec![
                (
                    "content-type".to_owned(),
                    "application/json; charset=utf-8".to_owned(),
                ),
                no_store(),
            ],
            body: body.into(),
        }
    }

    /// A JSON document that is the same for everybody and may be kept for `max_age_seconds`, e.g. a JWK Set. Any
    /// website may read it (fdi.md 3.3).
    pub fn public_json(body: impl Into<String>, max_age_seconds: u64) -> Self {
        Self {
            status: 200,
            headers: vec![
                (
                    "content-type".to_owned(),
                    "application/json; charset=utf-8".to_owned(),
                ),
                (
                    "cache-control".to_owned(),
                    format!("max-age={max_age_seconds}, must-revalidate"),
                ),
                ("access-control-allow-origin".to_owned(), "*".to_owned()),
            ],
            body: body.into(),
        }
    }

    /// A reply without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: vec![no_store()],
            body: String::new(),
        }
    }

    /// The same reply with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

fn no_store() -> (String, String) {
    ("cache-control".to_owned(), "no-store".to_owned())
}

#[cfg(test)]
mod tests {
    use super::Reply;

    fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
        reply
            .headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    #[test]
    fn only_public_documents_may_be_kept() {
        assert_eq!(
            header(&Reply::json(200, "{}"), "cache-control"),
            Some("no-store")
        );
        assert_eq!(
            header(&Reply::empty(204), "cache-control"),
            Some("no-store")
        );
        let document = Reply::public_json("{}", 60);
        assert_eq!(
            header(&document, "cache-control"),
            Some("max-age=60, must-revalidate")
        );
        assert_eq!(header(&document, "access-control-allow-origin"), Some("*"));
    }
}
