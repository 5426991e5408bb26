//! A user's object and the KV beside it, by one clock: the outbox between them, and the alarm that drives it.

use postern_core::session::record::UserStore;

use super::{kv::Kv, random::Random, user::User};

pub struct UserWithKv {
    pub user: User,
    pub kv: Kv,
}

impl UserWithKv {
    pub fn new(user: User) -> Self {
        Self {
            user,
            kv: Kv::default(),
        }
    }

    pub fn now(&self) -> u64 {
        self.user.now.get()
    }

    /// Time passes, and what was sent too long ago lands.
    pub fn pass(&mut self, millis: u64) {
        self.user.advance(millis);
        self.settle();
    }

    /// The clock is set back.
    pub fn set_back(&mut self, millis: u64) {
        self.user.now.set(self.now() - millis);
        self.kv.clock_set_back(millis);
        self.settle();
    }

    pub fn settle(&mut self) {
        self.kv.settle(&self.user.store, self.now());
    }

    pub fn start_copy(&mut self, handle: &str) {
        self.kv.start(&self.user.store, handle, self.now());
    }

    pub fn move_one(&mut self, random: &mut Random) {
        self.kv.move_one(&self.user.store, self.now(), random);
    }

    /// Goes to the next moment at which the alarm is due; `false` when there is none by `end`.
    pub fn to_next_alarm(&self, end: u64) -> bool {
        let due = self.user.store.next_due().unwrap();
        let due = due.filter(|due| due.0 <= end);
        if let Some(due) = due {
            self.user.now.set(due.0.max(self.now()));
        }
        due.is_some()
    }

    /// The alarm when nothing fails: KV takes every copy at once, and the authority every report.
    pub fn flawless_alarm(&mut self) {
        for handle in self.user.sweep() {
            self.kv.write_through(&self.user.store, &handle, self.now());
        }
        self.user.report(true);
    }
}
