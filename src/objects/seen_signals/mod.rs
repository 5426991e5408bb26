//! Which logout signals of a trusted issuer were taken in: the object that remembers, and how it is asked.

pub(crate) mod client;
pub(crate) mod object;
