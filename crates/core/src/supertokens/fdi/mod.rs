//! The SuperTokens browser protocol (FDI): cookies, headers, anti-CSRF, transfer methods.
//!
//! What a browser sees of a session (docs/protocol/fdi.md), as plain values. Depends on neither storage nor the
//! verification of tokens.

pub mod answers;
pub mod anti_csrf;
pub mod cors;
pub mod duplicates;
pub mod front_token;
pub mod headers;
pub mod request;
pub mod request_origin;
pub mod session_cookies;
pub mod size_budget;

mod domains;
