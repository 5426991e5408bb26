//! Whom a token is for, and what else it must say: its audience, the client it was given to, claims, scopes.

use crate::TokenFault;
use crate::json::{self, Kind, Object};

/// The claim that names the audience, unless an issuer has another.
pub const AUDIENCE_CLAIM: &str = "aud";

/// The parties and powers that a token must name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parties {
    /// The claim that names the audience; `None` = `aud`.
    pub audience_claim: Option<String>,
    /// It must name one of these; empty = it is not read.
    pub audience: Vec<String>,
    /// `azp` must be one of these; empty = it is not read.
    pub authorized: Vec<String>,
    /// Each of these claims must be one of its values, or hold one of them. Values are texts of JSON scalars.
    pub claims: Vec<(String, Vec<String>)>,
    /// `scope`, or else `scp`, must hold all of these.
    pub scope: Vec<String>,
}

impl Parties {
    /// The claim that names the audience.
    pub fn audience_claim(&self) -> &str {
        self.audience_claim.as_deref().unwrap_or(AUDIENCE_CLAIM)
    }

    /// Checks the claims of a token whose signature is good.
    pub(super) fn check(&self, claims: &Object<'_>) -> Result<(), TokenFault> {
        let is_among = |known: &[String], name: &str| known.iter().any(|one| one == name);
        if !self.audience.is_empty() {
            let named = claims
                .string_or_strings(self.audience_claim())
                .map_err(|_| TokenFault::BadClaim)?;
            let mut named = named.unwrap_or_default().into_iter();
            if !named.any(|one| is_among(&self.audience, &one)) {
                return Err(TokenFault::WrongAudience);
            }
        }
        if !self.authorized.is_empty() {
            let party = claims.string("azp").map_err(|_| TokenFault::BadClaim)?;
            if !party.is_some_and(|party| is_among(&self.authorized, &party)) {
                return Err(TokenFault::WrongParty);
            }
        }
        if self.claim_not_met(claims).is_some() {
            return Err(TokenFault::ClaimNotMet);
        }
        let words = scope(claims);
        if !self.scope.iter().all(|wanted| words.contains(wanted)) {
            return Err(TokenFault::InsufficientScope);
        }
        Ok(())
    }

    /// Whether the claims name one of the audience and one of the parties.
    pub fn are_named(&self, claims: &Object<'_>) -> bool {
        let parties = Self {
            claims: Vec::new(),
            scope: Vec::new(),
            ..self.clone()
        };
        parties.check(claims).is_ok()
    }

    /// The first claim that has none of its values.
    pub fn claim_not_met(&self, claims: &Object<'_>) -> Option<&str> {
        let not_met = |(name, values): &&(String, Vec<String>)| {
            let found = claims.get(name).unwrap_or("null");
            !values.iter().any(|value| is_or_holds(found, value))
        };
        let (name, _) = self.claims.iter().find(not_met)?;
        Some(name)
    }
}

fn is_or_holds(claim: &str, value: &str) -> bool {
    let is_same = |found: &str| json::same_value(found, value).unwrap_or(false);
    match json::kind(claim) {
        Kind::Array => {
            json::parse_array(claim).is_ok_and(|elements| elements.into_iter().any(is_same))
        }
        _ => is_same(claim),
    }
}

/// The scopes of a token: words of a text (RFC 9068), or a list of texts.
fn scope(claims: &Object<'_>) -> Vec<String> {
    let found = claims.get("scope").or_else(|| claims.get("scp"));
    let Some(found) = found else {
        return Vec::new();
    };
    let texts = match json::kind(found) {
        Kind::Array => json::parse_array(found).unwrap_or_default(),
        _ => vec![found],
    };
    texts
        .into_iter()
        .filter_map(|text| json::parse_string(text).ok())
        .flat_map(|text| text.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Parties, TokenFault};
    use crate::json;

    fn check(parties: &Parties, claims: &str) -> Result<(), TokenFault> {
        parties.check(&json::parse_object(claims).unwrap())
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn another_claim_may_name_the_audience() {
        let parties = Parties {
            audience_claim: Some("client_id".to_owned()),
            audience: texts(&["web", "app"]),
            ..Parties::default()
        };
        for (claims, expected) in [
            (r#"{"client_id":"app"}"#, Ok(())),
            (r#"{"client_id":"other"}"#, Err(TokenFault::WrongAudience)),
            (r#"{"aud":"app"}"#, Err(TokenFault::WrongAudience)),
            (r#"{"client_id":null}"#, Err(TokenFault::BadClaim)),
            (r#"{"client_id":7}"#, Err(TokenFault::BadClaim)),
        ] {
            assert_eq!(check(&parties, claims), expected, "{claims}");
        }
    }

    #[test]
    fn the_party_that_a_token_was_given_to_is_one_of_those_named() {
        let parties = Parties {
            authorized: texts(&["https://www.example.com"]),
            ..Parties::default()
        };
        for (claims, expected) in [
            (r#"{"azp":"https://www.example.com"}"#, Ok(())),
            (
                r#"{"azp":"https://evil.example"}"#,
                Err(TokenFault::WrongParty),
            ),
            (
                r#"{"azp":["https://www.example.com"]}"#,
                Err(TokenFault::BadClaim),
            ),
            ("{}", Err(TokenFault::WrongParty)),
        ] {
            assert_eq!(check(&parties, claims), expected, "{claims}");
        }
    }

    #[test]
    fn claims_and_scopes_are_all_there() {
        let parties = Parties {
            claims: vec![
                ("token_use".to_owned(), texts(&["\"access\""])),
                ("tid".to_owned(), texts(&["\"a\"", "\"b\"", "7"])),
            ],
            scope: texts(&["read", "write"]),
            ..Parties::default()
        };
        for (claims, expected) in [
            (
                r#"{"token_use":"access","tid":"b","scope":"write read x"}"#,
                Ok(()),
            ),
            (
                r#"{"token_use":["id","access"],"tid":7,"scp":["read","write"]}"#,
                Ok(()),
            ),
            (
                r#"{"token_use":"id","tid":"b","scope":"read write"}"#,
                Err(TokenFault::ClaimNotMet),
            ),
            (
                r#"{"tid":"b","scope":"read write"}"#,
                Err(TokenFault::ClaimNotMet),
            ),
            (
                r#"{"token_use":"access","tid":"7","scope":"read write"}"#,
                Err(TokenFault::ClaimNotMet),
            ),
            (
                r#"{"token_use":"access","tid":"a","scope":"read"}"#,
                Err(TokenFault::InsufficientScope),
            ),
            (
                r#"{"token_use":"access","tid":"a","scope":"readwrite"}"#,
                Err(TokenFault::InsufficientScope),
            ),
            (
                r#"{"token_use":"access","tid":"a"}"#,
                Err(TokenFault::InsufficientScope),
            ),
            (
                r#"{"token_use":"access","tid":"a","scope":{"read":1,"write":1}}"#,
                Err(TokenFault::InsufficientScope),
            ),
        ] {
            assert_eq!(check(&parties, claims), expected, "{claims}");
        }
        let found = json::parse_object(r#"{"token_use":"access"}"#).unwrap();
        assert_eq!(parties.claim_not_met(&found), Some("tid"));
    }
}
