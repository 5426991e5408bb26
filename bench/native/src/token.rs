//! Access tokens: what verifying one costs that the isolate has not seen before, but for its signature.

use std::hint::black_box;

use postern_core::{
    session::{
        handle::HandleKeys,
        issuer,
        model::{SessionView, TokenInfo},
    },
    supertokens::fdi::front_token as fdi,
    tokens::{
        access_token::{self, AccessClaims, AccessTokenVersion},
        candidate,
        token_issuer::{TokenIssuer, token_issuer},
    },
};
use postern_jwt::{
    Algorithm, Policy, SignatureVerdict, TokenOrigin, VerificationKey, compact,
    keys::jwk::{self, KeySetSource},
    secret::Secret,
    time::{Millis, UnixMillis},
};

use crate::Repeated;

const KEY_ID: &str = "d-1700000000000-0123456789ab";
/// The public key of RFC 7515 appendix A.3.
const PUBLIC_KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const ISSUER: &str = "https://app.example.com/auth";
const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
/// With its other claims, it makes an access token of about 1 KB.
const PAYLOAD: &str = r#"{"iss":"https://app.example.com/auth","role":"editor","plan":"team","name":"Ada Lovelace","locale":"en-GB","scopes":["read","write"],"org":{"id":42,"name":"Analytical Engines"}}"#;

/// The keys behind handles.
pub(crate) fn handle_keys() -> HandleKeys {
    HandleKeys::new(&Secret::new(vec![1; 32]), &Secret::new(vec![2; 32]))
}

fn claims() -> AccessClaims {
    let handle = handle_keys().issue("user-0123456789", "public", [7; 16]);
    AccessClaims {
        version: AccessTokenVersion::V5,
        user_id: "user-0123456789".to_owned(),
        recipe_user_id: "user-0123456789".to_owned(),
        tenant_id: "public".to_owned(),
        handle: handle.as_str().to_owned(),
        refresh_token_hash1: "4f".repeat(32),
        parent_refresh_token_hash1: None,
        anti_csrf_token: None,
        expiry: NOW.plus(Millis::from_seconds(3600)),
        created: NOW,
        origin: TokenOrigin {
            session_created: Some(NOW),
            generation: 0,
            device: None,
        },
        payload: PAYLOAD.to_owned(),
    }
}

/// An access token with a signature that nobody checks.
pub(crate) fn access_token() -> Option<String> {
    let input = claims().signing_input(Algorithm::ES256, KEY_ID).ok()?;
    Some(access_token::complete(
        AccessTokenVersion::V5,
        &input,
        &[0x5a; 64],
    ))
}

/// A token is looked at, its key chosen, its claims checked and read, its payload shown.
pub(crate) fn verify_cold() -> Option<Repeated> {
    let token = access_token()?;
    let key: VerificationKey = jwk::own_key(PUBLIC_KEY, KEY_ID, Algorithm::ES256).ok()?;
    let (keys, policy) = ([key], Policy::own(Millis(0)));
    let verified = move || {
        let parsed = candidate::structure(black_box(&token), &[])?.parsed?;
        let TokenIssuer::Own(token) = token_issuer(parsed, |kid| kid == KEY_ID, &[]).ok()? else {
            return None;
        };
        let pending = token.choose_keys(&keys, &policy).ok()?;
        let verdict = SignatureVerdict::from_backend(true);
        let verified = pending.finish(verdict, NOW).ok()?;
        let claims = AccessClaims::from_verified(&verified).ok()?;
        Some(issuer::without(&claims.payload, ISSUER).len())
    };
    Some(Box::new(move || verified().is_some()))
}

/// The MAC of a token of 1 KB, which is checked without WebCrypto.
pub(crate) fn verify_hs256() -> Option<Repeated> {
    let secret = compact::encode(&[9; 32]);
    let jwk = format!(r#"{{"kty":"oct","kid":"{KEY_ID}","k":"{secret}"}}"#);
    let key = jwk::parse_key(&jwk, KeySetSource::Settings, &[Algorithm::HS256]).ok()?;
    let keys = [key];
    let input = claims().signing_input(Algorithm::HS256, KEY_ID).ok()?;
    // Another one's signature costs the same.
    let token = access_token::complete(AccessTokenVersion::V5, &input, &[0x5a; 32]);
    let policy = Policy::own(Millis(0));
    let pending = move || {
        let token = compact::parse(&token, token.len()).ok()?;
        let pending = token.choose_keys(&keys, &policy).ok()?;
        pending.verify_here()
    };
    Some(Box::new(move || pending().is_some()))
}

/// The tag of a handle.
pub(crate) fn handle_tag() -> Option<Repeated> {
    let (keys, handle) = (handle_keys(), claims().handle);
    keys.check(&handle)?;
    Some(Box::new(move || keys.check(black_box(&handle)).is_some()))
}

/// The payload of a token, decoded and encoded again.
pub(crate) fn base64url() -> Option<Repeated> {
    let token = access_token()?;
    let part = compact::split(&token, token.len()).ok()?.payload.to_owned();
    Some(Box::new(move || {
        let decoded = compact::decode_text(black_box(&part));
        decoded.is_ok_and(|text| compact::encode(text.as_bytes()) == part)
    }))
}

/// What page scripts may know of a session.
pub(crate) fn front_token() -> Option<Repeated> {
    let claims = claims();
    let session = SessionView {
        handle: claims.handle,
        user_id: claims.user_id,
        tenant_id: claims.tenant_id,
        payload: claims.payload,
    };
    let token = TokenInfo {
        token: access_token()?,
        expiry: claims.expiry,
        created: claims.created,
    };
    Some(Box::new(move || {
        fdi::front_token(black_box(&session), &token).is_ok()
    }))
}
