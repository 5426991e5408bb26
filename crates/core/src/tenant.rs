//! Tenants.

/// The tenant that exists in every deployment (SuperTokens protocol).
pub const PUBLIC_TENANT: &str = "public";

/// What our own sessions are called where issuers are named: rules, RPC results, `GET {base}/session`. No trusted issuer
/// may have this id.
pub const OWN: &str = "own";
