//! Whose sessions a rule accepts: our own unless it names others, and what it then asks of each.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::error::Presented;
use crate::gateway::compile;
use crate::gateway::decide;
use crate::gateway::request::{assertion, identity};
use crate::gateway::tests::{no_header, request};
use crate::gateway::{Decision, Denial, ForwardWarning, Gateway, Rule, RuleSession};
use crate::identity::{Identity, Issuer, Issuers, Session};
use crate::session::handle::{HandleKeys, Subject};
use crate::settings::Settings;
use crate::settings::testing::parsed;
use crate::shown::ShownSession;
use crate::tenant::PUBLIC_TENANT;
use postern_jwt::secret::Secret;
use postern_jwt::time::UnixMillis;

const PARTNERS: &str = r#"[
    {"id":"partner","issuer":"https://partner.example","audience":["api"],"algorithms":["RS256"],"jwks_uri":"https://partner.example/jwks"},
    {"id":"staff","issuer":"https://staff.example","audience":["api"],"algorithms":["RS256"],"jwks_uri":"https://staff.example/jwks"}]"#;

fn settings() -> Settings {
    parsed(&[("TRUSTED_ISSUERS", PARTNERS)])
}

fn compiled(mut rule: Value) -> Result<Gateway, Vec<String>> {
    rule["path"] = json!("/**");
    let file = json!({ "origins": { "app": { "url": "http://127.0.0.1:9000" } }, "rules": [rule] });
    let compiled = compile(&file.to_string(), Some(&settings()));
    let faults = compiled.faults.into_iter();
    let faults: Vec<String> = faults
        .map(|fault| format!("{}: {}", fault.setting, fault.message))
        .collect();
    if faults.is_empty() {
        Ok(compiled.gateway)
    } else {
        Err(faults)
    }
}

fn rule(fields: Value) -> Rule {
    compiled(fields).unwrap().rule(0).unwrap().clone()
}

fn partner() -> Issuer {
    Issuer::Trusted("partner".to_owned())
}

fn decision(rule: &Rule, issuer: &Issuer, payload: &str) -> Decision {
    let seen = RuleSession {
        issuer,
        payload,
        now: UnixMillis(0),
    };
    decide(rule, &request("GET", "/", &no_header), Ok(seen))
}

fn passes(rule: &Rule, issuer: &Issuer, payload: &str) -> bool {
    matches!(decision(rule, issuer, payload), Decision::Forward(forward) if forward.with_identity)
}

/// A partner may call its user what ours is called, and say of it what it likes.
#[test]
fn a_rule_that_names_no_issuer_accepts_our_own_sessions_only() {
    let admin = json!({ "require": { "claim": "role", "equals": "admin" } });
    let payload = r#"{"role":"admin"}"#;
    assert!(passes(&rule(admin.clone()), &Issuer::Own, payload));
    let Decision::Refuse(Denial::Session(refused)) = decision(&rule(admin), &partner(), payload)
    else {
        panic!("it is refused, as if there were no session");
    };
    assert_eq!(refused.presented, Presented::Nothing);
    assert!(!refused.own_session_is_gone);
    assert!(refused.log_reason().starts_with("issuer partner: "));

    let Decision::Forward(forward) =
        decision(&rule(json!({ "session": "optional" })), &partner(), "{}")
    else {
        panic!("it passes as anonymous");
    };
    assert!(!forward.with_identity);
    assert!(
        matches!(forward.warning, Some(ForwardWarning::PassedOver(why)) if why.contains("partner"))
    );

    let Decision::Forward(forward) = decision(&rule(json!({ "shadow": true })), &partner(), "{}")
    else {
        panic!("a shadow refuses nothing");
    };
    assert!(!forward.with_identity);
}

#[test]
fn the_setting_origin_accepts_our_own_sessions_only() {
    let settings = parsed(&[
        ("TRUSTED_ISSUERS", PARTNERS),
        ("ORIGIN", "http://127.0.0.1:9000"),
    ]);
    let compiled = compile("", Some(&settings));
    assert_eq!(compiled.gateway.rule(0).unwrap().issuers, Issuers::own());
}

#[test]
fn a_rule_accepts_whom_it_names() {
    for (issuers, own, partners, staffs) in [
        (json!(["own"]), true, false, false),
        (json!("partner"), false, true, false),
        (json!(["partner", "own"]), true, true, false),
        (json!(["staff", "partner"]), false, true, true),
    ] {
        let rule = rule(json!({ "issuers": issuers }));
        assert_eq!(passes(&rule, &Issuer::Own, "{}"), own);
        assert_eq!(passes(&rule, &partner(), "{}"), partners);
        let staff = Issuer::Trusted("staff".to_owned());
        assert_eq!(passes(&rule, &staff, "{}"), staffs);
    }
}

#[test]
fn a_requirement_may_be_given_for_each_issuer() {
    let rule = rule(json!({
        "issuers": ["own", "partner", "staff"],
        "require": { "by_issuer": {
            "own": { "claim": "role", "equals": "admin" },
            "partner": { "all": [{ "claim": "groups", "contains": "reports" }, { "claim": "acr", "equals": "2" }] },
            "staff": {},
        } },
    }));
    let staff = Issuer::Trusted("staff".to_owned());
    for (issuer, payload, expected) in [
        (&Issuer::Own, r#"{"role":"admin"}"#, true),
        (&Issuer::Own, r#"{"groups":["reports"],"acr":"2"}"#, false),
        (&partner(), r#"{"groups":["reports"],"acr":"2"}"#, true),
        (&partner(), r#"{"role":"admin"}"#, false),
        (&staff, "{}", true),
    ] {
        assert_eq!(
            passes(&rule, issuer, payload),
            expected,
            "{issuer:?} {payload}"
        );
    }
    // Whom nothing is said of never passes, whatever the rule accepts.
    let nobody = Issuer::Trusted("nobody".to_owned());
    assert_eq!(rule.require.unwrap().failures(&nobody, "{}").len(), 1);
}

/// One with a place for a tenant in its name has no address that could be looked up.
#[test]
fn a_resource_names_the_issuers_whose_tokens_its_rule_takes_unless_it_names_others() {
    let named = |issuers: Value, resource: Value| -> Value {
        let gateway = compiled(json!({ "issuers": issuers, "resource": resource })).unwrap();
        let path = "/.well-known/oauth-protected-resource/api";
        let document = gateway.resource_metadata("https", "app.example", path);
        let document: Value = serde_json::from_str(&document.unwrap()).unwrap();
        document["authorization_servers"].clone()
    };
    let (partner, staff) = ("https://partner.example", "https://staff.example");
    assert_eq!(
        named(json!(["partner", "staff"]), json!("/api")),
        json!([partner, staff])
    );
    assert_eq!(
        named(json!(["own", "staff"]), json!("/api")),
        json!([staff])
    );
    assert_eq!(named(json!(["own"]), json!("/api")), Value::Null);
    let other = json!({ "url": "/api", "authorization_servers": "https://idp.example" });
    assert_eq!(
        named(json!(["partner"]), other),
        json!(["https://idp.example"])
    );
}

/// A claim of one issuer need not mean what another's of that name does.
#[test]
fn one_requirement_for_several_issuers_is_warned_of_and_for_one_it_is_not() {
    for (issuers, warnings) in [
        (json!(["own"]), 0),
        (json!(["partner"]), 0),
        (json!(["own", "partner"]), 1),
    ] {
        let rule = json!({ "path": "/**", "issuers": issuers, "require": { "claim": "role", "equals": "admin" } });
        let file =
            json!({ "origins": { "app": { "url": "http://127.0.0.1:9000" } }, "rules": [rule] });
        let compiled = compile(&file.to_string(), Some(&settings()));
        assert_eq!(compiled.faults, []);
        assert_eq!(
            compiled.warnings.len(),
            warnings,
            "{issuers}: {:?}",
            compiled.warnings
        );
    }
}

#[test]
fn faults_are_found_at_start() {
    for (fields, part) in [
        (json!({ "issuers": [] }), "rules[0].issuers: must be a list"),
        (
            json!({ "issuers": ["Own"] }),
            "rules[0].issuers: must be a list",
        ),
        (
            json!({ "issuers": ["own", "nobody"] }),
            "rules[0].issuers: must be \"own\" or ids of TRUSTED_ISSUERS: nobody is none",
        ),
        (
            json!({ "issuers": ["own"], "session": "none" }),
            "rules[0].issuers: needs a session",
        ),
        (
            json!({ "issuers": ["own", "partner"], "require": { "by_issuer": { "own": {} } } }),
            "rules[0].require.by_issuer: must speak of each issuer of the rule: partner is missing",
        ),
        (
            json!({ "require": { "by_issuer": { "own": {}, "partner": {} } } }),
            "rules[0].require.by_issuer: must name issuers of the rule only",
        ),
        (
            json!({ "require": { "by_issuer": { "own": {} }, "claim": "x", "present": true } }),
            "rules[0].require.claim: is not a field beside by_issuer",
        ),
        (
            json!({ "require": { "by_issuer": { "own": { "claim": "x" } } } }),
            "rules[0].require.by_issuer.own: must have one of",
        ),
        (json!({ "require": { "by_issuer": [] } }), "must be a table"),
    ] {
        let faults = compiled(fields.clone()).unwrap_err();
        assert!(
            faults.iter().any(|fault| fault.contains(part)),
            "{fields} {faults:?}"
        );
    }
    let one_for_all =
        json!({ "issuers": ["own", "partner"], "require": { "claim": "role", "equals": "admin" } });
    let file = json!({ "origins": { "app": { "url": "http://127.0.0.1:9000" } }, "rules": [{ "path": "/", "issuers": one_for_all["issuers"], "require": one_for_all["require"] }] });
    let warnings = compile(&file.to_string(), Some(&settings())).warnings;
    assert!(warnings[0].message.contains("asks the same of all issuers"));
}

fn handle(keys: &HandleKeys, identity: &Identity) -> String {
    let subject = &identity.subject;
    let handle = match &identity.issuer {
        Issuer::Own => keys.issue(subject, &identity.tenant_id, [7; 16]),
        Issuer::Trusted(id) => {
            let tenant =
                Some(identity.tenant_id.as_str()).filter(|tenant| *tenant != PUBLIC_TENANT);
            let subject = Subject {
                tenant,
                user_id: subject,
            };
            keys.issue_foreign(id, subject, "s")
        }
    };
    handle.as_str().to_owned()
}

fn any_identity() -> impl Strategy<Value = Identity> {
    // Few and short, so that subjects and tenants of one issuer are those of another, and parts run into each other.
    let subject = || {
        prop_oneof![
            "[ab.%,]{0,3}",
            "(own|partner|public|alice|al%69ce|\u{61}\u{301})"
        ]
    };
    prop_oneof![
        ("(public|own|partner|t-1)", subject())
            .prop_map(|(tenant, subject)| Identity::own(tenant, subject)),
        (
            "(partner|partner2|alice|x|public)",
            proptest::option::of("(own|t-1|alice|[ab.%,]{1,2})"),
            subject()
        )
            .prop_map(|(issuer, tenant, subject)| Identity::trusted(&issuer, tenant, subject)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// (issuer, tenant, subject) differs in each of: the handle, the headers, the assertion. And an origin that
    /// looks at `Postern-User-Id` or `sub` alone never sees a user of ours in another issuer's session.
    #[test]
    fn no_two_identities_share_a_handle_a_header_or_an_assertion(one in any_identity(), other in any_identity()) {
        let keys = HandleKeys::new(&Secret::new(vec![1; 32]), &Secret::new(vec![2; 32]));
        let session = |identity: &Identity, handle: String| Session {
            handle: Some(handle),
            identity: identity.clone(),
            payload: r#"{"role":"admin"}"#.to_owned(),
            bound_key: None,
        };
        let claims = |session: &Session| assertion::claims("https://us.example", "https://app.example", session, UnixMillis(0));
        let is_same = one == other;
        let (handle_one, handle_other) = (handle(&keys, &one), handle(&keys, &other));
        prop_assert_eq!(handle_one == handle_other, is_same);
        // Of the handle no use is made here: the rest alone tells them apart.
        let (first, second) = (session(&one, "h".to_owned()), session(&other, "h".to_owned()));
        prop_assert_eq!(identity::headers(&first) == identity::headers(&second), is_same);
        prop_assert_eq!(claims(&first) == claims(&second), is_same);
        let shown = |session: &Session| serde_json::to_string(&ShownSession::from(session)).unwrap();
        prop_assert_eq!(shown(&first) == shown(&second), is_same);
        let has = |session: &Session, name: &str| identity::headers(session).iter().any(|(known, _)| *known == name);
        for session in [&first, &second] {
            let is_own = session.identity.issuer == Issuer::Own;
            let assertion: Value = serde_json::from_str(&claims(session)).unwrap();
            prop_assert_eq!(has(session, "postern-user-id"), is_own);
            prop_assert_eq!(has(session, "postern-subject"), !is_own);
            prop_assert_eq!(has(session, "postern-issuer"), !is_own);
            prop_assert!(has(session, "postern-tenant-id"));
            prop_assert_eq!(assertion.get("sub").is_some(), is_own);
            prop_assert_eq!(assertion.get("idp").is_some(), !is_own);
            prop_assert_eq!(assertion.get("idp_sub").is_some(), !is_own);
            prop_assert_eq!(session.identity.own_user_id().is_some(), is_own);
        }
    }
}
