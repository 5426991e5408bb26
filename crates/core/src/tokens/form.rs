//! Parsing a token in whichever form it is spelled.

use super::legacy;
use postern_jwt::{MAX_TOKEN_BYTES, TokenFault, Unverified, compact};

/// Takes a token apart, in whichever form it is spelled.
pub fn parse(token: &str) -> Result<Unverified<'_>, TokenFault> {
    if legacy::form(token).is_some() {
        legacy::parse(token, MAX_TOKEN_BYTES)
    } else {
        compact::parse(token, MAX_TOKEN_BYTES)
    }
}
