//! The path of a request, judged decoded, and the rule that its host, method and path find.

pub mod path;

pub(crate) mod index;
pub(crate) mod pattern;
pub(crate) mod readings;
pub(crate) mod segments;
