//! Whose session a trusted issuer's token becomes, and when it becomes none.

use crate::{
    dpop::claim,
    identity::{Identity, Session},
    refusal::Refusal,
    session::minting::OWN_VERSION,
    settings::{NOT_EXCHANGED, TrustedIssuer, testing::parsed},
    tokens::{access_token::protected_claims, exchanged::exchanged},
};
use postern_jwt::time::{Millis, UnixMillis};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const TENANT: &str = "11111111-2222-3333-4444-555555555555";

fn issuers(members: &[(&str, &str)]) -> Vec<TrustedIssuer> {
    let entries: Vec<String> = members
        .iter()
        .map(|(id, more)| {
            format!(r#"{{"id":"{id}","issuer":"https://{id}.example","audience":["api"]{more}}}"#)
        })
        .collect();
    parsed(&[("TRUSTED_ISSUERS", &format!("[{}]", entries.join(",")))]).trusted_issuers
}

fn session(issuer: &str, tenant: Option<&str>, subject: &str, payload: &str) -> Session {
    Session {
        handle: None,
        identity: Identity::trusted(issuer, tenant.map(str::to_owned), subject.to_owned()),
        payload: payload.to_owned(),
        bound_key: None,
    }
}

fn ago(seconds: i64) -> UnixMillis {
    let now = i64::try_from(NOW.0).unwrap();
    UnixMillis(u64::try_from(now - seconds * 1000).unwrap())
}

#[test]
fn users_are_called_by_their_issuer_or_as_it_calls_them() {
    let issuers = issuers(&[
        ("a", r#","exchange":"prefixed""#),
        ("b", r#","exchange":"subject""#),
        ("c", ""),
    ]);
    let user = |issuer: &str, tenant: Option<&str>, subject: &str| {
        exchanged(
            &issuers,
            &session(issuer, tenant, subject, "{}"),
            Some(ago(0)),
            NOW,
        )
        .map(|session| (session.user_id, session.tenant_id))
    };
    let public = |user: &str| Ok((user.to_owned(), "public".to_owned()));
    assert_eq!(user("a", None, "ada"), public("a:ada"));
    assert_eq!(user("a", None, "b:ada"), public("a:b:ada"));
    let with_tenant = (format!("a:{TENANT}:ada"), TENANT.to_owned());
    assert_eq!(user("a", Some(TENANT), "ada"), Ok(with_tenant));
    assert_eq!(user("b", None, "ada"), public("ada"));
    assert_eq!(user("b", None, "auth0|ada"), public("auth0|ada"));
    assert_eq!(user("b", None, "urn:ada"), public("urn:ada"));
    // Nobody becomes a user of another issuer by what theirs calls them.
    for subject in ["a:ada", "b:ada", "c:ada", "a:"] {
        assert!(
            matches!(user("b", None, subject), Err(Refusal::Unauthorised(_))),
            "{subject}"
        );
    }
    for issuer in ["c", "nobody", "own"] {
        assert!(
            matches!(user(issuer, None, "ada"), Err(Refusal::Unauthorised(_))),
            "{issuer}"
        );
    }
    let own = Session {
        identity: Identity::own("public".to_owned(), "ada".to_owned()),
        ..session("a", None, "ada", "{}")
    };
    assert!(matches!(
        exchanged(&issuers, &own, Some(ago(0)), NOW),
        Err(Refusal::Unauthorised(_))
    ));
}

#[test]
fn a_token_is_exchanged_while_it_is_new() {
    let issuers = issuers(&[
        ("usual", r#","exchange":"prefixed""#),
        ("long", r#","exchange":"prefixed","exchange_max_age":"1h""#),
    ]);
    let at = |issuer: &str, made| {
        exchanged(&issuers, &session(issuer, None, "ada", "{}"), made, NOW).map(drop)
    };
    for (issuer, seconds, is_new) in [
        ("usual", 0, true),
        ("usual", -5, true),
        ("usual", 300, true),
        ("usual", 301, false),
        ("long", 3600, true),
        ("long", 3601, false),
    ] {
        let found = at(issuer, Some(ago(seconds)));
        if is_new {
            assert_eq!(found, Ok(()), "{issuer} {seconds}");
        } else {
            assert!(
                matches!(found, Err(Refusal::TryRefreshToken(_))),
                "{issuer} {seconds}"
            );
        }
    }
    assert!(matches!(at("usual", None), Err(Refusal::Unauthorised(_))));
}

#[test]
fn the_payload_takes_over_the_claims_that_are_named_as_they_are() {
    let issuers = issuers(&[(
        "a",
        r#","exchange":"prefixed","exchange_claims":["roles","email","n","none","absent"]"#,
    )]);
    let payload = r#"{"sub":"ada","email":"ada@example.com","roles":["a",{"b":1.50}],"secret":1,"n":12345678901234567890,"none":null}"#;
    let made = exchanged(
        &issuers,
        &session("a", None, "ada", payload),
        Some(ago(0)),
        NOW,
    )
    .unwrap();
    assert_eq!(
        made.payload,
        r#"{"roles":["a",{"b":1.50}],"email":"ada@example.com","n":12345678901234567890,"none":null}"#
    );
}

#[test]
fn no_claim_of_the_tokens_themselves_can_be_taken_over() {
    for claim in protected_claims(OWN_VERSION)
        .iter()
        .chain(&[claim::CLAIM, "iss"])
    {
        assert!(NOT_EXCHANGED.contains(claim), "{claim}");
    }
    assert_eq!(
        issuers(&[("a", r#","exchange":"subject","max_token_age":"1m""#)])[0]
            .exchange
            .as_ref()
            .unwrap()
            .max_age,
        Millis(60_000)
    );
}
