//! The gateway's rules: which requests pass to which origin, with whose identity, and what an origin may do.
//!
//! The rules file, matching, path and header hygiene, claim requirements, directives and the shape of refusals, all as
//! plain values. Tokens are verified and requests are sent by the Worker.
//!
//! One request goes through here in this order:
//! 1. [`admit`] checks the path and finds the rule; a preflight is answered from [`response::cors`].
//! 2. The shell verifies the session, when the rule [asks for one](Rule::asks_for_session).
//! 3. [`decide`] says whether the request passes, with an identity or without, or how it is refused.
//! 4. [`request::headers`] and [`request::identity`] make what the origin receives; [`response`] what
//!    comes back of its answer.
//!
//! [`decision::explain`] explains the same for a request that was only described.

pub mod decision;
pub mod matching;
pub mod own_tokens;
pub mod request;
pub mod response;
pub mod rules;

mod reserved;

pub use decision::decide::{
    Admission, Decision, Denial, DeviceFault, Forward, ForwardWarning, RequestMeta, RuleSession,
    SessionRefused, Unsendable, admit, decide,
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
