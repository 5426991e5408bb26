//! The operator's console: its session, where its requests may come from, the files of its page, and what it shows.
//!
//! Nothing of it is a credential anywhere else, and no other credential is one here. `src/http/console` answers its requests.

pub mod files;
pub mod overview;
pub mod request;
pub mod session;
