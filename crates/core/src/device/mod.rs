//! Sessions that are bound to a device: Device Bound Session Credentials (W3C draft of 2026-02-17).
//!
//! The browser makes a key pair that never leaves the device. It registers the public key once, in answer to the header that
//! comes with a new session, and from then on signs a challenge whenever the short-lived bound cookie is missing. Everything
//! here is free of I/O: challenges and cookies are texts with a time and a MAC, so that nothing is stored for them, and bytes
//! that we did not make reach no object. The key itself is in the user's object ([`crate::session::user`]).
//!
//! | text | says | good for |
//! | --- | --- | --- |
//! | registration challenge | session, time | [`REGISTRATION_LIFE`] |
//! | refresh challenge | session, key, time | [`CHALLENGE_LIFE`], once |
//! | bound cookie | session, key, end | [`COOKIE_LIFE`] and [`COOKIE_ALLOWANCE`] |

mod cookie;
mod headers;
mod id;
mod instructions;
mod proof;
mod sealed;

#[cfg(test)]
mod tests;

pub use cookie::{cleared, cookie_attributes, cookie_name, set_cookie};
pub use headers::{
    challenge_header, proof_text, registration_header, session_id_text, skipped_reason,
};
pub use id::SessionId;
pub use instructions::{ended, instructions};
pub use proof::{ALGORITHMS, challenge_of, known_key, parse_proof};
pub use sealed::{DeviceKeys, SealFault};

use postern_jwt::time::Millis;

/// How long the challenge of a registration can be answered. A browser does so at once.
pub const REGISTRATION_LIFE: Millis = Millis::from_seconds(300);
/// How long the challenge of a refresh can be answered.
pub const CHALLENGE_LIFE: Millis = Millis::from_seconds(120);
/// How long a browser keeps the bound cookie: what a thief has of it.
pub const COOKIE_LIFE: Millis = Millis::from_seconds(600);
/// How much longer it is accepted: a request that was sent in the cookie's last moment arrives later.
pub const COOKIE_ALLOWANCE: Millis = Millis::from_seconds(30);
/// How far ahead the time of a challenge may lie: isolates do not share a clock.
pub const CLOCK_ALLOWANCE: Millis = Millis::from_seconds(60);
