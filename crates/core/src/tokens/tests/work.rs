//! Work is linear in the input, however hostile: counted in steps of the scanner, not timed.
//!
//! What else there is, splitting at dots and decoding base64, passes over its input once by construction. Names of members
//! are compared by a heap, in n log n (`scanner`).

use super::support::{CLAIMS, key_ring, keys, parse_set, plain_token, policy, token, verify};
use crate::tokens::{access_token, candidate, form::parse, token_issuer::token_issuer};
use postern_jwt::json;
use postern_jwt::json::work::steps_of;
use postern_jwt::keys::jwk::KeySetSource;
use postern_jwt::keys::jwk::MAX_KEY_SET_BYTES;
use postern_jwt::{Algorithm, MAX_TOKEN_BYTES, compact};

/// Steps that one pass over a text may take for each of its bytes: to be passed, and looked at by some readers.
const STEPS_PER_BYTE: usize = 5;

/// Objects of about `bytes` bytes that try to make a reader do more than read.
fn hostile_objects(bytes: usize) -> Vec<String> {
    let filled = |unit: &str| unit.repeat(bytes / unit.len());
    let numbered = |unit: fn(usize) -> String| {
        let mut text = String::new();
        for number in 0.. {
            let next = unit(number);
            if text.len() + next.len() > bytes {
                break;
            }
            text.push_str(&next);
        }
        text
    };
    let nested = bytes.min(60);
    vec![
        format!(r#"{{"a":"{}"}}"#, filled("x")),
        format!(r#"{{"a":"{}"}}"#, filled(r"\u0061")),
        format!(r#"{{"a":"{}"}}"#, filled(r"\ud83d\udd11")),
        format!(r#"{{"a":"{}"#, filled(r"\\")),
        format!(r#"{{"a":{}"#, filled(r#"[[],{"b":1}],"#)),
        format!(r#"{{"a":[{}0]}}"#, filled("[[[[]]]],")),
        format!(r#"{{"a":{}{}}}"#, "[".repeat(nested), "]".repeat(nested)),
        format!(r#"{{"a":{}}}"#, filled("[")),
        format!(r#"{{"a":{}}}"#, filled("1")),
        format!(r#"{{"a":1{}}}"#, filled(" ")),
        format!("{}{{}}", filled("\n")),
        format!(
            "{{{}\"z\":0}}",
            numbered(|number| format!("\"n{number}\":{number},"))
        ),
        format!("{{{}\"z\":0}}", filled(r#""a":0,"#)),
        format!(
            "{{{}\"z\":0}}",
            numbered(|number| format!("\"{number:0>100}\":{{}},"))
        ),
        format!(
            "{{{}\"z\":0}}",
            numbered(|number| format!("\"\\u{number:04x}x\":[],"))
        ),
        format!(r#"{{"a":{}1}}"#, filled(r#"{"a":{"a":{"a":0}}},"#)),
        filled("{\"a\":"),
        filled(","),
    ]
}

#[test]
fn reading_an_object_takes_steps_in_proportion_to_its_length() {
    for bytes in [1 << 10, 1 << 14, 1 << 18] {
        for text in hostile_objects(bytes) {
            let shown = text.get(..40).unwrap_or(&text);
            let steps = steps_of(|| json::parse_object(&text).map(drop));
            assert!(
                steps <= STEPS_PER_BYTE * text.len() + 64,
                "{steps} for {bytes}: {shown}"
            );
            let steps = steps_of(|| json::minify(&text));
            assert!(
                steps <= STEPS_PER_BYTE * text.len() + 64,
                "{steps} for {bytes}: {shown}"
            );
        }
    }
}

/// The five readers together pass over a token so many times.
const PASSES: usize = 5;

#[test]
fn a_token_takes_steps_in_proportion_to_its_length() {
    let (ring, policy) = (key_ring(), policy());
    let bound = |text: &str| PASSES * STEPS_PER_BYTE * text.len() + 1_024;
    let header = r#"{"alg":"HS256","kid":"hmac"}"#;
    let mut counted = 0;
    for bytes in [1 << 8, 1 << 11, MAX_TOKEN_BYTES / 2, 2 * MAX_TOKEN_BYTES] {
        for hostile in hostile_objects(bytes) {
            for text in [
                token(Algorithm::HS256, header, &hostile),
                token(Algorithm::HS256, &hostile, CLAIMS),
                format!("{hostile}.{hostile}.{hostile}"),
            ] {
                let steps = steps_of(|| {
                    let _ = candidate::is_access_token(&text, &[]);
                    let _ = parse(&text).and_then(|token| token_issuer(token, |_| true, &[]));
                    let _ = parse(&text).and_then(|token| token_issuer(token, |_| false, &[]));
                    let _ = access_token::parse(&text);
                    let _ = verify(&text, &ring, &policy);
                });
                assert!(steps <= bound(&text), "{steps} for {}", text.len());
                // Above the limit nothing is read at all.
                assert!(text.len() <= MAX_TOKEN_BYTES || steps == 0);
                counted += steps;
            }
        }
    }
    assert!(counted > 0);
}

#[test]
fn a_key_set_takes_steps_in_proportion_to_its_length() {
    let key = keys::P384.strip_suffix('}').unwrap();
    for bytes in [
        1 << 8,
        1 << 12,
        MAX_KEY_SET_BYTES / 2,
        2 * MAX_KEY_SET_BYTES,
    ] {
        for hostile in hostile_objects(bytes) {
            for text in [
                format!(r#"{{"keys":[{hostile}]}}"#),
                format!(r#"{{"keys":[{key},"x":{hostile}}}]}}"#),
                format!(r#"{{"x":{hostile},"keys":[{}]}}"#, keys::P384),
            ] {
                let steps = steps_of(|| parse_set(&text, KeySetSource::Fetched).map(drop));
                assert!(steps <= 3 * STEPS_PER_BYTE * text.len() + 1_024, "{steps}");
                assert!(text.len() <= MAX_KEY_SET_BYTES || steps == 0);
            }
        }
    }
}

/// A token without `kid` may cost as many signature checks as there are candidates, and no more.
#[test]
fn a_token_is_tried_with_few_keys() {
    let crowd = vec![super::support::key(keys::RSA_OTHER); 200];
    let text = plain_token(Algorithm::RS256, CLAIMS);
    let parsed = compact::parse(&text, MAX_TOKEN_BYTES).unwrap();
    let policy = policy();
    assert!(parsed.choose_keys(&crowd, &policy).is_err());
}
