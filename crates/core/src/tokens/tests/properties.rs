use std::sync::LazyLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use proptest::prelude::*;

use super::support::{CLAIMS, key_ring, parse_key, parse_set, plain_token, policy, verify};
use crate::tokens::{access_token, legacy};
use postern_jwt::keys::jwk::KeySetSource;
use postern_jwt::{Algorithm, MAX_TOKEN_BYTES, compact};

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

/// One good token of each algorithm, made once: signing with RSA is slow.
static GOOD: LazyLock<Vec<String>> = LazyLock::new(|| {
    Algorithm::ALL
        .map(|algorithm| plain_token(algorithm, CLAIMS))
        .to_vec()
});

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Every algorithm, at every place of the signature and at some of what is signed: the character that differs in the lowest
/// bit, which is the one that a lenient decoder drops, or another one at the dots.
#[test]
fn a_changed_byte_is_refused_by_every_algorithm() {
    let (keys, policy) = (key_ring(), policy());
    for good in GOOD.iter() {
        let signature = good.rfind('.').unwrap();
        // Every place of the usual ones, a hundred of the thousands that ML-DSA's have.
        let length = good.len() - signature;
        let every = if length > 1_000 { length / 100 } else { 1 };
        let ends = [signature, good.len() - 1];
        let places = (signature..good.len()).step_by(every).chain(ends);
        for place in (0..signature).step_by(16).chain(places) {
            let mut changed = good.clone().into_bytes();
            let index = ALPHABET.iter().position(|one| *one == changed[place]);
            changed[place] = index.map_or(b'A', |index| ALPHABET[index ^ 1]);
            let changed = String::from_utf8(changed).unwrap();
            assert!(
                verify(&changed, &keys, &policy).is_err(),
                "{place} of {good}"
            );
        }
    }
}

/// Other spellings of a token, by what lenient readers let pass.
fn respelled(token: &str) -> Vec<String> {
    let parts: Vec<&str> = token.split('.').collect();
    let join =
        |header: &str, payload: &str, signature: &str| format!("{header}.{payload}.{signature}");
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let json =
        |part: &str| String::from_utf8(Base64UrlUnpadded::decode_vec(part).unwrap()).unwrap();
    let mut all = vec![
        format!("{token}."),
        format!("{token}.{signature}"),
        format!(" {token}"),
        format!("{token}\n"),
        token.to_lowercase(),
        token.replace('-', "+").replace('_', "/") + "=",
        token.replace('-', "%2D") + "%20",
        join(
            &compact::encode(format!("{} ", json(header)).as_bytes()),
            payload,
            signature,
        ),
        join(
            header,
            &compact::encode(format!("{} ", json(payload)).as_bytes()),
            signature,
        ),
        join(
            &compact::encode(json(header).replace(r#""alg""#, r#""\u0061lg""#).as_bytes()),
            payload,
            signature,
        ),
        join(
            header,
            &compact::encode(
                json(payload)
                    .replace(r#""sub""#, r#""s\u0075b""#)
                    .as_bytes(),
            ),
            signature,
        ),
    ];
    for padding in ["=", "==", "A", "AA", "AAAA", "."] {
        all.push(join(&format!("{header}{padding}"), payload, signature));
        all.push(join(header, &format!("{payload}{padding}"), signature));
        all.push(join(header, payload, &format!("{signature}{padding}")));
        all.push(join(header, payload, &format!("{padding}{signature}")));
    }
    let last = ALPHABET
        .iter()
        .position(|one| Some(one) == signature.as_bytes().last());
    for bits in 1..16 {
        let end = char::from(ALPHABET[last.unwrap() ^ bits]);
        all.push(join(
            header,
            payload,
            &format!("{}{end}", &signature[..signature.len() - 1]),
        ));
    }
    all
}

#[test]
fn a_signature_is_good_in_one_token_only() {
    let (keys, policy) = (key_ring(), policy());
    for good in GOOD.iter() {
        assert!(verify(good, &keys, &policy).is_ok());
        for other in respelled(good) {
            assert_ne!(&other, good);
            assert!(verify(&other, &keys, &policy).is_err(), "{other}");
        }
    }
}

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
    #![proptest_config(ProptestConfig::with_cases(256))]

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
    fn what_is_accepted_is_the_token_that_was_made(
        good in prop::sample::select(GOOD.as_slice()),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..3_u8, "[A-Za-z0-9_.=+/ -]"), 1..4),
    ) {
        let mut edited = good.clone();
        for (place, kind, text) in edits {
            let place = place.index(edited.len());
            match kind {
                0 => edited.insert_str(place, &text),
                1 => edited.replace_range(place..=place, &text),
                _ => drop(edited.remove(place)),
            }
        }
        prop_assert_eq!(verify(&edited, &key_ring(), &policy()).is_ok(), edited == good);
        re_encodes_to_itself(&edited);
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
