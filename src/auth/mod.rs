//! Authentication: verifying access tokens and sessions, signing, keys of other issuers.

pub(crate) mod authenticate;
pub(crate) mod device;
pub(crate) mod dpop;
pub(crate) mod former_core;
pub(crate) mod identity_headers;
pub(crate) mod issuer_marks;
pub(crate) mod issuer_signal;
pub(crate) mod jwks_client;
pub(crate) mod kept_answers;
pub(crate) mod session_cookies;
pub(crate) mod signer;
pub(crate) mod user_call;
pub(crate) mod verified_session;
pub(crate) mod verifier;
