//! Texts with a time and a MAC: `version.number.time.mac`, where `number` names the secret of the key ring.
//!
//! Nothing is stored for them. What a text is about is not in it: whoever opens it says so, and a text about anything else is
//! none. The number lets the secret be changed: new texts are made with the last one, and those of the ones before are good for
//! as long as they say.

use base64ct::{Base64UrlUnpadded, Encoding};

use postern_jwt::{
    secret::{Secret, mac},
    time::UnixMillis,
};

/// The longest text that is looked at, in bytes: a number of ten digits, a time of twenty, a MAC of 43.
const MAX_BYTES: usize = 96;

/// A kind of text. No text of one kind is one of another.
#[derive(Debug, Clone, Copy)]
pub struct Seal {
    /// Its first part.
    pub version: &'static str,
    /// Names the key that is derived from a secret.
    pub key: &'static [u8],
    /// What the text is for.
    pub purpose: &'static [u8],
}

/// The numbered secrets of the key ring, behind the MACs.
#[derive(Debug, Clone, Copy)]
pub struct Seals<'a>(pub &'a [(u32, Secret)]);

impl Seals<'_> {
    /// A text about this; `None` when the ring holds no secret.
    pub fn seal(self, seal: Seal, about: &[&[u8]], time: UnixMillis) -> Option<String> {
        let (number, secret) = self.0.last()?;
        Some(seal.text(*number, secret, about, time))
    }

    /// The time in a text that we made about this; `None` for any other.
    pub fn open(self, seal: Seal, about: &[&[u8]], text: &str) -> Option<UnixMillis> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let mut parts = text.split('.').skip(1);
        let (number, time) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let (_, secret) = self.0.iter().find(|(known, _)| *known == number)?;
        let time = UnixMillis(time);
        // Compared as a whole text: it has one spelling.
        let whole = Secret::new(seal.text(number, secret, about, time).into_bytes());
        whole.equals(text.as_bytes()).then_some(time)
    }
}

impl Seal {
    fn text(self, number: u32, secret: &Secret, about: &[&[u8]], time: UnixMillis) -> String {
        let key = mac(secret, &[b"derived key", self.key]);
        let at = time.0.to_be_bytes();
        let mut parts: Vec<&[u8]> = vec![self.purpose, &at];
        parts.extend_from_slice(about);
        let mac = Base64UrlUnpadded::encode_string(mac(&key, &parts).expose());
        format!("{}.{number}.{}.{mac}", self.version, time.0)
    }
}
