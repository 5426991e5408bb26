//! What settings ask of each other, once each is good by itself.

use super::origin::{
    has_unusual_scheme, host_is_listed, host_name, is_local_name, is_loopback_name, lies_under,
    origin_host,
};
use super::public_suffix::is_public_suffix;
use super::reader::Reader;
use super::{AntiCsrf, Console, DeviceBinding, SameSite, Settings, TokenTransferMethod};
use crate::http::endpoints::browser_paths;

/// Notes what is impossible as a fault and what is unwise as a warning.
pub(super) fn check(reader: &mut Reader<'_>, settings: &Settings) {
    if settings.api_domain.is_empty() {
        // An empty value is none. One that is no origin has a fault of its own.
        if !reader.is_faulty("API_DOMAIN") {
            reader.fault(
                "API_DOMAIN",
                "is required: the public origin of this Worker, such as \"https://api.example.com\"",
            );
        }
    } else {
        check_hosts(reader, settings);
        check_transport(reader, settings);
        check_cookies(reader, settings);
    }
    check_lifetimes(reader, settings);
    check_console(reader, settings);
    check_events(reader, settings);
    check_former_core(reader, settings);
    let service_base = format!("{}/", settings.service_api_base_path);
    if browser_paths(&settings.api_base_path)
        .any(|path| format!("{path}/").starts_with(&service_base))
    {
        reader.fault(
            "SERVICE_API_BASE_PATH",
            "must not be a path of the browser API (API_BASE_PATH) or one above it",
        );
    }
}

fn check_console(reader: &mut Reader<'_>, settings: &Settings) {
    match settings.console {
        Console::ApiKey if settings.api_key_digests.is_empty() => {
            reader.fault("CONSOLE", "needs API_KEYS to sign in with, or \"access\"");
        }
        Console::Access
            if settings.console_access.is_none() && !reader.is_faulty("CONSOLE_ACCESS") =>
        {
            reader.fault(
                "CONSOLE",
                "needs CONSOLE_ACCESS, which says who may come in",
            );
        }
        _ => {}
    }
    let is_shared = settings.console_access.as_ref().is_some_and(|access| {
        let mut issuers = settings.trusted_issuers.iter();
        issuers.any(|issuer| issuer.id == access.id)
    });
    if is_shared {
        reader.fault(
            "CONSOLE_ACCESS",
            "must have an id of its own, that of no trusted issuer",
        );
    }
}

fn check_events(reader: &mut Reader<'_>, settings: &Settings) {
    let has_secrets = !settings.events_webhook_secrets.is_empty();
    let Some(url) = &settings.events_webhook_url else {
        if has_secrets && !reader.is_faulty("EVENTS_WEBHOOK_URL") {
            reader.warn(
                "EVENTS_WEBHOOK_SECRETS",
                "does nothing without EVENTS_WEBHOOK_URL",
            );
        }
        return;
    };
    if !has_secrets && !reader.is_faulty("EVENTS_WEBHOOK_SECRETS") {
        reader.fault(
            "EVENTS_WEBHOOK_URL",
            "needs EVENTS_WEBHOOK_SECRETS: a webhook that is not signed can be sent by anybody",
        );
    }
    check_is_encrypted(reader, settings, "EVENTS_WEBHOOK_URL", url);
}

fn check_former_core(reader: &mut Reader<'_>, settings: &Settings) {
    match &settings.former_core_url {
        Some(url) => check_is_encrypted(reader, settings, "FORMER_CORE_URL", url),
        None if settings.former_core_api_key.is_some() && !reader.is_faulty("FORMER_CORE_URL") => {
            reader.warn(
                "FORMER_CORE_API_KEY",
                "does nothing without FORMER_CORE_URL",
            );
        }
        None => {}
    }
}

fn check_is_encrypted(reader: &mut Reader<'_>, settings: &Settings, name: &str, url: &str) {
    let is_on_one_machine = is_loopback_name(host_name(origin_host(&settings.api_domain)));
    if url.starts_with("http://") && !is_on_one_machine {
        reader.fault(
            name,
            "must be https: what is sent there could be read and changed on its way",
        );
    }
}

fn check_hosts(reader: &mut Reader<'_>, settings: &Settings) {
    let api_host = origin_host(&settings.api_domain);
    if host_is_listed(&settings.service_api_hosts, api_host) {
        reader.fault(
            "SERVICE_API_HOSTS",
            "must not hold the host of API_DOMAIN: the service API would hide the browser API",
        );
    }
    if settings.legacy_keyless_hosts.is_empty() {
        return;
    }
    let is_shared = host_is_listed(&settings.legacy_keyless_hosts, api_host)
        || settings
            .legacy_keyless_hosts
            .iter()
            .any(|host| host_is_listed(&settings.service_api_hosts, host))
        || settings
            .service_api_hosts
            .iter()
            .any(|host| host_is_listed(&settings.legacy_keyless_hosts, host));
    if is_shared {
        reader.fault(
            "LEGACY_KEYLESS_HOSTS",
            "must hold hosts of their own: neither the host of API_DOMAIN nor one of SERVICE_API_HOSTS",
        );
    }
    reader.warn(
        "LEGACY_KEYLESS_HOSTS",
        "lets the clients of LEGACY_KEYLESS_ALLOW make a session for any user without a key",
    );
    if settings.legacy_keyless_allow.is_empty() {
        reader.warn(
            "LEGACY_KEYLESS_ALLOW",
            "is empty: nobody may use LEGACY_KEYLESS_HOSTS",
        );
    }
}

/// Outside one machine, what travels in the clear can be read and changed by whoever is on the way.
fn check_transport(reader: &mut Reader<'_>, settings: &Settings) {
    let is_on_one_machine = is_loopback_name(host_name(origin_host(&settings.api_domain)));
    if settings.api_domain.starts_with("http://") && !is_on_one_machine {
        reader.fault(
            "API_DOMAIN",
            "must be https: http is for localhost and other loopback names only",
        );
    } else if !settings.cookie_secure && !is_on_one_machine {
        reader.fault(
            "COOKIE_SECURE",
            "must not be false: cookies would go over http, too",
        );
    }
    if settings.development && !is_on_one_machine {
        reader.fault(
            "DEVELOPMENT",
            "must not be true: where origins are is shown on one machine (loopback) only",
        );
    }
    if settings
        .website_origins
        .iter()
        .any(|origin| has_unusual_scheme(origin))
    {
        reader.warn(
            "WEBSITE_ORIGINS",
            "holds an origin whose scheme is neither https nor one of the usual app frameworks: is it spelled right?",
        );
    }
}

fn check_cookies(reader: &mut Reader<'_>, settings: &Settings) {
    let api_name = host_name(origin_host(&settings.api_domain));
    if settings.host_prefixed_cookie
        && !(settings.api_domain.starts_with("https://") && settings.cookie_secure)
    {
        reader.fault(
            "HOST_PREFIXED_COOKIE",
            "needs an https API_DOMAIN and secure cookies",
        );
    }
    if settings.host_prefixed_cookie && settings.cookie_domain.is_some() {
        reader.fault(
            "HOST_PREFIXED_COOKIE",
            "cannot be used with COOKIE_DOMAIN: such a cookie has no domain",
        );
    }
    if settings
        .cookie_domain
        .as_deref()
        .is_some_and(is_public_suffix)
    {
        reader.fault(
            "COOKIE_DOMAIN",
            "is a public suffix, under which everybody can have a host: browsers drop such cookies",
        );
    } else if settings
        .cookie_domain
        .as_ref()
        .is_some_and(|domain| !lies_under(api_name, domain))
    {
        reader.warn(
            "COOKIE_DOMAIN",
            "does not cover the host of API_DOMAIN: browsers will drop the cookies",
        );
    }
    let is_used = settings.token_transfer_method != TokenTransferMethod::Header;
    if is_used && settings.same_site() == SameSite::None && !settings.cookie_secure {
        if settings.cookie_same_site == Some(SameSite::None) && !is_local_name(api_name) {
            reader.fault(
                "COOKIE_SAME_SITE",
                "none needs COOKIE_SECURE: browsers drop such cookies",
            );
        } else {
            reader.warn(
                "COOKIE_SAME_SITE",
                "is none for the given WEBSITE_ORIGINS while cookies are not secure: cookie mode will not work there",
            );
        }
    }
    if is_used && settings.same_site() == SameSite::None && settings.anti_csrf == AntiCsrf::None {
        reader.fault(
            "ANTI_CSRF",
            "must not be NONE while cookies are SameSite=None: any website could send requests with them",
        );
    }
    if settings.cookie_partitioned && !settings.may_be_partitioned() {
        reader.fault(
            "COOKIE_PARTITIONED",
            "needs COOKIE_SAME_SITE none and secure cookies: browsers drop such cookies otherwise",
        );
    }
    if settings.device_binding != DeviceBinding::Off {
        check_device_binding(reader, settings);
    }
    let fitting = settings.largest_cookie_token();
    if is_used && settings.max_access_token_bytes > fitting {
        reader.warn(
            "MAX_ACCESS_TOKEN_BYTES",
            format!("is above {fitting}, the most that fits a cookie of 4096 bytes"),
        );
    }
}

/// The bound cookie is host-only and not partitioned: other session cookies would go where it does not.
fn check_device_binding(reader: &mut Reader<'_>, settings: &Settings) {
    for (is_set, other) in [
        (settings.cookie_domain.is_some(), "COOKIE_DOMAIN"),
        (settings.cookie_partitioned, "COOKIE_PARTITIONED"),
    ] {
        if is_set {
            reader.fault(
                "DEVICE_BINDING",
                format!(
                    "must be off with {other}: the cookie that shows the device is of one host"
                ),
            );
        }
    }
    let is_header = settings.token_transfer_method == TokenTransferMethod::Header;
    if is_header && settings.device_binding == DeviceBinding::Require {
        reader.fault(
            "DEVICE_BINDING",
            "must not be require with TOKEN_TRANSFER_METHOD header: only sessions in cookies can be bound",
        );
    } else if is_header {
        reader.warn(
            "DEVICE_BINDING",
            "does nothing with TOKEN_TRANSFER_METHOD header: only sessions in cookies can be bound",
        );
    }
}

fn check_lifetimes(reader: &mut Reader<'_>, settings: &Settings) {
    if settings.refresh_token_validity <= settings.access_token_validity {
        reader.warn(
            "REFRESH_TOKEN_VALIDITY",
            "is not longer than ACCESS_TOKEN_VALIDITY: sessions end before they can be refreshed",
        );
    }
    if settings
        .session_absolute_lifetime
        .is_some_and(|lifetime| lifetime < settings.access_token_validity)
    {
        reader.warn(
            "SESSION_ABSOLUTE_LIFETIME",
            "is shorter than ACCESS_TOKEN_VALIDITY: access tokens end with the session",
        );
    }
}
