//! `exchange` and its companions in an entry of `TRUSTED_ISSUERS`.

use super::{good, parse};
use crate::settings::ExchangedUsers;
use postern_jwt::time::Millis;

fn entry(id: &str, more: &str) -> String {
    let issuer = format!(r#""issuer":"https://{id}.example""#);
    let issuer = if more.contains("provider") {
        String::new()
    } else {
        format!("{issuer},")
    };
    format!(r#"{{"id":"{id}",{issuer}"audience":["{id}"]{more}}}"#)
}

fn list(entries: &[String]) -> String {
    format!("[{}]", entries.join(","))
}

#[test]
fn tokens_are_exchanged_when_an_entry_says_so() {
    let text = list(&[
        entry("off", ""),
        entry("usual", r#","exchange":"prefixed""#),
        entry(
            "full",
            r#","exchange":"subject","exchange_max_age":"1h","exchange_claims":["roles","email"]"#,
        ),
    ]);
    let issuers = good(&[("TRUSTED_ISSUERS", &text)]).trusted_issuers;
    assert_eq!(issuers[0].exchange, None);
    let usual = issuers[1].exchange.clone().unwrap();
    assert_eq!(
        (usual.users, usual.max_age),
        (ExchangedUsers::Prefixed, Millis(300_000))
    );
    assert!(usual.claims.is_empty());
    let full = issuers[2].exchange.clone().unwrap();
    assert_eq!(
        (full.users, full.max_age),
        (ExchangedUsers::Subject, Millis(3_600_000))
    );
    assert_eq!(full.claims, ["roles", "email"]);
}

#[test]
fn terms_of_an_exchange_that_cannot_be_meant_are_faults() {
    for (more, part) in [
        (r#","exchange":true"#, "exchange has a wrong type"),
        (
            r#","exchange":"all""#,
            "exchange must be \"prefixed\" or \"subject\"",
        ),
        (
            r#","exchange_max_age":"1m""#,
            "exchange_max_age needs exchange",
        ),
        (
            r#","exchange_claims":["a"]"#,
            "exchange_claims needs exchange",
        ),
        (
            r#","exchange":"subject","exchange_max_age":"0s""#,
            "exchange_max_age must be a duration",
        ),
        (
            r#","exchange":"subject","exchange_claims":[]"#,
            "exchange_claims must be a list of one or more",
        ),
        (
            r#","exchange":"subject","exchange_claims":["sub"]"#,
            "must not have `sub`",
        ),
        (
            r#","exchange":"subject","exchange_claims":["a","cnf"]"#,
            "must not have `cnf`",
        ),
        (
            r#","provider":"entra","tenants":"any","exchange":"subject""#,
            "exchange \"subject\" is for issuers with one tenant",
        ),
    ] {
        let found = parse(&[("TRUSTED_ISSUERS", &list(&[entry("one", more)]))]).unwrap_err();
        assert!(
            found.iter().any(|fault| fault.message.contains(part)),
            "{more} {found:?}"
        );
    }
    let many: Vec<String> = (0..33).map(|n| format!("\"c{n}\"")).collect();
    let more = format!(
        r#","exchange":"subject","exchange_claims":[{}]"#,
        many.join(",")
    );
    let found = parse(&[("TRUSTED_ISSUERS", &list(&[entry("one", &more)]))]).unwrap_err();
    assert!(found[0].message.contains("at most 32 names"), "{found:?}");
}

/// With one tenant, a subject is one user.
#[test]
fn an_issuer_with_one_tenant_may_name_our_users() {
    let one = r#","provider":"entra","tenants":["11111111-2222-3333-4444-555555555555"],"exchange":"subject""#;
    let any = r#","provider":"entra","tenants":"any","exchange":"prefixed""#;
    for more in [one, any] {
        good(&[("TRUSTED_ISSUERS", &list(&[entry("one", more)]))]);
    }
}

#[test]
fn no_two_issuers_name_our_users() {
    let subject = r#","exchange":"subject""#;
    let of_one = |id: &str, more: &str| {
        format!(
            r#"{{"id":"{id}","issuer":"https://one.example","audience":["{id}"],"exchange":"subject"{more}}}"#
        )
    };
    for (entries, is_good) in [
        ([entry("one", subject), entry("two", subject)], false),
        (
            [
                entry("one", subject),
                entry("two", r#","exchange":"prefixed""#),
            ],
            true,
        ),
        ([of_one("one", ""), of_one("two", "")], true),
        (
            [
                of_one("one", ""),
                of_one("two", r#","user_id_claim":"email""#),
            ],
            false,
        ),
    ] {
        let found = parse(&[("TRUSTED_ISSUERS", &list(&entries))]);
        assert_eq!(found.is_ok(), is_good, "{entries:?} {found:?}");
        if let Err(faults) = found {
            assert!(
                faults[0]
                    .message
                    .contains("is that of an earlier entry, one"),
                "{faults:?}"
            );
        }
    }
}
