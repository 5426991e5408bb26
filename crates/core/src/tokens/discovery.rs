//! Where an issuer's discovery document is, and what it says of the issuer's keys (OpenID Connect Discovery 1.0 sections 3
//! and 4, RFC 8414 sections 2 and 3).

use crate::settings::origin::is_fetchable;
use postern_jwt::json;

/// The longest document that is read, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// Where the document of an issuer may be, in the order in which to ask: behind the issuer (OpenID Connect), and with the
/// well-known part before the issuer's path (RFC 8414).
pub fn addresses(issuer: &str) -> Vec<String> {
    let issuer = issuer.trim_end_matches('/');
    let start = issuer.find("://").map_or(0, |at| at.saturating_add(3));
    let path = issuer
        .get(start..)
        .and_then(|rest| rest.find('/'))
        .map_or(issuer.len(), |at| start.saturating_add(at));
    let (origin, path) = issuer.split_at_checked(path).unwrap_or((issuer, ""));
    vec![
        format!("{issuer}/.well-known/openid-configuration"),
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
    ]
}

/// The address of the key set that a document names.
///
/// # Errors
/// What is wrong with the document, fit for a log: it is not of this very issuer, or names no address that may be fetched.
pub fn key_address(document: &str, issuer: &str) -> Result<String, &'static str> {
    let document =
        json::parse_object(document).map_err(|_| "the discovery document is no JSON object")?;
    let text = |name| document.string(name).ok().flatten();
    match text("issuer") {
        Some(found) if found == issuer => {}
        Some(_) => return Err("the discovery document is of another issuer"),
        None => return Err("the discovery document names no issuer"),
    }
    let uri = text("jwks_uri").ok_or("the discovery document has no jwks_uri")?;
    is_fetchable(&uri)
        .then(|| uri.into_owned())
        .ok_or("jwks_uri of the discovery document is no https URL")
}

#[cfg(test)]
mod tests {
    use super::{addresses, key_address};

    #[test]
    fn the_document_is_behind_the_issuer_or_before_its_path() {
        for (issuer, openid, oauth) in [
            (
                "https://a.example",
                "https://a.example/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server",
            ),
            (
                "https://a.example/",
                "https://a.example/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server",
            ),
            (
                "http://127.0.0.1:8080/realms/shop",
                "http://127.0.0.1:8080/realms/shop/.well-known/openid-configuration",
                "http://127.0.0.1:8080/.well-known/oauth-authorization-server/realms/shop",
            ),
        ] {
            assert_eq!(addresses(issuer), [openid, oauth]);
        }
    }

    #[test]
    fn a_document_counts_for_its_very_issuer_only() {
        let issuer = "https://a.example/x";
        for (document, expected) in [
            (
                r#"{"issuer":"https://a.example/x","jwks_uri":"https://b.example/keys?v=1"}"#,
                Ok("https://b.example/keys?v=1"),
            ),
            (
                r#"{"issuer":"https://a.example/x","jwks_uri":"http://[::1]:9/k"}"#,
                Ok("http://[::1]:9/k"),
            ),
            (
                r#"{"issuer":"https://a.example/x/","jwks_uri":"https://b.example/"}"#,
                Err("another issuer"),
            ),
            (
                r#"{"issuer":"https://A.example/x","jwks_uri":"https://b.example/"}"#,
                Err("another issuer"),
            ),
            (
                r#"{"issuer":7,"jwks_uri":"https://b.example/"}"#,
                Err("names no issuer"),
            ),
            (
                r#"{"jwks_uri":"https://b.example/"}"#,
                Err("names no issuer"),
            ),
            (r#"{"issuer":"https://a.example/x"}"#, Err("no jwks_uri")),
            (
                r#"{"issuer":"https://a.example/x","jwks_uri":"http://b.example/"}"#,
                Err("no https URL"),
            ),
            (
                r#"{"issuer":"https://a.example/x","jwks_uri":"/keys"}"#,
                Err("no https URL"),
            ),
            (
                r#"{"issuer":"https://a.example/x","issuer":"https://b.example"}"#,
                Err("no JSON object"),
            ),
            ("<html>", Err("no JSON object")),
        ] {
            let found = key_address(document, issuer);
            match expected {
                Ok(uri) => assert_eq!(found.as_deref(), Ok(uri)),
                Err(part) => assert!(found.is_err_and(|why| why.contains(part)), "{document}"),
            }
        }
    }
}
