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
pub mod clear_site_data;
pub mod cors;
pub mod directives;
pub mod explain;
pub mod identity;
pub mod navigation;
pub mod own_tokens;
pub mod path;
pub mod refuse;
pub mod renewal;
pub mod request_headers;
pub mod response_headers;
pub mod rewriting;
pub mod socket_token;
pub mod ticket_query;
pub mod upgrade;

mod claimed;
mod compile;
mod decide;
mod fields;
mod index;
mod origins;
mod pages;
mod pattern;
mod reach;
mod readings;
mod require;
mod requirement;
mod reserved;
mod rule_table;
mod rules;
mod segments;

pub use compile::{Compiled, MAX_RULES, MAX_TEXT_BYTES, compile};
pub use decide::{
    Admission, Decision, Denial, Note, Passage, RequestMeta, Seen, SessionRefused, Unsendable,
    admit, decide, is_never_answered,
};
pub use origins::{LONGEST_TIMEOUT, Origin, Target};
pub use pages::Pages;
pub use require::Require;
pub use requirement::{FailedClaim, Requirement};
pub use rules::Matched;
pub use rules::{Gateway, OnOutage, RefusalShape, Rule, SessionNeed, WebSockets};

#[cfg(test)]
mod tests;
