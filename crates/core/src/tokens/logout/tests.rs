use super::{Ended, Signal, SignalFault, SignalKind, back_channel, policy, security_event};
use crate::settings::{TrustedIssuer, testing::parsed};
use postern_jwt::{
    KeyMaterial, MAX_TOKEN_BYTES, SignatureVerdict, TokenFault, VerificationKey, compact,
    keys::jwk::{self, KeySetSource},
    time::UnixMillis,
};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn issuer() -> TrustedIssuer {
    let key = compact::encode(&[7; 32]);
    let setting = format!(
        r#"[{{"id":"idp","issuer":"https://idp.example","audience":["api"],"logout_audience":["client"],"algorithms":["HS256"],
            "jwks":{{"keys":[{{"kty":"oct","kid":"k","alg":"HS256","k":"{key}"}}]}}}}]"#
    );
    parsed(&[("TRUSTED_ISSUERS", &setting)]).trusted_issuers[0].clone()
}

fn key() -> VerificationKey {
    let text = format!(
        r#"{{"kty":"oct","kid":"k","alg":"HS256","k":"{}"}}"#,
        compact::encode(&[7; 32])
    );
    let key = jwk::parse_key(
        &text,
        KeySetSource::Settings,
        &[postern_jwt::Algorithm::HS256],
    )
    .unwrap();
    assert!(matches!(key.material(), KeyMaterial::Symmetric(_)));
    key
}

fn signal(kind: SignalKind, typ: &str, claims: &str) -> Result<Signal, SignalFault> {
    let header = format!(r#"{{"alg":"HS256","kid":"k"{typ}}}"#);
    let input = format!(
        "{}.{}",
        compact::encode(header.as_bytes()),
        compact::encode(claims.as_bytes())
    );
    let token = format!("{input}.{}", compact::encode(&[1; 32]));
    let issuer = issuer();
    let (keys, policy) = ([key()], policy(&issuer, kind));
    let token = compact::parse(&token, MAX_TOKEN_BYTES).map_err(SignalFault::Token)?;
    let pending = token
        .choose_keys(&keys, &policy)
        .map_err(SignalFault::Token)?;
    // Signatures are the pipeline's, and tested there.
    let verdict = SignatureVerdict::from_backend(true);
    let verified = pending.finish(verdict, NOW).map_err(SignalFault::Token)?;
    match kind {
        SignalKind::BackChannel => back_channel::read(&issuer, &verified, NOW),
        SignalKind::SecurityEvent => security_event::read(&issuer, &verified, NOW),
    }
}

const LOGOUT: &str = r#"{"iss":"https://idp.example","aud":"client","iat":1699999990,"exp":1700000110,"jti":"j","sub":"u","sid":"s","events":{"http://schemas.openid.net/event/backchannel-logout":{}}}"#;

fn logout(claims: &str) -> Result<Signal, SignalFault> {
    signal(SignalKind::BackChannel, r#","typ":"logout+jwt""#, claims)
}

fn with(claims: &str, from: &str, to: &str) -> String {
    assert!(claims.contains(from), "{from}");
    claims.replace(from, to)
}

#[test]
fn a_logout_token_names_whom_it_ends_and_when() {
    let expected = Ended {
        tenant: String::new(),
        subject: Some("u".to_owned()),
        session: Some("s".to_owned()),
        moment: UnixMillis(1_699_999_990_000),
    };
    for typ in ["", r#","typ":"JWT""#, r#","typ":"logout+jwt""#] {
        let read = signal(SignalKind::BackChannel, typ, LOGOUT).unwrap();
        assert_eq!(read.ends.as_ref(), Ok(&expected), "{typ}");
        assert_eq!(read.jti, "j");
    }
    let without_expiry = with(LOGOUT, r#""exp":1700000110,"#, "");
    assert!(logout(&without_expiry).is_ok());
}

#[test]
fn what_is_no_logout_token_is_refused() {
    let token = |fault| SignalFault::Token(fault);
    for (from, to, expected) in [
        (
            r#""aud":"client""#,
            r#""aud":"api""#,
            Some(token(TokenFault::WrongAudience)),
        ),
        (
            "https://idp.example",
            "https://idp.example/",
            Some(token(TokenFault::WrongIssuer)),
        ),
        (
            "1699999990",
            "1700000061",
            Some(token(TokenFault::IssuedInFuture)),
        ),
        ("1700000110", "1699999939", Some(token(TokenFault::Expired))),
        (
            r#""exp":1700000110,"#,
            r#""cnf":{},"#,
            Some(token(TokenFault::BoundToKey)),
        ),
        (
            r#""iat":1699999990,"#,
            "",
            Some(token(TokenFault::IssuedAtMissing)),
        ),
        (r#""jti":"j","#, "", None),
        (r#""jti":"j","#, r#""jti":7,"#, None),
        (r#""jti":"j","#, r#""jti":"","#, None),
        (r#""jti":"j","#, r#""jti":"j","nonce":"n","#, None),
        (r#""sub":"u","sid":"s","#, "", None),
        (r#""sub":"u""#, r#""sub":["u"]"#, None),
        ("backchannel-logout", "backchannel", None),
        (
            r#"{"http://schemas.openid.net/event/backchannel-logout":{}}"#,
            r#"["http://schemas.openid.net/event/backchannel-logout"]"#,
            None,
        ),
        (
            r#"backchannel-logout":{}"#,
            r#"backchannel-logout":"""#,
            None,
        ),
    ] {
        let refused = logout(&with(LOGOUT, from, to)).expect_err(to);
        match expected {
            Some(expected) => assert_eq!(refused, expected, "{to}"),
            None => assert!(matches!(refused, SignalFault::Says(_)), "{to} {refused:?}"),
        }
    }
    let old = with(
        LOGOUT,
        r#""iat":1699999990,"exp":1700000110,"#,
        r#""iat":1699999399,"#,
    );
    assert_eq!(logout(&old), Err(token(TokenFault::Expired)));
    for typ in ["at+jwt", "secevent+jwt", "dpop+jwt"] {
        let typ = format!(r#","typ":"{typ}""#);
        let refused = signal(SignalKind::BackChannel, &typ, LOGOUT);
        assert_eq!(refused, Err(token(TokenFault::WrongType)));
    }
}

const REVOKED: &str = r#"{"iss":"https://idp.example","aud":["client"],"iat":1699999990,"jti":"j","sub_id":{"format":"iss_sub","iss":"https://idp.example","sub":"u"},"events":{"https://schemas.openid.net/secevent/caep/event-type/session-revoked":{"event_timestamp":1699990000}}}"#;

fn event(claims: &str) -> Result<Signal, SignalFault> {
    signal(
        SignalKind::SecurityEvent,
        r#","typ":"secevent+jwt""#,
        claims,
    )
}

#[test]
fn a_revoked_session_is_named_by_subject_or_session() {
    let ended = |subject: Option<&str>, session: Option<&str>, moment| Ended {
        tenant: String::new(),
        subject: subject.map(str::to_owned),
        session: session.map(str::to_owned),
        moment: UnixMillis(moment),
    };
    let at = 1_699_990_000_000;
    let subject = r#"{"format":"iss_sub","iss":"https://idp.example","sub":"u"}"#;
    for (sub_id, expected) in [
        (subject, ended(Some("u"), None, at)),
        (
            r#"{"format":"aliases","identifiers":[{"format":"email","email":"a@b"},{"format":"iss_sub","iss":"https://idp.example","sub":"u"}]}"#,
            ended(Some("u"), None, at),
        ),
        (
            r#"{"format":"complex","session":{"format":"opaque","id":"s"}}"#,
            ended(None, Some("s"), at),
        ),
        (
            r#"{"format":"complex","session":{"format":"opaque","id":"s"},"user":{"format":"iss_sub","iss":"https://idp.example","sub":"u"},"device":{"format":"opaque","id":"d"}}"#,
            ended(Some("u"), Some("s"), at),
        ),
    ] {
        let read = event(&with(REVOKED, subject, sub_id)).unwrap();
        assert_eq!(read.ends, Ok(expected), "{sub_id}");
    }
    for (timestamp, moment) in [
        (r#"{"event_timestamp":1699990000123}"#, 1_699_990_000_123),
        (r#"{"event_timestamp":1900000000}"#, NOW.0),
        ("{}", 1_699_999_990_000),
    ] {
        let read = event(&with(
            REVOKED,
            r#"{"event_timestamp":1699990000}"#,
            timestamp,
        ))
        .unwrap();
        assert_eq!(read.ends.unwrap().moment, UnixMillis(moment), "{timestamp}");
    }
}

#[test]
fn events_and_subjects_that_concern_nobody_here_are_accepted_without_effect() {
    let subject = r#"{"format":"iss_sub","iss":"https://idp.example","sub":"u"}"#;
    for (from, to) in [
        ("session-revoked", "credential-change"),
        (
            subject,
            r#"{"format":"iss_sub","iss":"https://other.example","sub":"u"}"#,
        ),
        (subject, r#"{"format":"email","email":"a@b.example"}"#),
        (
            subject,
            r#"{"format":"complex","device":{"format":"opaque","id":"d"}}"#,
        ),
        (
            subject,
            r#"{"format":"complex","user":{"format":"email","email":"a@b"},"session":{"format":"opaque","id":"s"}}"#,
        ),
    ] {
        assert!(
            event(&with(REVOKED, from, to)).unwrap().ends.is_err(),
            "{to}"
        );
    }
}

#[test]
fn what_is_no_security_event_is_refused() {
    for (from, to) in [
        (r#""jti":"j","#, r#""jti":"j","exp":1700000110,"#),
        (r#""jti":"j","#, r#""jti":"j","sub":"u","#),
        (r#""jti":"j","#, ""),
        (r#""iat":1699999990,"#, ""),
        (r#""iat":1699999990,"#, r#""iat":1600000000,"#),
        (r#""sub_id""#, r#""subject""#),
        (r#""events":{"#, r#""events":{"https://a.example":{},"#),
        (r#""aud":["client"]"#, r#""aud":["other"]"#),
        (r#"{"event_timestamp":1699990000}"#, "[]"),
        (
            r#""event_timestamp":1699990000"#,
            r#""event_timestamp":"x""#,
        ),
    ] {
        assert!(event(&with(REVOKED, from, to)).is_err(), "{to}");
    }
    for typ in ["", r#","typ":"JWT""#, r#","typ":"logout+jwt""#] {
        let refused = signal(SignalKind::SecurityEvent, typ, REVOKED);
        assert_eq!(refused, Err(SignalFault::Token(TokenFault::WrongType)));
    }
}
