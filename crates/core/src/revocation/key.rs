//! Handles as numbers: 64 bits that are random, or keyed, in every handle of ours.
//!
//! The second part of a handle is 128 fresh random bits, or for trusted issuers a keyed digest; the route is a keyed
//! digest of the user id. So nobody outside can choose a number, or two handles with one number, and nothing needs to be
//! hashed. That some live session shares its number with one of 4,096 revoked ones: about 2 in 10⁸ at 100 million live
//! sessions.

use crate::session::handle::is_foreign;

/// A handle in the authority's journal and in an isolate's copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandleKey(pub u64);

/// The route of a handle: all sessions of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteKey(pub u64);

/// The numbers of a handle that has passed the tag check; `None` for text that is no handle.
pub fn keys(handle: &str) -> Option<(HandleKey, RouteKey)> {
    let (route, random) = if is_foreign(handle) {
        let mut parts = handle.rsplit('.').skip(1);
        let digest = parts.next()?;
        (parts.next()?, digest)
    } else {
        let mut parts = handle.split('.');
        (parts.next()?, parts.next()?)
    };
    Some((HandleKey(number(random)?), RouteKey(number(route)?)))
}

/// Which of the authority's shards keeps the entries of a user.
pub fn shard(route: RouteKey, shards: u32) -> u32 {
    let scaled = u128::from(route.0).saturating_mul(u128::from(shards)) >> 64;
    u32::try_from(scaled).unwrap_or(0)
}

/// The first 64 bits of lower-case base32 (RFC 4648).
fn number(text: &str) -> Option<u64> {
    let mut bytes = text.bytes();
    let mut number = 0;
    for _ in 0..12 {
        number = (number << 5) | digit(bytes.next()?)?;
    }
    Some((number << 4) | (digit(bytes.next()?)? >> 1))
}

fn digit(byte: u8) -> Option<u64> {
    let digit = match byte {
        b'a'..=b'z' => byte.wrapping_sub(b'a'),
        b'2'..=b'7' => byte.wrapping_sub(b'2').wrapping_add(26),
        _ => return None,
    };
    Some(u64::from(digit))
}

#[cfg(test)]
mod tests {
    use super::{HandleKey, keys, shard};
    use crate::session::handle::{HandleKeys, Subject};
    use postern_jwt::secret::Secret;

    fn handle_keys() -> HandleKeys {
        HandleKeys::new(&Secret::new(vec![1; 32]), &Secret::new(vec![2; 32]))
    }

    #[test]
    fn the_number_is_the_first_eight_random_bytes() {
        let random = [1, 2, 3, 4, 5, 6, 7, 0xfe, 9, 10, 11, 12, 13, 14, 15, 16];
        let handle = handle_keys().issue("u1", "public", random);
        let other_tenant = handle_keys().issue("u1", "ten.ant", random);
        let (key, route) = keys(handle.as_str()).unwrap();
        assert_eq!(key, HandleKey(0x0102_0304_0506_07fe));
        assert_eq!(keys(other_tenant.as_str()), Some((key, route)));
    }

    #[test]
    fn all_sessions_of_a_user_share_the_route() {
        let (one, one_route) = keys(handle_keys().issue("u1", "public", [1; 16]).as_str()).unwrap();
        let (two, two_route) = keys(handle_keys().issue("u1", "public", [2; 16]).as_str()).unwrap();
        let (_, other) = keys(handle_keys().issue("u2", "public", [2; 16]).as_str()).unwrap();
        assert_ne!(one, two);
        assert_eq!(one_route, two_route);
        assert_ne!(one_route, other);
    }

    #[test]
    fn trusted_issuers_sessions_have_numbers_of_their_own() {
        let one = handle_keys().issue_foreign("a", Subject::of("u1"), "s1");
        let two = handle_keys().issue_foreign("a", Subject::of("u1"), "s2");
        let other = handle_keys().issue_foreign("b", Subject::of("u1"), "s1");
        let (one, two, other) = (one.as_str(), two.as_str(), other.as_str());
        assert_ne!(keys(one).unwrap().0, keys(two).unwrap().0);
        assert_eq!(keys(one).unwrap().1, keys(two).unwrap().1);
        assert_ne!(keys(one).unwrap().1, keys(other).unwrap().1);
    }

    #[test]
    fn text_that_is_no_handle_has_no_number() {
        for text in [
            "",
            ".",
            "a.b.c",
            "x.a.b.c",
            "aaaaaaaaaaaaa",
            "aaaaaaaaaaaaa.aaaaaaaaaaa1a.x",
            "ü.ü.ü",
        ] {
            assert_eq!(keys(text), None, "{text}");
        }
    }

    #[test]
    fn shards_share_users_evenly() {
        let mut counts = [0_u32; 3];
        for n in 0..3_000 {
            let handle = handle_keys().issue(&n.to_string(), "public", [0; 16]);
            counts[shard(keys(handle.as_str()).unwrap().1, 3) as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| (900..1_100).contains(count)),
            "{counts:?}"
        );
    }
}
