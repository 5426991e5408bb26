//! What really happened, by the authority's clock; and what was made of it.

use std::collections::BTreeMap;

/// Who said that a session lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The isolate's copy.
    Copy,
    /// The user's object, to this request or to an earlier one. Had it been told of the cut-off?
    Object { told: bool },
}

/// What the judge knows about a session.
#[derive(Debug, Clone, Copy)]
pub struct Truth {
    pub created: u64,
    /// When its object ended it.
    pub ended: Option<u64>,
    /// When the authority recorded that: no revoker was told OK before.
    pub recorded: Option<u64>,
}

#[derive(Debug, Default, Clone, Copy)]
pub struct Level {
    pub verifications: u64,
    pub honoured: u64,
    pub refused: u64,
    pub unavailable: u64,
    /// Verifications that asked the user's object.
    pub asked: u64,
    pub worst: u64,
}

#[derive(Debug, Default)]
pub struct Judge {
    pub verifications: u64,
    pub revocations: u64,
    pub late: u64,
    pub false_refusals: u64,
    pub worst: u64,
    /// By bound in milliseconds; 0 = strict.
    pub levels: BTreeMap<u64, Level>,
    /// When the revoker of everyone was told OK, and the moment.
    pub cut_off: Option<(u64, u64)>,
    /// Sessions from before the cut-off that were let in by objects which nobody had told yet.
    pub untold: u64,
    /// Tokens of withdrawn keys that were let in after the bound.
    pub late_keys: u64,
    pub first_fault: Option<String>,
}

impl Judge {
    /// A session was let in by a verification that began at `start`.
    pub fn honoured(&mut self, truth: Truth, start: u64, bound: u64, by: By) {
        let level = self.level(bound);
        level.honoured += 1;
        if let Some(delay) = truth
            .recorded
            .and_then(|recorded| start.checked_sub(recorded))
        {
            self.felt_after(delay, start, bound, "a revoked session");
        }
        if let Some((ok, moment)) = self.cut_off
            && truth.created < moment
            && let Some(delay) = start.checked_sub(ok)
        {
            if by == (By::Object { told: false }) {
                self.untold += 1;
            } else {
                self.felt_after(delay, start, bound, "a session from before the cut-off");
            }
        }
    }

    fn felt_after(&mut self, delay: u64, start: u64, bound: u64, what: &str) {
        let level = self.level(bound);
        level.worst = level.worst.max(delay);
        self.worst = self.worst.max(delay);
        if delay > bound {
            self.late += 1;
            self.fault(format!(
                "{what} was let in {delay} ms late, bound {bound}, at {start}"
            ));
        }
    }

    /// A session was refused: by a verification at some bound, or by a refresh.
    pub fn refused(&mut self, truth: Truth, start: u64, bound: Option<u64>, why: &str) {
        if let Some(bound) = bound {
            self.level(bound).refused += 1;
        }
        let cut_off = self
            .cut_off
            .is_some_and(|(_, moment)| truth.created < moment);
        if truth.ended.is_none() && !cut_off {
            self.false_refusals += 1;
            self.fault(format!("a live session was refused at {start}: {why}"));
        }
    }

    /// A token of an old key was let in although a fresh copy should have told of the new key set.
    pub fn old_key(&mut self, start: u64, bound: u64, changed: u64) {
        if let Some(delay) = start.checked_sub(changed)
            && delay > bound
        {
            self.late_keys += 1;
            self.fault(format!(
                "an old key set was used {delay} ms after its change, bound {bound}, at {start}"
            ));
        }
    }

    pub fn level(&mut self, bound: u64) -> &mut Level {
        self.levels.entry(bound).or_default()
    }

    fn fault(&mut self, text: String) {
        self.first_fault.get_or_insert(text);
    }
}
