//! Handles whose form is that of ours, made quickly; only the tag, which nothing in `revocation` looks at, proves nothing.

use super::random::Random;

/// Session `n` of a user.
pub fn handle_of(user: &str, n: u64) -> String {
    // FNV-1a: like the keyed digest in real handles, another number for each user.
    let route = user.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let number = Random(route ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).next();
    format!("{}.{}.tag", base32(Random(route).next()), base32(number))
}

fn base32(number: u64) -> String {
    let digit = |at: u32| {
        let bits = ((u128::from(number) << 1) >> (60 - 5 * at)) as usize & 31;
        char::from(b"abcdefghijklmnopqrstuvwxyz234567"[bits])
    };
    (0..13).map(digit).collect()
}
