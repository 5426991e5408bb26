//! Requests, responses and fetches as the platform has them.

pub(crate) mod body;
pub(crate) mod fetch;
pub(crate) mod header_lines;
pub(crate) mod request;
pub(crate) mod response;
