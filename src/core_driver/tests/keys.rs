//! The encoding of public keys for SDKs before the JWK Set.

use crate::core_driver::legacy_keys::rsa_public_key;

/// What OpenSSL writes for this key (`openssl rsa -pubout -outform DER | base64`).
const OPENSSL: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAoFgUDsJYANe/KN6rqh/J1iB98FoIsKCtVBI2V0nG3D4PU3NTcXoHhoeG2MTXR1I6x2u4nOSqjJCUIuhlw9HUkYXFauG4WKwIj87HB7f+LxzXDPKuVSUkEl7WzUpaFe5E26dy04S2yzGoLIPIg45klUktYtZgNlKZ11BiI2PVVaTYPXPHTwHACs+e09R7GIFvoJ7NXnuKRTpmH8ygPe6goGLqJ6TSEjEtHIyu9Jh+el5HXKMV93Qk9OsDS83EeNq8isUL+3gFAy890TdRTYWjL4CqQUJd6Fq7nZUN9mQKmC3vsSGq3/zblPgfJtOfKkhTZRtw7bGLLVI2Paky/OiO1QIDAQAB";
const MODULUS: &str = "oFgUDsJYANe_KN6rqh_J1iB98FoIsKCtVBI2V0nG3D4PU3NTcXoHhoeG2MTXR1I6x2u4nOSqjJCUIuhlw9HUkYXFauG4WKwIj87HB7f-LxzXDPKuVSUkEl7WzUpaFe5E26dy04S2yzGoLIPIg45klUktYtZgNlKZ11BiI2PVVaTYPXPHTwHACs-e09R7GIFvoJ7NXnuKRTpmH8ygPe6goGLqJ6TSEjEtHIyu9Jh-el5HXKMV93Qk9OsDS83EeNq8isUL-3gFAy890TdRTYWjL4CqQUJd6Fq7nZUN9mQKmC3vsSGq3_zblPgfJtOfKkhTZRtw7bGLLVI2Paky_OiO1Q";

#[test]
fn an_rsa_key_is_written_as_openssl_writes_it() {
    assert_eq!(rsa_public_key(MODULUS, "AQAB").as_deref(), Some(OPENSSL));
}

#[test]
fn small_numbers_get_short_lengths_and_no_stray_sign() {
    // Modulus 0x7f, exponent 3: no padding byte; all lengths in one byte.
    let der = "MBowDQYJKoZIhvcNAQEBBQADCQAwBgIBfwIBAw==";
    assert_eq!(rsa_public_key("fw", "Aw").as_deref(), Some(der));
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
