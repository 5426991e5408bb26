//! Revocation with a stated freshness: what the authority keeps, what it answers, and what an isolate makes of it.
//!
//! The authority (one Durable Object, or some shards) takes the handles of ended sessions from the users' objects and
//! keeps each until nothing can use the session any more: the [`journal`]. Isolates poll it ([`call`]) and decide from
//! their own [`copy`] whether a session stands, without asking anybody. Two things carry the promise: what an answer
//! says is true as of `as_of`, *the authority's clock*, and a copy that is older than a route's bound decides nothing
//! in favour of a session.
//!
//! [`segment`] is the compact form of many handles. In the Worker, `objects/revocations` is the object around the journal,
//! and `objects/revocation_copy` what an isolate has of it.

pub mod call;
pub mod copy;
pub mod cut_off;
pub mod journal;
pub mod key;
pub mod segment;

use serde::{Deserialize, Serialize};

use postern_jwt::time::{Millis, UnixMillis};

/// How far the clocks of two machines may lie apart. The age of a copy is counted this much too long, and an entry is
/// kept this much longer than asked for.
pub const CLOCK_ALLOWANCE: Millis = Millis(2_000);
/// The most entries of one report.
pub const MAX_REPORT: usize = 5_000;
/// The most handles that are published exactly; more are sealed into a segment.
pub const MAX_TAIL: usize = 4_096;
/// The most segments of one authority.
pub const MAX_SEGMENTS: usize = 4;
/// The most bytes of an isolate's copy, all shards together.
pub const MAX_COPY_BYTES: usize = 2 * 1024 * 1024;
/// The most live entries of one user. Beyond that all his sessions are settled by his object, and nobody else's copy
/// grows.
pub const MAX_USER_ENTRIES: u64 = 1_000;
/// The most users of one authority whose sessions are settled by their objects.
pub const MAX_STRICT_ROUTES: usize = 4_096;
/// How long after "everyone before this moment" was recorded the `iat` of a token leaves it open whether its session is
/// older: so long may a refresh go through an isolate, and a user's object, that have not heard of the moment. Longer no
/// isolate makes such tokens without having heard. A token that tells when its session was created leaves nothing open.
pub const NOT_BEFORE_DOUBT: Millis = Millis(300_000);

/// A session that has ended, as a user's object reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The session.
    pub handle: String,
    /// When nothing can use the session any more: its last access token is dead (clock tolerance included), and its KV
    /// copy is gone. May be reported again with a later time.
    pub expires: UnixMillis,
}
