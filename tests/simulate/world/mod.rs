//! The events of a run, in order, and how long everything takes.
//!
//! What a run holds and what happens by itself is here; `sessions` creates and ends them, `reports` brings the ends to the
//! authority, `verify` lets in or refuses and tells the judge, `polls` brings copies up to date.

mod event;
mod polls;
mod reports;
mod sessions;
mod verify;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
};

use postern::time::UnixMillis;

use self::event::{Event, Queued};
use super::{
    authority::Authority,
    isolate::Isolate,
    judge::Judge,
    plan::{Plan, Window},
    users::Users,
};
use crate::support::{START, random::Random};

/// The revoker of everyone is told OK this much later.
const CUT_OFF_SPREADS: u64 = 18_000;

pub struct World {
    plan: Plan,
    random: Random,
    queue: BinaryHeap<Reverse<Queued>>,
    queued: u64,
    now: u64,
    authority: Authority,
    isolates: Vec<Isolate>,
    users: Users,
    of_user: Vec<Vec<usize>>,
    by_handle: HashMap<String, usize>,
    live: Vec<usize>,
    /// Sessions that have ended, whose holders go on.
    lately_ended: VecDeque<usize>,
    alarms: Vec<Option<u64>>,
    /// When which version of the key set began.
    key_sets: Vec<u64>,
    pub judge: Judge,
    pub most_bytes: usize,
    pub polls: u64,
    pub segments_fetched: u64,
    pub hits: u64,
}

impl World {
    pub fn new(plan: Plan) -> Self {
        let mut random = Random(plan.seed.wrapping_mul(0xd134_2543_de82_ef95));
        let weights: Vec<f64> = (0..plan.isolates)
            .map(|n| 1.0 / (1.0 + n as f64).powf(0.8))
            .collect();
        let all: f64 = weights.iter().sum();
        let isolates = weights
            .iter()
            .map(|weight| {
                Isolate::new(
                    plan.rate / 1_000.0 * weight / all,
                    plan.mistake,
                    &mut random,
                )
            })
            .collect();
        let mut world = Self {
            authority: Authority::new(&plan, UnixMillis(START)),
            users: Users::new(&plan),
            random,
            queue: BinaryHeap::new(),
            queued: 0,
            now: START,
            isolates,
            of_user: Vec::new(),
            by_handle: HashMap::new(),
            live: Vec::new(),
            lately_ended: VecDeque::new(),
            alarms: Vec::new(),
            key_sets: vec![0],
            judge: Judge::default(),
            most_bytes: 0,
            polls: 0,
            segments_fetched: 0,
            hits: 0,
            plan,
        };
        for _ in 0..world.plan.sessions {
            world.create();
        }
        world.begin();
        world
    }

    fn begin(&mut self) {
        for isolate in 0..self.isolates.len() {
            self.next_verification(isolate);
            let after = self.random_around(self.plan.restarts);
            self.after(after, Event::Restart { isolate });
        }
        self.after(0, Event::Create);
        self.after(0, Event::Revoke);
        self.after(97_000, Event::AuthorityRestart);
        self.after(self.plan.key_changes, Event::KeysChange);
        let Window { start, end } = self.plan.frozen;
        self.after(start, Event::Freeze);
        self.after(end, Event::Thaw);
        if let Some(moment) = self.plan.cut_off {
            self.after(moment, Event::CutOff);
        }
    }

    pub fn run(&mut self) {
        while let Some(Reverse(Queued(time, _, event))) = self.queue.pop() {
            if time > START + self.plan.length {
                break;
            }
            self.now = time;
            self.happens(event);
        }
        self.judge.late += self.judge.late_keys;
    }

    fn after(&mut self, span: u64, event: Event) {
        self.at(self.now + span, event);
    }

    fn at(&mut self, time: u64, event: Event) {
        self.queued += 1;
        self.queue.push(Reverse(Queued(time, self.queued, event)));
    }

    /// A span that is exponentially distributed.
    fn random_around(&mut self, mean: u64) -> u64 {
        let share = (self.random.below(1 << 52) as f64 + 1.0) / (1_u64 << 52) as f64;
        (-share.ln() * mean as f64) as u64
    }

    /// How long a message is on its way; now and then long.
    fn latency(&mut self) -> u64 {
        let usual = 5 + self.random.below(100);
        if self.random.chance(2) {
            usual + self.random.below(40_000)
        } else {
            usual
        }
    }

    fn is_in(&self, windows: &[Window]) -> bool {
        let since = self.now - START;
        windows.iter().any(|window| window.contains(&since))
    }

    fn authority_is_out(&self) -> bool {
        self.is_in(&self.plan.out)
    }

    fn object_is_out(&self, user: usize) -> bool {
        user % 10 < 3 && self.is_in(&self.plan.objects_out)
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Verify { isolate } => self.verify(isolate),
            Event::ObjectAsked(ask) => self.object_asked(ask),
            Event::ObjectAnswered(ask) => self.object_answered(ask),
            Event::PollArrives {
                isolate,
                life,
                since,
            } => self.poll_arrives(isolate, life, since),
            Event::PollAnswered {
                isolate,
                life,
                answer,
            } => self.poll_answered(isolate, life, answer),
            Event::SegmentsFetched {
                isolate,
                life,
                answer,
                names,
            } => self.segments_fetched(isolate, life, answer, &names),
            Event::ReportArrives {
                user,
                tasks,
                report,
            } => self.report_arrives(user, tasks, &report),
            Event::ReportAnswered {
                user,
                tasks,
                accepted,
            } => {
                self.users.reported(user, &tasks, accepted, self.now);
                self.arm(user);
            }
            Event::Alarm { user } => self.alarm(user),
            Event::Create => self.create_if_missing(),
            Event::Revoke => {
                self.revoke();
                let pause = self.random_around((1_000.0 / self.plan.revocations) as u64);
                self.after(pause, Event::Revoke);
            }
            Event::Restart { isolate } => {
                self.isolates[isolate].restart();
                let after = self.random_around(self.plan.restarts);
                self.after(after, Event::Restart { isolate });
            }
            Event::AuthorityRestart => {
                self.authority.restart();
                self.after(97_000, Event::AuthorityRestart);
            }
            Event::KeysChange => {
                if !self.authority_is_out() {
                    self.key_sets.push(self.now);
                    self.authority.keys_changed(self.key_sets.len() as u64 - 1);
                }
                self.after(self.plan.key_changes, Event::KeysChange);
            }
            Event::CutOff => {
                let now = UnixMillis(self.now);
                self.authority.cut_off(now, now);
                self.judge.cut_off = Some((self.now + CUT_OFF_SPREADS, self.now));
                self.live.clear();
            }
            Event::Freeze => self.authority.freeze(UnixMillis(self.now)),
            Event::Thaw => self.authority.thaw(),
        }
    }

    pub fn authority_bytes(&self) -> usize {
        self.authority.bytes()
    }
}
