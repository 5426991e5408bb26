//! `TRUSTED_ISSUERS`.

use super::{faults, good, parse, parse_raw};
use crate::settings::{IssuerKeys, RawValue};
use crate::time::Millis;
use crate::token::Algorithm;

const ISSUER: &str = r#"{"id":"one","issuer":"https://one.example/","audience":["api"],"algorithms":["ES256","RS256"],"jwks_uri":"https://one.example/jwks"}"#;

#[test]
fn a_trusted_issuer_is_read_whole() {
    let full = r#"[{"id":"two2","issuer":"two","audience":["a","b"],"algorithms":["HS256"],
        "jwks":{"keys":[{"kty":"oct","k":"AAAA"}]},"handle_claim":"jti","user_id_claim":"uid",
        "max_token_age":"15m","data_lifetime":"1h","typ":"at+jwt"},
        {"id":"three","issuer":"three","audience":["a"],"algorithms":["EdDSA"],"jwks_binding":"KEYS"}]"#;
    let issuers = good(&[("TRUSTED_ISSUERS", full)]).trusted_issuers;
    assert_eq!(
        (issuers[0].id.as_str(), issuers[0].issuer.as_str()),
        ("two2", "two")
    );
    assert_eq!(issuers[0].audience, ["a", "b"]);
    assert_eq!(issuers[0].algorithms, [Algorithm::HS256]);
    assert!(
        matches!(&issuers[0].keys, IssuerKeys::Inline(jwks) if jwks.contains("\"k\":\"AAAA\""))
    );
    assert_eq!(
        (
            issuers[0].handle_claim.as_str(),
            issuers[0].user_id_claim.as_str()
        ),
        ("jti", "uid")
    );
    assert_eq!(
        (issuers[0].max_token_age, issuers[0].data_lifetime),
        (Millis(900_000), Millis(3_600_000))
    );
    assert_eq!(issuers[0].typ.as_deref(), Some("at+jwt"));
    assert!(matches!(&issuers[1].keys, IssuerKeys::Binding(name) if name == "KEYS"));
    assert_eq!(
        (
            issuers[1].handle_claim.as_str(),
            issuers[1].user_id_claim.as_str()
        ),
        ("sid", "sub")
    );
    assert_eq!(
        (issuers[1].max_token_age, issuers[1].data_lifetime),
        (Millis(86_400_000), Millis(2_592_000_000))
    );
    assert_eq!(issuers[1].typ, None);

    let json = RawValue::Json(format!("[{ISSUER}]"));
    assert_eq!(
        parse_raw(&[("TRUSTED_ISSUERS", json)])
            .unwrap()
            .0
            .trusted_issuers
            .len(),
        1
    );
}

#[test]
fn a_faulty_issuer_is_refused_naming_entry_and_member() {
    let swap = |from: &str, to: &str| {
        assert!(ISSUER.contains(from), "{from}");
        ISSUER.replace(from, to)
    };
    for (entry, part) in [
        (swap("\"id\":\"one\",", ""), "missing field `id`"),
        (swap("\"id\":\"one\"", "\"id\":\"One\""), "id must be"),
        (swap("\"id\":\"one\"", "\"id\":\"\""), "id must be"),
        (
            swap(
                "\"id\":\"one\"",
                "\"id\":\"a23456789012345678901234567890123\"",
            ),
            "id must be",
        ),
        (
            swap("https://one.example/\"", "\""),
            "issuer must not be empty",
        ),
        (swap("[\"api\"]", "[]"), "audience"),
        (swap("[\"api\"]", "\"api\""), "wrong type"),
        (
            swap("[\"ES256\",\"RS256\"]", "[]"),
            "algorithms must not be empty",
        ),
        (swap("ES256", "none"), "algorithms must be names"),
        (swap("ES256", "HS256"), "inline jwks"),
        (
            swap("https://one.example/jwks", "http://one.example/jwks"),
            "https URL",
        ),
        (
            swap("https://one.example/jwks", "https://user@one.example/jwks"),
            "https URL",
        ),
        (
            swap("https://one.example/jwks", "file:///jwks"),
            "https URL",
        ),
        (
            swap("\"jwks_uri\"", "\"jwks_binding\":\"B\",\"jwks_uri\""),
            "exactly one",
        ),
        (
            swap(",\"jwks_uri\":\"https://one.example/jwks\"", ""),
            "exactly one",
        ),
        (
            swap(
                "\"jwks_uri\":\"https://one.example/jwks\"",
                "\"jwks\":{\"keys\":[]}",
            ),
            "non-empty array",
        ),
        (
            swap("\"jwks_uri\"", "\"max_token_age\":\"x\",\"jwks_uri\""),
            "max_token_age",
        ),
        (
            swap("\"jwks_uri\"", "\"data_lifetime\":\"59s\",\"jwks_uri\""),
            "data_lifetime",
        ),
        (
            swap("\"jwks_uri\"", "\"handle_claim\":\"\",\"jwks_uri\""),
            "handle_claim",
        ),
        (
            swap("\"jwks_uri\"", "\"audiences\":[],\"jwks_uri\""),
            "unknown field `audiences`",
        ),
        ("7".to_owned(), "wrong type"),
    ] {
        let found = parse(&[("TRUSTED_ISSUERS", &format!("[{entry}]"))]).unwrap_err();
        assert_eq!(found[0].setting, "TRUSTED_ISSUERS");
        assert!(
            found[0].message.starts_with("entry 1: ") && found[0].message.contains(part),
            "{found:?}"
        );
    }
    for uri in [
        "http://127.0.0.1:9000/jwks",
        "http://localhost/jwks",
        "http://[::1]:1/jwks",
    ] {
        assert_eq!(
            faults(&[(
                "TRUSTED_ISSUERS",
                &format!("[{}]", swap("https://one.example/jwks", uri))
            )]),
            Vec::<String>::new()
        );
    }
}

#[test]
fn two_issuers_share_neither_id_nor_issuer() {
    let other_issuer = ISSUER.replace("https://one.example/\"", "https://two.example/\"");
    let other_id = ISSUER.replace("\"one\"", "\"two\"");
    for (second, member) in [(&other_issuer, "id"), (&other_id, "issuer")] {
        let found = parse(&[("TRUSTED_ISSUERS", &format!("[{ISSUER},{second}]"))]).unwrap_err();
        assert_eq!(
            found[0].message,
            format!("entry 2: {member} is that of an earlier entry")
        );
    }
}
