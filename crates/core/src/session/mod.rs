//! Sessions: handles, records, rotation and the use cases of a user's object.
//!
//! Every rule about what a session is and how it changes. Depends on no HTTP, RPC, SQL or JS.

pub mod call;
pub mod export;
pub mod facts;
pub mod handle;
pub mod issuer;
pub mod issuer_logout;
pub mod lineage;
pub mod listing;
pub mod minting;
pub mod model;
pub mod record;
pub mod refresh_token;
pub mod ticket;
pub mod user;

#[cfg(test)]
mod tests;
