//! What settings ask of each other.

use super::{faults, good, warned};
use crate::settings::SameSite;

#[test]
fn short_lives_are_accepted_with_a_warning() {
    assert_eq!(
        warned(&[
            ("ACCESS_TOKEN_VALIDITY", "1s"),
            ("REFRESH_TOKEN_VALIDITY", "2s"),
            ("SIGNING_KEY_ROTATION_INTERVAL", "1s"),
            ("SESSION_ABSOLUTE_LIFETIME", "3s"),
            ("FRESHNESS", "within 9s"),
        ]),
        [
            "ACCESS_TOKEN_VALIDITY",
            "REFRESH_TOKEN_VALIDITY",
            "SESSION_ABSOLUTE_LIFETIME",
            "FRESHNESS",
            "SIGNING_KEY_ROTATION_INTERVAL"
        ]
    );
    assert_eq!(
        warned(&[("ACCESS_TOKEN_VALIDITY", "1m"), ("FRESHNESS", "within 10s")]),
        Vec::<String>::new()
    );
    assert_eq!(
        warned(&[("REFRESH_TOKEN_VALIDITY", "1h")]),
        ["REFRESH_TOKEN_VALIDITY"]
    );
    assert_eq!(
        warned(&[("SESSION_ABSOLUTE_LIFETIME", "30m")]),
        ["SESSION_ABSOLUTE_LIFETIME"]
    );
}

#[test]
fn same_site_is_lax_only_when_every_website_is_on_our_site() {
    for (websites, cookie_domain, same_site) in [
        ("https://api.example.com", "", SameSite::Lax),
        ("https://api.example.com:8443", "", SameSite::Lax),
        ("https://www.example.com", "", SameSite::None),
        ("https://www.example.com", ".example.com", SameSite::Lax),
        (
            "https://www.example.com,https://other.example",
            ".example.com",
            SameSite::None,
        ),
        ("https://badexample.com", ".example.com", SameSite::None),
        ("http://www.example.com", ".example.com", SameSite::None),
    ] {
        let settings = good(&[
            ("WEBSITE_ORIGINS", websites),
            ("COOKIE_DOMAIN", cookie_domain),
        ]);
        assert_eq!(
            settings.same_site(),
            same_site,
            "{websites} {cookie_domain}"
        );
    }
    let settings = good(&[
        ("WEBSITE_ORIGINS", "https://other.example"),
        ("COOKIE_SAME_SITE", "strict"),
    ]);
    assert_eq!(settings.same_site(), SameSite::Strict);
}

#[test]
fn cookie_settings_must_fit_together() {
    let local = ("API_DOMAIN", "http://127.0.0.1:8787");
    assert_eq!(
        faults(&[("HOST_PREFIXED_COOKIE", "true")]),
        Vec::<String>::new()
    );
    assert_eq!(
        faults(&[("HOST_PREFIXED_COOKIE", "true"), local]),
        ["HOST_PREFIXED_COOKIE"]
    );
    assert_eq!(
        faults(&[
            ("HOST_PREFIXED_COOKIE", "true"),
            ("COOKIE_DOMAIN", "example.com")
        ]),
        ["HOST_PREFIXED_COOKIE"]
    );
    assert_eq!(
        faults(&[("COOKIE_SAME_SITE", "none"), ("COOKIE_SECURE", "false")]),
        ["COOKIE_SECURE", "COOKIE_SAME_SITE"]
    );
    assert_eq!(
        faults(&[("COOKIE_PARTITIONED", "true")]),
        ["COOKIE_PARTITIONED"]
    );
    assert_eq!(
        faults(&[
            ("COOKIE_PARTITIONED", "true"),
            ("COOKIE_SAME_SITE", "none"),
            local
        ]),
        ["COOKIE_PARTITIONED"]
    );
    assert_eq!(
        faults(&[("COOKIE_PARTITIONED", "true"), ("COOKIE_SAME_SITE", "none")]),
        Vec::<String>::new()
    );
    assert_eq!(
        warned(&[("COOKIE_SAME_SITE", "none"), local]),
        ["COOKIE_SAME_SITE"]
    );
    assert_eq!(
        warned(&[("WEBSITE_ORIGINS", "http://localhost:3000"), local]),
        ["COOKIE_SAME_SITE"]
    );
    assert_eq!(
        warned(&[("COOKIE_DOMAIN", ".other.example")]),
        ["COOKIE_DOMAIN"]
    );
    assert_eq!(
        warned(&[("COOKIE_SECURE", "true"), local]),
        Vec::<String>::new()
    );
}

/// Where origins are, and what runs, is shown on one machine only.
#[test]
fn development_is_of_one_machine() {
    let on = ("DEVELOPMENT", "true");
    assert_eq!(faults(&[on]), ["DEVELOPMENT"]);
    assert_eq!(
        faults(&[on, ("API_DOMAIN", "http://localhost:8787")]),
        Vec::<String>::new()
    );
}

/// The cookie that shows a device is of one host and not partitioned, and only sessions in cookies can be bound.
#[test]
fn sessions_are_bound_where_their_cookies_are_of_one_host() {
    let https = ("API_DOMAIN", "https://api.example.com");
    for policy in ["offer", "require"] {
        let binding = ("DEVICE_BINDING", policy);
        assert_eq!(faults(&[https, binding]), Vec::<String>::new());
        for others in [
            vec![("COOKIE_DOMAIN", "example.com")],
            vec![("COOKIE_PARTITIONED", "true"), ("COOKIE_SAME_SITE", "none")],
        ] {
            let all: Vec<_> = [https, binding].into_iter().chain(others).collect();
            assert_eq!(faults(&all), ["DEVICE_BINDING"], "{all:?}");
        }
    }
    let header = ("TOKEN_TRANSFER_METHOD", "header");
    assert_eq!(
        faults(&[https, header, ("DEVICE_BINDING", "require")]),
        ["DEVICE_BINDING"]
    );
    assert_eq!(
        warned(&[https, header, ("DEVICE_BINDING", "offer")]),
        ["DEVICE_BINDING"]
    );
    assert_eq!(
        faults(&[https, ("DEVICE_BINDING", "on")]),
        ["DEVICE_BINDING"]
    );
}

#[test]
fn outside_one_machine_nothing_travels_in_the_clear() {
    for host in [
        "api.example.com",
        "192.168.1.5:8787",
        "localhost.example.com",
        "8.8.8.8",
    ] {
        let origin = format!("http://{host}");
        for secure in ["true", "false"] {
            assert_eq!(
                faults(&[("API_DOMAIN", &origin), ("COOKIE_SECURE", secure)]),
                ["API_DOMAIN"],
                "{origin}"
            );
        }
        assert_eq!(
            faults(&[
                ("API_DOMAIN", &format!("https://{host}")),
                ("COOKIE_SECURE", "false")
            ]),
            ["COOKIE_SECURE"],
            "{host}"
        );
    }
    for origin in [
        "http://localhost:8787",
        "http://127.0.0.1:8787",
        "http://[::1]:8787",
        "http://auth.localhost:8787",
        "https://localhost",
    ] {
        assert_eq!(
            faults(&[("API_DOMAIN", origin), ("COOKIE_SECURE", "false")]),
            Vec::<String>::new(),
            "{origin}"
        );
    }
}

#[test]
fn cookies_for_every_website_need_a_check_of_requests() {
    let none = ("ANTI_CSRF", "NONE");
    let elsewhere = ("WEBSITE_ORIGINS", "https://other.example");
    assert_eq!(faults(&[none, ("COOKIE_SAME_SITE", "none")]), ["ANTI_CSRF"]);
    assert_eq!(faults(&[none, elsewhere]), ["ANTI_CSRF"]);
    for fine in [
        vec![none],
        vec![none, elsewhere, ("COOKIE_SAME_SITE", "lax")],
        vec![none, elsewhere, ("TOKEN_TRANSFER_METHOD", "header")],
        vec![("COOKIE_SAME_SITE", "none"), ("ANTI_CSRF", "VIA_TOKEN")],
        vec![("COOKIE_SAME_SITE", "none")],
    ] {
        assert_eq!(faults(&fine), Vec::<String>::new(), "{fine:?}");
    }
}

#[test]
fn a_public_suffix_is_no_cookie_domain() {
    for (api, domain) in [
        ("https://api.example.com", ".com"),
        ("https://api.example.com", "com"),
        ("https://shop.example.co.uk", ".co.uk"),
        ("https://mine.workers.dev", "workers.dev"),
        ("https://mine.github.io", ".github.io"),
    ] {
        assert_eq!(
            faults(&[("API_DOMAIN", api), ("COOKIE_DOMAIN", domain)]),
            ["COOKIE_DOMAIN"],
            "{domain}"
        );
    }
    let fine = [
        ("API_DOMAIN", "https://auth.mine.workers.dev"),
        ("COOKIE_DOMAIN", ".mine.workers.dev"),
    ];
    assert_eq!(faults(&fine), Vec::<String>::new());
}

#[test]
fn apps_do_not_make_cookies_go_everywhere() {
    let app = (
        "WEBSITE_ORIGINS",
        "capacitor://localhost,https://api.example.com",
    );
    assert_eq!(good(&[app]).same_site(), SameSite::Lax);
    assert_eq!(warned(&[app]), Vec::<String>::new());
    assert_eq!(
        warned(&[("WEBSITE_ORIGINS", "htps://www.example.com")]),
        ["WEBSITE_ORIGINS"]
    );
}

#[test]
fn doors_may_not_share_hosts_or_paths() {
    for (name, value) in [
        ("SERVICE_API_HOSTS", "api.example.com"),
        ("SERVICE_API_HOSTS", "API.example.com"),
        ("LEGACY_KEYLESS_HOSTS", "api.example.com"),
        ("SERVICE_API_BASE_PATH", "/auth"),
        ("SERVICE_API_BASE_PATH", "/auth/session"),
        ("SERVICE_API_BASE_PATH", "/auth/signout"),
    ] {
        assert_eq!(faults(&[(name, value)]), [name], "{value}");
    }
    assert_eq!(
        faults(&[
            ("API_BASE_PATH", "/"),
            ("SERVICE_API_BASE_PATH", "/session")
        ]),
        ["SERVICE_API_BASE_PATH"]
    );
    assert_eq!(faults(&[("API_BASE_PATH", "/")]), Vec::<String>::new());
    assert_eq!(
        faults(&[("SERVICE_API_BASE_PATH", "/authority")]),
        Vec::<String>::new()
    );
    for (service, legacy) in [
        ("a.example", "a.example"),
        ("a.example", "a.example:80"),
        ("a.example:80", "a.example"),
    ] {
        assert_eq!(
            faults(&[
                ("SERVICE_API_HOSTS", service),
                ("LEGACY_KEYLESS_HOSTS", legacy)
            ]),
            ["LEGACY_KEYLESS_HOSTS"]
        );
    }
}

#[test]
fn keyless_hosts_always_warn() {
    assert_eq!(
        warned(&[
            ("LEGACY_KEYLESS_HOSTS", "old.example"),
            ("LEGACY_KEYLESS_ALLOW", "127.0.0.1")
        ]),
        ["LEGACY_KEYLESS_HOSTS"]
    );
    assert_eq!(
        warned(&[("LEGACY_KEYLESS_HOSTS", "old.example")]),
        ["LEGACY_KEYLESS_HOSTS", "LEGACY_KEYLESS_ALLOW"]
    );
}

#[test]
fn the_default_token_cap_is_what_fits_a_cookie() {
    // sAccessToken=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax
    assert_eq!(good(&[]).max_access_token_bytes, 4096 - 92);
    assert_eq!(
        good(&[("COOKIE_DOMAIN", ".example.com")]).max_access_token_bytes,
        4096 - 92 - 21
    );
    assert_eq!(
        warned(&[("MAX_ACCESS_TOKEN_BYTES", "4005")]),
        ["MAX_ACCESS_TOKEN_BYTES"]
    );
    assert_eq!(
        warned(&[("MAX_ACCESS_TOKEN_BYTES", "4004")]),
        Vec::<String>::new()
    );
}

#[test]
fn a_webhook_is_signed_and_goes_over_https() {
    let secret = format!("whsec_{}", "A".repeat(32));
    let two = format!("{secret},{secret}");
    let url = (
        "EVENTS_WEBHOOK_URL",
        "https://app.example.com/hooks?of=postern",
    );
    assert_eq!(faults(&[url]), ["EVENTS_WEBHOOK_URL"]);
    assert_eq!(
        warned(&[("EVENTS_WEBHOOK_SECRETS", &secret)]),
        ["EVENTS_WEBHOOK_SECRETS"]
    );
    let settings = good(&[url, ("EVENTS_WEBHOOK_SECRETS", &two)]);
    assert_eq!(settings.events_webhook_url.as_deref(), Some(url.1));
    assert_eq!(settings.events_webhook_secrets.len(), 2);
    assert!(!settings.events_refreshed);
    assert_eq!(
        faults(&[url, ("EVENTS_WEBHOOK_SECRETS", "whsec_")]),
        ["EVENTS_WEBHOOK_SECRETS"]
    );
    let secrets = ("EVENTS_WEBHOOK_SECRETS", secret.as_str());
    for bad in [
        "http://app.example.com/hooks",
        "https://user:word@app.example.com/hooks",
        "app.example.com",
        "ftp://app.example.com",
        "http://127.0.0.1:9000/hooks",
    ] {
        assert_eq!(
            faults(&[("EVENTS_WEBHOOK_URL", bad), secrets]),
            ["EVENTS_WEBHOOK_URL"],
            "{bad}"
        );
    }
    let on_one_machine = [
        ("API_DOMAIN", "http://127.0.0.1:8787"),
        ("EVENTS_WEBHOOK_URL", "http://127.0.0.1:9000/hooks"),
        secrets,
    ];
    assert_eq!(warned(&on_one_machine), Vec::<String>::new());
}

#[test]
fn a_former_core_is_reached_over_https() {
    let key = ("FORMER_CORE_API_KEY", "an API key of the core");
    assert_eq!(warned(&[key]), ["FORMER_CORE_API_KEY"]);
    let url = |text| ("FORMER_CORE_URL", text);
    for good_one in [
        "https://core.example.com/appid-shop",
        "https://core.example.com/appid-shop/",
    ] {
        let settings = good(&[url(good_one), key]);
        let kept = settings.former_core_url.as_deref();
        assert_eq!(kept, Some("https://core.example.com/appid-shop"));
    }
    for bad in [
        "http://core.example.com",
        "http://127.0.0.1:3567",
        "https://user:word@core.example.com",
        "core.example.com",
    ] {
        assert_eq!(faults(&[url(bad)]), ["FORMER_CORE_URL"], "{bad}");
    }
    let on_one_machine = [
        ("API_DOMAIN", "http://127.0.0.1:8787"),
        url("http://127.0.0.1:3567"),
    ];
    assert_eq!(warned(&on_one_machine), Vec::<String>::new());
}
