//! Nonces for proofs (RFC 9449 section 9): a time and a MAC, so that nothing is stored for them.

use postern_jwt::{
    secret::Secret,
    time::{Millis, UnixMillis},
};

use crate::sealed::{Seal, Seals};

/// How long a nonce is good.
pub const NONCE_LIFETIME: Millis = Millis::from_seconds(120);
/// How far ahead its time may lie: isolates do not share a clock.
const CLOCK_ALLOWANCE: Millis = Millis::from_seconds(5);

const SEAL: Seal = Seal {
    version: "n1",
    key: b"dpop nonce 1",
    purpose: b"dpop nonce",
};

/// What makes nonces, and knows them again.
#[derive(Debug, Clone, Copy)]
pub struct Nonces<'a>(Seals<'a>);

impl<'a> Nonces<'a> {
    /// Those that these numbered secrets of the key ring stand for; the last one makes.
    pub const fn new(secrets: &'a [(u32, Secret)]) -> Self {
        Self(Seals(secrets))
    }

    /// A nonce of now, for any client; `None` when the ring holds no secret.
    pub fn make(self, now: UnixMillis) -> Option<String> {
        self.0.seal(SEAL, &[], now)
    }

    /// Until when a nonce is good; `None` when it is not, or not ours.
    pub fn check(self, nonce: &str, now: UnixMillis) -> Option<UnixMillis> {
        let made = self.0.open(SEAL, &[], nonce)?;
        let until = made.plus(NONCE_LIFETIME);
        (now < until && made <= now.plus(CLOCK_ALLOWANCE)).then_some(until)
    }
}

#[cfg(test)]
mod tests {
    use super::{CLOCK_ALLOWANCE, NONCE_LIFETIME, Nonces};
    use postern_jwt::{secret::Secret, time::UnixMillis};
    use proptest::prelude::*;

    fn secrets(first: u8) -> [(u32, Secret); 1] {
        [(1, Secret::new(vec![first; 32]))]
    }

    #[test]
    fn a_nonce_is_good_for_its_time_whatever_the_secret_in_use() {
        let old = secrets(1);
        let made = UnixMillis(1_000_000);
        let nonce = Nonces::new(&old).make(made).unwrap();
        assert!(
            nonce
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte))
        );
        let both = [(1, Secret::new(vec![1; 32])), (2, Secret::new(vec![2; 32]))];
        let last = UnixMillis(made.0 + NONCE_LIFETIME.0 - 1);
        for now in [made.minus(CLOCK_ALLOWANCE), made, last] {
            assert_eq!(
                Nonces::new(&both).check(&nonce, now),
                Some(made.plus(NONCE_LIFETIME))
            );
        }
        for now in [
            UnixMillis(made.0 - CLOCK_ALLOWANCE.0 - 1),
            made.plus(NONCE_LIFETIME),
        ] {
            assert_eq!(Nonces::new(&both).check(&nonce, now), None);
        }
        assert_eq!(
            Nonces::new(&secrets(3)).check(&nonce, made),
            None,
            "another deployment's"
        );
        assert_eq!(Nonces::new(&[]).make(made), None);
    }

    proptest! {
        #[test]
        fn no_other_text_is_a_nonce(at in 0_usize..60, byte in 0x20_u8..0x7f, text in "\\PC{0,100}") {
            let secrets = secrets(1);
            let nonces = Nonces::new(&secrets);
            let now = UnixMillis(1_000_000);
            prop_assert_eq!(nonces.check(&text, now), None);
            let nonce = nonces.make(now).unwrap();
            let mut bytes = nonce.clone().into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            let changed = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(nonces.check(&changed, now).is_some(), changed == nonce);
        }
    }
}
