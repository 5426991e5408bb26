//! Entries with a `provider`, and `issuers.toml`.

use super::parse;
use crate::settings::{IssuerKeys, RawValue, Settings, TrustedIssuer};
use postern_jwt::Algorithm;
use postern_jwt::time::Millis;

fn with_file(file: &str) -> Result<(Settings, Vec<String>), Vec<String>> {
    let domain = RawValue::Text("https://api.example.com".to_owned());
    let line = |setting: &str, message: &str| format!("{setting}: {message}");
    Settings::with_issuers(&[("API_DOMAIN".to_owned(), domain)], file)
        .map(|(settings, warnings)| {
            let warnings = warnings.iter().map(|it| line(&it.setting, &it.message));
            (settings, warnings.collect())
        })
        .map_err(|faults| {
            faults
                .iter()
                .map(|it| line(&it.setting, &it.message))
                .collect()
        })
}

/// The entry of these members, without a warning.
fn entry(members: &str) -> TrustedIssuer {
    let (settings, warnings) =
        with_file(&format!(r#"{{"issuers":[{{"id":"a",{members}}}]}}"#)).unwrap();
    assert_eq!(warnings, Vec::<String>::new(), "{members}");
    settings.trusted_issuers.into_iter().next().unwrap()
}

fn faults(members: &str) -> Vec<String> {
    with_file(&format!(r#"{{"issuers":[{{"id":"a",{members}}}]}}"#)).unwrap_err()
}

const TENANT: &str = "11111111-2222-3333-4444-555555555555";

#[test]
#[allow(clippy::too_many_lines)] // one table
fn a_provider_fills_what_an_entry_leaves_out() {
    for (members, keys, handle, whom) in [
        (
            r#""provider":"auth0","issuer":"https://shop.eu.auth0.com/","audience":["https://api"]"#,
            "https://shop.eu.auth0.com/.well-known/jwks.json",
            "sub",
            "aud=https://api",
        ),
        (
            r#""provider":"apple","audience":["com.example"]"#,
            "https://appleid.apple.com/auth/keys",
            "sub",
            "aud=com.example",
        ),
        (
            r#""provider":"better-auth","issuer":"https://shop.example""#,
            "https://shop.example/api/auth/jwks",
            "sub",
            "aud=https://shop.example",
        ),
        (
            r#""provider":"clerk","issuer":"https://clerk.shop.example","audience":["https://shop.example"]"#,
            "https://clerk.shop.example/.well-known/jwks.json",
            "sid",
            "azp=https://shop.example",
        ),
        (
            r#""provider":"cloudflare-access","issuer":"https://team.cloudflareaccess.com","audience":["ff"]"#,
            "https://team.cloudflareaccess.com/cdn-cgi/access/certs",
            "identity_nonce",
            "aud=ff",
        ),
        (
            r#""provider":"cognito","issuer":"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_X","audience":["1e"]"#,
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_X/.well-known/jwks.json",
            "origin_jti",
            "client_id=1e",
        ),
        (
            r#""provider":"entra","issuer":"https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0","audience":["api://x"]"#,
            "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/discovery/v2.0/keys",
            "sub",
            "aud=api://x",
        ),
        (
            r#""provider":"entra","tenants":"any","audience":["api://x"]"#,
            "https://login.microsoftonline.com/common/discovery/v2.0/keys",
            "sub",
            "aud=api://x",
        ),
        (
            r#""provider":"firebase","issuer":"https://securetoken.google.com/shop""#,
            "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
            "sub",
            "aud=shop",
        ),
        (
            r#""provider":"google","audience":["1.apps"]"#,
            "https://www.googleapis.com/oauth2/v3/certs",
            "sub",
            "aud=1.apps",
        ),
        (
            r#""provider":"hydra","issuer":"https://oauth.example/","audience":["web"]"#,
            "https://oauth.example/.well-known/jwks.json",
            "sub",
            "client_id=web",
        ),
        (
            r#""provider":"keycloak","issuer":"https://id.example/auth/realms/shop","audience":["account"]"#,
            "https://id.example/auth/realms/shop/protocol/openid-connect/certs",
            "sid",
            "aud=account",
        ),
        (
            r#""provider":"okta","issuer":"https://dev-1.okta.com/oauth2/default","audience":["api://default"]"#,
            "https://dev-1.okta.com/oauth2/default/v1/keys",
            "sub",
            "aud=api://default",
        ),
        (
            r#""provider":"supabase","issuer":"https://abc.supabase.co/auth/v1""#,
            "https://abc.supabase.co/auth/v1/.well-known/jwks.json",
            "session_id",
            "aud=authenticated",
        ),
        (
            r#""provider":"workos","issuer":"https://api.workos.com/user_management/client_1""#,
            "https://api.workos.com/sso/jwks/client_1",
            "sid",
            "aud=",
        ),
        (
            r#""provider":"zitadel","issuer":"https://shop-1.zitadel.cloud","audience":["300"]"#,
            "https://shop-1.zitadel.cloud/oauth/v2/keys",
            "sub",
            "aud=300",
        ),
    ] {
        let issuer = entry(members);
        assert!(
            matches!(&issuer.keys, IssuerKeys::Uri(uri) if uri == keys),
            "{members}: {:?}",
            issuer.keys
        );
        assert_eq!(issuer.handle_claim, handle, "{members}");
        assert!(!issuer.session_is_required, "{members}");
        let found = format!(
            "{}={}",
            issuer.parties.audience_claim(),
            issuer.parties.audience.join(",")
        );
        assert_eq!(found, whom, "{members}");
    }
}

#[test]
fn everything_that_a_provider_says_can_be_overridden() {
    let issuer = entry(
        r#""provider":"keycloak","issuer":"https://id.example/realms/shop","audience":["x"],"audience_claim":"azp","algorithms":["PS256"],
        "jwks_uri":"http://127.0.0.1:9/keys","handle_claim":"sub","user_id_claim":"email","required_claims":{"typ":"ID","n":1},
        "clock_tolerance":"0s","max_token_age":"1h","typ":"at+jwt""#,
    );
    assert!(matches!(&issuer.keys, IssuerKeys::Uri(uri) if uri == "http://127.0.0.1:9/keys"));
    assert_eq!(issuer.algorithms, [Algorithm::PS256]);
    assert_eq!(issuer.parties.audience_claim(), "azp");
    let claims = [("typ", "\"ID\""), ("n", "1")]
        .map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
    assert_eq!(issuer.parties.claims, claims);
    assert!(
        issuer.session_is_required && issuer.names_subjects() == (issuer.handle_claim == "sub")
    );
    assert_eq!(issuer.user_id_claim, "email");
    assert_eq!(
        (issuer.clock_tolerance, issuer.max_token_age),
        (Some(Millis(0)), Millis(3_600_000))
    );
    assert_eq!(issuer.typ.as_deref(), Some("at+jwt"));
}

#[test]
fn entra_has_one_entry_for_both_versions_and_several_tenants() {
    let v1 = format!("https://sts.windows.net/{TENANT}/");
    let v2 = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
    for issuer in [&v1, &v2] {
        let issuer = entry(&format!(
            r#""provider":"entra","issuer":"{issuer}","audience":["x"]"#
        ));
        for name in [&v1, &v2] {
            assert_eq!(issuer.names.named(name).unwrap().tenant, Some(TENANT));
        }
    }
    let many = entry(&format!(
        r#""provider":"entra","tenants":["{}","21111111-2222-3333-4444-555555555555"],"audience":["x"]"#,
        TENANT.to_uppercase()
    ));
    assert!(many.names.named(&v1).is_some() && many.names.named(&v2).is_some());
    assert!(
        many.names
            .named(&v1.replace("11111111-", "31111111-"))
            .is_none()
    );
    let template = r#""issuer":"https://login.microsoftonline.com/{tenantid}/v2.0","audience":["x"],"jwks_uri":"https://k.example""#;
    for (members, part) in [
        (r#""provider":"entra","audience":["x"]"#.to_owned(), "missing field `tenants`"),
        (template.to_owned(), "missing field `tenants`"),
        (format!(r#"{template},"tenants":[]"#), "tenants must be a list"),
        (format!(r#"{template},"tenants":"all""#), "tenants must be a list"),
        (format!(r#"{template},"tenants":["shop.onmicrosoft.com"]"#), "tenants must be a list"),
        (
            r#""provider":"entra","issuer":"https://login.microsoftonline.com/common/v2.0","audience":["x"]"#.to_owned(),
            "issuer must have a tenant's id",
        ),
        (
            format!(r#""provider":"entra","issuer":"{v2}","tenants":"any","audience":["x"]"#),
            "tenants is for issuers without",
        ),
        (
            r#""provider":"auth0","issuer":"https://a.auth0.com/","tenants":"any","audience":["x"]"#.to_owned(),
            "tenants needs an issuer with",
        ),
    ] {
        let found = faults(&members);
        assert!(found.iter().any(|fault| fault.contains(part)), "{members} {found:?}");
    }
}

#[test]
fn faults_of_the_file_are_told_by_entry_all_at_once() {
    let file = r#"{"issuers":[{"id":"staff","provider":"auth0","audience":[],"colour":1},{"provider":"x"},7,
        {"id":"ok","provider":"google","audience":["x"]},{"id":"ok","provider":"apple","audience":["x"]}],"rules":[]}"#;
    assert_eq!(
        with_file(file).unwrap_err(),
        [
            "issuers.toml: unknown table `rules`; it has [[issuers]]",
            "issuers.toml issuers.staff: unknown field `colour`",
            "issuers.toml issuers.staff: missing field `issuer`, https://DOMAIN/",
            "issuers.toml issuers.staff: audience must be a list of one or more names",
            "issuers.toml issuers[2]: missing field `id`",
            "issuers.toml issuers[2]: provider must be one of auth0, apple, better-auth, clerk, cloudflare-access, cognito, entra, firebase, google, hydra, keycloak, okta, supabase, workos, zitadel",
            "issuers.toml issuers[2]: missing field `issuer`",
            "issuers.toml issuers[2]: missing field `audience`, or else authorized_parties or required_claims: whom tokens are for",
            "issuers.toml issuers[3]: a member has a wrong type",
            "issuers.toml issuers.ok: id is that of an earlier entry",
        ]
    );
    for (file, part) in [
        (
            r#""line 2, column 1: bad""#,
            "issuers.toml: line 2, column 1: bad",
        ),
        ("[]", "must be a table"),
        (r#"{"issuers":{}}"#, "must be an array of tables"),
    ] {
        assert!(with_file(file).unwrap_err()[0].contains(part));
    }
    assert!(with_file("").unwrap().0.trusted_issuers.is_empty());
    assert!(
        with_file(r#"{"issuers":[]}"#)
            .unwrap()
            .0
            .trusted_issuers
            .is_empty()
    );
}

#[test]
fn setting_and_file_are_one_list() {
    let setting = r#"[{"id":"a","provider":"google","audience":["x"]}]"#;
    assert!(parse(&[("TRUSTED_ISSUERS", setting)]).is_ok());
    let values = [
        ("API_DOMAIN", "https://a.example"),
        ("TRUSTED_ISSUERS", setting),
    ]
    .map(|(name, value)| (name.to_owned(), RawValue::Text(value.to_owned())));
    let file = r#"{"issuers":[{"id":"b","provider":"apple","audience":["x"]}]}"#;
    let (settings, _) = Settings::with_issuers(&values, file).unwrap();
    assert_eq!(settings.trusted_issuers.len(), 2);
    let faults = Settings::with_issuers(&values, &file.replace("\"b\"", "\"a\"")).unwrap_err();
    assert_eq!(faults[0].message, "id is that of an earlier entry");
}

#[test]
fn an_issuer_of_another_form_than_its_providers_is_warned_of() {
    for (provider, issuer) in [
        ("auth0", "https://shop.eu.auth0.com"),
        ("keycloak", "https://id.example/realm/shop"),
        ("okta", "https://dev-1.okta.com"),
        ("zitadel", "https://a.example/"),
    ] {
        let file = format!(
            r#"{{"issuers":[{{"id":"a","provider":"{provider}","issuer":"{issuer}","audience":["x"]}}]}}"#
        );
        let (settings, warnings) = with_file(&file).unwrap();
        assert_eq!(settings.trusted_issuers.len(), 1);
        assert!(
            warnings[0].contains("issuers.toml issuers.a: issuer has not the form"),
            "{warnings:?}"
        );
    }
}
