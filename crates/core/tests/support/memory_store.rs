//! The storage of a user's object over maps: what SQLite does in the Worker, for native tests of the rules.

use std::{cell::RefCell, collections::BTreeMap};

use postern_core::{
    events::Event,
    session::{
        listing::{ListedSession, MAX_ENDED},
        record::{
            CopyAction, CopyTask, Ending, ForeignRecord, PageOf, RevocationTask, SessionRecord,
            SessionSummary, StoreFault, Stored, Tombstone, UserStore,
        },
    },
};
use postern_jwt::time::{Millis, UnixMillis};

#[derive(Debug, Default, Clone, PartialEq)]
struct Tables {
    sessions: BTreeMap<String, Stored<SessionRecord>>,
    foreign: BTreeMap<String, Stored<ForeignRecord>>,
    /// The newest data's number of those that have ended.
    foreign_seq: BTreeMap<String, u64>,
    data: BTreeMap<String, String>,
    outbox: BTreeMap<String, CopyTask>,
    revocations: BTreeMap<String, RevocationTask>,
    /// When used tickets expire, by handle and id.
    used_tickets: BTreeMap<(String, String), UnixMillis>,
    /// Ended sessions that are listed, and until when.
    remembered: BTreeMap<String, (ListedSession, UnixMillis)>,
    /// User, tenant and creation of ended sessions.
    ended: BTreeMap<String, (String, String, UnixMillis)>,
    /// What was published; `None` = events are off.
    events: Option<Vec<Event>>,
}

#[derive(Debug, Default, Clone, PartialEq)]
pub struct MemoryStore(RefCell<Tables>);

impl MemoryStore {
    /// Runs `change` as the shell runs a transaction: on `Err` everything is as before.
    pub fn transaction<T>(
        &self,
        change: impl FnOnce(&Self) -> Result<T, StoreFault>,
    ) -> Result<T, StoreFault> {
        let before = self.0.borrow().clone();
        let outcome = change(self);
        if outcome.is_err() {
            *self.0.borrow_mut() = before;
        }
        outcome
    }

    pub fn is_empty(&self) -> bool {
        *self.0.borrow() == Tables::default()
    }

    /// Whether any record says whose it is, or is listed as that of `user_id`.
    pub fn names(&self, user_id: &str) -> bool {
        format!("{:?}", self.0.borrow()).contains(user_id)
    }

    /// From now on events are published.
    pub fn publish_events(&self) {
        self.0.borrow_mut().events.get_or_insert_default();
    }

    /// The events that were published since the last time.
    pub fn take_events(&self) -> Vec<Event> {
        let mut tables = self.0.borrow_mut();
        tables
            .events
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    pub fn tombstones(&self) -> usize {
        self.0
            .borrow()
            .sessions
            .values()
            .filter(|stored| matches!(stored, Stored::Ended(_)))
            .count()
    }
}

fn ended(session: &ListedSession) -> UnixMillis {
    session.ended.as_ref().unwrap().time
}

fn comes_after(page: &PageOf<'_>, at: UnixMillis, handle: &str) -> bool {
    page.after
        .is_none_or(|after| (at, handle) < (after.at, after.handle.as_str()))
}

impl UserStore for MemoryStore {
    fn session(&self, handle: &str) -> Result<Option<Stored<SessionRecord>>, StoreFault> {
        Ok(self.0.borrow().sessions.get(handle).cloned())
    }

    fn insert_session(&self, record: &SessionRecord) -> Result<bool, StoreFault> {
        let mut tables = self.0.borrow_mut();
        let fresh = !tables.sessions.contains_key(&record.handle);
        if fresh {
            tables
                .sessions
                .insert(record.handle.clone(), Stored::Live(record.clone()));
        }
        Ok(fresh)
    }

    fn update_session(&self, record: &SessionRecord) -> Result<bool, StoreFault> {
        Ok(match self.0.borrow_mut().sessions.get_mut(&record.handle) {
            Some(Stored::Live(live)) if live.user_id == record.user_id => {
                // The shell relies on it: an alarm that was set for the old end is in time for the new one.
                assert!(record.expiry >= live.expiry, "an update shortens a life");
                *live = SessionRecord {
                    last_seen: live.last_seen,
                    ..record.clone()
                };
                true
            }
            _ => false,
        })
    }

    fn end_session(&self, handle: &str, tombstone: Tombstone) -> Result<bool, StoreFault> {
        let mut tables = self.0.borrow_mut();
        let Some(stored @ Stored::Live(_)) = tables.sessions.get_mut(handle) else {
            return Ok(false);
        };
        let Stored::Live(record) = std::mem::replace(stored, Stored::Ended(tombstone)) else {
            return Ok(false);
        };
        let whose = (record.user_id, record.tenant_id, record.created);
        tables.ended.insert(handle.to_owned(), whose);
        tables.data.remove(handle);
        Ok(true)
    }

    fn sessions_of(
        &self,
        user_id: &str,
        tenant_id: Option<&str>,
    ) -> Result<Vec<SessionSummary>, StoreFault> {
        let tables = self.0.borrow();
        let mut sessions: Vec<_> = tables
            .sessions
            .values()
            .filter_map(|stored| match stored {
                Stored::Live(record)
                    if record.user_id == user_id
                        && tenant_id.is_none_or(|tenant| tenant == record.tenant_id) =>
                {
                    Some(SessionSummary {
                        handle: record.handle.clone(),
                        created: record.created,
                        expiry: record.expiry,
                    })
                }
                _ => None,
            })
            .collect();
        sessions.sort_by_key(|session| session.created);
        Ok(sessions)
    }

    fn owner(&self) -> Result<Option<String>, StoreFault> {
        let tables = self.0.borrow();
        let live = tables.sessions.values().filter_map(|stored| match stored {
            Stored::Live(record) => Some(&record.user_id),
            Stored::Ended(_) => None,
        });
        let ended = tables.remembered.values();
        let mut owners = live.chain(ended.map(|(session, _)| &session.user_id));
        Ok(owners.next().cloned())
    }

    fn live_page(&self, page: &PageOf<'_>) -> Result<Vec<SessionRecord>, StoreFault> {
        let tables = self.0.borrow();
        let mut records: Vec<_> = tables
            .sessions
            .values()
            .filter_map(|stored| match stored {
                Stored::Live(record) => Some(record),
                Stored::Ended(_) => None,
            })
            .filter(|record| {
                record.user_id == page.user_id
                    && page
                        .tenant_id
                        .is_none_or(|tenant| tenant == record.tenant_id)
                    && record.expiry > page.now
                    && record.created >= page.not_before
                    && comes_after(page, record.created, &record.handle)
            })
            .cloned()
            .collect();
        records.sort_by(|a, b| (b.created, &b.handle).cmp(&(a.created, &a.handle)));
        records.truncate(page.limit as usize);
        Ok(records)
    }

    fn ended_page(&self, page: &PageOf<'_>) -> Result<Vec<ListedSession>, StoreFault> {
        let tables = self.0.borrow();
        let mut sessions: Vec<_> = tables
            .remembered
            .values()
            .filter(|(session, forget)| {
                session.user_id == page.user_id
                    && page
                        .tenant_id
                        .is_none_or(|tenant| tenant == session.tenant_id)
                    && *forget > page.now
                    && comes_after(page, ended(session), &session.handle)
            })
            .map(|(session, _)| session.clone())
            .collect();
        sessions.sort_by(|a, b| (ended(b), &b.handle).cmp(&(ended(a), &a.handle)));
        sessions.truncate(page.limit as usize);
        Ok(sessions)
    }

    fn remember_ended(
        &self,
        session: &ListedSession,
        forget: UnixMillis,
    ) -> Result<(), StoreFault> {
        let entry = (session.clone(), forget);
        let mut tables = self.0.borrow_mut();
        tables.remembered.insert(session.handle.clone(), entry);
        Ok(())
    }

    fn forget_ended(&self, now: UnixMillis) -> Result<(), StoreFault> {
        let mut tables = self.0.borrow_mut();
        tables.remembered.retain(|_, (_, forget)| *forget > now);
        let mut times: Vec<_> = tables
            .remembered
            .values()
            .map(|(session, _)| (ended(session), session.handle.clone()))
            .collect();
        times.sort();
        let surplus = times.len().saturating_sub(MAX_ENDED as usize);
        for (_, handle) in times.into_iter().take(surplus) {
            tables.remembered.remove(&handle);
        }
        Ok(())
    }

    fn forget_ended_of(&self, user_id: &str, limit: u32) -> Result<bool, StoreFault> {
        let mut tables = self.0.borrow_mut();
        let of_user = |(session, _): &(ListedSession, _)| session.user_id == user_id;
        let remembered = tables.remembered.iter();
        let handles: Vec<_> = remembered
            .filter(|(_, entry)| of_user(entry))
            .map(|(handle, _)| handle.clone())
            .take(limit as usize)
            .collect();
        for handle in &handles {
            tables.remembered.remove(handle);
        }
        Ok(handles.len() == limit as usize)
    }

    fn strip_tombstones_of(&self, user_id: &str, limit: u32) -> Result<bool, StoreFault> {
        let mut tables = self.0.borrow_mut();
        let named = tables
            .ended
            .values_mut()
            .filter(|whose| !whose.0.is_empty());
        let of_user = named.filter(|whose| whose.0 == user_id);
        let mut stripped = 0;
        for whose in of_user.take(limit as usize) {
            (whose.0, whose.1) = (String::new(), String::new());
            stripped += 1;
        }
        Ok(stripped == limit)
    }

    fn mark_seen(
        &self,
        handle: &str,
        now: UnixMillis,
        since: UnixMillis,
    ) -> Result<(), StoreFault> {
        if let Some(Stored::Live(record)) = self.0.borrow_mut().sessions.get_mut(handle)
            && [
                Some(record.created),
                record.last_refreshed,
                record.lineage.child_seen,
                record.last_seen,
            ]
            .into_iter()
            .flatten()
            .all(|seen| seen < since)
        {
            record.last_seen = Some(now);
        }
        Ok(())
    }

    fn expired_sessions(&self, now: UnixMillis, limit: u32) -> Result<Vec<String>, StoreFault> {
        let tables = self.0.borrow();
        let expired = tables
            .sessions
            .iter()
            .filter_map(|(handle, stored)| match stored {
                Stored::Live(record) if record.expiry < now => Some(handle.clone()),
                _ => None,
            });
        Ok(expired.take(limit as usize).collect())
    }

    fn foreign(&self, handle: &str) -> Result<Option<Stored<ForeignRecord>>, StoreFault> {
        Ok(self.0.borrow().foreign.get(handle).cloned())
    }

    fn put_foreign(&self, record: &ForeignRecord) -> Result<bool, StoreFault> {
        let mut tables = self.0.borrow_mut();
        let ended = match tables.foreign.get(&record.handle) {
            Some(Stored::Ended(_)) => return Ok(false),
            Some(Stored::Live(known)) => known.ended,
            None => UnixMillis(0),
        };
        let record = ForeignRecord {
            ended,
            ..record.clone()
        };
        tables
            .foreign
            .insert(record.handle.clone(), Stored::Live(record));
        Ok(true)
    }

    fn end_foreign(&self, handle: &str, tombstone: Tombstone) -> Result<bool, StoreFault> {
        let mut tables = self.0.borrow_mut();
        tables.data.remove(handle);
        match tables.foreign.get(handle) {
            Some(Stored::Ended(_)) => return Ok(false),
            Some(Stored::Live(record)) => {
                let seq = record.data_seq;
                tables.foreign_seq.insert(handle.to_owned(), seq);
            }
            None => {}
        }
        tables
            .foreign
            .insert(handle.to_owned(), Stored::Ended(tombstone));
        Ok(true)
    }

    fn revive_foreign(&self, handle: &str, keep_until: UnixMillis) -> Result<bool, StoreFault> {
        let mut tables = self.0.borrow_mut();
        let Some(Stored::Ended(tombstone)) = tables.foreign.get(handle).cloned() else {
            return Ok(false);
        };
        let before = tables.foreign_seq.get(handle).copied().unwrap_or(0);
        let record = ForeignRecord {
            handle: handle.to_owned(),
            keep_until,
            data_seq: before + 1,
            copy_expires: UnixMillis(0),
            ended: tombstone.ended,
        };
        tables
            .foreign
            .insert(handle.to_owned(), Stored::Live(record));
        Ok(true)
    }

    fn drop_foreign(&self, handle: &str) -> Result<(), StoreFault> {
        let mut tables = self.0.borrow_mut();
        tables.foreign.remove(handle);
        tables.data.remove(handle);
        Ok(())
    }

    fn lapsed_foreign(&self, now: UnixMillis, limit: u32) -> Result<Vec<String>, StoreFault> {
        let tables = self.0.borrow();
        let lapsed = tables
            .foreign
            .iter()
            .filter_map(|(handle, stored)| match stored {
                Stored::Live(record) if record.keep_until < now => Some(handle.clone()),
                _ => None,
            });
        Ok(lapsed.take(limit as usize).collect())
    }

    fn live_foreign(&self, after: Option<&str>, limit: u32) -> Result<Vec<String>, StoreFault> {
        let tables = self.0.borrow();
        let live = tables.foreign.iter().filter(|(handle, stored)| {
            matches!(stored, Stored::Live(_)) && after.is_none_or(|after| after < handle.as_str())
        });
        Ok(live
            .map(|(handle, _)| handle.clone())
            .take(limit as usize)
            .collect())
    }

    fn data(&self, handle: &str) -> Result<Option<String>, StoreFault> {
        Ok(self.0.borrow().data.get(handle).cloned())
    }

    fn set_data(&self, handle: &str, text: &str) -> Result<(), StoreFault> {
        self.0
            .borrow_mut()
            .data
            .insert(handle.to_owned(), text.to_owned());
        Ok(())
    }

    fn queue_copy(&self, task: &CopyTask) -> Result<(), StoreFault> {
        self.0
            .borrow_mut()
            .outbox
            .insert(task.handle.clone(), task.clone());
        Ok(())
    }

    fn copy_task(&self, handle: &str) -> Result<Option<CopyTask>, StoreFault> {
        Ok(self.0.borrow().outbox.get(handle).cloned())
    }

    fn clear_copy(&self, handle: &str) -> Result<(), StoreFault> {
        self.0.borrow_mut().outbox.remove(handle);
        Ok(())
    }

    fn due_copies(&self, now: UnixMillis, limit: u32) -> Result<Vec<CopyTask>, StoreFault> {
        let tables = self.0.borrow();
        let mut due: Vec<_> = tables
            .outbox
            .values()
            .filter(|task| task.due <= now)
            .cloned()
            .collect();
        due.sort_by_key(|task| task.due);
        due.truncate(limit as usize);
        Ok(due)
    }

    fn pending_deletes(&self, limit: u32) -> Result<Vec<String>, StoreFault> {
        let tables = self.0.borrow();
        let deletes = tables
            .outbox
            .values()
            .filter(|task| task.action == CopyAction::Delete);
        let mut deletes: Vec<_> = deletes
            .map(|task| (task.due, task.handle.clone()))
            .collect();
        deletes.sort();
        deletes.truncate(limit as usize);
        Ok(deletes.into_iter().map(|(_, handle)| handle).collect())
    }

    fn last_ended_together(
        &self,
        user_id: &str,
        tenant_id: Option<&str>,
    ) -> Result<Vec<String>, StoreFault> {
        let tables = self.0.borrow();
        let together = tables.sessions.iter().filter_map(|(handle, stored)| {
            let Stored::Ended(tombstone) = stored else {
                return None;
            };
            let (user, tenant, created) = tables.ended.get(handle)?;
            let matches = tombstone.ending == Ending::RevokedWithAll
                && user == user_id
                && tenant_id.is_none_or(|wanted| wanted == tenant);
            matches.then(|| (tombstone.ended, *created, handle.clone()))
        });
        let together: Vec<_> = together.collect();
        let last = together.iter().map(|(ended, ..)| *ended).max();
        let mut last: Vec<_> = together
            .into_iter()
            .filter(|(ended, ..)| Some(*ended) == last)
            .collect();
        last.sort();
        Ok(last.into_iter().map(|(.., handle)| handle).collect())
    }

    fn queue_revocation(&self, task: &RevocationTask) -> Result<(), StoreFault> {
        self.0
            .borrow_mut()
            .revocations
            .insert(task.handle.clone(), task.clone());
        Ok(())
    }

    fn revocation_task(&self, handle: &str) -> Result<Option<RevocationTask>, StoreFault> {
        Ok(self.0.borrow().revocations.get(handle).cloned())
    }

    fn clear_revocation(&self, handle: &str) -> Result<(), StoreFault> {
        self.0.borrow_mut().revocations.remove(handle);
        Ok(())
    }

    fn live_revocations(&self, now: UnixMillis) -> Result<u64, StoreFault> {
        let tables = self.0.borrow();
        let live = tables
            .revocations
            .values()
            .filter(|task| task.expires > now);
        Ok(live.count() as u64)
    }

    fn due_revocations(
        &self,
        now: UnixMillis,
        limit: u32,
    ) -> Result<Vec<RevocationTask>, StoreFault> {
        let tables = self.0.borrow();
        let due = tables.revocations.values().filter(|task| task.due <= now);
        let mut due: Vec<_> = due.cloned().collect();
        due.sort_by_key(|task| task.due);
        due.truncate(limit as usize);
        Ok(due)
    }

    fn hasten_revocations(&self, now: UnixMillis) -> Result<(), StoreFault> {
        for task in self.0.borrow_mut().revocations.values_mut() {
            if !task.recorded {
                task.due = task.due.min(now);
            }
        }
        Ok(())
    }

    fn is_ticket_used(&self, handle: &str, id: &str) -> Result<bool, StoreFault> {
        let key = (handle.to_owned(), id.to_owned());
        Ok(self.0.borrow().used_tickets.contains_key(&key))
    }

    fn count_tickets(&self, handle: &str) -> Result<u64, StoreFault> {
        let tables = self.0.borrow();
        let tickets = tables.used_tickets.keys();
        Ok(tickets.filter(|(of, _)| of == handle).count() as u64)
    }

    fn use_ticket(&self, handle: &str, id: &str, expires: UnixMillis) -> Result<(), StoreFault> {
        let key = (handle.to_owned(), id.to_owned());
        let before = self.0.borrow_mut().used_tickets.insert(key, expires);
        assert_eq!(before, None, "a ticket is used twice");
        Ok(())
    }

    fn forget_tickets(&self, now: UnixMillis) -> Result<(), StoreFault> {
        let mut tables = self.0.borrow_mut();
        tables.used_tickets.retain(|_, expires| *expires > now);
        Ok(())
    }

    fn publishes_events(&self) -> bool {
        self.0.borrow().events.is_some()
    }

    fn publish(&self, event: &Event, _now: UnixMillis) -> Result<(), StoreFault> {
        if let Some(events) = &mut self.0.borrow_mut().events {
            events.push(event.clone());
        }
        Ok(())
    }

    fn forget_tombstones(&self, now: UnixMillis) -> Result<(), StoreFault> {
        let mut tables = self.0.borrow_mut();
        let Tables {
            sessions,
            foreign,
            outbox,
            revocations,
            ended,
            ..
        } = &mut *tables;
        let over = |handle: &String, tombstone: &Tombstone| {
            let owed = outbox.contains_key(handle) || revocations.contains_key(handle);
            tombstone.keep_until < now && !owed
        };
        sessions.retain(
            |handle, stored| !matches!(stored, Stored::Ended(tombstone) if over(handle, tombstone)),
        );
        foreign.retain(
            |handle, stored| !matches!(stored, Stored::Ended(tombstone) if over(handle, tombstone)),
        );
        ended.retain(|handle, _| sessions.contains_key(handle));
        Ok(())
    }

    fn next_due(&self) -> Result<Option<UnixMillis>, StoreFault> {
        let tables = self.0.borrow();
        let sessions = tables.sessions.iter().map(|(handle, stored)| {
            (
                handle,
                match stored {
                    Stored::Live(record) => record.expiry,
                    Stored::Ended(tombstone) => tombstone.keep_until,
                },
            )
        });
        let foreign = tables.foreign.iter().map(|(handle, stored)| {
            (
                handle,
                match stored {
                    Stored::Live(record) => record.keep_until,
                    Stored::Ended(tombstone) => tombstone.keep_until,
                },
            )
        });
        let rows = sessions
            .chain(foreign)
            .filter(|(handle, _)| {
                !tables.outbox.contains_key(*handle) && !tables.revocations.contains_key(*handle)
            })
            .map(|(_, due)| due.plus(Millis(1)));
        let remembered = tables.remembered.values().map(|(_, forget)| *forget);
        Ok(rows
            .chain(remembered)
            .chain(tables.outbox.values().map(|task| task.due))
            .chain(tables.revocations.values().map(|task| task.due))
            .min())
    }
}
