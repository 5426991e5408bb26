//! The gateway: requests that are for no path of ours, verified and sent on to an origin.

pub(crate) mod call;
pub(crate) mod directives;
pub(crate) mod error_pages;
pub(crate) mod forward;
pub(crate) mod handler;
pub(crate) mod identity_cache;
pub(crate) mod local_response;
pub(crate) mod own_tokens;
pub(crate) mod proxy;
pub(crate) mod renewal;
pub(crate) mod response;
pub(crate) mod upstream_url;
pub(crate) mod websocket;
