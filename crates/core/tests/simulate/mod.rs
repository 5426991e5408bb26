//! Revocation in virtual time: many isolates, users' objects and the authority, all of it the product's code, with a
//! network between them that loses and delays, and parts that restart, freeze and go out.
//!
//! The rules under test are the product's: `session::user` behind every session, `revocation::journal` in the authority,
//! `revocation::copy` in every isolate, `keys` in the key ring and in whatever holds a copy of it. What the Worker's shell
//! does between them is done here by `isolate.rs`, `users.rs` and `world`, step for step: the polls beside a question, the
//! second look when one of them told of a cut-off. The judge knows what really happened and when, by the authority's clock.

pub mod authority;
pub mod isolate;
pub mod judge;
pub mod plan;
pub mod ring;
pub mod users;
pub mod world;
