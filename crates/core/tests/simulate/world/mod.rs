//! The events of a run, in order, and how long everything takes.
//!
//! What a run holds and what happens by itself is here; `sessions` creates and ends them, `reports` brings the ends to the
//! authority, `verify` lets in or refuses and tells the judge, `refresh` gets new tokens, `polls` and `rings` bring copies up
//! to date, `relays` stand between.

mod event;
mod polls;
mod refresh;
mod relays;
mod reports;
mod rings;
mod sessions;
mod verify;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
};

use postern_jwt::time::UnixMillis;

use self::{
    event::{Event, Queued},
    relays::Relay,
};
use super::{
    authority::Authority,
    isolate::Isolate,
    judge::Judge,
    plan::{Plan, PlannedCutOff, Variables, Window},
    ring::{Ring, RingHolder},
    users::Users,
};
use crate::support::{START, random::Random};

/// How many isolates the users' objects run in.
const HOSTS: usize = 20;

/// An isolate that users' objects run in.
struct Host {
    ring: RingHolder,
    /// Of either release.
    variables: Variables,
    /// Of a release from before sessions told when they were created.
    is_older: bool,
}

pub struct World {
    plan: Plan,
    random: Random,
    queue: BinaryHeap<Reverse<Queued>>,
    queued: u64,
    now: u64,
    authority: Authority,
    ring: Ring,
    relays: Vec<Relay>,
    isolates: Vec<Isolate>,
    /// What the isolates that objects run in hold of the key ring.
    hosts: Vec<Host>,
    users: Users,
    of_user: Vec<Vec<usize>>,
    by_handle: HashMap<String, usize>,
    live: Vec<usize>,
    /// Sessions that have ended, whose holders go on.
    lately_ended: VecDeque<usize>,
    /// Sessions that a cut-off has ended, whose holders go on.
    cut_off_holders: Vec<usize>,
    alarms: Vec<Option<u64>>,
    /// The versions of the key set, and when the authority was told.
    key_sets: Vec<(u64, u64)>,
    /// What was promised where nothing is said, and from when on.
    bounds: Vec<(u64, u64)>,
    pub judge: Judge,
    pub most_bytes: usize,
    pub polls: u64,
    /// Answers that a relay had at hand.
    pub relayed: u64,
    pub segments_fetched: u64,
    pub hits: u64,
}

impl Host {
    fn new(plan: &Plan, random: &mut Random) -> Self {
        Self {
            ring: RingHolder::default(),
            variables: random.pick(&plan.variables),
            is_older: random.chance(30),
        }
    }

    /// It starts again, of this release or the other.
    fn restart(&mut self, plan: &Plan, random: &mut Random) {
        self.ring.restart();
        self.variables = random.pick(&plan.variables);
        self.is_older = random.chance(30);
    }
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
                let rate = plan.rate / 1_000.0 * weight / all;
                Isolate::new(&plan, rate, &mut random)
            })
            .collect();
        let users = Users::new(&plan);
        let mut world = Self {
            authority: Authority::new(&plan, UnixMillis(START)),
            ring: Ring::new(&plan, START),
            relays: (0..plan.relays).map(|_| Relay::default()).collect(),
            users,
            hosts: (0..HOSTS).map(|_| Host::new(&plan, &mut random)).collect(),
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
            cut_off_holders: Vec::new(),
            key_sets: Vec::new(),
            bounds: Vec::new(),
            judge: Judge::default(),
            most_bytes: 0,
            polls: 0,
            relayed: 0,
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
        self.after(97_000, Event::AuthorityRestart { again: true });
        self.after(0, Event::HostRestart);
        self.after(self.plan.key_changes, Event::KeysChange);
        for Window { start, end } in self.plan.frozen.clone() {
            self.after(start, Event::Freeze);
            self.after(end, Event::Thaw);
        }
        self.after(self.plan.deployed, Event::Deploy);
        for Window { start, end } in self.plan.older.clone() {
            self.after(start, Event::Older(true));
            self.after(end, Event::Older(false));
        }
        for PlannedCutOff { at, back } in self.plan.cut_offs.clone() {
            let cut_off = Event::CutOff {
                moment: START + at - back,
                is_repeated: false,
            };
            self.after(at, cut_off);
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
            Event::RefreshAsked(ask) => self.refresh_asked(ask),
            Event::RefreshAnswered(ask, renewed) => self.refresh_answered(ask, renewed),
            Event::RefreshCheckedAgain(ask, tokens) => self.refresh_checked_again(ask, tokens),
            Event::RefreshLost { session } => self.users.sessions[session].is_busy = false,
            Event::PollArrives {
                isolate,
                life,
                poll,
            } => self.poll_arrives(isolate, life, poll),
            Event::PollReachesRelay { relay, asking } => self.poll_reaches_relay(relay, asking),
            Event::RelayReachesAuthority {
                relay,
                shard,
                asked,
            } => self.relay_reaches_authority(relay, shard, asked),
            Event::RelayHears {
                relay,
                shard,
                asked,
                answer,
            } => self.relay_hears(relay, shard, asked, answer),
            Event::PollAnswered {
                isolate,
                life,
                shard,
                answer,
            } => self.poll_answered(isolate, life, shard, answer),
            Event::SegmentsFetched {
                isolate,
                life,
                shard,
                answer,
                names,
            } => self.segments_fetched(isolate, life, shard, answer, &names),
            Event::ReportArrives {
                user,
                tasks,
                report,
                shards,
            } => self.report_arrives(user, tasks, &report, &shards),
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
                self.isolates[isolate].restart(&mut self.random);
                let after = self.random_around(self.plan.restarts);
                self.after(after, Event::Restart { isolate });
            }
            Event::HostRestart => {
                let host = self.random.below(HOSTS as u64) as usize;
                self.hosts[host].restart(&self.plan, &mut self.random);
                let after = self.random_around(self.plan.restarts / HOSTS as u64);
                self.after(after, Event::HostRestart);
            }
            Event::AuthorityRestart { again } => {
                self.authority.restart();
                let relay = self.random.below(self.relays.len() as u64) as usize;
                self.relays[relay] = Relay::default();
                if again {
                    self.after(97_000, Event::AuthorityRestart { again });
                }
            }
            Event::KeysChange => self.keys_change(),
            Event::CutOff {
                moment,
                is_repeated,
            } => self.cut_off(moment, is_repeated),
            Event::Freeze => self.authority.freeze(UnixMillis(self.now)),
            Event::Thaw => self.authority.thaw(),
            Event::Deploy => self.ring.deploy(self.plan.variables[1], self.now),
            Event::Older(is_older) => {
                self.ring.is_older = is_older;
                self.authority.is_older = is_older;
                self.authority.restart();
            }
            Event::CutOffReported { session } => self.cut_off_reported(session),
        }
    }

    pub fn authority_bytes(&self) -> usize {
        self.authority.bytes()
    }
}
