//! Refresh tokens: `1.handle.generation.index.mac`, visible ASCII that is safe in cookies and headers.
//!
//! The MAC is keyed by a secret that is not in the session's record and covers a salt that is, so neither a leaked record
//! nor a leaked secret forges a token. Rotation is decided in [`super::lineage`].

use base64ct::{Base64UrlUnpadded, Encoding};

use super::lineage::TokenPosition;
use postern_jwt::secret::{Secret, mac, sha256_hex};

/// The longest text that is looked at as a refresh token, in bytes.
pub const MAX_REFRESH_TOKEN_BYTES: usize = 512;
/// How many of the newest children a lineage check by hash looks at.
const NEWEST_CHILDREN: u32 = 256;
const VERSION: &str = "1";

/// A refresh token taken apart; nothing about it is known to be true yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented<'a> {
    /// The session handle it names.
    pub handle: &'a str,
    /// Its place in the lineage.
    pub position: TokenPosition,
    mac: &'a str,
}

/// What a session's refresh tokens are made with.
#[derive(Debug)]
pub struct TokenMaker<'a> {
    /// The secret from the key ring that makes them.
    pub secret: &'a Secret,
    /// The secrets by which they are recognised as well, by number.
    pub others: &'a [(u32, Secret)],
    /// The session's own random salt.
    pub salt: &'a str,
    /// The session's handle.
    pub handle: &'a str,
}

/// Takes a refresh token apart; `None` when it has not the form of one of ours.
pub fn parse(token: &str) -> Option<Presented<'_>> {
    if token.len() > MAX_REFRESH_TOKEN_BYTES {
        return None;
    }
    let rest = token.strip_prefix(VERSION)?.strip_prefix('.')?;
    let (rest, mac) = rest.rsplit_once('.')?;
    let (rest, index) = rest.rsplit_once('.')?;
    let (handle, generation) = rest.rsplit_once('.')?;
    Some(Presented {
        handle,
        position: TokenPosition {
            generation: canonical_number(generation)?,
            index: canonical_number(index)?,
        },
        mac,
    })
}

/// The length of a session's longest refresh token, in bytes.
pub fn longest(handle: &str) -> usize {
    // Generation and index with ten digits each, the MAC with 43, and the dots.
    const AROUND_HANDLE: usize = VERSION.len() + 4 + 2 * 10 + 43;
    handle.len().saturating_add(AROUND_HANDLE)
}

/// One spelling per number: no sign, no leading zero.
fn canonical_number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

impl TokenMaker<'_> {
    /// The refresh token at a position. `bound` says whether it is bound to an anti-CSRF token.
    pub fn token(&self, position: TokenPosition, bound: bool) -> String {
        self.token_by(self.secret, position, bound)
    }

    fn token_by(&self, secret: &Secret, position: TokenPosition, bound: bool) -> String {
        let TokenPosition { generation, index } = position;
        let mac = Base64UrlUnpadded::encode_string(self.mac(secret, position, bound).expose());
        format!("{VERSION}.{}.{generation}.{index}.{mac}", self.handle)
    }

    /// What a token may have been made with, and whether it is bound to an anti-CSRF token.
    fn ways(&self) -> impl Iterator<Item = (&Secret, bool)> {
        let others = self.others.iter().map(|(_, secret)| secret);
        let secrets = [self.secret].into_iter().chain(others);
        secrets.flat_map(|secret| [(secret, false), (secret, true)])
    }

    /// Checks a presented token: `Some(bound)` when we made it, with whether it is bound to an anti-CSRF token. One that
    /// names another session is none of this session's, whatever its MAC.
    pub fn check(&self, presented: &Presented<'_>) -> Option<bool> {
        if presented.handle != self.handle {
            return None;
        }
        let claimed = Base64UrlUnpadded::decode_vec(presented.mac).ok()?;
        let canonical = Base64UrlUnpadded::encode_string(&claimed) == presented.mac;
        self.ways()
            .find(|&(secret, bound)| {
                let made = || self.mac(secret, presented.position, bound);
                canonical && made().equals(&claimed)
            })
            .map(|(_, bound)| bound)
    }

    /// Whether `hash1` is the protocol's hash of the token at `place`.
    pub fn has_hash(&self, position: TokenPosition, hash1: &str) -> bool {
        self.ways()
            .any(|(secret, bound)| sha256_hex(&self.token_by(secret, position, bound)) == hash1)
    }

    /// The index of the sibling with this `hash1` among the newest children of `generation`.
    pub fn find_child(&self, generation: u32, children: u32, hash1: &str) -> Option<u32> {
        (children.saturating_sub(NEWEST_CHILDREN)..children)
            .rev()
            .find(|&index| self.has_hash(TokenPosition { generation, index }, hash1))
    }

    fn mac(
        &self,
        secret: &Secret,
        TokenPosition { generation, index }: TokenPosition,
        bound: bool,
    ) -> Secret {
        let parts: [&[u8]; 6] = [
            b"refresh 1",
            self.salt.as_bytes(),
            self.handle.as_bytes(),
            &generation.to_be_bytes(),
            &index.to_be_bytes(),
            &[u8::from(bound)],
        ];
        mac(secret, &parts)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::{TokenMaker, TokenPosition, parse};
    use postern_jwt::secret::{Secret, sha256_hex};

    fn with_maker<T>(check: impl FnOnce(&TokenMaker<'_>) -> T) -> T {
        let secret = Secret::new(vec![3; 32]);
        check(&TokenMaker {
            secret: &secret,
            others: &[],
            salt: "salt",
            handle: "a.b.c_acme",
        })
    }

    #[test]
    fn numbers_have_one_spelling() {
        assert!(parse("1.a.b.c.0.0.mac").is_some());
        for token in [
            "1.a.b.c.00.0.mac",
            "1.a.b.c.+1.0.mac",
            "1.a.b.c.0.4294967296.mac",
            "2.a.b.c.0.0.mac",
            "1.0.0.mac",
            "",
        ] {
            assert!(parse(token).is_none(), "{token}");
        }
    }

    #[test]
    fn a_child_is_found_by_its_hash_among_the_newest() {
        with_maker(|maker| {
            let hash = |index| {
                sha256_hex(&maker.token(
                    TokenPosition {
                        generation: 4,
                        index,
                    },
                    index % 2 == 0,
                ))
            };
            assert_eq!(maker.find_child(4, 300, &hash(299)), Some(299));
            assert_eq!(maker.find_child(4, 300, &hash(44)), Some(44));
            assert_eq!(maker.find_child(4, 300, &hash(43)), None);
            assert_eq!(maker.find_child(5, 300, &hash(299)), None);
        });
    }

    proptest! {
        #[test]
        fn what_we_make_parses_and_checks(generation in any::<u32>(), index in any::<u32>(), bound in any::<bool>()) {
            with_maker(|maker| {
                let position = TokenPosition { generation, index };
                let token = maker.token(position, bound);
                let presented = parse(&token).unwrap();
                prop_assert_eq!(presented.position, position);
                prop_assert_eq!(presented.handle, maker.handle);
                prop_assert_eq!(maker.check(&presented), Some(bound));
                prop_assert!(token.bytes().all(|b| b.is_ascii_graphic() && !b";,\"".contains(&b)));
                Ok(())
            })?;
        }

        #[test]
        fn a_changed_byte_is_refused(at in any::<proptest::sample::Index>(), byte in 0u8..128) {
            with_maker(|maker| {
                let token = maker.token(TokenPosition { generation: 3, index: 12 }, false);
                let mut bytes = token.clone().into_bytes();
                let at = at.index(bytes.len());
                bytes[at] = byte;
                let changed = String::from_utf8(bytes).unwrap();
                let accepted = parse(&changed).is_some_and(|p| p.handle == maker.handle && maker.check(&p).is_some());
                prop_assert_eq!(accepted, changed == token);
                Ok(())
            })?;
        }
    }
}
