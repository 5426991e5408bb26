//! What is signed for `POST /recipe/jwt`: a JWT that is no session.
//!
//! Its header has no `version`, so that no endpoint of ours takes it for a session's access token.

use crate::supertokens::cdi::request::call::CreateJwt;
use postern_jwt::{
    Algorithm,
    json::{self, JsonFault, ObjectWriter},
    time::UnixMillis,
};

/// The JOSE header (RFC 7515 section 4.1) for a key of this name.
pub fn header(kid: &str) -> String {
    let mut header = ObjectWriter::new();
    header.text("alg", Algorithm::RS256.name());
    header.text("typ", "JWT");
    header.text("kid", kid);
    header.finish()
}

/// The claims: `iat`, `exp`, `iss` unless the payload brings its own, and the payload. A payload's own `iat` and `exp`
/// give way to ours: no claim may stand there twice.
pub fn claims(jwt: &CreateJwt, now: UnixMillis) -> Result<String, JsonFault> {
    let payload = json::parse_object(&jwt.payload)?;
    let mut claims = ObjectWriter::new();
    claims.number("iat", now.as_seconds());
    claims.number("exp", now.plus(jwt.validity).as_seconds());
    if !payload.contains("iss") {
        claims.text("iss", &jwt.issuer);
    }
    for member in payload.members() {
        if !matches!(member.name(), "iat" | "exp") {
            claims.json(member.name(), member.value());
        }
    }
    Ok(claims.finish())
}

#[cfg(test)]
mod tests {
    use super::{claims, header};
    use crate::supertokens::cdi::request::call::CreateJwt;
    use postern_jwt::time::{Millis, UnixMillis};

    fn jwt(payload: &str) -> CreateJwt {
        CreateJwt {
            issuer: "https://x\"y".to_owned(),
            payload: payload.to_owned(),
            validity: Millis(60_000),
            use_dynamic_signing_key: false,
        }
    }

    #[test]
    fn the_header_says_nothing_of_a_session() {
        assert_eq!(header("s-1"), r#"{"alg":"RS256","typ":"JWT","kid":"s-1"}"#);
    }

    #[test]
    fn our_times_win_and_the_payloads_issuer_wins() {
        let now = UnixMillis(10_999);
        assert_eq!(
            claims(&jwt("{}"), now).unwrap(),
            r#"{"iat":10,"exp":70,"iss":"https://x\"y"}"#
        );
        assert_eq!(
            claims(&jwt(r#"{"exp":9,"iss":"z","iat":1,"n":1.0}"#), now).unwrap(),
            r#"{"iat":10,"exp":70,"iss":"z","n":1.0}"#
        );
    }
}
