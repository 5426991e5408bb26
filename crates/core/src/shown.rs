//! A session as results show it: over RPC, at `GET {base}/session` and in pages of sessions (`client/rpc.d.ts`).

use serde::Serialize;

use crate::{
    identity::Session,
    message::raw,
    session::model::{SessionView, TokenInfo},
    tenant::OWN,
};
use postern_jwt::time::UnixMillis;

/// The member `session`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownSession<'a> {
    /// Null for a session that has no name.
    handle: Option<&'a str>,
    issuer: &'a str,
    user_id: &'a str,
    tenant_id: &'a str,
    /// As it was signed: the text and the order of its members are kept.
    #[serde(serialize_with = "raw::serialize")]
    jwt_payload: &'a str,
}

impl<'a> From<&'a Session> for ShownSession<'a> {
    fn from(session: &'a Session) -> Self {
        Self {
            handle: session.handle.as_deref(),
            issuer: session.identity.issuer.id(),
            user_id: &session.identity.subject,
            tenant_id: &session.identity.tenant_id,
            jwt_payload: &session.payload,
        }
    }
}

/// A session of our own.
impl<'a> From<&'a SessionView> for ShownSession<'a> {
    fn from(view: &'a SessionView) -> Self {
        Self {
            handle: Some(&view.handle),
            issuer: OWN,
            user_id: &view.user_id,
            tenant_id: &view.tenant_id,
            jwt_payload: &view.payload,
        }
    }
}

/// A token with its times.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownToken<'a> {
    token: &'a str,
    expiry: UnixMillis,
    created_time: UnixMillis,
}

impl<'a> From<&'a TokenInfo> for ShownToken<'a> {
    fn from(info: &'a TokenInfo) -> Self {
        Self {
            token: &info.token,
            expiry: info.expiry,
            created_time: info.created,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ShownSession;
    use crate::identity::{Identity, Session};

    #[test]
    fn a_payload_is_shown_as_it_was_signed() {
        let session = Session {
            handle: Some("h\"1".to_owned()),
            identity: Identity::trusted("idp", None, "u\u{1}".to_owned()),
            bound_key: None,
            payload: r#"{"b":1.0,"a":1e21,"__proto__":{"\u0061":[1e999]}}"#.to_owned(),
        };
        assert_eq!(
            serde_json::to_string(&ShownSession::from(&session)).unwrap(),
            r#"{"handle":"h\"1","issuer":"idp","userId":"u\u0001","tenantId":"public","jwtPayload":{"b":1.0,"a":1e21,"__proto__":{"\u0061":[1e999]}}}"#
        );
    }
}
