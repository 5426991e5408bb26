use base64ct::Encoding;
use proptest::prelude::*;

use super::support::{NOW, key_ring, sign, signing_input};
use crate::tokens::{
    access_token::{
        self, AccessClaims,
        AccessTokenVersion::{self, V1, V2, V3, V4, V5},
        PayloadFault, find_protected, protected_claims,
    },
    legacy,
};
use postern_jwt::{Algorithm, MAX_TOKEN_BYTES, Policy, TokenFault, Verified, compact};
use postern_jwt::{
    TokenOrigin, json,
    proof::Thumbprint,
    time::{Millis, UnixMillis},
};

const VERSIONS: [AccessTokenVersion; 5] = [V1, V2, V3, V4, V5];

fn claims(version: AccessTokenVersion) -> AccessClaims {
    AccessClaims {
        version,
        user_id: "u\"1".to_owned(),
        recipe_user_id: if version == V5 { "r1" } else { "u\"1" }.to_owned(),
        tenant_id: "t1".to_owned(),
        handle: "route.random.tag_t1".to_owned(),
        refresh_token_hash1: "aa".repeat(32),
        parent_refresh_token_hash1: None,
        anti_csrf_token: None,
        // Whole seconds, so that every version can say it.
        expiry: NOW.plus(Millis::from_seconds(3600)),
        created: NOW,
        // The fixed headers have no room for it.
        origin: if version.is_legacy() {
            TokenOrigin::default()
        } else {
            TokenOrigin {
                session_created: Some(UnixMillis(1_700_000_000_123)),
                generation: 7,
                device: Thumbprint::parse(&"A".repeat(43)),
            }
        },
        payload: r#"{"a":1.0,"__proto__":{"b":[null,1e21]},"é":"\u00e9"}"#.to_owned(),
    }
}

fn issue(claims: &AccessClaims) -> String {
    let input = claims.signing_input(Algorithm::RS256, "rsa").unwrap();
    let signature = sign(Algorithm::RS256, &input);
    access_token::complete(claims.version, &input, &signature)
}

fn verify(token: &str) -> Result<Verified, TokenFault> {
    let (keys, policy) = (key_ring(), Policy::own(Millis(0)));
    let rsa = &keys[1..2];
    let pending = access_token::parse(token)?.choose_keys(rsa, &policy)?;
    let verdict = super::support::ask_backend(&pending);
    pending.finish(verdict, NOW)
}

fn payload_of(token: &str) -> String {
    let parsed = access_token::parse(token).unwrap();
    parsed.payload_unverified().to_owned()
}

#[test]
fn every_version_says_what_it_was_given() {
    for version in VERSIONS {
        for bound in [false, true] {
            let mut claims = claims(version);
            if bound {
                claims.parent_refresh_token_hash1 = Some("bb".repeat(32));
                claims.anti_csrf_token =
                    Some(postern_jwt::secret::AntiCsrfToken::new("csrf".to_owned()));
            }
            let verified = verify(&issue(&claims)).unwrap();
            assert_eq!(AccessClaims::from_verified(&verified), Ok(claims.clone()));
            assert_eq!(verified.expiry(), claims.expiry);
        }
    }
}

#[test]
fn headers_and_claims_are_spelled_as_the_protocol_says() {
    let claims_of = |version| payload_of(&issue(&claims(version)));
    assert!(issue(&claims(V1)).starts_with(legacy::HEADER_V1));
    assert!(issue(&claims(V2)).starts_with(legacy::HEADER_V2));
    for (constant, version) in [(legacy::HEADER_V1, "1"), (legacy::HEADER_V2, "2")] {
        let header = String::from_utf8(base64ct::Base64::decode_vec(constant).unwrap()).unwrap();
        assert_eq!(
            header,
            format!(r#"{{"alg":"RS256","typ":"JWT","version":"{version}"}}"#)
        );
    }
    let token = issue(&claims(V5));
    let header = base64ct::Base64UrlUnpadded::decode_vec(token.split('.').next().unwrap());
    assert_eq!(
        String::from_utf8(header.unwrap()).unwrap(),
        format!(
            r#"{{"alg":"RS256","kid":"rsa","typ":"JWT","version":"5","sct":1700000000123,"gen":7,"device_jkt":"{}"}}"#,
            "A".repeat(43)
        )
    );
    let hash = "aa".repeat(32);
    let user = r#""a":1.0,"__proto__":{"b":[null,1e21]},"é":"\u00e9"}"#;
    assert_eq!(
        claims_of(V5),
        format!(
            r#"{{"sub":"u\"1","exp":1800003600,"iat":1800000000,"tId":"t1","rsub":"r1","sessionHandle":"route.random.tag_t1","refreshTokenHash1":"{hash}","parentRefreshTokenHash1":null,"antiCsrfToken":null,{user}"#
        )
    );
    assert_eq!(
        claims_of(V3),
        format!(
            r#"{{"sub":"u\"1","exp":1800003600,"iat":1800000000,"sessionHandle":"route.random.tag_t1","refreshTokenHash1":"{hash}","parentRefreshTokenHash1":null,"antiCsrfToken":null,{user}"#
        )
    );
    assert_eq!(
        claims_of(V2),
        format!(
            r#"{{"userId":"u\"1","expiryTime":1800003600000,"timeCreated":1800000000000,"sessionHandle":"route.random.tag_t1","refreshTokenHash1":"{hash}","userData":{{{user}}}"#
        )
    );
    let v4 = claims_of(V4);
    assert!(v4.contains("tId") && !v4.contains("rsub"));
}

#[test]
fn times_are_whole_seconds_from_version_3_on_and_milliseconds_before() {
    for (version, expiry) in [(V2, 1_800_003_600_789), (V3, 1_800_003_600_000)] {
        let mut claims = claims(version);
        claims.expiry = UnixMillis(1_800_003_600_789);
        assert_eq!(
            verify(&issue(&claims)).unwrap().expiry(),
            UnixMillis(expiry)
        );
    }
}

#[test]
fn a_user_payload_cannot_set_protected_claims() {
    for version in VERSIONS {
        for name in protected_claims(version) {
            let payload = format!(
                r#"{{"x":1,"{}\u{:04x}":null}}"#,
                &name[..name.len() - 1],
                u32::from(name.as_bytes()[name.len() - 1])
            );
            let object = json::parse_object(&payload).unwrap();
            assert_eq!(find_protected(&object, version), Some(*name));
            let mut claims = claims(version);
            claims.payload.clone_from(&payload);
            let made = claims.signing_input(Algorithm::RS256, "rsa");
            // A nested payload has no clash.
            let expected = if version.is_legacy() {
                None
            } else {
                Some(PayloadFault::Protected(name))
            };
            assert_eq!(made.err(), expected);
        }
    }
    let free = json::parse_object(r#"{"iss":1,"aud":2,"nbf":3,"jti":4,"rsub":5}"#).unwrap();
    assert_eq!(find_protected(&free, V4), None);
    let mut claims = claims(V5);
    claims.payload = "[]".to_owned();
    assert!(matches!(
        claims.signing_input(Algorithm::RS256, "rsa"),
        Err(PayloadFault::Malformed(_))
    ));
}

#[test]
fn what_a_version_does_not_keep_for_itself_is_payload() {
    for (version, payload) in [
        (V3, r#"{"tId":"t9","rsub":7,"stt":0}"#),
        (V4, r#"{"rsub":"r9","b":1.0,"a":[ 1e999 ]}"#),
        (V5, r#"{"stt":0.0,"userId":"u9"}"#),
    ] {
        let given = AccessClaims {
            payload: payload.to_owned(),
            ..claims(version)
        };
        let read = AccessClaims::from_verified(&verify(&issue(&given)).unwrap());
        assert_eq!(read, Ok(given), "{version:?}");
    }
}

#[test]
fn a_payload_that_could_not_be_read_back_makes_no_token() {
    let arrays = json::MAX_DEPTH - 1;
    let payload = format!(r#"{{"x":{}{}}}"#, "[".repeat(arrays), "]".repeat(arrays));
    for version in VERSIONS {
        let mut claims = claims(version);
        claims.payload.clone_from(&payload);
        let made = claims.signing_input(Algorithm::RS256, "rsa");
        // The legacy versions nest the payload one level deeper.
        assert_eq!(made.is_ok(), !version.is_legacy(), "{version:?}");
    }
}

#[test]
fn the_tenant_of_older_versions_is_the_handles() {
    for (handle, tenant) in [
        ("a.b.c", "public"),
        ("a.b.c_t2", "t2"),
        ("a.b.c_t2_x", "t2"),
    ] {
        let mut claims = claims(V3);
        claims.handle = handle.to_owned();
        let read = AccessClaims::from_verified(&verify(&issue(&claims)).unwrap()).unwrap();
        assert_eq!(read.tenant_id, tenant);
    }
}

#[test]
fn only_session_tokens_are_session_tokens() {
    let payload = payload_of(&issue(&claims(V5)));
    let signed = |header: &str, payload: &str| {
        let input = signing_input(header, payload);
        format!(
            "{input}.{}",
            compact::encode(&sign(Algorithm::RS256, &input))
        )
    };
    let session = r#"{"alg":"RS256","kid":"rsa","typ":"JWT","version":"5"}"#;
    assert!(verify(&signed(session, &payload)).is_ok());
    for (header, expected) in [
        (
            r#"{"alg":"RS256","kid":"rsa","typ":"JWT"}"#,
            TokenFault::NotASessionToken,
        ),
        (
            r#"{"alg":"RS256","kid":"rsa","typ":"JWT","version":5}"#,
            TokenFault::NotASessionToken,
        ),
        (
            r#"{"alg":"RS256","kid":"rsa","typ":"JWT","version":"6"}"#,
            TokenFault::NotASessionToken,
        ),
        (
            r#"{"alg":"RS256","kid":"rsa","typ":"JWT","version":"2"}"#,
            TokenFault::NotASessionToken,
        ),
        (
            r#"{"alg":"RS256","kid":"rsa","typ":"JWT","version":"05"}"#,
            TokenFault::NotASessionToken,
        ),
        (
            r#"{"alg":"RS256","typ":"JWT","version":"5"}"#,
            TokenFault::NotASessionToken,
        ),
        (
            r#"{"alg":"RS256","kid":"rsa","version":"5"}"#,
            TokenFault::WrongType,
        ),
        (
            r#"{"alg":"RS256","kid":"rsa","typ":"postern-assertion+jwt","version":"5"}"#,
            TokenFault::WrongType,
        ),
        (
            r#"{"alg":"RS256","kid":"d-0","typ":"JWT","version":"5"}"#,
            TokenFault::UnknownKey,
        ),
        (
            r#"{"alg":"HS256","kid":"rsa","typ":"JWT","version":"5"}"#,
            TokenFault::AlgorithmMismatch,
        ),
        (
            r#"{"alg":"none","kid":"rsa","typ":"JWT","version":"5"}"#,
            TokenFault::AlgorithmNone,
        ),
    ] {
        assert_eq!(
            verify(&signed(header, &payload)).err(),
            Some(expected),
            "{header}"
        );
    }
    let read = |from: &str, to: &str| {
        assert!(payload.contains(from));
        let token = signed(session, &payload.replace(from, to));
        AccessClaims::from_verified(&verify(&token).unwrap())
    };
    assert!(read(r#""a":1.0"#, r#""stt":0"#).is_ok());
    for (from, to, expected) in [
        (r#""a":1.0"#, r#""stt":1"#, TokenFault::NotASessionToken),
        (r#""a":1.0"#, r#""stt":"0""#, TokenFault::NotASessionToken),
        (r#""a":1.0"#, r#""stt":null"#, TokenFault::NotASessionToken),
        (
            r#""parentRefreshTokenHash1":null,"#,
            "",
            TokenFault::ClaimMissing,
        ),
        (r#""antiCsrfToken":null,"#, "", TokenFault::ClaimMissing),
        (r#""rsub":"r1","#, "", TokenFault::ClaimMissing),
        (r#""tId":"t1","#, "", TokenFault::ClaimMissing),
        (r#""tId":"t1""#, r#""tId":null"#, TokenFault::BadClaim),
        (r#""rsub":"r1""#, r#""rsub":7"#, TokenFault::BadClaim),
        (
            r#""antiCsrfToken":null"#,
            r#""antiCsrfToken":false"#,
            TokenFault::BadClaim,
        ),
        (
            r#""iat":1800000000"#,
            r#""iat":1800000000.5"#,
            TokenFault::BadClaim,
        ),
    ] {
        assert_eq!(read(from, to), Err(expected), "{to}");
    }
}

#[test]
fn the_two_spellings_do_not_mix() {
    let v2 = issue(&claims(V2));
    let parts: Vec<&str> = v2.split('.').collect();
    // The legacy header in the other alphabet is a compact token, and as such malformed or no session token.
    let stripped = parts[0].trim_end_matches('=');
    let compact_form = format!(
        "{stripped}.{}.{}",
        parts[1].trim_end_matches('='),
        parts[2].trim_end_matches('=')
    );
    assert!(access_token::parse(&compact_form).is_err_and(TokenFault::is_structural));
    // A legacy payload or signature without its padding is refused.
    let unpadded = v2.trim_end_matches('=');
    assert_ne!(unpadded, v2, "a 256-byte signature ends in padding");
    assert_eq!(
        access_token::parse(unpadded).unwrap_err(),
        TokenFault::BadEncoding
    );
    // And compact parsing knows nothing of the constants.
    assert_eq!(
        compact::parse(&v2, MAX_TOKEN_BYTES).unwrap_err(),
        TokenFault::BadEncoding
    );
    assert_eq!(
        legacy::parse(&issue(&claims(V5)), MAX_TOKEN_BYTES).unwrap_err(),
        TokenFault::BadHeader
    );
}

#[test]
fn an_own_token_made_a_moment_ahead_of_this_clock_is_good() {
    let mut claims = claims(V5);
    claims.created = NOW.plus(Millis::from_seconds(60));
    assert!(verify(&issue(&claims)).is_ok());
    claims.created = NOW.plus(Millis::from_seconds(61));
    assert_eq!(
        verify(&issue(&claims)).err(),
        Some(TokenFault::IssuedInFuture)
    );
}

#[test]
fn where_a_token_comes_from_is_told_by_its_header_and_by_nothing_else() {
    let origin_of = |header: &str| {
        let input = signing_input(header, &payload_of(&issue(&claims(V5))));
        let token = access_token::complete(V5, &input, &sign(Algorithm::RS256, &input));
        AccessClaims::from_verified(&verify(&token).unwrap()).map(|read| read.origin)
    };
    let origin = |session_created: Option<u64>, generation| {
        Ok(TokenOrigin {
            session_created: session_created.map(UnixMillis),
            generation,
            ..TokenOrigin::default()
        })
    };
    for (members, expected) in [
        (r#","sct":5,"gen":6"#, origin(Some(5), 6)),
        ("", origin(None, 0)),
        // Of another shape: it tells nothing, and the token is as good as without.
        (r#","sct":"5","gen":-6"#, origin(None, 0)),
        (r#","sct":1.5,"gen":4294967296"#, origin(None, 0)),
    ] {
        let header = format!(r#"{{"alg":"RS256","kid":"rsa","typ":"JWT","version":"5"{members}}}"#);
        assert_eq!(origin_of(&header), expected, "{members}");
    }
    // The protocol's SDKs take a claim that they do not know for user payload, so there is none.
    let token = issue(&AccessClaims {
        payload: r#"{"sct":1,"gen":2}"#.to_owned(),
        ..claims(V5)
    });
    let read = AccessClaims::from_verified(&verify(&token).unwrap()).unwrap();
    assert_eq!(read.payload, r#"{"sct":1,"gen":2}"#);
    assert_eq!(read.origin, claims(V5).origin);
}

proptest! {
    #[test]
    fn any_claims_come_back_through_any_version(
        (user_id, handle, name, value) in (".*", "[a-z.]{0,20}", "[a-z_]{1,6}", ".*"),
        version in 0_usize..5,
        (parent, anti_csrf) in (proptest::option::of(".*"), proptest::option::of(".*")),
    ) {
        let version = VERSIONS[version];
        let written = AccessClaims {
            recipe_user_id: user_id.clone(),
            user_id,
            tenant_id: "public".to_owned(),
            handle,
            parent_refresh_token_hash1: parent,
            anti_csrf_token: anti_csrf.map(postern_jwt::secret::AntiCsrfToken::new),
            payload: format!("{{{}:{}}}", json::quote(&format!("x{name}")), json::quote(&value)),
            ..claims(version)
        };
        let input = written.signing_input(Algorithm::RS256, "rsa").unwrap();
        let token = access_token::complete(version, &input, &[1]);
        let read = access_token::parse(&token).unwrap();
        prop_assert_eq!(AccessClaims::from_unverified(&read), Ok(written));
    }
}
