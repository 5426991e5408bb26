//! `TRUSTED_ISSUERS`.

use super::{faults, good, parse, parse_raw};
use crate::settings::{IssuerKeys, RawValue};
use postern_jwt::Algorithm;
use postern_jwt::time::Millis;

const ISSUER: &str = r#"{"id":"one","issuer":"https://one.example/","audience":["api"],"algorithms":["ES256","RS256"],"jwks_uri":"https://one.example/jwks"}"#;

#[test]
fn a_trusted_issuer_is_read_whole() {
    let full = r#"[{"id":"two2","issuer":"two","audience":["a","b"],"algorithms":["HS256"],
        "jwks":{"keys":[{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]},
        "handle_claim":"jti","user_id_claim":"uid","max_token_age":"15m","data_lifetime":"1h","typ":"at+jwt",
        "clock_tolerance":"0s"},
        {"id":"three","issuer":"three","audience":["a"],"algorithms":["EdDSA"],"jwks_binding":"KEYS"}]"#;
    let issuers = good(&[("TRUSTED_ISSUERS", full)]).trusted_issuers;
    assert_eq!(
        (issuers[0].id.as_str(), issuers[0].names.first()),
        ("two2", "two")
    );
    assert_eq!(issuers[0].parties.audience, ["a", "b"]);
    assert_eq!(issuers[0].algorithms, [Algorithm::HS256]);
    assert!(matches!(&issuers[0].keys, IssuerKeys::Inline(jwks) if jwks.contains("\"k\":\"AAAA")));
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
    assert_eq!(issuers[0].clock_tolerance, Some(Millis(0)));
    assert_eq!(issuers[1].clock_tolerance, None);

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
            swap("https://one.example/\"", "one\"")
                .replace(",\"jwks_uri\":\"https://one.example/jwks\"", ""),
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
        (
            swap("\"jwks_uri\"", "\"clock_tolerance\":\"301s\",\"jwks_uri\""),
            "clock_tolerance",
        ),
        (swap("\"id\":\"one\"", "\"id\":\"own\""), "our own sessions"),
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

/// Tokens without an audience: Cognito's name the client, Clerk's the party that they were given to.
#[test]
fn whom_tokens_are_for_may_be_said_in_other_ways() {
    let entry = |members: &str| {
        format!(
            r#"[{{"id":"a","issuer":"i","algorithms":["RS256"],"jwks_uri":"https://one.example/jwks",{members}}}]"#
        )
    };
    let parties = |members: &str| {
        let settings = good(&[("TRUSTED_ISSUERS", &entry(members))]);
        settings.trusted_issuers[0].parties.clone()
    };
    let cognito = parties(
        r#""audience":["1example"],"audience_claim":"client_id","required_claims":{"token_use":"access","n":[1,true]}"#,
    );
    assert_eq!(cognito.audience_claim(), "client_id");
    assert_eq!(
        cognito.claims,
        [
            ("token_use".to_owned(), vec![r#""access""#.to_owned()]),
            ("n".to_owned(), vec!["1".to_owned(), "true".to_owned()])
        ]
    );
    let clerk = parties(r#""authorized_parties":["https://www.example.com"],"scope":["read"]"#);
    assert_eq!(clerk.authorized, ["https://www.example.com"]);
    assert_eq!((clerk.audience.len(), clerk.scope.len()), (0, 1));
    assert_eq!(clerk.audience_claim(), "aud");
    for (members, part) in [
        (
            r#""scope":["read"]"#,
            "missing field `audience`, or else authorized_parties",
        ),
        (
            r#""audience_claim":"azp","authorized_parties":["x"]"#,
            "audience_claim needs audience",
        ),
        (
            r#""audience":["x"],"audience_claim":"""#,
            "audience_claim must not be empty",
        ),
        (
            r#""authorized_parties":[]"#,
            "authorized_parties must be a list",
        ),
        (
            r#""audience":["x"],"scope":"read""#,
            "scope has a wrong type",
        ),
        (r#""required_claims":{}"#, "required_claims must be a table"),
        (
            r#""required_claims":{"a":{}}"#,
            "required_claims must be a table",
        ),
        (
            r#""required_claims":{"a":[]}"#,
            "required_claims must be a table",
        ),
        (
            r#""required_claims":["a"]"#,
            "required_claims must be a table",
        ),
    ] {
        let found = parse(&[("TRUSTED_ISSUERS", &entry(members))]).unwrap_err();
        assert!(
            found.iter().any(|fault| fault.message.contains(part)),
            "{members} {found:?}"
        );
    }
}

/// Who mends one fault must not be told of the next at the next start.
#[test]
fn every_fault_of_every_entry_is_told() {
    let bad = r#"{"id":"A","issuer":"","audience":[],"algorithms":["none"],"jwks_uri":"http://x.example","max_token_age":"x",
        "user_id_claim":"","typ":7,"colour":1}"#;
    let found = parse(&[("TRUSTED_ISSUERS", &format!("[{bad},{{}},{ISSUER}]"))]).unwrap_err();
    let of = |number: u32| {
        let prefix = format!("entry {number}: ");
        found
            .iter()
            .filter(move |fault| fault.message.starts_with(&prefix))
            .count()
    };
    assert_eq!((of(1), of(2), of(3)), (9, 3, 0), "{found:#?}");
}

/// Keys that stand in the setting are read when it is: no token has to come first, and be answered 503 for ever.
#[test]
fn keys_that_can_never_verify_anything_are_faults() {
    let rsa = r#"{"kty":"RSA","kid":"r","e":"AQAB","n":"vvHFvTwSPyKCAs5QOx9lsGvnk4DfqMtDsUxY1pHc5Q2D1tHSpQXuFIm7ZkIl1hA0PUQ1KzUm4z3pJ1l4q4qfC6kzGQ"}"#;
    let good = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let short = r#"{"kty":"oct","kid":"s","k":"AAAA"}"#;
    for (keys, algorithms, expected) in [
        (
            short.to_owned(),
            r#""HS256""#,
            Some("key 1 (s): it is too short"),
        ),
        (
            format!("{short},{good}"),
            r#""EdDSA","HS256""#,
            Some("key 1 (s): it is too short"),
        ),
        (
            rsa.to_owned(),
            r#""RS256""#,
            Some("key 1 (r): it is too short"),
        ),
        (
            r#"{"kty":"RSA","x5c":["AAAA"]}"#.to_owned(),
            r#""RS256""#,
            Some("key 1: a member is missing"),
        ),
        (
            good.to_owned(),
            r#""RS256""#,
            Some("no usable key; key 1: it is for none of the algorithms"),
        ),
        (
            format!(r#"{good},{{"kty":"RSA","alg":"RSA-OAEP","use":"enc","n":"AA","e":"AQAB"}}"#),
            r#""EdDSA""#,
            None,
        ),
        (
            format!(r#"{good},{{"kty":"LMS","alg":"HSS-LMS","pub":"AA"}}"#),
            r#""EdDSA""#,
            None,
        ),
        (
            format!(r#"{good},{{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}}"#),
            r#""EdDSA""#,
            Some("key 2: it is too short, or of a wrong length"),
        ),
        (
            r#""text""#.to_owned(),
            r#""HS256""#,
            Some("key 1: a member is missing or malformed"),
        ),
    ] {
        let entry = format!(
            r#"[{{"id":"a","issuer":"i","audience":["x"],"algorithms":[{algorithms}],"jwks":{{"keys":[{keys}]}}}}]"#
        );
        let found = parse(&[("TRUSTED_ISSUERS", &entry)]);
        match expected {
            None => assert!(found.is_ok(), "{keys}: {found:?}"),
            Some(part) => {
                let faults = found.unwrap_err();
                assert!(
                    faults.iter().any(|fault| fault.message.contains(part)),
                    "{keys}: {faults:?}"
                );
            }
        }
    }
}

#[test]
fn two_entries_share_no_id() {
    let other_issuer = ISSUER.replace("https://one.example/\"", "https://two.example/\"");
    let found = parse(&[("TRUSTED_ISSUERS", &format!("[{ISSUER},{other_issuer}]"))]).unwrap_err();
    assert_eq!(
        found[0].message,
        "entry 2: issuer one: id is that of an earlier entry"
    );
}

/// Tokens of two entries for one issuer must be told apart by what the entries declare.
#[test]
fn two_entries_for_one_issuer_are_told_apart_or_a_fault() {
    let claims = |value: &str| format!(r#""required_claims":{{"gty":{value}}}"#);
    let audience = |value: &str| format!(r#""audience":["{value}"]"#);
    for (first, second, is_good) in [
        (claims(r#""a""#), claims(r#"["b","c"]"#), true),
        (claims(r#""a""#), claims(r#"["a","c"]"#), false),
        (
            claims(r#""a""#),
            r#""required_claims":{"other":1}"#.to_owned(),
            false,
        ),
        (claims(r#""a""#), audience("x"), true),
        (audience("x"), claims(r#""a""#), true),
        (audience("x"), audience("y"), true),
        (audience("x"), audience("x"), false),
        (
            audience("x"),
            r#""audience":["x"],"audience_claim":"client_id""#.to_owned(),
            false,
        ),
        (
            r#""authorized_parties":["x"]"#.to_owned(),
            r#""authorized_parties":["y"]"#.to_owned(),
            true,
        ),
        (
            r#""authorized_parties":["x"]"#.to_owned(),
            audience("y"),
            false,
        ),
    ] {
        let entry = |id: &str, members: &str| {
            format!(r#"{{"id":"{id}","issuer":"https://one.example",{members}}}"#)
        };
        let both = format!("[{},{}]", entry("a", &first), entry("b", &second));
        let found = parse(&[("TRUSTED_ISSUERS", &both)]);
        assert_eq!(found.is_ok(), is_good, "{both}");
        if let Err(faults) = found {
            let message = "entry 2: issuer b: issuer is that of an earlier entry, a, and nothing tells their tokens apart";
            assert!(faults[0].message.starts_with(message), "{faults:?}");
        }
    }
}

#[test]
fn the_keys_of_an_issuer_alone_are_discovered() {
    let alone = |issuer: &str| {
        let entry = format!(r#"[{{"id":"a","issuer":"{issuer}","audience":["x"]}}]"#);
        parse(&[("TRUSTED_ISSUERS", &entry)])
            .map(|(settings, _)| settings.trusted_issuers[0].keys.clone())
    };
    for issuer in [
        "https://a.example",
        "https://a.example/x/",
        "http://127.0.0.1:9/realms/x",
    ] {
        assert!(matches!(alone(issuer), Ok(IssuerKeys::Discovery(at)) if at == issuer));
    }
    for issuer in [
        "a",
        "http://a.example",
        "https://a.example?x=1",
        "https://u@a.example",
    ] {
        let faults = alone(issuer).unwrap_err();
        assert!(
            faults[0].message.contains("exactly one of jwks"),
            "{faults:?}"
        );
    }
}
