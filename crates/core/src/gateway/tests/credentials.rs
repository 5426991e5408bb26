//! No credential of ours reaches an origin, whatever carries it, and none comes from one.

use std::sync::LazyLock;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use proptest::prelude::{any, prop_assert_eq, proptest};
use serde_json::json;

use super::{file, rule};
use crate::gateway::Origin;
use crate::gateway::own_tokens::{Kind, Suspect, held, held_in_credentials};
use crate::gateway::request::headers::{Changes, Passing, Sent, changes, without_our_cookies};
use crate::gateway::response::headers::keeps_cookie;
use crate::http::cookie::percent_encode;
use crate::session::handle::HandleKeys;
use crate::settings::Settings;
use crate::settings::testing::parsed;
use crate::tokens::legacy;
use postern_jwt::secret::Secret;

fn keys() -> HandleKeys {
    HandleKeys::new(&Secret::new(vec![1; 32]), &Secret::new(vec![2; 32]))
}

fn handle(tenant: &str) -> String {
    keys().issue("alice", tenant, [7; 16]).as_str().to_owned()
}

/// As the ring judges: by the tag of the handle, or by the key.
fn is_ours(suspect: &Suspect<'_>) -> bool {
    keys().check(suspect.handle).is_some() || suspect.key_id == Some("d-ours")
}

fn compact(kid: &str, handle: &str) -> String {
    let encode =
        |value: serde_json::Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    let header = json!({ "alg": "RS256", "kid": kid, "typ": "JWT", "version": "5" });
    let claims = json!({
        "sub": "user", "rsub": "user", "tId": "public", "iat": 1, "exp": 2, "sessionHandle": handle,
        "refreshTokenHash1": "x", "parentRefreshTokenHash1": null, "antiCsrfToken": null,
    });
    format!("{}.{}.{}", encode(header), encode(claims), "s".repeat(86))
}

fn access() -> String {
    compact("d-ours", &handle("public"))
}

fn refresh(tenant: &str) -> String {
    format!("1.{}.3.12.{}", handle(tenant), "m".repeat(43))
}

/// Tokens, and what each is.
fn tokens() -> Vec<(String, Kind)> {
    let claims =
        json!({ "userId": "u", "sessionHandle": handle("public"), "refreshTokenHash1": "x" });
    let payload = Base64::encode_string(claims.to_string().as_bytes());
    vec![
        (access(), Kind::Access),
        (compact("d-withdrawn", &handle("public")), Kind::Access),
        (compact("d-ours", "forged"), Kind::Access),
        (
            format!("{}.{payload}.c2ln", legacy::HEADER_V2),
            Kind::Access,
        ),
        (
            format!("{}.{payload}.c2ln", legacy::HEADER_V1),
            Kind::Access,
        ),
        (refresh("public"), Kind::Refresh),
        (refresh("acme"), Kind::Refresh),
    ]
}

fn every_byte_escaped(text: &str) -> String {
    let escaped = text.bytes().map(|byte| format!("%{byte:02x}"));
    escaped.fold(String::new(), |all, one| all + &one)
}

/// Texts around a token.
fn wrapped(token: &str) -> Vec<String> {
    let encoded = percent_encode(token);
    vec![
        token.to_owned(),
        format!("\"{token}\""),
        encoded.clone(),
        percent_encode(&encoded),
        percent_encode(&percent_encode(&format!("\"{token}\""))),
        token.replace('.', "%2E"),
        token.replace('.', "%2e"),
        every_byte_escaped(token),
        format!("s:{token}.c2lnbmF0dXJl"),
        format!("s%3A{token}.c2ln%2Bz"),
        format!("v1.{token}"),
        format!("prefix-{token}"),
        format!("token={token}&x=1"),
        format!("Token {token}"),
        format!("{{\"a\":1,\"t\":\"{token}\"}}"),
        percent_encode(&format!("{{\"a\":1,\"t\":\"{token}\"}}")),
        format!("100% of {token}"),
        format!("é {token} é"),
        format!("https://app.example/x?t={token}#{token}"),
    ]
}

#[test]
fn a_token_is_found_whatever_stands_around_it() {
    for (token, kind) in tokens() {
        for text in wrapped(&token) {
            assert_eq!(held(&text, &is_ours), Some(kind), "{text}");
        }
        let basic = format!(
            "Basic {}",
            Base64::encode_string(format!("git:{token}").as_bytes())
        );
        assert_eq!(held_in_credentials(&basic, &is_ours), Some(kind));
    }
    let both = format!("{} {}", access(), refresh("public"));
    assert_eq!(held(&both, &is_ours), Some(Kind::Refresh));
}

#[test]
fn what_only_looks_like_a_token_is_somebody_elses() {
    let theirs = HandleKeys::new(&Secret::new(vec![8; 32]), &Secret::new(vec![9; 32]));
    let theirs = theirs.issue("alice", "public", [7; 16]).as_str().to_owned();
    for text in [
        compact("d-theirs", &theirs),
        format!("1.{theirs}.0.0.{}", "m".repeat(43)),
    ] {
        assert_eq!(held(&text, &is_ours), None, "{text}");
        assert!(held(&text, &|_| true).is_some(), "{text}");
    }
    let asked = |_: &Suspect<'_>| panic!("nothing to be asked about");
    let of_a_provider = {
        let claims = Base64UrlUnpadded::encode_string(&[b'{'; 400]);
        format!(
            "eyJhbGciOiJSUzI1NiIsImtpZCI6ImQtb3VycyIsInR5cCI6IkpXVCJ9.{claims}.{}",
            "s".repeat(300)
        )
    };
    for text in [
        "",
        "1.2.3",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
        of_a_provider.as_str(),
        &"1.".repeat(5000),
        &"eyJ".repeat(5000),
        &".".repeat(5000),
        &"%".repeat(5000),
        &"%2525".repeat(5000),
        // The beginning of a token is none.
        access().split('.').next().unwrap_or_default(),
        &refresh("public")[..90],
    ] {
        assert_eq!(held(text, &asked), None, "{text}");
    }
}

#[test]
fn a_handle_of_ours_alone_is_no_refresh_token() {
    let (handle, mac) = (handle("a-tenant-with-a-name"), "m".repeat(43));
    for (text, kind) in [
        (format!("1.{handle}.0.0.{mac}"), Some(Kind::Refresh)),
        (format!("2.{handle}.0.0.{mac}"), None),
        (format!("1.{handle}.x.0.{mac}"), None),
        (format!("1.{handle}.0.x.{mac}"), None),
        (format!("1.{handle}.0.0.{}", &mac[..42]), None),
    ] {
        assert!(text.len() >= 100);
        assert_eq!(held(&text, &is_ours), kind, "{text}");
    }
}

/// Some runtimes join repeated `Cookie` headers with commas; a comma may belong to a value as well.
#[test]
fn of_cookies_that_were_joined_only_the_one_with_a_token_goes() {
    let token = access();
    for (sent, left) in [
        (format!("a=1, b={token}; c=3"), "a=1; c=3"),
        (format!("{{\"a\":1,\"t\":\"{token}\"}}; c=3"), "c=3"),
        (format!("p={{\"a\":1,\"t=\":\"{token}\"}}; c=3"), "c=3"),
    ] {
        let got = without_our_cookies(&sent, Passing::default(), &is_ours, &|_| false);
        assert_eq!(got, left, "{sent}");
    }
}

#[test]
fn a_text_that_is_made_to_cost_time_goes_nowhere() {
    let header = "eyJ".repeat(160);
    let text = format!("{header}.ey.").repeat(120);
    assert_eq!(held(&text, &|_| false), Some(Kind::Access));
}

fn origin(fields: &serde_json::Value) -> Origin {
    file(&json!({ "origins": { "app": fields }, "rules": [{ "path": "/**" }] })).origins()[0]
        .clone()
}

fn app() -> Origin {
    origin(&json!({ "url": "http://127.0.0.1:9000" }))
}

fn changed(passing: Passing, headers: &[(&str, &str)]) -> Changes {
    static SETTINGS: LazyLock<Settings> =
        LazyLock::new(|| parsed(&[("API_KEYS", "abcdefghijklmnopqrstuvwxyz")]));
    changes(
        &SETTINGS,
        &app(),
        passing,
        Sent::default(),
        headers.iter().copied(),
        &is_ours,
    )
}

#[test]
fn no_header_of_any_name_carries_a_token_to_an_origin() {
    for (token, _) in tokens() {
        for text in wrapped(&token) {
            for name in [
                "authorization",
                "x-token",
                "referer",
                "x-original-authorization",
                "user-agent",
            ] {
                let got = changed(Passing::default(), &[(name, &text), ("accept", "*/*")]);
                assert_eq!(got.remove, [name], "{name}: {text}");
            }
            let cookies = format!("a=1; mine={}; b=\"2\"", text.replace(';', "%3B"));
            let got = changed(Passing::default(), &[("cookie", &cookies)]);
            assert_eq!(got.cookie.as_deref(), Some("a=1; b=\"2\""), "{cookies}");
        }
        for scheme in ["Bearer", "bearer", "Token", "DPoP", "X", "Bearer  "] {
            let value = format!("{scheme} {token}");
            let got = changed(Passing::default(), &[("authorization", &value)]);
            assert_eq!(got.remove, ["authorization"], "{value}");
        }
    }
    for name in [
        "api-key",
        "API_KEY",
        "st-access-token",
        "St-Refresh-Token",
        "st-x",
        "front-token",
        "anti-csrf",
    ] {
        assert_eq!(changed(Passing::default(), &[(name, "x")]).remove, [name]);
    }
    let protocols = format!("chat, {}, v2", access());
    let got = changed(
        Passing::default(),
        &[("sec-websocket-protocol", &protocols)],
    );
    assert_eq!(got.protocols.as_deref(), Some("chat, v2"));
}

#[test]
fn an_api_key_goes_nowhere_and_is_told_of() {
    let key = "abcdefghijklmnopqrstuvwxyz";
    let rule = rule(json!({ "session": "none", "forward_credentials": true }));
    let passing = Passing::of(&rule, &app(), "POST", "/refresh");
    for (name, value, had_api_key, is_removed) in [
        ("api-key", key, true, true),
        ("api-key", "another", false, true),
        ("authorization", key, true, true),
        (
            "authorization",
            "Bearer abcdefghijklmnopqrstuvwxyz",
            true,
            true,
        ),
        ("authorization", "Bearer another", false, false),
        ("authorization", "Bearer with=signs-in.it", false, false),
    ] {
        let got = changed(passing, &[(name, value)]);
        assert_eq!(
            (got.had_api_key, !got.remove.is_empty()),
            (had_api_key, is_removed),
            "{name}: {value}"
        );
    }
}

#[test]
fn an_api_key_is_known_by_every_sign_that_one_may_hold() {
    for key in [
        "abcdefghijkl-mnopqrstuvwxyz",
        "abcdefghijklmnopqrstuvwxyz=0",
    ] {
        let settings = parsed(&[("API_KEYS", key)]);
        let headers = [("authorization", key)].into_iter();
        let got = changes(
            &settings,
            &app(),
            Passing::default(),
            Sent::default(),
            headers,
            &is_ours,
        );
        assert!(got.had_api_key, "{key}");
        assert_eq!(got.remove, ["authorization"], "{key}");
    }
}

#[test]
fn a_refresh_token_goes_only_where_an_sdk_refreshes() {
    let sdk = origin(&json!({ "url": "http://127.0.0.1:9000", "sessions": "sdk" }));
    let forwarding = rule(json!({ "session": "none", "forward_credentials": true }));
    let plain = rule(json!({ "session": "none" }));
    let (access, refresh) = (access(), refresh("public"));
    let bearer = format!("Bearer {refresh}");
    let cookies =
        format!("sAccessToken={access}; sRefreshToken={refresh}; st-refresh-token={refresh}; a=1");
    let headers = [
        ("authorization", bearer.as_str()),
        ("cookie", cookies.as_str()),
    ];
    for (rule, origin, method, path, passes) in [
        (&forwarding, &sdk, "POST", "/api/session/refresh", true),
        (&forwarding, &sdk, "POST", "/api/session/refresh/", true),
        (&forwarding, &sdk, "POST", "/refresh", true),
        (&forwarding, &sdk, "GET", "/api/session/refresh", false),
        (&forwarding, &sdk, "POST", "/api/session/refresh/now", false),
        (&forwarding, &sdk, "POST", "/api/xrefresh", false),
        (&forwarding, &sdk, "POST", "/", false),
        (&forwarding, &app(), "POST", "/api/session/refresh", false),
        (&plain, &sdk, "POST", "/api/session/refresh", false),
    ] {
        let got = changed(Passing::of(rule, origin, method, path), &headers);
        assert_eq!(got.remove.is_empty(), passes, "{method} {path}: {got:?}");
        let left = got.cookie.as_deref().unwrap_or(&cookies);
        assert_eq!(left.contains(&refresh), passes, "{method} {path}");
        assert_eq!(
            left.contains(&access),
            rule.forward_credentials,
            "{method} {path}"
        );
        assert!(left.ends_with("a=1"));
    }
}

#[test]
fn an_origin_plants_no_token_under_another_name() {
    let sdk = origin(&json!({ "url": "http://127.0.0.1:9000", "sessions": "sdk" }));
    for (token, _) in tokens() {
        for text in wrapped(&token) {
            let cookie = format!("mine={}; Path=/", text.replace(';', "%3B"));
            assert!(!keeps_cookie(&app(), &cookie, &is_ours), "{cookie}");
            assert!(keeps_cookie(&sdk, &cookie, &is_ours), "{cookie}");
        }
    }
    for name in [
        "st-refresh-token",
        "ST-Access-Token",
        "st-x",
        "__Secure-sRefreshToken",
        "sIRTFrontend",
    ] {
        assert!(
            !keeps_cookie(&app(), &format!("{name}=evil; Path=/"), &is_ours),
            "{name}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_breaks_the_search(text in ".{0,2000}", dense in "[eyJ1.%2Ea-c_=/]{0,3000}") {
        for text in [&text, &dense] {
            let _ = held(text, &is_ours);
            let _ = held_in_credentials(text, &is_ours);
        }
    }

    #[test]
    fn other_cookies_stay_as_they_are(before in "[ -:<-~]{0,60}", after in "[ -:<-~]{0,60}", has_token in any::<bool>()) {
        let (before, after) = (format!("a={}", before.replace(',', "")), format!("b={}", after.replace(',', "")));
        let sent = if has_token {
            format!("{before};x={};{after}", access())
        } else {
            format!("{before}; {after}")
        };
        let got = changed(Passing::default(), &[("cookie", &sent)]);
        let expected = [before.trim(), after.trim()].join("; ");
        prop_assert_eq!(got.cookie, has_token.then_some(expected));
    }
}
