//! The authority's journal and the isolates' copies, together: what is recorded is felt, and nothing else is.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub
)]

#[path = "revocation/copies.rs"]
mod copies;
#[path = "revocation/journal.rs"]
mod journal;
#[path = "revocation/limits.rs"]
mod limits;
#[path = "revocation/model.rs"]
mod model;
mod support;
