//! Helpers of the tests of this module, and the tests of the table itself.

mod checks;
mod exchange;
mod issuers;
mod providers;

use super::{
    AntiCsrf, DeviceIp, Freshness, LogLevel, RawValue, RecentTokenReuse, SameSite, SettingFault,
    Settings, SupersededBy, TokenTransferMethod, Warning,
};
use postern_jwt::SigningAlgorithm;
use postern_jwt::time::Millis;

const KEY: &str = "abcdefghijklmnopqrst";
const OTHER_KEY: &str = "ABC-DEF=0123456789-0123456789";

fn text(value: &str) -> RawValue {
    RawValue::Text(value.to_owned())
}

fn parse_raw(values: &[(&str, RawValue)]) -> Result<(Settings, Vec<Warning>), Vec<SettingFault>> {
    let mut values: Vec<_> = values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    if !values.iter().any(|(name, _)| name == "API_DOMAIN") {
        values.push(("API_DOMAIN".into(), text("https://api.example.com")));
    }
    Settings::parse(&values)
}

fn parse(values: &[(&str, &str)]) -> Result<(Settings, Vec<Warning>), Vec<SettingFault>> {
    let values: Vec<_> = values
        .iter()
        .map(|(name, value)| (*name, text(value)))
        .collect();
    parse_raw(&values)
}

fn good(values: &[(&str, &str)]) -> Settings {
    parse(values).unwrap().0
}

/// Names of the settings at fault, in order.
fn faults(values: &[(&str, &str)]) -> Vec<String> {
    parse(values)
        .err()
        .unwrap_or_default()
        .into_iter()
        .map(|fault| fault.setting)
        .collect()
}

fn warned(values: &[(&str, &str)]) -> Vec<String> {
    parse(values)
        .unwrap()
        .1
        .into_iter()
        .map(|warning| warning.setting)
        .collect()
}

#[test]
fn only_the_api_domain_is_required() {
    let (settings, warnings) = parse(&[]).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(settings.issuer(), "https://api.example.com/auth");
    assert_eq!(settings.service_api_base_path, "/core");
    assert_eq!(settings.access_token_validity, Millis(3_600_000));
    assert_eq!(settings.refresh_token_validity, Millis(8_640_000_000));
    assert_eq!(settings.access_token_jitter_permille, 50);
    assert_eq!(settings.session_absolute_lifetime, None);
    assert_eq!(settings.max_sessions_per_user, 10_000);
    assert_eq!(settings.refresh_grace_period, Millis(30_000));
    assert_eq!(settings.recent_token_reuse, RecentTokenReuse::TokenTheft);
    assert_eq!(settings.refresh_token_superseded_by, SupersededBy::Use);
    assert_eq!(settings.signing_algorithm, SigningAlgorithm::RS256);
    assert_eq!(settings.signing_key_rotation_interval, Millis(604_800_000));
    assert!(settings.use_dynamic_signing_key && settings.cookie_secure);
    assert!(!settings.check_database && !settings.host_prefixed_cookie);
    assert_eq!(settings.anti_csrf, AntiCsrf::Auto);
    assert_eq!(settings.same_site(), SameSite::Lax);
    assert_eq!(settings.token_transfer_method, TokenTransferMethod::Any);
    assert_eq!(settings.session_expired_status_code, 401);
    assert_eq!(settings.freshness, Freshness::Within(Millis(60_000)));
    assert_eq!(settings.revocation_shards, 1);
    assert_eq!(
        (settings.central_location, settings.user_location),
        (None, None)
    );
    assert_eq!(settings.max_session_data, 1_048_576);
    assert_eq!(settings.clock_tolerance, Millis(0));
    assert_eq!(
        (settings.device_ip, settings.log_level),
        (DeviceIp::Coarse, LogLevel::Info)
    );
    assert!(settings.trusted_issuers.is_empty() && settings.api_key_digests.is_empty());

    let set = |value| vec![("API_DOMAIN".to_owned(), value)];
    let json = RawValue::Json("\"\"".to_owned());
    for values in [Vec::new(), set(text("")), set(text("  ")), set(json)] {
        let fault = Settings::parse(&values).unwrap_err().remove(0);
        assert_eq!(fault.setting, "API_DOMAIN");
        assert!(fault.message.starts_with("is required"));
    }
}

#[test]
fn every_fault_is_reported_at_once_by_name() {
    let found = faults(&[
        ("API_DOMAIN", "api.example.com"),
        ("ACCESS_TOKEN_VALIDITY", "1 hour"),
        ("ANTI_CSRF", "yes"),
        ("FRESHNESS", "within 500ms"),
        ("API_KEYS", "short"),
        ("TRUSTED_ISSUERS", "{}"),
        ("COLOUR", "red"),
    ]);
    assert_eq!(
        found,
        [
            "API_DOMAIN",
            "API_KEYS",
            "ACCESS_TOKEN_VALIDITY",
            "FRESHNESS",
            "TRUSTED_ISSUERS",
            "ANTI_CSRF",
            "COLOUR"
        ]
    );
}

/// Name, values accepted, values refused.
const BOUNDS: &[(&str, &[&str], &[&str])] = &[
    (
        "ACCESS_TOKEN_VALIDITY",
        &["1s", "3.6s", "3650d"],
        &["999ms", "0", "3651d", "3600"],
    ),
    ("REFRESH_TOKEN_VALIDITY", &["1s", "100d"], &["0s"]),
    ("SIGNING_KEY_ROTATION_INTERVAL", &["1s", "168h"], &["500ms"]),
    ("SESSION_ABSOLUTE_LIFETIME", &["1s", "1d"], &["0s"]),
    (
        "ACCESS_TOKEN_VALIDITY_JITTER",
        &["0", "0.05", "0.25", "0.125", "0.0"],
        &["0.251", "1", "-0.1", ".1", "0.", "0.0001", "5%"],
    ),
    (
        "MAX_SESSIONS_PER_USER",
        &["1", "10000"],
        &["0", "10001", "-1", "1.5"],
    ),
    ("REFRESH_GRACE_PERIOD", &["0s", "0", "300s"], &["301s"]),
    (
        "REFRESH_TOKEN_SUPERSEDED_BY",
        &["use", "time"],
        &["clock", "both"],
    ),
    (
        "RECENT_TOKEN_REUSE_BEHAVIOUR",
        &["TOKEN_THEFT", "unauthorised"],
        &["THEFT"],
    ),
    (
        "SIGNING_ALGORITHM",
        &["RS256", "ES256", "EdDSA"],
        &["HS256", "none"],
    ),
    ("USE_DYNAMIC_SIGNING_KEY", &["true", "FALSE"], &["1", "yes"]),
    (
        "ANTI_CSRF",
        &["AUTO", "NONE", "VIA_TOKEN", "via_custom_header"],
        &["TOKEN"],
    ),
    ("COOKIE_SAME_SITE", &["none", "Lax", " strict "], &["off"]),
    (
        "TOKEN_TRANSFER_METHOD",
        &["any", "cookie", "header"],
        &["body"],
    ),
    (
        "SESSION_EXPIRED_STATUS_CODE",
        &["401", "440", "499"],
        &["200", "400", "403", "500", "4401"],
    ),
    ("CHECK_DATABASE", &["true"], &["maybe"]),
    (
        "FRESHNESS",
        &["stateless", "strict", "within 1s", "within  60s"],
        &["within", "60s", "within 0s", "sometimes"],
    ),
    (
        "REVOCATION_SHARDS",
        &["1", "16"],
        &["0", "17", "1.5", "two"],
    ),
    ("CENTRAL_LOCATION", &["weur", "ENAM"], &["europe", "moon"]),
    ("USER_LOCATION", &["oc", "me"], &["here"]),
    (
        "JURISDICTION",
        &["eu", "US", "fedramp"],
        &["europe", "none"],
    ),
    (
        "KEY_BACKUP_KEY",
        &["NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", ""],
        &[
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9X",
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xt",
            "true",
        ],
    ),
    (
        "KEY_ENCRYPTION_KEYS",
        &[
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
            "none, AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
            "",
        ],
        &[
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            "never",
        ],
    ),
    (
        "MAX_SESSION_DATA",
        &["2", "64KiB", "4MiB"],
        &["1", "4194305", "1MB"],
    ),
    (
        "MAX_ACCESS_TOKEN_BYTES",
        &["512", "16KiB"],
        &["511", "16385"],
    ),
    ("CLOCK_TOLERANCE", &["0s", "500ms", "300s"], &["301s"]),
    ("DEVICE_IP", &["coarse", "full", "none"], &["partly"]),
    ("LOG_LEVEL", &["error", "warn", "info", "debug"], &["trace"]),
    (
        "API_BASE_PATH",
        &["/auth", "", "/", "a/b"],
        &["/a?b", "/../x"],
    ),
    (
        "SERVICE_API_BASE_PATH",
        &["/core", "/.internal"],
        &["/", "/%63ore"],
    ),
    (
        "WEBSITE_ORIGINS",
        &[
            "https://a.example, http://b.example:3000",
            "[\"https://a.example\"]",
            "",
        ],
        &["*", "https://a.example/x", "[1]"],
    ),
    (
        "LEGACY_KEYLESS_ALLOW",
        &["127.0.0.1, 10.0.0.0/8,::1"],
        &["10.0.0.1/8"],
    ),
];

#[test]
fn bounds_are_those_of_the_table() {
    for (name, accepted, refused) in BOUNDS {
        for value in *accepted {
            assert_eq!(
                faults(&[(name, value)]),
                Vec::<String>::new(),
                "{name}={value}"
            );
        }
        for value in *refused {
            assert_eq!(faults(&[(name, value)]), [*name], "{name}={value}");
        }
    }
}

#[test]
fn values_may_be_json_of_their_own_type() {
    let json = |value: &str| RawValue::Json(value.to_owned());
    let (settings, _) = parse_raw(&[
        ("CHECK_DATABASE", json("true")),
        ("MAX_SESSIONS_PER_USER", json("3")),
        ("ACCESS_TOKEN_VALIDITY_JITTER", json("0.1")),
        (
            "WEBSITE_ORIGINS",
            json("[\"https://a.example\",\"https://b.example\"]"),
        ),
        ("LOG_LEVEL", json("\"debug\"")),
    ])
    .unwrap();
    assert!(settings.check_database);
    assert_eq!(settings.max_sessions_per_user, 3);
    assert_eq!(settings.access_token_jitter_permille, 100);
    assert_eq!(
        settings.website_origins,
        ["https://a.example", "https://b.example"]
    );
    assert_eq!(settings.log_level, LogLevel::Debug);

    for value in ["null", "[]", "{}", "{"] {
        let found = parse_raw(&[("LOG_LEVEL", json(value))]).unwrap_err();
        assert_eq!(found[0].setting, "LOG_LEVEL", "{value}");
    }
}

#[test]
fn an_empty_value_is_no_value_except_where_it_means_something() {
    let settings = good(&[
        ("COOKIE_DOMAIN", ""),
        ("ACCESS_TOKEN_VALIDITY", " "),
        ("API_KEYS", ""),
        ("TRUSTED_ISSUERS", ""),
        ("OLDER_COOKIE_DOMAIN", ""),
        ("API_BASE_PATH", ""),
    ]);
    assert_eq!(settings.cookie_domain, None);
    assert_eq!(settings.access_token_validity, Millis(3_600_000));
    assert!(settings.api_key_digests.is_empty());
    assert_eq!(settings.older_cookie_domain.as_deref(), Some(""));
    assert_eq!(settings.api_base_path, "");
    assert_eq!(good(&[]).older_cookie_domain, None);
}

#[test]
fn unknown_names_are_reported_with_the_nearest_known_one() {
    for (name, message) in [
        ("API_KEY", "is not a setting; did you mean API_KEYS?"),
        (
            "Acces_Token_Validity",
            "is not a setting; did you mean ACCESS_TOKEN_VALIDITY?",
        ),
        ("COLOUR", "is not a setting"),
    ] {
        let found = parse(&[(name, "x")]).unwrap_err();
        assert_eq!(
            found,
            [SettingFault {
                setting: name.into(),
                message: message.into()
            }]
        );
    }
}

#[test]
fn a_value_beyond_the_platform_cap_is_refused() {
    let longest = format!("https://a.example{}", " ".repeat(5120 - 17));
    assert_eq!(
        faults(&[("WEBSITE_ORIGINS", &longest)]),
        Vec::<String>::new()
    );
    assert_eq!(
        faults(&[("WEBSITE_ORIGINS", &format!("{longest} "))]),
        ["WEBSITE_ORIGINS"]
    );
}

#[test]
fn each_of_several_api_keys_is_accepted_and_nothing_else() {
    for list in [
        format!("{KEY},{OTHER_KEY}"),
        format!("[\"{KEY}\", \"{OTHER_KEY}\"]"),
        format!(" {KEY} , {OTHER_KEY} ,"),
    ] {
        let settings = good(&[("API_KEYS", &list)]);
        assert!(settings.accepts_api_key(KEY) && settings.accepts_api_key(OTHER_KEY));
        for presented in ["", "abcdefghijklmnopqrs", "abcdefghijklmnopqrstu", &list] {
            assert!(!settings.accepts_api_key(presented), "{presented}");
        }
    }
    assert!(!good(&[]).accepts_api_key(""));
}

#[test]
fn no_fault_repeats_a_secret() {
    for name in ["API_KEYS", "TRUSTED_ISSUERS", "ACCESS_TOKEN_VALIDITY"] {
        for value in [
            "s3cr3t!",
            "[\"s3cr3t!\"]",
            "[{\"id\":\"a\",\"issuer\":\"i\",\"audience\":\"s3cr3t!\",\"algorithms\":[\"HS256\"],\"jwks\":\"s3cr3t!\"}]",
        ] {
            let found = parse(&[(name, value)]).unwrap_err();
            assert_eq!(found[0].setting, name);
            assert!(!format!("{found:?}").contains("s3cr3t"), "{found:?}");
        }
    }
    assert!(!format!("{:?}", good(&[("API_KEYS", KEY)])).contains(KEY));
}
