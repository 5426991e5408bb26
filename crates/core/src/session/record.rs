//! What a user's object stores: sessions, tombstones, the sessions of trusted issuers, and the two outboxes: towards KV,
//! and towards the authority on revocations.
//!
//! The shapes and the storage trait. `src/objects/user_sessions/store` implements the trait over SQLite,
//! `crates/core/tests/support/memory_store.rs` over maps.

use super::{
    lineage::Lineage,
    listing::{Cursor, ListedSession, MadeBy},
    model::Device,
};
use crate::events::Event;
pub use crate::store_fault::StoreFault;
use postern_jwt::{proof::Thumbprint, time::UnixMillis};

/// A live session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// The handle; unique.
    pub handle: String,
    /// The full user id. Every statement filters by it, so users whose digests collide share an object and nothing else.
    pub user_id: String,
    /// The tenant the session was created in, for good.
    pub tenant_id: String,
    /// When it was created.
    pub created: UnixMillis,
    /// When it ends unless refreshed. Moves forward only.
    pub expiry: UnixMillis,
    /// The latest `exp` of any access token that was ever allowed.
    pub access_expires_max: UnixMillis,
    /// When it was last refreshed.
    pub last_refreshed: Option<UnixMillis>,
    /// The random salt of its refresh tokens.
    pub salt: String,
    /// The number of the key ring's refresh-token secret in use.
    pub secret_number: u32,
    /// Where its refresh tokens stand.
    pub lineage: Lineage,
    /// Made through the service API: signed with RS256 whatever the setting, and no `iss` of ours is added.
    pub by_service_api: bool,
    /// Signed with the dynamic key.
    pub use_dynamic_key: bool,
    /// The payload: the text of one JSON object.
    pub payload: String,
    /// Device facts.
    pub device: Option<Device>,
    /// Which way it was made, by the name of a [`MadeBy`] of this or a later release; `None` = a
    /// release that did not note it.
    pub made_by: Option<String>,
    /// When a request of its user was last written down; `None` = not yet. It is written by [`UserStore::mark_seen`] only.
    pub last_seen: Option<UnixMillis>,
    /// The sequence number of the newest session data; 0 = none was ever stored.
    pub data_seq: u64,
    /// The `sessionExpires` of the KV copy that was last acknowledged; zero = none.
    pub copy_expires: UnixMillis,
    /// The device that it is bound to.
    pub binding: Option<Binding>,
    /// The thumbprint of the key that it is bound to by DPoP (RFC 9449), for good.
    pub dpop_key: Option<Thumbprint>,
}

/// The key of the device that a session is bound to: for good, and never another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The thumbprint of the key (RFC 7638).
    pub thumbprint: Thumbprint,
    /// The public key, as a JWK.
    pub key: String,
    /// When it was registered.
    pub bound: UnixMillis,
    /// Whether the browser was seen to know of it. Until then the answer to its registration may have been lost, and the
    /// session goes on as if it were not bound.
    pub is_confirmed: bool,
}

impl SessionRecord {
    /// The device that must be shown; `None` = the session is bound to none that is known to be there.
    pub fn device(&self) -> Option<Thumbprint> {
        let binding = self.binding.as_ref();
        binding
            .filter(|binding| binding.is_confirmed)
            .map(|binding| binding.thumbprint)
    }

    /// Whether it was taken over from a SuperTokens core.
    pub fn is_of_former_core(&self) -> bool {
        self.made_by.as_deref() == Some(MadeBy::FormerCore.name())
    }

    /// When the session was created, as the header of its access tokens states it. Those of the service API have the headers
    /// of its protocol and nothing more (docs/protocol/cdi.md): `None`.
    pub fn stated_creation(&self) -> Option<UnixMillis> {
        (!self.by_service_api).then_some(self.created)
    }
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Its expiry passed.
    Expired,
    /// Somebody with the right to do so ended it.
    Revoked,
    /// It was ended together with all of the user's.
    RevokedWithAll,
    /// It is older than the cut-off: everyone's sessions from before a moment were ended.
    CutOff,
    /// A refresh token was used twice.
    Theft,
    /// It was refreshed without the key of the device that it is bound to.
    DeviceKeyMissing,
    /// The user had more sessions than the setting allows.
    Displaced,
}

impl Ending {
    const ALL: [Self; 7] = [
        Self::Expired,
        Self::Revoked,
        Self::RevokedWithAll,
        Self::CutOff,
        Self::Theft,
        Self::DeviceKeyMissing,
        Self::Displaced,
    ];

    /// The name in storage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::RevokedWithAll => "revoked_with_all",
            Self::CutOff => "cut_off",
            Self::Theft => "theft",
            Self::DeviceKeyMissing => "device_key_missing",
            Self::Displaced => "displaced",
        }
    }

    /// The ending of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ending| ending.name() == name)
    }
}

/// What is left of an ended session, until its access tokens are dead, its revocation is recorded and its KV copy is
/// gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tombstone {
    /// When it ended.
    pub ended: UnixMillis,
    /// Why.
    pub ending: Ending,
    /// Until when it must be kept.
    pub keep_until: UnixMillis,
}

/// A session, or what is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored<T> {
    /// It lives.
    Live(T),
    /// It ended.
    Ended(Tombstone),
}

/// The data we keep for a session of a trusted issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignRecord {
    /// The handle; unique.
    pub handle: String,
    /// Until when the data is kept: a stated time after the last write.
    pub keep_until: UnixMillis,
    /// The sequence number of the newest session data.
    pub data_seq: u64,
    /// The `sessionExpires` of the KV copy that was last acknowledged; zero = none.
    pub copy_expires: UnixMillis,
    /// When the handle was last ended, if it has lived again since; zero = never. It is written by
    /// [`UserStore::end_foreign`] only.
    pub ended: UnixMillis,
}

/// A line of a user's list of sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// The handle.
    pub handle: String,
    /// When it was created.
    pub created: UnixMillis,
    /// When it ends unless refreshed.
    pub expiry: UnixMillis,
}

/// What still has to be done to a KV copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyAction {
    /// Write the newest value.
    Put,
    /// Delete it.
    Delete,
    /// Delete it once more, to catch a write that was in flight in a dying instance.
    DeleteAgain,
}

impl CopyAction {
    const ALL: [Self; 3] = [Self::Put, Self::Delete, Self::DeleteAgain];

    /// The name in storage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Delete => "delete",
            Self::DeleteAgain => "delete_again",
        }
    }

    /// The action of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

/// An entry of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyTask {
    /// Whose copy.
    pub handle: String,
    /// What to do.
    pub action: CopyAction,
    /// When it is due.
    pub due: UnixMillis,
    /// How often it failed.
    pub attempts: u32,
}

/// An entry of the outbox towards the authority on revocations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationTask {
    /// Which session has ended.
    pub handle: String,
    /// Until when it must be published to isolates: by then every access token is dead and the KV copy is gone.
    pub expires: UnixMillis,
    /// When it is to be reported, for the first time or again; once recorded, when it is to be looked at again.
    pub due: UnixMillis,
    /// How often it failed.
    pub attempts: u32,
    /// The authority has it.
    pub recorded: bool,
}

/// Which sessions of a user one page is made of.
#[derive(Debug, Clone, Copy)]
pub struct PageOf<'a> {
    /// Whose.
    pub user_id: &'a str,
    /// In one tenant, or in all.
    pub tenant_id: Option<&'a str>,
    /// Those after this one; `None` = from the newest on.
    pub after: Option<&'a Cursor>,
    /// At most so many.
    pub limit: u32,
    /// Only live ones that expire later, only ended ones that are forgotten later.
    pub now: UnixMillis,
    /// Only live ones that were created at or after this moment.
    pub not_before: UnixMillis,
}

/// Synchronous storage of one user's object. Every call happens inside one transaction that the shell opens.
pub trait UserStore {
    /// A session by handle.
    fn session(&self, handle: &str) -> Result<Option<Stored<SessionRecord>>, StoreFault>;
    /// Stores a new session; `false` when the handle exists (live or ended).
    fn insert_session(&self, record: &SessionRecord) -> Result<bool, StoreFault>;
    /// Replaces a live session; `false` when it lives no more. Never creates. The record expires no earlier than the stored
    /// one: the alarm that was set for that is in time.
    fn update_session(&self, record: &SessionRecord) -> Result<bool, StoreFault>;
    /// Turns a live session into a tombstone and drops its data; `false` when it lives no more.
    fn end_session(&self, handle: &str, tombstone: Tombstone) -> Result<bool, StoreFault>;
    /// The live sessions of a user, oldest first; of one tenant, or of all.
    fn sessions_of(
        &self,
        user_id: &str,
        tenant_id: Option<&str>,
    ) -> Result<Vec<SessionSummary>, StoreFault>;
    /// The user whose sessions are stored, live or remembered as ended; `None` = no user's.
    fn owner(&self) -> Result<Option<String>, StoreFault>;
    /// A page of live sessions, newest first.
    fn live_page(&self, page: &PageOf<'_>) -> Result<Vec<SessionRecord>, StoreFault>;
    /// A page of ended ones, the last to end first.
    fn ended_page(&self, page: &PageOf<'_>) -> Result<Vec<ListedSession>, StoreFault>;
    /// Remembers an ended session until `forget`.
    fn remember_ended(&self, session: &ListedSession, forget: UnixMillis)
    -> Result<(), StoreFault>;
    /// Forgets ended sessions whose time is over, and the oldest beyond [`super::listing::MAX_ENDED`].
    fn forget_ended(&self, now: UnixMillis) -> Result<(), StoreFault>;
    /// Forgets at most `limit` ended sessions of a user; `true` when there may be more.
    fn forget_ended_of(&self, user_id: &str, limit: u32) -> Result<bool, StoreFault>;
    /// Takes out of at most `limit` tombstones of a user whose they are, and what else is not needed to refuse their tokens;
    /// `true` when there may be more.
    fn strip_tombstones_of(&self, user_id: &str, limit: u32) -> Result<bool, StoreFault>;
    /// Writes down that a live session's user was seen, unless the record says so of a moment since `since`: its creation, a
    /// refresh, the first use of what that gave, or the last time that this was written down.
    fn mark_seen(&self, handle: &str, now: UnixMillis, since: UnixMillis)
    -> Result<(), StoreFault>;
    /// How many these are, of all tenants. A store that can count need not show them.
    fn count_sessions_of(&self, user_id: &str) -> Result<usize, StoreFault> {
        Ok(self.sessions_of(user_id, None)?.len())
    }
    /// The handles of at most `limit` live sessions whose expiry lies before `now`.
    fn expired_sessions(&self, now: UnixMillis, limit: u32) -> Result<Vec<String>, StoreFault>;

    /// The data record of a trusted issuer's session.
    fn foreign(&self, handle: &str) -> Result<Option<Stored<ForeignRecord>>, StoreFault>;
    /// Stores or replaces such a record; `false` when it is a tombstone.
    fn put_foreign(&self, record: &ForeignRecord) -> Result<bool, StoreFault>;
    /// Turns such a record, or nothing, into a tombstone and drops its data; `false` when it is one already.
    fn end_foreign(&self, handle: &str, tombstone: Tombstone) -> Result<bool, StoreFault>;
    /// Lets such a tombstone live again, without data, which is numbered on from where it was; it remembers when it ended.
    /// `false` when there is none.
    fn revive_foreign(&self, handle: &str, keep_until: UnixMillis) -> Result<bool, StoreFault>;
    /// Removes such a record and its data without a trace.
    fn drop_foreign(&self, handle: &str) -> Result<(), StoreFault>;
    /// The handles of at most `limit` such records that have lapsed.
    fn lapsed_foreign(&self, now: UnixMillis, limit: u32) -> Result<Vec<String>, StoreFault>;

    /// The handles of at most `limit` such records that live, in order; those after `after`, if it is given.
    fn live_foreign(&self, after: Option<&str>, limit: u32) -> Result<Vec<String>, StoreFault>;

    /// The newest session data of a handle.
    fn data(&self, handle: &str) -> Result<Option<String>, StoreFault>;
    /// Replaces the session data of a handle.
    fn set_data(&self, handle: &str, text: &str) -> Result<(), StoreFault>;

    /// Queues work on a KV copy, replacing what was queued for that handle.
    fn queue_copy(&self, task: &CopyTask) -> Result<(), StoreFault>;
    /// What is queued for a handle.
    fn copy_task(&self, handle: &str) -> Result<Option<CopyTask>, StoreFault>;
    /// Takes the entry of a handle out of the outbox.
    fn clear_copy(&self, handle: &str) -> Result<(), StoreFault>;
    /// At most `limit` entries that are due, oldest first.
    fn due_copies(&self, now: UnixMillis, limit: u32) -> Result<Vec<CopyTask>, StoreFault>;

    /// The handles of at most `limit` entries that are to be deleted and never were, those that are due first.
    fn pending_deletes(&self, limit: u32) -> Result<Vec<String>, StoreFault>;

    /// The handles that the last call to end all of a user's sessions ended, as far as they are remembered.
    fn last_ended_together(
        &self,
        user_id: &str,
        tenant_id: Option<&str>,
    ) -> Result<Vec<String>, StoreFault>;

    /// Queues a revocation, replacing what was queued for that handle.
    fn queue_revocation(&self, task: &RevocationTask) -> Result<(), StoreFault>;
    /// The revocation that is queued for a handle.
    fn revocation_task(&self, handle: &str) -> Result<Option<RevocationTask>, StoreFault>;
    /// Takes a revocation out of the outbox.
    fn clear_revocation(&self, handle: &str) -> Result<(), StoreFault>;
    /// How many of the revocations have not expired.
    fn live_revocations(&self, now: UnixMillis) -> Result<u64, StoreFault>;
    /// At most `limit` revocations that are due, oldest first.
    fn due_revocations(
        &self,
        now: UnixMillis,
        limit: u32,
    ) -> Result<Vec<RevocationTask>, StoreFault>;
    /// Makes every revocation due that the authority does not have: somebody waits for it.
    fn hasten_revocations(&self, now: UnixMillis) -> Result<(), StoreFault>;

    /// Whether a ticket of a session was used.
    fn is_ticket_used(&self, handle: &str, id: &str) -> Result<bool, StoreFault>;
    /// How many used tickets of a session are remembered.
    fn count_tickets(&self, handle: &str) -> Result<u64, StoreFault>;
    /// Remembers that a ticket was used.
    fn use_ticket(&self, handle: &str, id: &str, expires: UnixMillis) -> Result<(), StoreFault>;
    /// Forgets used tickets that have expired. Nothing is due for them: they are forgotten when something else is done.
    fn forget_tickets(&self, now: UnixMillis) -> Result<(), StoreFault>;

    /// Whether events are published at all: whether there is a destination.
    fn publishes_events(&self) -> bool;
    /// Writes an event, to be delivered in order; see [`crate::events::append`].
    fn publish(&self, event: &Event, now: UnixMillis) -> Result<(), StoreFault>;

    /// Forgets tombstones that need not be kept any longer and have nothing in either outbox.
    fn forget_tombstones(&self, now: UnixMillis) -> Result<(), StoreFault>;
    /// When the object next has something to do; `None` when it holds nothing.
    fn next_due(&self) -> Result<Option<UnixMillis>, StoreFault>;
}
