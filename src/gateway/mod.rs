//! The gateway's rules: which requests pass to which origin, with whose identity, and what an origin may do.
//!
//! Owns the rules file, matching, path and header hygiene, claim requirements, directives and the shape of refusals; all
//! of it plain values in, plain values out. Refuses to know how a token is verified and how a request is forwarded.
//!
//! One request goes through here in this order:
//! 1. [`admit`] checks the path and finds the rule; a preflight is answered from [`cors`].
//! 2. The shell verifies the session, when the rule [asks for one](Rule::asks_for_session).
//! 3. [`decide`] says whether the request passes, with an identity or without, or how it is refused.
//! 4. [`request_headers`] and [`identity`] make what the origin receives; [`response_headers`] and [`directives`] what
//!    comes back of its answer.
//!
//! [`explain`] tells the same story about a request that was only described.

pub mod assertion;
pub mod caching;
mod claimed;
pub mod clear_site_data;
mod compile;
pub mod cors;
mod decide;
pub mod directives;
pub mod explain;
mod fields;
pub mod identity;
mod index;
pub mod navigation;
mod origins;
pub mod own_tokens;
mod pages;
pub mod path;
mod pattern;
mod reach;
mod readings;
pub mod refuse;
pub mod renewal;
pub mod request_headers;
mod require;
mod requirement;
mod reserved;
pub mod response_headers;
pub mod rewriting;
mod rule_table;
mod rules;
pub mod socket_token;
#[cfg(test)]
mod tests;

pub use compile::{Compiled, MAX_RULES, MAX_TEXT_BYTES, compile};
pub use decide::{
    Admission, Decision, Denial, Facts, Matched, Note, Passage, Seen, SessionRefused, Unsendable,
    admit, decide, is_never_answered,
};
pub use origins::{LONGEST_TIMEOUT, Origin, Target};
pub use pages::Pages;
pub use require::Require;
pub use requirement::{FailedClaim, Requirement};
pub use rules::{Gateway, OnOutage, RefusalShape, Rule, SessionNeed, WebSockets};
