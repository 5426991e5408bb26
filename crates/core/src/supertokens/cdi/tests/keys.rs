//! The encoding of public keys for SDKs before the JWK Set.

use super::{NOW, ring};
use crate::keys::KeyKind;
use crate::supertokens::cdi::response::legacy_keys::{LegacyKeys, rsa_public_key};
use postern_jwt::time::{Millis, UnixMillis};

/// What OpenSSL writes for this key (`openssl rsa -pubout -outform DER | base64`).
const OPENSSL: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAoFgUDsJYANe/KN6rqh/J1iB98FoIsKCtVBI2V0nG3D4PU3NTcXoHhoeG2MTXR1I6x2u4nOSqjJCUIuhlw9HUkYXFauG4WKwIj87HB7f+LxzXDPKuVSUkEl7WzUpaFe5E26dy04S2yzGoLIPIg45klUktYtZgNlKZ11BiI2PVVaTYPXPHTwHACs+e09R7GIFvoJ7NXnuKRTpmH8ygPe6goGLqJ6TSEjEtHIyu9Jh+el5HXKMV93Qk9OsDS83EeNq8isUL+3gFAy890TdRTYWjL4CqQUJd6Fq7nZUN9mQKmC3vsSGq3/zblPgfJtOfKkhTZRtw7bGLLVI2Paky/OiO1QIDAQAB";
const MODULUS: &str = "oFgUDsJYANe_KN6rqh_J1iB98FoIsKCtVBI2V0nG3D4PU3NTcXoHhoeG2MTXR1I6x2u4nOSqjJCUIuhlw9HUkYXFauG4WKwIj87HB7f-LxzXDPKuVSUkEl7WzUpaFe5E26dy04S2yzGoLIPIg45klUktYtZgNlKZ11BiI2PVVaTYPXPHTwHACs-e09R7GIFvoJ7NXnuKRTpmH8ygPe6goGLqJ6TSEjEtHIyu9Jh-el5HXKMV93Qk9OsDS83EeNq8isUL-3gFAy890TdRTYWjL4CqQUJd6Fq7nZUN9mQKmC3vsSGq3_zblPgfJtOfKkhTZRtw7bGLLVI2Paky_OiO1Q";

#[test]
fn an_rsa_key_is_written_as_openssl_writes_it() {
    assert_eq!(rsa_public_key(MODULUS, "AQAB").as_deref(), Some(OPENSSL));
}

/// Modulus 0x7f, exponent 3: every length fits one byte, and no padding byte is needed.
pub(super) const SMALL: &str = "MBowDQYJKoZIhvcNAQEBBQADCQAwBgIBfwIBAw==";

#[test]
fn small_numbers_get_short_lengths_and_no_stray_sign() {
    assert_eq!(rsa_public_key("fw", "Aw").as_deref(), Some(SMALL));
}

#[test]
fn what_is_no_number_is_no_key() {
    for (modulus, exponent) in [
        ("", "AQAB"),
        ("AA", "AQAB"),
        ("fw", ""),
        ("f+", "Aw"),
        ("fw==", "Aw"),
    ] {
        assert_eq!(
            rsa_public_key(modulus, exponent),
            None,
            "{modulus} {exponent}"
        );
    }
}

#[test]
fn the_signer_and_the_keys_of_its_kind_are_told() {
    let ring = ring();
    let keys = LegacyKeys::of(&ring, KeyKind::Dynamic, NOW).unwrap();
    assert_eq!(keys.signer, SMALL);
    assert_eq!(
        keys.signer_expiry,
        UnixMillis(1_795_419_043_945 + 604_800_000)
    );
    let [only] = keys.list.as_slice() else {
        panic!("{keys:?}")
    };
    assert_eq!(only.public_key, SMALL);
    assert_eq!(only.created_at, UnixMillis(1_795_419_043_945));
    assert_eq!(only.expiry_time, UnixMillis(1_796_031_043_945));
}

#[test]
fn a_static_key_ends_at_a_real_time_far_ahead() {
    let ring = ring();
    let keys = LegacyKeys::of(&ring, KeyKind::Static, NOW).unwrap();
    assert!(keys.signer_expiry > NOW.plus(Millis::from_seconds(300_000_000)));
    assert_eq!(keys.list.len(), 1);
    assert_eq!(keys.list[0].expiry_time, keys.signer_expiry);
}

#[test]
fn without_a_signer_there_is_nothing_to_tell() {
    let mut ring = ring();
    ring.ring.keys.retain(|key| key.kind == KeyKind::Static);
    assert_eq!(LegacyKeys::of(&ring, KeyKind::Dynamic, NOW), None);
}
