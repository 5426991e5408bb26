//! The SuperTokens browser protocol (FDI): cookies, headers, anti-CSRF, transfer methods.
//!
//! Owns what a browser sees of a session, as values in and values out (fdi.md). Refuses to know how sessions are kept
//! and how tokens are verified.

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
