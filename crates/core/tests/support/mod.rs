//! What the native tests of whole objects share: a user's object, KV and the authority, all of them the product's rules
//! over storage in memory; calls in their plainest form; and numbers and schedules that are the same in every run.
//!
//! It knows no test: what must hold is said by who uses it. Each test program takes what it needs.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test may panic, and its helpers are seen by no one else"
)]

pub mod authority;
pub mod calls;
pub mod handles;
pub mod kv;
pub mod memory_journal;
pub mod memory_store;
pub mod random;
pub mod schedule;
pub mod user;
pub mod user_with_kv;

/// When every run begins, in Unix milliseconds.
pub const START: u64 = 1_800_000_000_000;
