//! The JSON objects of answers. Every optional field is left out when absent.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    legacy_keys::LegacyKey,
    tokens::{SessionBody, TokenBody},
};
use crate::{
    session::model::ReuseSubtype,
    time::{Millis, UnixMillis},
};

/// Every field that an answer can have besides those with a shape of their own.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer<'a> {
    pub(super) status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<SessionBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) access_token: Option<TokenBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token: Option<TokenBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id_refresh_token: Option<TokenBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) anti_csrf_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) payload_update_available: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recent_token_reuse_subtype: Option<ReuseSubtype>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jwt: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_data_in_database: Option<&'a RawValue>,
    #[serde(rename = "userDataInJWT", skip_serializing_if = "Option::is_none")]
    pub(super) payload: Option<&'a RawValue>,
    #[serde(flatten)]
    pub(super) keys: Option<KeyBody>,
}

/// The public keys of versions before 2.21.
#[derive(Debug, Serialize)]
pub(super) struct KeyBody {
    #[serde(rename = "jwtSigningPublicKey")]
    pub(super) signer: String,
    #[serde(rename = "jwtSigningPublicKeyExpiryTime")]
    pub(super) signer_expiry: UnixMillis,
    #[serde(
        rename = "jwtSigningPublicKeyList",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) list: Option<Vec<LegacyKey>>,
}

/// `GET …/session`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InformationBody<'a> {
    pub(super) status: &'static str,
    pub(super) session_handle: &'a str,
    pub(super) user_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recipe_user_id: Option<&'a str>,
    pub(super) user_data_in_database: &'a RawValue,
    #[serde(rename = "userDataInJWT")]
    pub(super) payload: &'a RawValue,
    pub(super) expiry: UnixMillis,
    pub(super) time_created: UnixMillis,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tenant_id: Option<&'a str>,
}

/// `session` in `TOKEN_THEFT_DETECTED`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TheftBody<'a> {
    pub(super) status: &'static str,
    pub(super) session: StolenSession<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recent_token_reuse_subtype: Option<ReuseSubtype>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StolenSession<'a> {
    pub(super) handle: &'a str,
    pub(super) user_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recipe_user_id: Option<&'a str>,
}

/// `…/session/user` and `…/session/remove`
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HandlesBody<'a> {
    pub(super) status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session_handles: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session_handles_revoked: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) number_of_sessions_revoked: Option<usize>,
}

/// `…/handshake`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HandshakeBody<'a> {
    pub(super) status: &'static str,
    #[serde(flatten)]
    pub(super) keys: Option<KeyBody>,
    pub(super) access_token_blacklisting_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) access_token_validity: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token_validity: Option<Millis>,
    #[serde(flatten)]
    pub(super) cookies: Option<HandshakeCookies<'a>>,
}

/// What the handshake of versions before 2.4 says about cookies.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HandshakeCookies<'a> {
    pub(super) cookie_domain: &'a str,
    pub(super) cookie_secure: bool,
    pub(super) access_token_path: &'a str,
    pub(super) refresh_token_path: &'a str,
    pub(super) enable_anti_csrf: bool,
    #[serde(flatten)]
    pub(super) later: Option<HandshakeCookiesLater<'a>>,
}

/// What version 2.0 adds to that.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HandshakeCookiesLater<'a> {
    pub(super) cookie_same_site: &'static str,
    pub(super) id_refresh_token_path: &'a str,
    pub(super) session_expired_status_code: u16,
}

#[derive(Debug, Serialize)]
pub(super) struct JwksBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<&'static str>,
    pub(super) keys: &'a RawValue,
}
