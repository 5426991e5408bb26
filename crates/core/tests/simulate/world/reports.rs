//! What an object has to report goes to the authority, and what was lost goes again with the object's alarm.

use postern_core::{revocation::call::Report, session::record::RevocationTask};
use postern_jwt::time::UnixMillis;

use super::{Event, World};

const REPORT_TIMEOUT: u64 = 5_000;
/// The least time to an alarm: while a report is on its way it stays due.
const SHORTEST_PAUSE: u64 = 10_000;

impl World {
    pub(super) fn alarm(&mut self, user: usize) {
        if self.alarms[user] == Some(self.now) {
            self.alarms[user] = None;
            self.users.sweep(user, self.now);
            self.send_report(user);
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
        let arrives = Event::ReportArrives {
            user,
            tasks: tasks.clone(),
            report,
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

    pub(super) fn report_arrives(
        &mut self,
        user: usize,
        tasks: Vec<RevocationTask>,
        report: &Report,
    ) {
        let accepted = !self.authority_is_out();
        if accepted {
            self.authority.report(report, UnixMillis(self.now));
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
