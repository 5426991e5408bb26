//! Events: what is published to other systems about sessions and keys, through a queue, a webhook or both.
//!
//! The table of events and their members is here, from which `docs/events.md` is made (`npm run docs`). An object writes an
//! event in the transaction of the change, and delivers it afterwards (`outbox`); [`webhook`] signs what is
//! sent. An event holds ids, names and times: no payload, no session data, no device facts.

mod outbox;
pub mod webhook;

pub use outbox::{
    Destination, Destinations, EventStore, GUARD, MAX_BACKLOG, Outcome, QUEUE_BATCH, StoredEvent,
    Waiting, append, deliverable, settled,
};

use postern_jwt::json::ObjectWriter;

macro_rules! members {
    ($($(#[doc = $doc:literal])+ $member:ident = $name:literal;)+) => {
        /// A member of an event's `data`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Member {
            $($(#[doc = $doc])+ $member,)+
        }

        impl Member {
            /// Every member, in the order of `docs/events.md`.
            pub const ALL: &[Self] = &[$(Self::$member),+];

            /// The name in `data`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$member => $name,)+ }
            }

            /// What it holds.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$member => concat!($($doc),+),)+ }
            }
        }
    };
}

members! {
    /// The session's handle.
    Handle = "handle";
    /// Who vouches for the session: `own`, or the id of a trusted issuer.
    Issuer = "issuer";
    /// The user id.
    UserId = "userId";
    /// The tenant; of `user.sessions_ended` the one in which they ended, absent = in all.
    TenantId = "tenantId";
    /// Why, as a code.
    Reason = "reason";
    /// Who: a way into Postern, such as `rpc`, `service_api`, `origin`, `console`. Absent = nobody in particular.
    By = "by";
    /// The handle of the one session that goes on; absent = none does.
    Except = "except";
    /// How many.
    Count = "count";
    /// The moment, in milliseconds since the Unix epoch.
    Moment = "moment";
    /// The key's name.
    Kid = "kid";
    /// What the key is for: `dynamic`, `static` or `assertion`.
    Kind = "kind";
    /// When the key takes over, in milliseconds since the Unix epoch; 0 = at once.
    SignsFrom = "signsFrom";
}

macro_rules! events {
    ($($(#[doc = $doc:literal])+ $event:ident = $name:literal [$($member:ident),+];)+) => {
        /// The types of events.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum EventType {
            $($(#[doc = $doc])+ $event,)+
        }

        impl EventType {
            /// Every type, in the order of `docs/events.md`.
            pub const ALL: &[Self] = &[$(Self::$event),+];

            /// The name, in `type`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$event => $name,)+ }
            }

            /// What `data` may hold.
            pub const fn members(self) -> &'static [Member] {
                match self { $(Self::$event => &[$(Member::$member),+],)+ }
            }

            /// What it means.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$event => concat!($($doc),+),)+ }
            }
        }
    };
}

events! {
    /// A session was made; `by` is which way.
    SessionCreated = "session.created" [Handle, Issuer, UserId, TenantId, By];
    /// A session was refreshed. Only with `EVENTS_REFRESHED`.
    SessionRefreshed = "session.refreshed" [Handle, Issuer, UserId, TenantId];
    /// A session has ended: `reason` is `signed_out`, `revoked`, `revoked_with_all`, `cut_off`, `theft`, `device_key_missing`,
    /// `displaced` or `expired`, `by` who ended it. Of a trusted issuer's session the user is not said, because it is not stored.
    SessionEnded = "session.ended" [Handle, Issuer, UserId, TenantId, Reason, By];
    /// A refresh token had two holders, or a session that is bound to a device was refreshed without its key; `reason` is how that was
    /// recognised: `RECENT_PREV`, `ORPHANED_BRANCH`, `STALE_LINEAGE` or `device_key_missing`. `session.ended` follows.
    SessionTheft = "session.theft" [Handle, Issuer, UserId, TenantId, Reason];
    /// All of a user's sessions were ended at once, or all but one; a `session.ended` of each came before.
    UserSessionsEnded = "user.sessions_ended" [Issuer, UserId, TenantId, Except, By, Count];
    /// Everybody's sessions that were created before `moment` were ended. The `session.ended` of each is published when it is next looked at, at
    /// the latest when it would have expired.
    SessionsEndedBefore = "sessions.ended_before" [Moment];
    /// There is a new signing key: by interval, because a rotation was asked for, in place of one that was withdrawn, or restored from a
    /// backup.
    KeyCreated = "key.created" [Kid, Kind, SignsFrom];
    /// A signing key was withdrawn: it neither signs nor verifies any more.
    KeyWithdrawn = "key.withdrawn" [Kid, Kind];
    /// The backlog of an object was full, and its oldest events, `count` of them, were given up undelivered.
    EventsDropped = "events.dropped" [Count];
}

/// What a member holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A text.
    Text(&'a str),
    /// A whole number.
    Number(u64),
    /// Nothing: the member is left out.
    Absent,
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Self::Absent, Self::Text)
    }
}

/// An event, before it was written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its type.
    pub of: EventType,
    /// The text of the JSON object `data`.
    pub data: String,
}

impl Event {
    /// An event with these members.
    pub fn new(of: EventType, members: &[(Member, Value<'_>)]) -> Self {
        let mut data = ObjectWriter::new();
        for (member, value) in members {
            match value {
                Value::Text(text) => data.text(member.name(), text),
                Value::Number(number) => data.number(member.name(), *number),
                Value::Absent => {}
            }
        }
        Self {
            of,
            data: data.finish(),
        }
    }

    /// The text of the JSON object that is sent: the same at every attempt. `time` is when it happened, as RFC 3339 has it.
    pub fn body(&self, id: &str, sequence: u64, time: &str) -> String {
        let mut body = ObjectWriter::new();
        body.text("type", self.of.name());
        body.text("timestamp", time);
        body.text("id", id);
        body.number("sequence", sequence);
        body.json("data", &self.data);
        body.finish()
    }
}

#[cfg(test)]
mod tests;
