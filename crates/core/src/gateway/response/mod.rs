//! What a browser receives of an origin's answer: headers, cookies, caching, and what directives ask for.

pub mod caching;
pub mod clear_site_data;
pub mod cors;
pub mod directives;
pub mod headers;
pub mod resource;
pub mod rewriting;
