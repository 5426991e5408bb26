//! The `Authorization` header: bearer tokens (RFC 6750 section 2.1) and tokens with a proof (RFC 9449 section 7.1).

/// What an `Authorization` header holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorization<'a> {
    /// No token: no header, another scheme, or a scheme without a token.
    None,
    /// One bearer token.
    Bearer(&'a str),
    /// One token that comes with a proof of possession.
    Dpop(&'a str),
    /// More than one credential. Runtimes join repeated headers with a comma, which no token of ours holds.
    Doubled,
}

/// Reads the header. The scheme is matched in any case (RFC 9110 section 11.1).
pub fn authorization(header: Option<&str>) -> Authorization<'_> {
    let header = header.unwrap_or_default();
    let Some((first, others)) = header.split_once(',') else {
        return match token(header.trim()) {
            Some((_, "")) | None => Authorization::None,
            Some((Scheme::Bearer, token)) => Authorization::Bearer(token),
            Some((Scheme::Dpop, token)) => Authorization::Dpop(token),
        };
    };
    // Other schemes have commas of their own (`Digest a=1, b=2`): only a token among them is a second credential.
    let mut others = others.split(',');
    if token(first.trim()).is_some() || others.any(|part| token(part.trim()).is_some()) {
        Authorization::Doubled
    } else {
        Authorization::None
    }
}

/// A scheme that carries an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Whoever has the token may use it.
    Bearer,
    /// Only the holder of a key may.
    Dpop,
}

/// What follows a scheme that carries a token, which may be nothing.
fn token(credential: &str) -> Option<(Scheme, &str)> {
    let (scheme, token) = credential
        .split_once([' ', '\t'])
        .unwrap_or((credential, ""));
    let scheme = [("bearer", Scheme::Bearer), ("dpop", Scheme::Dpop)]
        .into_iter()
        .find(|(name, _)| scheme.eq_ignore_ascii_case(name));
    scheme.map(|(_, scheme)| (scheme, token.trim()))
}

#[cfg(test)]
mod tests {
    use super::{Authorization, authorization};

    #[test]
    fn one_bearer_token_is_found_in_any_case() {
        for (header, expected) in [
            (None, Authorization::None),
            (Some(""), Authorization::None),
            (Some("Bearer"), Authorization::None),
            (Some("Bearer   "), Authorization::None),
            (Some("Bearer a.b.c"), Authorization::Bearer("a.b.c")),
            (Some("bearer a.b.c"), Authorization::Bearer("a.b.c")),
            (Some("BEARER \t a.b.c  "), Authorization::Bearer("a.b.c")),
            (Some("DPoP a.b.c"), Authorization::Dpop("a.b.c")),
            (Some("dpop  a.b.c"), Authorization::Dpop("a.b.c")),
            (Some("DPoP"), Authorization::None),
            (Some("Bearera.b.c"), Authorization::None),
            (Some("Basic YTpi"), Authorization::None),
            (Some("Digest a=\"1\", b=\"2\""), Authorization::None),
            (Some("a.b.c"), Authorization::None),
        ] {
            assert_eq!(authorization(header), expected, "{header:?}");
        }
    }

    #[test]
    fn doubled_credentials_are_seen() {
        for header in [
            "Bearer a, Bearer b",
            "Bearer a, Bearer a",
            "Bearer a,b",
            "Bearer a,",
            "Basic x, bearer a",
            "DPoP a, Bearer b",
            "Basic x, DPoP a",
            "Bearer , Bearer a",
        ] {
            assert_eq!(
                authorization(Some(header)),
                Authorization::Doubled,
                "{header}"
            );
        }
    }
}
