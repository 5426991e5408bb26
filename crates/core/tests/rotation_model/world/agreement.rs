//! What holds after every action, and what is left in the end.

use postern_core::session::call::{UserCall, UserReply};

use super::World;
use crate::support::{
    calls::{self, GONE},
    random::Random,
};

impl World {
    /// What holds after every action.
    pub(super) fn agree(&self) {
        let now = self.now();
        let live: Vec<String> = self
            .model
            .live(now)
            .into_iter()
            .map(|at| self.model.sessions[at].handle.clone())
            .collect();
        let listed = self.object.user.call(calls::list("u1"));
        assert_eq!(listed, UserReply::Handles { handles: live });
        for session in &self.model.sessions {
            match self.object.user.call(UserCall::ReadInformation {
                handle: session.handle.clone(),
            }) {
                UserReply::Information {
                    session: view,
                    session_data,
                    expiry,
                    ..
                } => {
                    assert!(session.is_live(now), "an ended session came back");
                    assert_eq!(view.payload, session.payload);
                    assert_eq!(
                        session_data,
                        session.data.last().map_or("{}", String::as_str)
                    );
                    assert_eq!(expiry.0, session.expiry);
                }
                reply => {
                    assert_eq!(reply, GONE);
                    assert!(!session.is_live(now), "a live session is gone");
                }
            }
        }
    }

    /// From now on nothing fails. KV must come to agree with the object, and in the end nothing may be left of either.
    pub fn run_out(mut self, random: &mut Random) {
        self.object.kv.abandon_all();
        while random.chance(70) {
            self.object.move_one(random);
        }
        let start = self.now();
        self.alarms_until(start + 100_000, random);
        self.object.settle();
        for at in 0..self.model.sessions.len() {
            self.read_one(at);
        }
        self.alarms_until(start + 4_000_000, random);
        let now = self.now();
        for session in &self.model.sessions {
            let newest = session
                .data
                .last()
                .map(|value| (value.clone(), session.data.len() as u64));
            let expected = newest.filter(|_| session.is_live(now));
            assert_eq!(
                self.object.kv.entry(&session.handle),
                expected.as_ref(),
                "KV and the object differ"
            );
        }
        self.alarms_until(u64::MAX, random);
        assert!(
            self.object.user.store.is_empty(),
            "something is left in the object"
        );
        for session in &self.model.sessions {
            assert_eq!(
                self.object.kv.entry(&session.handle),
                None,
                "something is left in KV"
            );
        }
    }

    fn alarms_until(&mut self, end: u64, random: &mut Random) {
        let mut alarms = 0;
        while self.object.to_next_alarm(end) {
            assert!(alarms < 200, "the alarm never comes to rest");
            alarms += 1;
            if random.chance(30) {
                self.object.move_one(random);
            }
            self.object.settle();
            self.model.sweep(self.now());
            self.object.flawless_alarm();
        }
        if end < u64::MAX {
            self.object.user.now.set(end.max(self.now()));
            self.model.sweep(end);
        }
    }
}
