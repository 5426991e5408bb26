//! What an object has to report goes to the authority, and what was lost goes again with the object's alarm.

use postern_core::{revocation::call::Report, session::record::RevocationTask};
use postern_jwt::time::UnixMillis;

use super::{Event, World};
use crate::simulate::{authority::shards_of, plan::Mistake, users::Session};

const REPORT_TIMEOUT: u64 = 5_000;
/// The least time to an alarm: while a report is on its way it stays due.
const SHORTEST_PAUSE: u64 = 10_000;

impl World {
    pub(super) fn alarm(&mut self, user: usize) {
        if self.alarms[user] == Some(self.now) {
            self.alarms[user] = None;
            if let Some(known) = self.known_to_object(user, 0) {
                self.users.sweep(user, self.now, known);
                self.send_report(user);
            }
            self.arm(user);
        }
    }

    pub(super) fn arm(&mut self, user: usize) {
        if let Some(due) = self.users.next_due(user) {
            let due = due.max(self.now + SHORTEST_PAUSE);
            if self.alarms[user].is_none_or(|alarm| due < alarm) {
                self.alarms[user] = Some(due);
                self.at(due, Event::Alarm { user });
            }
        }
    }

    fn send_report(&mut self, user: usize) {
        if let Some((tasks, report)) = self.users.due_report(user, self.now) {
            self.on_its_way(user, tasks, report);
        }
    }

    pub(super) fn on_its_way(&mut self, user: usize, tasks: Vec<RevocationTask>, report: Report) {
        let out = self.latency();
        let shards = self.object_ring(user).and_then(|ring| {
            let published = ring.shards()?;
            let now = UnixMillis(self.now);
            let counts = if self.plan.mistake == Some(Mistake::OldShardsOnly) {
                vec![published.polled]
            } else {
                published.reported(now)
            };
            Some(shards_of(&report, &counts))
        });
        let Some(shards) = shards else {
            let answered = Event::ReportAnswered {
                user,
                tasks,
                accepted: false,
            };
            self.after(REPORT_TIMEOUT, answered);
            return;
        };
        let arrives = Event::ReportArrives {
            user,
            tasks: tasks.clone(),
            report,
            shards,
        };
        if self.random.chance(3) || out > REPORT_TIMEOUT {
            // Whoever waits gives up; it may arrive all the same.
            if self.random.chance(50) {
                self.after(out, arrives);
            }
            let accepted = false;
            let answered = Event::ReportAnswered {
                user,
                tasks,
                accepted,
            };
            self.after(REPORT_TIMEOUT, answered);
        } else {
            self.after(out, arrives);
        }
    }

    /// Its object has told that a session has ended.
    pub(super) fn ended_by_object(&mut self, session: usize) {
        let Session { truth, exp, .. } = &mut self.users.sessions[session];
        // A second for clocks that differ.
        let is_alive = exp.0 > self.now + 1_000;
        if self.judge.cut_off_of(truth.created).is_some()
            && truth.ended.is_none()
            && !truth.is_looked_after
            && is_alive
        {
            truth.is_looked_after = true;
            self.after(60_000, Event::CutOffReported { session });
        }
    }

    /// Looks whether the end of a session by a cut-off was reported, or is still to be.
    pub(super) fn cut_off_reported(&mut self, session: usize) {
        let Session { truth, exp, .. } = &self.users.sessions[session];
        if truth.recorded.is_some() || exp.0 <= self.now {
            return;
        }
        if self.users.has_to_report(session) {
            self.after(60_000, Event::CutOffReported { session });
        } else {
            self.judge.told_nobody(self.now);
        }
    }

    pub(super) fn report_arrives(
        &mut self,
        user: usize,
        tasks: Vec<RevocationTask>,
        report: &Report,
        shards: &[u32],
    ) {
        let mut accepted = !self.authority_is_out();
        for (number, shard) in shards.iter().enumerate() {
            // Of several, one may be told and the next not.
            accepted = accepted && (number == 0 || !self.random.chance(2));
            if accepted {
                self.authority.report(report, *shard, UnixMillis(self.now));
            }
        }
        if accepted {
            for entry in &report.entries {
                let session = self.by_handle[&entry.handle];
                let truth = &mut self.users.sessions[session].truth;
                truth.recorded.get_or_insert(self.now);
            }
        }
        let back = self.latency();
        self.after(
            back.min(REPORT_TIMEOUT),
            Event::ReportAnswered {
                user,
                tasks,
                accepted: accepted && back < REPORT_TIMEOUT,
            },
        );
    }
}
