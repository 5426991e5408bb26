//! Public keys as SDKs before the JWK Set want them: base64 of a DER SubjectPublicKeyInfo.
//!
//! Only public keys are encoded.

use data_encoding::{BASE64, BASE64URL_NOPAD};

use crate::keys::{KeyKind, RingCopy, SigningKey};
use postern_jwt::{
    SigningAlgorithm,
    json::{self, ObjectWriter},
    time::{Millis, UnixMillis},
};

/// How far ahead the end of a key is put that has none: SDKs stop verifying locally at a time that lies behind.
const NO_END: Millis = Millis::from_seconds(10 * 365 * 24 * 60 * 60);

/// One public key that tokens may be verified with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LegacyKey {
    /// Base64 (standard, padded, no line breaks) of the DER SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).
    pub(crate) public_key: String,
    /// Until when tokens signed by it may be verified.
    pub(crate) expiry_time: UnixMillis,
    /// When it was made.
    pub(crate) created_at: UnixMillis,
}

impl LegacyKey {
    pub(crate) fn to_json(&self) -> String {
        let mut object = ObjectWriter::new();
        object.text("publicKey", &self.public_key);
        object.number("expiryTime", self.expiry_time.0);
        object.number("createdAt", self.created_at.0);
        object.finish()
    }
}

/// The public keys that go along with sessions in versions before 2.21.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LegacyKeys {
    /// The key that signs now, encoded as in [`LegacyKey`].
    pub(crate) signer: String,
    /// Until when it signs.
    pub(crate) signer_expiry: UnixMillis,
    /// Every key of the signer's kind that tokens may be verified with, newest first.
    pub(crate) list: Vec<LegacyKey>,
}

impl LegacyKeys {
    /// The RS256 keys of `ring` of one kind. `None` when there is no signer.
    pub(crate) fn of(ring: &RingCopy, kind: KeyKind, now: UnixMillis) -> Option<Self> {
        let signer = ring.signer(SigningAlgorithm::RS256, kind, now)?;
        let verifiers = ring.ring.verifiers(now);
        Some(Self {
            signer: public_key(signer)?,
            signer_expiry: match kind {
                KeyKind::Dynamic | KeyKind::Assertion => signer.created.plus(ring.policy.interval),
                KeyKind::Static => now.plus(NO_END),
            },
            list: verifiers
                .into_iter()
                .filter(|key| key.algorithm == SigningAlgorithm::RS256 && key.kind == kind)
                .filter_map(|key| {
                    Some(LegacyKey {
                        public_key: public_key(key)?,
                        expiry_time: key.verify_until.unwrap_or(now.plus(NO_END)),
                        created_at: key.created,
                    })
                })
                .collect(),
        })
    }
}

fn public_key(key: &SigningKey) -> Option<String> {
    let jwk = json::parse_object(&key.public_jwk).ok()?;
    let [modulus, exponent] = ["n", "e"].map(|name| jwk.string(name).ok().flatten());
    rsa_public_key(&modulus?, &exponent?)
}

/// DER of `AlgorithmIdentifier { rsaEncryption, NULL }` (RFC 3279 section 2.3.1).
const RSA_ENCRYPTION: [u8; 15] = [
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];

/// The base64 SubjectPublicKeyInfo of the RSA key whose JWK has these `n` and `e` (RFC 7518 section 6.3.1).
/// `None` when they are not base64url, or empty.
pub(crate) fn rsa_public_key(modulus: &str, exponent: &str) -> Option<String> {
    let modulus = BASE64URL_NOPAD.decode(modulus.as_bytes()).ok()?;
    let exponent = BASE64URL_NOPAD.decode(exponent.as_bytes()).ok()?;
    let integers = [unsigned_integer(&modulus)?, unsigned_integer(&exponent)?].concat();
    let key = element(0x30, &integers)?;
    // A BIT STRING starts with the number of unused bits in its last byte: none.
    let key_bits = element(0x03, &[&[0], key.as_slice()].concat())?;
    let info = element(0x30, &[RSA_ENCRYPTION.as_slice(), &key_bits].concat())?;
    Some(BASE64.encode(&info))
}

/// A DER INTEGER that is never negative: a leading zero is added where the first bit would be taken for a sign.
fn unsigned_integer(big_endian: &[u8]) -> Option<Vec<u8>> {
    let first = big_endian.iter().position(|byte| *byte != 0)?;
    let digits = big_endian.get(first..)?;
    let sign: &[u8] = if *digits.first()? >= 0x80 { &[0] } else { &[] };
    element(0x02, &[sign, digits].concat())
}

/// One DER element (X.690 section 8.1): tag, length, content.
fn element(tag: u8, content: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(content.len()).ok()?;
    let [high, low] = length.to_be_bytes();
    let head: &[u8] = match (high, low) {
        (0, 0..=0x7f) => &[tag, low],
        (0, _) => &[tag, 0x81, low],
        _ => &[tag, 0x82, high, low],
    };
    Some([head, content].concat())
}
