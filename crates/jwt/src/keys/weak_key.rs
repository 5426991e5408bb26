//! Public keys that protect nothing, however well their issuer keeps its secret.
//!
//! What the key alone shows: RSA moduli that give away their factors, and Ed25519 points under which a
//! signature says nothing about the message. Sizes and exponents are checked where keys are read.

/// The small primes whose residues 65537 does not all generate; every modulus of CVE-2017-15361 ("ROCA") stands out there.
const SMALL_PRIMES: [u8; 17] = [
    11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
];

/// What every residue of such a modulus is a power of.
const GENERATOR: u32 = 65_537;

/// True for an RSA modulus (big-endian) of that generator: its primes are powers of 65537 modulo every small prime, and so
/// is their product. A modulus that was made well looks like this once in 240 million times.
pub(crate) fn is_factorable(modulus: &[u8]) -> bool {
    SMALL_PRIMES
        .into_iter()
        .map(u32::from)
        .all(|prime| is_power(remainder(modulus, prime), prime))
}

/// `number` modulo `prime`.
fn remainder(number: &[u8], prime: u32) -> u32 {
    number.iter().fold(0, |rest: u32, byte| {
        let next = rest.wrapping_mul(256).wrapping_add(u32::from(*byte));
        next.checked_rem(prime).unwrap_or_default()
    })
}

/// True when `residue` is a power of the generator modulo `prime`. Its powers come round within `prime` steps.
fn is_power(residue: u32, prime: u32) -> bool {
    let mut power = 1;
    (0..prime).any(|_| {
        let found = power == residue;
        power = GENERATOR
            .wrapping_mul(power)
            .checked_rem(prime)
            .unwrap_or_default();
        found
    })
}

/// The `y` of every Ed25519 point of small order, little-endian: 0, 1, -1, the two of order eight, and 0 and 1 once more
/// as implementations read them that do not mind 2^255 - 19 and the number after it.
const SMALL_ORDER: [[u8; 32]; 7] = [
    with_ends(0, 0, 0),
    with_ends(1, 0, 0),
    with_ends(0xec, 0xff, 0x7f),
    with_ends(0xed, 0xff, 0x7f),
    with_ends(0xee, 0xff, 0x7f),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

const fn with_ends(first: u8, rest: u8, last: u8) -> [u8; 32] {
    let mut bytes = [rest; 32];
    let [start, .., end] = &mut bytes;
    (*start, *end) = (first, last);
    bytes
}

/// True for an Ed25519 public key of small order, under which one signature fits many messages.
pub(crate) fn has_small_order(key: &[u8]) -> bool {
    let mut y = key.to_vec();
    if let Some(last) = y.last_mut() {
        // The highest bit is the sign of `x`.
        *last &= 0x7f;
    }
    SMALL_ORDER.iter().any(|known| *known == *y)
}

#[cfg(test)]
mod tests {
    use super::{SMALL_ORDER, has_small_order, is_power, remainder};

    #[test]
    fn remainders_are_those_of_long_division() {
        // 2^64 - 1 = 3 * 5 * 17 * 257 * 641 * 65537 * 6700417
        assert_eq!(remainder(&[0xff; 8], 17), 0);
        assert_eq!(remainder(&[0xff; 8], 7), 1);
        assert_eq!(remainder(&[1, 0, 1], 167), 65_537 % 167);
        assert_eq!(remainder(&[], 3), 0);
    }

    #[test]
    fn powers_of_the_generator_are_told_from_the_rest() {
        // 65537 is 4 modulo 13, and 10 modulo 11.
        let powers = |prime| (0..prime).filter(move |residue| is_power(*residue, prime));
        assert_eq!(powers(13).collect::<Vec<_>>(), [1, 3, 4, 9, 10, 12]);
        assert_eq!(powers(11).collect::<Vec<_>>(), [1, 10]);
        assert!(!is_power(0, 3));
    }

    #[test]
    fn points_of_small_order_are_known_with_either_sign() {
        for bytes in SMALL_ORDER {
            let mut negative = bytes;
            negative[31] |= 0x80;
            assert!(
                has_small_order(&bytes) && has_small_order(&negative),
                "{bytes:?}"
            );
            for place in 0..32 {
                let mut other = bytes;
                other[place] ^= 0x10;
                assert!(!has_small_order(&other), "{place}: {other:?}");
            }
        }
        let number = |first: u8, rest: u8, last: u8| {
            let mut bytes = [rest; 32];
            (bytes[0], bytes[31]) = (first, last);
            bytes
        };
        for bytes in [
            number(0, 0, 0),
            number(1, 0, 0),
            number(0xec, 0xff, 0x7f),
            number(0xee, 0xff, 0x7f),
        ] {
            assert!(has_small_order(&bytes), "{bytes:?}");
        }
        for bytes in [
            number(2, 0, 0),
            number(0xeb, 0xff, 0x7f),
            number(0xef, 0xff, 0x7f),
            number(1, 0, 1),
            number(0xec, 0xff, 0x7e),
        ] {
            assert!(!has_small_order(&bytes), "{bytes:?}");
        }
        assert!(!has_small_order(&[]));
    }
}
