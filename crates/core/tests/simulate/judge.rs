//! What really happened, by the authority's clock; and what was made of it.

use std::collections::BTreeMap;

/// What the judge knows about a session.
#[derive(Debug, Clone, Copy)]
pub struct Truth {
    pub created: u64,
    /// When its object ended it.
    pub ended: Option<u64>,
    /// When the authority recorded that: no revoker was told OK before.
    pub recorded: Option<u64>,
    /// It is looked whether its end by a cut-off is reported.
    pub is_looked_after: bool,
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

/// The level of verifications that go by `FRESHNESS`.
pub const BY_DEFAULT: u64 = 1;

const CLOCKS_APART: u64 = 5_000;

/// A cut-off that was asked for.
#[derive(Debug, Clone, Copy)]
pub struct CutOff {
    pub moment: u64,
    /// When the authority had recorded it, and when that was told.
    pub recorded: Option<(u64, u64)>,
}

/// What was promised of a verification.
#[derive(Debug, Clone, Copy)]
pub struct Promise {
    /// Under which level it is counted.
    pub level: u64,
    /// How late an ending may be felt.
    pub bound: u64,
}

#[derive(Debug, Default)]
pub struct Judge {
    pub verifications: u64,
    pub revocations: u64,
    /// Sessions that cut-offs ended.
    pub cut_off: u64,
    pub late: u64,
    pub false_refusals: u64,
    pub worst: u64,
    /// By bound in milliseconds; 0 = strict, [`BY_DEFAULT`] = where nothing was said.
    pub levels: BTreeMap<u64, Level>,
    pub cut_offs: Vec<CutOff>,
    /// Sessions from before a cut-off that objects let in which reached nobody who could tell them of it, asked by isolates
    /// that reached nobody either.
    pub untold: u64,
    /// Tokens of withdrawn keys that were let in after the bound.
    pub late_keys: u64,
    /// Sessions that an object ended for a cut-off, and told nobody of.
    pub unreported: u64,
    pub first_fault: Option<String>,
}

impl Judge {
    /// The newest cut-off that ends a session from then.
    pub fn cut_off_of(&self, created: u64) -> Option<&CutOff> {
        self.cut_offs.iter().rev().find(|one| created < one.moment)
    }

    /// A session was let in by a verification that began at `start`. `reached_nobody` says whether nobody could tell the one
    /// who did, nor the object, of what was recorded since a time.
    pub fn honoured(
        &mut self,
        truth: Truth,
        start: u64,
        Promise { level, bound }: Promise,
        reached_nobody: impl Fn(u64) -> bool,
    ) {
        self.level(level).honoured += 1;
        let since = |time: Option<u64>| time.and_then(|time| start.checked_sub(time));
        let cut_off = self.cut_off_of(truth.created);
        let (recorded, ok) = cut_off.and_then(|one| one.recorded).unzip();
        let mut felt = Vec::new();
        if let Some(delay) = since(ok) {
            if delay > bound && recorded.is_some_and(reached_nobody) {
                self.untold += 1;
                return;
            }
            felt.push((delay, "a session from before a cut-off"));
        }
        if let Some(delay) = since(truth.recorded) {
            felt.push((delay, "a revoked session"));
        }
        let worst = felt.iter().map(|(delay, _)| *delay).max().unwrap_or(0);
        self.worst = self.worst.max(worst);
        let level = self.level(level);
        level.worst = level.worst.max(worst);
        // One event, however many reasons there are to refuse.
        if let Some((delay, what)) = felt.iter().find(|(delay, _)| *delay > bound) {
            self.late += 1;
            self.fault(format!(
                "{what} was let in {delay} ms after that was told, bound {bound}, at {start}"
            ));
        }
    }

    /// New tokens were handed out by an isolate that had heard of a cut-off at `told` by then, of a session from before it.
    pub fn renewed(&mut self, truth: Truth, told: u64, now: u64) {
        // As far as the clocks of objects lie apart, a session may be from after it by its object's.
        if truth.created + CLOCKS_APART < told {
            self.late += 1;
            self.fault(format!(
                "a session from before a cut-off was let in by a refresh that had heard of it, at {now}"
            ));
        }
    }

    /// A session was refused: by a verification at some bound, or by a refresh.
    pub fn refused(&mut self, truth: Truth, start: u64, bound: Option<u64>, why: &str) {
        if let Some(bound) = bound {
            self.level(bound).refused += 1;
        }
        if truth.ended.is_none() && self.cut_off_of(truth.created).is_none() {
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

    /// An object has ended a session for a cut-off while a token of it lives, and has nothing to report and has reported nothing.
    pub fn told_nobody(&mut self, now: u64) {
        self.unreported += 1;
        self.fault(format!(
            "a session that its object had ended for a cut-off was reported to nobody, at {now}"
        ));
    }

    /// Everything that must not be.
    pub fn faults(&self) -> u64 {
        self.late + self.false_refusals + self.unreported
    }

    pub fn level(&mut self, bound: u64) -> &mut Level {
        self.levels.entry(bound).or_default()
    }

    fn fault(&mut self, text: String) {
        self.first_fault.get_or_insert(text);
    }
}
