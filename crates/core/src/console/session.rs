//! The session of an operator who has signed in with an API key: a text with an end and a MAC, in a cookie of its own.
//!
//! Nothing is stored for it. It counts as long as it says, and as long as the key that it was made with is among the settings:
//! whoever takes the key away ends its sessions.

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::http::credential_names::HOST_CONSOLE;
use postern_jwt::{
    secret::{Secret, mac},
    time::{Millis, UnixMillis},
};

/// How long it counts.
pub const LIFE: Millis = Millis::from_seconds(3600);

const VERSION: &str = "c1";
/// The longest text that is looked at, in bytes: a time of twenty digits, and two times 43 characters.
const MAX_BYTES: usize = 128;

/// The key behind sessions of the console, made from a secret of the key ring and used for nothing else.
#[derive(Debug)]
pub struct ConsoleKey(Secret);

impl ConsoleKey {
    /// The key that a secret stands for here.
    pub fn derived_from(secret: &Secret) -> Self {
        Self(mac(secret, &[b"console 1"]))
    }

    /// A session for whoever has shown the API key of this digest. `id` is fresh random bytes.
    pub fn issue(&self, key_digest: &Secret, id: [u8; 16], now: UnixMillis) -> String {
        let expires = now.plus(LIFE).0;
        let id = Base64UrlUnpadded::encode_string(&id);
        let seal = self.seal(key_digest, expires, &id);
        format!("{VERSION}.{expires}.{id}.{seal}")
    }

    /// Whether a text is a session that counts: which of the keys, by its place among `key_digests`.
    pub fn open(&self, key_digests: &[Secret], text: &str, now: UnixMillis) -> Option<usize> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let mut parts = text.split('.');
        let (version, expires, id, seal) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let expires: u64 = expires.parse().ok()?;
        if version != VERSION || parts.next().is_some() || expires <= now.0 {
            return None;
        }
        key_digests.iter().position(|digest| {
            let expected = Secret::new(self.seal(digest, expires, id).into_bytes());
            expected.equals(seal.as_bytes())
        })
    }

    fn seal(&self, key_digest: &Secret, expires: u64, id: &str) -> String {
        let parts: [&[u8]; 4] = [
            b"session",
            key_digest.expose(),
            &expires.to_be_bytes(),
            id.as_bytes(),
        ];
        Base64UrlUnpadded::encode_string(mac(&self.0, &parts).expose())
    }
}

/// The `Set-Cookie` of a session.
pub fn set_cookie(session: &str) -> String {
    format!(
        "{HOST_CONSOLE}={session}; Max-Age={}; Path=/; Secure; HttpOnly; SameSite=Strict",
        LIFE.as_seconds()
    )
}

/// The `Set-Cookie` that takes it away.
pub fn cleared_cookie() -> String {
    format!("{HOST_CONSOLE}=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict")
}

#[cfg(test)]
mod tests {
    use super::{ConsoleKey, LIFE};
    use postern_jwt::{
        secret::{Secret, digest},
        time::UnixMillis,
    };

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    #[test]
    fn a_session_counts_for_its_time_and_as_long_as_its_key_does() {
        let keys = ConsoleKey::derived_from(&Secret::new(vec![1; 32]));
        let digests = [digest(b"first key"), digest(b"second key")];
        let session = keys.issue(&digests[1], [7; 16], NOW);
        assert_eq!(keys.open(&digests, &session, NOW), Some(1));
        let end = NOW.plus(LIFE);
        assert_eq!(
            keys.open(&digests, &session, UnixMillis(end.0 - 1)),
            Some(1)
        );
        assert_eq!(keys.open(&digests, &session, end), None);
        assert_eq!(keys.open(&digests[..1], &session, NOW), None);
        let others = ConsoleKey::derived_from(&Secret::new(vec![2; 32]));
        assert_eq!(others.open(&digests, &session, NOW), None);
    }

    #[test]
    fn whatever_else_is_no_session() {
        let keys = ConsoleKey::derived_from(&Secret::new(vec![1; 32]));
        let digests = [digest(b"a key")];
        let session = keys.issue(&digests[0], [7; 16], NOW);
        let later = session.replacen(&NOW.plus(LIFE).0.to_string(), "1900000000000", 1);
        let swapped = session.replacen("c1.", "c2.", 1);
        let longer = format!("{session}.x");
        let padded = format!("{session}{}", "x".repeat(100));
        for text in ["", "...", "c1.1.2", &later, &swapped, &longer, &padded] {
            assert_eq!(keys.open(&digests, text, NOW), None, "{text}");
        }
    }
}
