//! Access tokens of SuperTokens, and tokens of trusted issuers.

pub mod access_token;
pub mod candidate;
pub mod discovery;
pub mod exchanged;
pub mod form;
pub mod legacy;
pub mod logout;
pub mod token_issuer;
pub mod trusted_issuer;

#[cfg(test)]
mod tests;
