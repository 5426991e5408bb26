//! The identifier that a browser knows a bound session by.

use postern_jwt::proof::Thumbprint;

/// Between handle and thumbprint; the last one of the text.
const SEPARATOR: char = '.';
/// The longest text that is looked at, in bytes.
const MAX_BYTES: usize = 384;

/// `handle.thumbprint`. It leads to the user's object, and is never that of another key: a browser that is told an
/// identifier again may restore the key of before. It is no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionId {
    /// The session. Its tag is still to be checked when the text came from outside.
    pub handle: String,
    /// The key.
    pub key: Thumbprint,
}

impl SessionId {
    /// Reads what a browser sent.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let (handle, key) = text.rsplit_once(SEPARATOR)?;
        Some(Self {
            handle: handle.to_owned(),
            key: Thumbprint::parse(key)?,
        })
    }

    pub(super) fn parts(&self) -> [&[u8]; 2] {
        [self.handle.as_bytes(), self.key.bytes()]
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{SEPARATOR}{}", self.handle, self.key)
    }
}
