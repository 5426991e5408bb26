//! What browsers see: cookies, the anti-CSRF check, how tokens travel.

use super::forms::{BOOLEAN, choice, parse_boolean};
use crate::settings::duration::digits;
use crate::settings::origin::parse_cookie_domain;
use crate::settings::reader::Reader;
use crate::settings::{AntiCsrf, SameSite, Settings, TokenTransferMethod};

/// What browsers see.
pub(in crate::settings) fn read_browser(reader: &mut Reader<'_>, settings: &mut Settings) {
    reader.scalar(
        "ANTI_CSRF",
        &mut settings.anti_csrf,
        "AUTO, NONE, VIA_TOKEN or VIA_CUSTOM_HEADER",
        choice(&[
            ("AUTO", AntiCsrf::Auto),
            ("NONE", AntiCsrf::None),
            ("VIA_TOKEN", AntiCsrf::ViaToken),
            ("VIA_CUSTOM_HEADER", AntiCsrf::ViaCustomHeader),
        ]),
    );
    reader.scalar(
        "COOKIE_DOMAIN",
        &mut settings.cookie_domain,
        "a domain such as \".example.com\"",
        |text| parse_cookie_domain(text).map(Some),
    );
    reader.scalar_or_empty(
        "OLDER_COOKIE_DOMAIN",
        &mut settings.older_cookie_domain,
        "a domain such as \".example.com\", or empty when cookies had no domain before",
        |text| {
            if text.is_empty() {
                Some(Some(String::new()))
            } else {
                parse_cookie_domain(text).map(Some)
            }
        },
    );
    reader.scalar(
        "COOKIE_SAME_SITE",
        &mut settings.cookie_same_site,
        "none, lax or strict",
        choice(&[
            ("none", Some(SameSite::None)),
            ("lax", Some(SameSite::Lax)),
            ("strict", Some(SameSite::Strict)),
        ]),
    );
    settings.cookie_secure = settings.api_domain.starts_with("https://");
    reader.scalar(
        "COOKIE_SECURE",
        &mut settings.cookie_secure,
        BOOLEAN,
        parse_boolean,
    );
    reader.scalar(
        "HOST_PREFIXED_COOKIE",
        &mut settings.host_prefixed_cookie,
        BOOLEAN,
        parse_boolean,
    );
    reader.scalar(
        "COOKIE_PARTITIONED",
        &mut settings.cookie_partitioned,
        BOOLEAN,
        parse_boolean,
    );
    reader.scalar(
        "EXPOSE_ACCESS_TOKEN_TO_FRONTEND_IN_COOKIE_BASED_AUTH",
        &mut settings.expose_access_token,
        BOOLEAN,
        parse_boolean,
    );
    reader.scalar(
        "CLEAR_SITE_DATA_ON_SIGN_OUT",
        &mut settings.clear_site_data_on_sign_out,
        BOOLEAN,
        parse_boolean,
    );
    reader.scalar(
        "TOKEN_TRANSFER_METHOD",
        &mut settings.token_transfer_method,
        "any, cookie or header",
        choice(&[
            ("any", TokenTransferMethod::Any),
            ("cookie", TokenTransferMethod::Cookie),
            ("header", TokenTransferMethod::Header),
        ]),
    );
    reader.scalar(
        "SESSION_EXPIRED_STATUS_CODE",
        &mut settings.session_expired_status_code,
        "a status from 401 to 499 except 403, which means that claims are not met",
        |text| {
            u16::try_from(digits(text)?)
                .ok()
                .filter(|status| (401..500).contains(status) && *status != 403)
        },
    );
}
