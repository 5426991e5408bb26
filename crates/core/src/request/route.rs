//! The router of the whole Worker: which part of it a request is for.
//!
//! Which handler a path and host belong to, so that no two handlers share one.

use crate::http::endpoints::{BROWSER_API, CONSOLE, Route};
use crate::settings::origin::host_is_listed;
use crate::settings::{Console, Settings};

/// Routes a request by its host (`name[:port]`), its method as sent, and its path without the query.
///
/// Methods are compared as raw strings: `get` is not `GET` (RFC 9110 section 9.1), and an unknown one is no `GET`.
pub fn route(settings: &Settings, host: &str, method: &str, path: &str) -> Route {
    if host_is_listed(&settings.legacy_keyless_hosts, host) {
        return Route::LegacyCore;
    }
    let has_service_api = !settings.api_key_digests.is_empty();
    if host_is_listed(&settings.service_api_hosts, host) {
        return if has_service_api {
            core(path)
        } else {
            Route::NotFound
        };
    }
    if has_service_api
        && let Some(rest) = path.strip_prefix(settings.service_api_base_path.as_str())
        && (rest.is_empty() || rest.starts_with('/'))
    {
        return core(rest);
    }
    browser_route(settings, method, path)
}

fn core(path: &str) -> Route {
    let path = if path.is_empty() { "/" } else { path };
    Route::Core {
        path: path.to_owned(),
    }
}

fn browser_route(settings: &Settings, method: &str, path: &str) -> Route {
    let Some(rest) = path.strip_prefix(settings.api_base_path.as_str()) else {
        return Route::NotFound;
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if let Some(id) = issuer_of_logout(rest) {
        let mut issuers = settings.trusted_issuers.iter();
        return match method {
            _ if !issuers.any(|issuer| issuer.id == id) => Route::NotFound,
            "POST" => Route::IssuerLogout { id: id.to_owned() },
            // For servers only: no preflight is answered.
            _ => Route::MethodNotAllowed { allow: "POST" },
        };
    }
    if let Some(path) = console_path(settings, rest) {
        return Route::Console {
            path: path.to_owned(),
        };
    }
    let Some((_, allow, found)) = BROWSER_API.into_iter().find(|(known, _, _)| *known == rest)
    else {
        return Route::NotFound;
    };
    let mut issuers = settings.trusted_issuers.iter();
    if found == Route::SessionExchange && issuers.all(|issuer| issuer.exchange.is_none()) {
        return Route::NotFound;
    }
    let needs_api_key = matches!(found, Route::Explain | Route::Metrics);
    if needs_api_key && settings.api_key_digests.is_empty() {
        return Route::NotFound;
    }
    if method == "OPTIONS" && !needs_api_key {
        Route::Preflight
    } else if method == "GET" && found == Route::SessionRefresh {
        Route::RefreshAndReturn
    } else if allow.split(", ").any(|allowed| allowed == method) {
        found
    } else {
        Route::MethodNotAllowed { allow }
    }
}

/// What a path behind `{base}` is to the console; `None` = nothing, or there is none.
fn console_path<'p>(settings: &Settings, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(CONSOLE)?;
    let is_below = rest.is_empty() || rest.starts_with('/');
    (is_below && settings.console != Console::Off).then_some(rest)
}

/// The issuer whose logout endpoint a path behind `{base}` is.
fn issuer_of_logout(path: &str) -> Option<&str> {
    let id = path.strip_prefix("/issuers/")?.strip_suffix("/logout")?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::route;
    use crate::http::endpoints::Route;
    use crate::settings::testing::{parsed as settings, trusted_issuer};

    #[test]
    fn the_logout_endpoint_of_an_issuer_is_there_for_those_that_are_trusted() {
        let mut settings = settings(&[]);
        settings.trusted_issuers = ["idp", "other"]
            .map(|id| trusted_issuer(id, "https://issuer.example"))
            .into();
        let of = |id: &str| Route::IssuerLogout { id: id.to_owned() };
        for (method, path, expected) in [
            ("POST", "/auth/issuers/idp/logout", of("idp")),
            ("POST", "/auth/issuers/other/logout/", of("other")),
            (
                "OPTIONS",
                "/auth/issuers/idp/logout",
                Route::MethodNotAllowed { allow: "POST" },
            ),
            ("POST", "/auth/issuers/unknown/logout", Route::NotFound),
            ("OPTIONS", "/auth/issuers/unknown/logout", Route::NotFound),
            ("POST", "/auth/issuers//logout", Route::NotFound),
            ("POST", "/auth/issuers/idp/x/logout", Route::NotFound),
            ("POST", "/auth/issuers/idp", Route::NotFound),
        ] {
            assert_eq!(
                route(&settings, "api.example.com", method, path),
                expected,
                "{method} {path}"
            );
        }
    }

    const KEYS: (&str, &str) = ("API_KEYS", "abcdefghijklmnopqrstuvwxyz");

    #[test]
    fn the_browser_api_is_found_by_method_and_exact_path() {
        let settings = settings(&[]);
        for (method, path, expected) in [
            ("GET", "/auth/session", Route::Session),
            ("HEAD", "/auth/session", Route::Session),
            ("GET", "/auth/session/", Route::Session),
            ("GET", "/auth/session//", Route::NotFound),
            ("GET", "/Auth/session", Route::NotFound),
            ("GET", "/auth/Session", Route::NotFound),
            ("GET", "/authsession", Route::NotFound),
            ("GET", "/session", Route::NotFound),
            (
                "POST",
                "/auth/session",
                Route::MethodNotAllowed {
                    allow: "GET, HEAD, OPTIONS",
                },
            ),
            (
                "get",
                "/auth/session",
                Route::MethodNotAllowed {
                    allow: "GET, HEAD, OPTIONS",
                },
            ),
            ("POST", "/auth/session/refresh", Route::SessionRefresh),
            ("POST", "/auth/session/refresh/", Route::SessionRefresh),
            ("GET", "/auth/session/refresh", Route::RefreshAndReturn),
            (
                "HEAD",
                "/auth/session/refresh",
                Route::MethodNotAllowed {
                    allow: "POST, OPTIONS",
                },
            ),
            ("OPTIONS", "/auth/session/refresh", Route::Preflight),
            ("POST", "/auth/session/ticket", Route::SessionTicket),
            (
                "GET",
                "/auth/session/ticket",
                Route::MethodNotAllowed {
                    allow: "POST, OPTIONS",
                },
            ),
            ("GET", "/auth/sessions", Route::Sessions),
            ("POST", "/auth/sessions/end", Route::EndSessions),
            ("OPTIONS", "/auth/sessions/end", Route::Preflight),
            ("GET", "/auth/sessions/route.random.tag", Route::NotFound),
            ("POST", "/auth/session/device", Route::SessionDevice),
            (
                "POST",
                "/auth/session/device/refresh",
                Route::SessionDeviceRefresh,
            ),
            ("POST", "/auth/signout", Route::SignOut),
            ("GET", "/auth/jwt/jwks.json", Route::Jwks),
            ("GET", "/auth/assertion/jwks.json", Route::AssertionJwks),
            (
                "GET",
                "/auth/.well-known/openid-configuration",
                Route::OpenIdConfiguration,
            ),
            ("GET", "/auth/healthz", Route::Healthz),
            ("GET", "/auth/readyz", Route::Readyz),
            // Without an API key, it does not exist.
            ("POST", "/auth/explain", Route::NotFound),
            ("GET", "/auth/metrics", Route::NotFound),
            ("GET", "/auth", Route::NotFound),
            ("GET", "/", Route::NotFound),
            ("GET", "", Route::NotFound),
        ] {
            assert_eq!(
                route(&settings, "api.example.com", method, path),
                expected,
                "{method} {path}"
            );
        }
    }

    #[test]
    fn at_the_root_the_paths_lose_the_base() {
        let settings = settings(&[("API_BASE_PATH", "/")]);
        assert_eq!(
            route(&settings, "api.example.com", "POST", "/session/refresh"),
            Route::SessionRefresh
        );
        assert_eq!(
            route(&settings, "api.example.com", "GET", "/auth/session"),
            Route::NotFound
        );
    }

    #[test]
    fn the_console_is_there_when_it_is_switched_on_with_all_that_lies_below() {
        let console = |path: &str| Route::Console {
            path: path.to_owned(),
        };
        let on = settings(&[KEYS, ("CONSOLE", "api_key")]);
        for (path, expected) in [
            ("/auth/console", console("")),
            ("/auth/console/", console("")),
            ("/auth/console/api/overview", console("/api/overview")),
            ("/auth/consoles", Route::NotFound),
            ("/console", Route::NotFound),
        ] {
            assert_eq!(route(&on, "api.example.com", "GET", path), expected);
            let off = settings(&[KEYS]);
            assert_eq!(route(&off, "api.example.com", "GET", path), Route::NotFound);
        }
    }

    #[test]
    fn without_a_key_the_service_api_does_not_exist() {
        let settings = settings(&[("SERVICE_API_HOSTS", "core.example")]);
        for (host, path) in [
            ("api.example.com", "/core/recipe/session"),
            ("core.example", "/recipe/session"),
            ("core.example", "/auth/session"),
        ] {
            assert_eq!(
                route(&settings, host, "GET", path),
                Route::NotFound,
                "{host}{path}"
            );
        }
    }

    #[test]
    fn with_a_key_there_are_explanations_but_not_for_pages() {
        let settings = settings(&[KEYS]);
        for (method, expected) in [
            ("POST", Route::Explain),
            ("OPTIONS", Route::MethodNotAllowed { allow: "POST" }),
            ("GET", Route::MethodNotAllowed { allow: "POST" }),
        ] {
            assert_eq!(
                route(&settings, "api.example.com", method, "/auth/explain"),
                expected
            );
        }
    }

    #[test]
    fn tokens_are_exchanged_where_an_issuer_is_for_that() {
        let entry = r#"[{"id":"idp","issuer":"https://idp.example","audience":["api"]EXCHANGE}]"#;
        let with =
            |exchange: &str| settings(&[("TRUSTED_ISSUERS", &entry.replace("EXCHANGE", exchange))]);
        let at = |settings, method| route(settings, "a.example", method, "/auth/session/exchange");
        let (off, on) = (with(""), with(r#","exchange":"prefixed""#));
        for (method, expected) in [
            ("POST", Route::SessionExchange),
            ("OPTIONS", Route::Preflight),
            (
                "GET",
                Route::MethodNotAllowed {
                    allow: "POST, OPTIONS",
                },
            ),
        ] {
            assert_eq!(at(&off, method), Route::NotFound, "{method}");
            assert_eq!(at(&on, method), expected, "{method}");
        }
    }

    #[test]
    fn with_a_key_the_service_api_has_its_base_path_and_its_hosts() {
        let settings = settings(&[KEYS, ("SERVICE_API_HOSTS", "core.example")]);
        for (host, path, expected) in [
            ("api.example.com", "/core", Some("/")),
            ("api.example.com", "/core/", Some("/")),
            (
                "api.example.com",
                "/core/recipe/session",
                Some("/recipe/session"),
            ),
            (
                "api.example.com",
                "/core/appid-public/Hello",
                Some("/appid-public/Hello"),
            ),
            ("api.example.com", "/CORE/hello", None),
            ("api.example.com", "/corex/hello", None),
            ("api.example.com", "/recipe/session", None),
            (
                "core.example:8443",
                "/recipe/session",
                Some("/recipe/session"),
            ),
            ("core.example", "/auth/session", Some("/auth/session")),
        ] {
            let expected = expected.map_or(Route::NotFound, |path| Route::Core {
                path: path.to_owned(),
            });
            assert_eq!(
                route(&settings, host, "GET", path),
                expected,
                "{host}{path}"
            );
        }
    }

    #[test]
    fn a_keyless_host_serves_the_legacy_paths_and_nothing_else() {
        let settings = settings(&[
            KEYS,
            ("LEGACY_KEYLESS_HOSTS", "old.example"),
            ("LEGACY_KEYLESS_ALLOW", "10.0.0.0/8"),
        ]);
        for path in [
            "/session",
            "/handshake",
            "/auth/session",
            "/core/recipe/session",
        ] {
            assert_eq!(
                route(&settings, "OLD.example:80", "POST", path),
                Route::LegacyCore,
                "{path}"
            );
        }
        assert_eq!(
            route(&settings, "api.example.com", "POST", "/handshake"),
            Route::NotFound
        );
    }
}
