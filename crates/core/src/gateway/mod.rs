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

pub mod decision;
pub mod matching;
pub mod own_tokens;
pub mod request;
pub mod response;
pub mod rules;

mod reserved;

pub use decision::decide::{
    Admission, Decision, Denial, Forward, ForwardWarning, RequestMeta, Seen, SessionRefused,
    Unsendable, admit, decide,
};
pub use rules::Matched;
pub use rules::compile::{Compiled, MAX_RULES, MAX_TEXT_BYTES, compile};
pub use rules::origins::{LONGEST_TIMEOUT, Origin, Target};
pub use rules::pages::Pages;
pub use rules::require::Require;
pub use rules::requirement::{FailedClaim, Requirement};
pub use rules::{
    Gateway, OnOutage, RefusalShape, Rule, SessionNeed, WebSockets, is_never_answered,
};

#[cfg(test)]
mod tests;
