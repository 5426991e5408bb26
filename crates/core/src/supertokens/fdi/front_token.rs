//! The front token: what page scripts may know of a session (fdi.md 2.3). It is unsigned and never read back.

use data_encoding::{BASE64, BASE64URL_NOPAD};

use crate::{
    refusal::Refusal,
    session::model::{SessionView, TokenInfo},
};
use postern_jwt::json::ObjectWriter;

/// The value that tells the browser SDK that the session is gone.
pub const REMOVE: &str = "remove";

/// The front token of a session whose access token was made just now: base64 of
/// `{"uid":…,"ate":<expiry in ms>,"up":<the token's whole payload>}`.
///
/// The standard alphabet with padding is required: the SDK decodes it with `atob`. Never make one for an older token:
/// the SDK measures its clock against the payload's `iat`.
///
/// # Errors
/// A fault of ours when the access token is not one.
pub fn front_token(session: &SessionView, access_token: &TokenInfo) -> Result<String, Refusal> {
    let payload = payload_text(&access_token.token)
        .ok_or(Refusal::GeneralError("the access token cannot be read"))?;
    Ok(BASE64.encode(json_text(&session.user_id, access_token.expiry.0, &payload).as_bytes()))
}

/// How long the front token of a session will be, in bytes, before there is a token: `payload_bytes` is the length of
/// the access token's payload as JSON text.
pub fn front_token_length(user_id: &str, expiry_millis: u64, payload_bytes: usize) -> usize {
    let bytes = json_text(user_id, expiry_millis, "")
        .len()
        .saturating_add(payload_bytes);
    bytes.div_ceil(3).saturating_mul(4)
}

fn json_text(user_id: &str, expiry_millis: u64, payload: &str) -> String {
    let mut token = ObjectWriter::new();
    token.text("uid", user_id);
    token.number("ate", expiry_millis);
    token.json("up", payload);
    token.finish()
}

/// The payload's text, verbatim, so that numbers and the order of members stay as they were signed.
fn payload_text(token: &str) -> Option<String> {
    let payload = token.split('.').nth(1)?;
    String::from_utf8(BASE64URL_NOPAD.decode(payload.as_bytes()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64, Base64UrlUnpadded, Encoding};

    use super::{front_token, front_token_length};
    use crate::session::model::{SessionView, TokenInfo};
    use postern_jwt::time::UnixMillis;

    fn front_token_of(user_id: &str, payload: &str) -> String {
        let session = SessionView {
            handle: "h".into(),
            user_id: user_id.into(),
            tenant_id: "public".into(),
            payload: "{}".into(),
        };
        let token = TokenInfo {
            token: format!(
                "e30.{}.c2ln",
                Base64UrlUnpadded::encode_string(payload.as_bytes())
            ),
            expiry: UnixMillis(1_700_000_000_000),
            created: UnixMillis(0),
        };
        front_token(&session, &token).unwrap()
    }

    #[test]
    fn it_holds_the_payload_verbatim_in_standard_base64() {
        let payload = r#"{"iat":1,"exp":1700000000,"n":1.50,"antiCsrfToken":null,"name":"łukasz 馬 / 马 ??>>"}"#;
        let token = front_token_of("a\"b", payload);
        let decoded = String::from_utf8(Base64::decode_vec(&token).unwrap()).unwrap();
        assert_eq!(
            decoded,
            format!("{{\"uid\":\"a\\\"b\",\"ate\":1700000000000,\"up\":{payload}}}")
        );
        assert!(!token.contains(['-', '_']));
        assert_eq!(token.len() % 4, 0);
    }

    #[test]
    fn its_length_is_known_before_it_is_made() {
        for (user_id, payload) in [("u", "{}"), ("ü\n", "{\"a\":1}"), ("", "{\"a\":\"bcdef\"}")] {
            let length = front_token_length(user_id, 1_700_000_000_000, payload.len());
            assert_eq!(length, front_token_of(user_id, payload).len());
        }
    }
}
