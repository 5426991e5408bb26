use std::sync::LazyLock;

use proptest::prelude::*;

use super::{
    Algorithm, CLAIMS, KeySetSource, MAX_TOKEN_BYTES, compact, key_ring, parse_key, parse_set,
    plain_token, policy, verify,
};
use crate::token::{access_token, legacy};

/// Every character that a token may hold, and two that it may not, at every place: exhaustive, because HMAC is fast.
#[test]
fn any_single_changed_byte_is_refused() {
    let good = plain_token(Algorithm::HS256, CLAIMS);
    let (keys, policy) = (key_ring(), policy());
    for place in 0..good.len() {
        for byte in
            (b'+'..=b'z').filter(|byte| b"+-./=_".contains(byte) || byte.is_ascii_alphanumeric())
        {
            let mut changed = good.clone().into_bytes();
            changed[place] = byte;
            let changed = String::from_utf8(changed).unwrap();
            if changed != good {
                assert!(verify(&changed, &keys, &policy).is_err(), "{place}: {byte}");
            }
        }
    }
}

/// One good token of each kind of key, made once: signing with RSA is slow.
static GOOD: LazyLock<Vec<String>> = LazyLock::new(|| {
    let signed = [
        Algorithm::HS512,
        Algorithm::ES256,
        Algorithm::EdDSA,
        Algorithm::RS256,
        Algorithm::PS256,
    ];
    signed
        .map(|algorithm| plain_token(algorithm, CLAIMS))
        .to_vec()
});

/// What is accepted has one spelling only: its parts encode to themselves.
fn re_encodes_to_itself(token: &str) {
    if let Ok(parsed) = compact::parse(token, MAX_TOKEN_BYTES) {
        let payload = compact::encode(parsed.payload_unverified().as_bytes());
        let (header, sent) = parsed.signing_input().split_once('.').unwrap();
        assert_eq!(sent, payload);
        assert_eq!(
            token,
            format!("{header}.{payload}.{}", compact::encode(parsed.signature()))
        );
    }
    if let Ok(parsed) = legacy::parse(token, MAX_TOKEN_BYTES) {
        let payload = legacy::encode(parsed.payload_unverified().as_bytes());
        let (header, sent) = parsed.signing_input().split_once('.').unwrap();
        assert_eq!(sent, payload);
        assert_eq!(
            token,
            format!("{header}.{payload}.{}", legacy::encode(parsed.signature()))
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_changed_byte_is_refused_under_every_key(
        place in any::<prop::sample::Index>(),
        byte in 0_u8..0x80,
        good in prop::sample::select(GOOD.as_slice()),
    ) {
        let mut changed = good.clone().into_bytes();
        let place = place.index(changed.len());
        changed[place] = byte;
        let changed = String::from_utf8(changed).unwrap();
        prop_assert_eq!(verify(&changed, &key_ring(), &policy()).is_ok(), changed == good);
    }

    #[test]
    fn arbitrary_text_never_panics(text in ".*") {
        re_encodes_to_itself(&text);
        let _ = access_token::parse(&text);
        let _ = parse_set(&text, KeySetSource::Fetched);
        let _ = parse_key(&text, KeySetSource::Settings);
    }

    #[test]
    fn arbitrary_parts_never_panic_and_have_one_spelling(
        header in prop_oneof![
            Just(r#"{"alg":"HS256"}"#.to_owned()),
            r#"\{"alg":"(HS256|RS256|none)","(kid|typ|version|crit)":["5a]\}"#,
        ],
        payload in r#"\{("[a-c]":[0-9])?\}"#,
        signature in proptest::collection::vec(any::<u8>(), 0..5),
        noise in "[A-Za-z0-9_=.-]{0,3}",
    ) {
        let token = [
            compact::encode(header.as_bytes()),
            compact::encode(payload.as_bytes()),
            compact::encode(&signature),
        ].join(".");
        re_encodes_to_itself(&token);
        re_encodes_to_itself(&(token + &noise));
        let old = format!("{}.{}.{}", legacy::HEADER_V2, legacy::encode(payload.as_bytes()), legacy::encode(&signature));
        re_encodes_to_itself(&old);
        re_encodes_to_itself(&(old + &noise));
    }
}
