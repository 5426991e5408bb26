//! Sessions are created, and ended by those who may.

use postern_core::session::record::RevocationTask;

use super::{Event, World};
use crate::simulate::plan::Mistake;

impl World {
    pub(super) fn create_if_missing(&mut self) {
        let missing = self.plan.sessions.saturating_sub(self.live.len());
        if missing > 0 {
            self.create();
        }
        let pause = if missing > 20 { 20 } else { 400 };
        let pause = self.random_around(pause);
        self.after(pause, Event::Create);
    }

    pub(super) fn create(&mut self) {
        // The isolate that creates is any one.
        let isolate = self.random.below(self.isolates.len() as u64) as usize;
        let user = self.users.somebody(&mut self.random);
        let Some(ring) = self.isolate_ring(isolate) else {
            return;
        };
        let told = self.isolates[isolate].not_before(Some(&ring));
        let (Some(key), Some(known)) = (
            self.isolates[isolate].signer(&ring, self.now),
            self.known_to_object(user, told),
        ) else {
            return;
        };
        let session = self.users.create(user, self.now, known, key);
        self.of_user.resize(self.users.count(), Vec::new());
        self.alarms.resize(self.users.count(), None);
        self.of_user[user].push(session);
        let handle = self.users.sessions[session].handle.clone();
        self.by_handle.insert(handle, session);
        self.live.push(session);
    }

    pub(super) fn revoke(&mut self) {
        if self.live.is_empty() {
            return;
        }
        let session = self.random.pick(&self.live);
        let user = self.users.sessions[session].user;
        let Some(known) = self.known_to_object(user, 0) else {
            return;
        };
        self.users
            .end_some(session, self.now, known, &mut self.random);
        let (tasks, report) = self.users.due_report(user, self.now).unzip();
        let reports = |handle: &str| {
            tasks.as_ref().is_some_and(|tasks: &Vec<RevocationTask>| {
                tasks.iter().any(|task| task.handle == handle)
            })
        };
        for session in self.of_user[user].clone() {
            let truth = self.users.sessions[session].truth;
            let ended = truth.ended.is_none()
                && self.judge.cut_off_of(truth.created).is_none()
                && !self.users.is_standing(session, self.now, known);
            if !ended {
                continue;
            }
            let jar = &mut self.users.sessions[session];
            jar.truth.ended = Some(self.now);
            if !reports(&jar.handle) || self.plan.mistake == Some(Mistake::EarlyOk) {
                jar.truth.recorded = Some(self.now);
            }
            self.judge.revocations += 1;
            self.lately_ended.push_back(session);
            if let Some(at) = self.live.iter().position(|live| *live == session) {
                self.live.swap_remove(at);
            }
        }
        if let (Some(tasks), Some(report)) = (tasks, report) {
            self.on_its_way(user, tasks, report);
        }
        self.arm(user);
    }
}
