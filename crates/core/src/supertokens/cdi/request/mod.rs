//! What a backend SDK asks: version, path, query, API key, body and cookies, read into one call.

pub mod api_key;
pub(crate) mod body;
pub mod call;
pub(crate) mod cookies;
pub(crate) mod fields;
pub mod path;
pub mod query;
pub(crate) mod tenant;
pub mod version;
