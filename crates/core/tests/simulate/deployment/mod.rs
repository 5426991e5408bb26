//! A day of a large deployment in virtual time, for `docs/scale.md`: what reaches each object of which there is one, and
//! what a month costs.
//!
//! The decisions are the product's: when an isolate polls and what it then holds (`revocation::copy`), what the authority
//! keeps and answers (`revocation::journal`), when an isolate asks the key ring (`keys`). Isolates are sampled: one that is
//! simulated stands for many. Users are not simulated one by one: what they do comes at random, at rates that follow the
//! day; what each operation costs was counted on workerd (`docs/costs.json`).

mod bill;
mod day_chart;
mod tally;
mod traffic;

use std::{collections::BTreeMap, fs, path::Path, thread};

use postern_core::{
    keys::RingCopy,
    relay::{Held, Segments, longest_age_of_answer},
    revocation::{
        Entry,
        call::{PollAnswer, Report},
        copy::{Age, Decision, LivenessQuery, Poll, RevocationCopy, UncertainReason},
        segment::Segment,
    },
    session::facts::{Fact, LivenessCache},
};
use postern_jwt::time::{Millis, UnixMillis};

use self::{
    day_chart::DayChart,
    tally::Tally,
    traffic::{DAY, Locations, how_many},
};
use crate::{
    plot::thousands,
    simulate::{
        plan::{Plan, Variables},
        ring::{Ring, RingHolder},
    },
    support::{START, authority::Authority, handles::handle_of, random::Random},
};

/// The deployment.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub users: f64,
    pub locations: usize,
    pub isolates: usize,
    /// How many isolates are simulated.
    pub sampled: usize,
    /// What each user does on an average day.
    pub requests: f64,
    pub refreshes: f64,
    pub sign_ins: f64,
    pub sign_outs: f64,
    pub reads: f64,
    pub writes: f64,
    /// `FRESHNESS` within so many milliseconds, `REVOCATION_SHARDS`, and `RELAYS`.
    pub bound: u64,
    pub shards: u32,
    pub relays: u32,
}

const LARGE: Size = Size {
    users: 10_000_000.0,
    locations: 300,
    isolates: 50_000,
    sampled: 80,
    requests: 50.0,
    refreshes: 4.0,
    sign_ins: 0.1,
    sign_outs: 0.05,
    reads: 5.0,
    writes: 1.0,
    bound: 60_000,
    shards: 1,
    relays: 0,
};

/// With as many relays as take it.
const RELAYED: Size = Size {
    relays: 16,
    ..LARGE
};

/// A user comes so often on a day, and makes a request each so many seconds while he is there.
const VISITS: f64 = 3.0;
const VISIT_SECONDS: f64 = 1_200.0;
const ACCESS_TOKEN: u64 = 3_600_000;
/// The first hour fills the authority and is not counted.
const WARM_UP: u64 = 3_600;
/// Whoever asks a user's object polls beside that, when the copy is older than a third of this.
const LEARN_BOUND: u64 = 30_000;

/// What happens, at which second of the day.
pub const REVOKE_ALL: u64 = 8 * 3_600;
pub const ROTATION: u64 = 12 * 3_600;
pub const REGION_LOST: u64 = 16 * 3_600;
pub const DEPLOYMENT: u64 = 20 * 3_600;
/// The isolates of a lost region, and of a deployment, start anew within so many seconds.
const START_ANEW_WITHIN: u64 = 60;

struct Isolate {
    location: usize,
    copy: RevocationCopy,
    facts: LivenessCache,
    ring: RingHolder,
    /// When it starts anew, by the second of the day.
    starts_anew: Vec<u64>,
}

#[derive(Default)]
struct Relay {
    ring: Option<Held<RingCopy>>,
    shards: BTreeMap<u32, Held<PollAnswer>>,
    segments: Segments,
}

struct Deployment {
    size: Size,
    random: Random,
    locations: Locations,
    isolates: Vec<Isolate>,
    authorities: Vec<Authority>,
    ring: Ring,
    /// One stands for all: each is asked by so many isolates that it asks anew as soon as it may.
    relay: Relay,
    reported: u64,
    /// Users whose session a cut-off has ended and who have not come back: who are there at the time, and the others.
    to_come: [f64; 2],
    tally: Tally,
}

pub fn report(directory: &str) {
    let cases = [
        LARGE,
        RELAYED,
        Size {
            shards: 16,
            relays: 64,
            ..LARGE
        },
        Size { shards: 4, ..LARGE },
        Size {
            bound: 300_000,
            ..LARGE
        },
        Size {
            isolates: 10_000,
            sampled: 80,
            ..LARGE
        },
    ];
    let runs: Vec<_> = thread::scope(|scope| {
        let runs: Vec<_> = cases
            .iter()
            .map(|size| scope.spawn(|| Deployment::new(*size).run()))
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    println!(
        "\nA day of {} users, {} locations; one simulated isolate stands for many.",
        thousands(LARGE.users as u64),
        LARGE.locations
    );
    for (size, tally) in cases.iter().zip(&runs) {
        println!(
            "\n{} isolates ({} simulated), a bound of {} s, {} of the authority, {} relays:\n",
            thousands(size.isolates as u64),
            thousands(size.sampled as u64),
            size.bound / 1_000,
            if size.shards == 1 {
                "one shard".to_owned()
            } else {
                format!("{} shards", size.shards)
            },
            size.relays,
        );
        tally.print();
    }
    bill::print(&LARGE, &runs[0]);
    bill::print(&cases[2], &runs[2]);
    let draw = |name, title, tally: &Tally| {
        let chart = DayChart {
            title,
            lines: tally.lines(),
            limit: tally::COUNTED_ON,
        };
        fs::write(Path::new(directory).join(name), chart.svg()).unwrap();
    };
    let title = "Requests a second to the objects of which there is one (50,000 isolates, 60 s)";
    draw("day.svg", title, &runs[0]);
    let title = "The same with 64 relays and 16 shards: requests a second to each";
    draw("day-relays.svg", title, &runs[2]);
}

impl Deployment {
    fn new(size: Size) -> Self {
        let mut random = Random(7);
        let locations = Locations::new(size.locations);
        let variables = Variables {
            bound: size.bound,
            access_token: ACCESS_TOKEN,
            clock_tolerance: 0,
            shards: size.shards,
        };
        let plan = Plan {
            variables: [variables; 2],
            shards_change: None,
            key_interval: 7 * 24 * 3_600_000,
            ..Plan::long(1)
        };
        let isolates = (0..size.sampled).map(|_| {
            let location = locations.pick(&mut random);
            let mut starts_anew = vec![DEPLOYMENT + random.below(START_ANEW_WITHIN)];
            if locations.is_in_lost_region(location) {
                starts_anew.push(REGION_LOST + random.below(START_ANEW_WITHIN));
            }
            Isolate {
                location,
                copy: RevocationCopy::new(size.shards),
                facts: LivenessCache::default(),
                ring: RingHolder::default(),
                starts_anew,
            }
        });
        Self {
            isolates: isolates.collect(),
            size,
            locations,
            random,
            authorities: (0..size.shards)
                .map(|_| Authority::one_of(size.shards))
                .collect(),
            ring: Ring::new(&plan, START),
            relay: Relay::default(),
            reported: 0,
            to_come: [0.0; 2],
            tally: Tally::new(&size),
        }
    }

    fn run(mut self) -> Tally {
        for second in 0..WARM_UP + DAY {
            let now = START + second * 1_000;
            self.tally.second = second.checked_sub(WARM_UP);
            // The day before ends while it warms up.
            let of_day = (second + DAY - WARM_UP) % DAY;
            if self.tally.second.is_some() {
                self.events(of_day, now);
            }
            self.users(of_day, now);
            for shard in &mut self.authorities {
                shard.alarm(now);
            }
            self.requests(of_day, now);
        }
        self.tally
    }

    fn events(&mut self, second: u64, now: u64) {
        match second {
            REVOKE_ALL => {
                let moment = UnixMillis(now);
                self.ring.cut_off(moment, now);
                for shard in &mut self.authorities {
                    shard
                        .journal
                        .set_not_before(&shard.store, moment, moment)
                        .unwrap();
                }
                let there =
                    VISITS * VISIT_SECONDS / DAY as f64 * self.locations.total_activity(second);
                self.to_come = [self.size.users * there, self.size.users * (1.0 - there)];
                self.tell_version();
            }
            ROTATION => {
                self.ring.rotate(now);
                self.tell_version();
            }
            _ => {}
        }
        for isolate in &mut self.isolates {
            if isolate.starts_anew.contains(&second) {
                isolate.copy = RevocationCopy::new(self.size.shards);
                isolate.facts = LivenessCache::default();
                isolate.ring = RingHolder::default();
            }
        }
    }

    fn tell_version(&mut self) {
        let version = self.ring.version();
        for shard in &mut self.authorities {
            shard
                .journal
                .set_key_set_version(&shard.store, version)
                .unwrap();
        }
    }

    /// What users' objects report, and what users do besides.
    fn users(&mut self, second: u64, now: u64) {
        let activity = self.locations.total_activity(second);
        let each = self.size.users * activity / DAY as f64;
        let sign_outs = how_many(&mut self.random, each * self.size.sign_outs);
        let since = second.saturating_sub(REVOKE_ALL);
        let visits = VISITS * activity / DAY as f64;
        let requests = self.size.requests / VISITS / VISIT_SECONDS;
        let mut back = [0.0; 2];
        for ((back, to_come), rate) in back
            .iter_mut()
            .zip(&mut self.to_come)
            .zip([requests, visits])
        {
            *back = *to_come * rate;
            *to_come -= *back;
        }
        // The end of a session is reported while its last token lives: of those who were there, and of those who were there
        // in the hour before.
        let lives = VISITS / 24.0
            * activity
            * (1.0 - since as f64 * 1_000.0 / ACCESS_TOKEN as f64).max(0.0);
        let ended = how_many(&mut self.random, back[0] + back[1] * lives);
        self.tally.come_back(back[0] + back[1]);
        let mut entries: Vec<Vec<Entry>> = vec![Vec::new(); self.authorities.len()];
        for _ in 0..sign_outs + ended {
            let shard = (self.reported % u64::from(self.size.shards)) as usize;
            entries[shard].push(Entry {
                handle: handle_of("many", self.reported),
                expires: UnixMillis(now + ACCESS_TOKEN),
            });
            self.reported += 1;
            self.tally.report(shard);
        }
        // Each comes by itself; what the authority makes of them is the same.
        for (shard, entries) in self.authorities.iter_mut().zip(entries) {
            for some in entries.chunks(1_000) {
                let report = Report {
                    live: 1,
                    entries: some.to_vec(),
                };
                shard.take(&report, now);
            }
        }
    }

    fn requests(&mut self, second: u64, now: u64) {
        let mean = self.size.users * self.size.requests / DAY as f64 / self.size.isolates as f64;
        for at in 0..self.isolates.len() {
            let activity = self.locations.activity(self.isolates[at].location, second);
            for _ in 0..how_many(&mut self.random, mean * activity) {
                let moment = now + self.random.below(1_000);
                self.request(at, moment);
            }
        }
    }

    /// A request with an access token, of a session that lives.
    fn request(&mut self, at: usize, now: u64) {
        let clock = UnixMillis(now);
        let isolate = &mut self.isolates[at];
        self.tally.request();
        if isolate.ring.must_ask(clock) {
            self.ask_ring(at, 0, now);
        }
        let isolate = &mut self.isolates[at];
        if let Some(ring) = isolate.ring.held(clock) {
            isolate.copy.learn(ring.cut_off(), clock);
        }
        let handle = handle_of("live", self.random.below(1 << 40));
        let question = LivenessQuery {
            handle: &handle,
            age: Age::Session(clock),
            bound: Millis(self.size.bound),
            now: clock,
        };
        let bound = match isolate.copy.decide(&mut isolate.facts, &question) {
            Decision::AskObject(why) => {
                self.tally.ask_object();
                let fact = Fact {
                    as_of: clock,
                    data_seq: 0,
                    ended: None,
                };
                isolate.facts.note(&handle, fact);
                match why {
                    UncertainReason::NoCopy | UncertainReason::OldCopy => {
                        self.size.bound.min(LEARN_BOUND)
                    }
                    _ => self.size.bound,
                }
            }
            Decision::Live | Decision::Revoked => self.size.bound,
        };
        self.poll(at, bound, now);
    }

    fn poll(&mut self, at: usize, bound: u64, now: u64) {
        let clock = UnixMillis(now);
        if self.size.relays == 0 {
            while let Some(poll) =
                self.isolates[at]
                    .copy
                    .start_poll(Millis(bound), clock, self.random.next() as u32)
            {
                self.tally.poll(poll.shard as usize);
                let authority = &self.authorities[poll.shard as usize];
                let answer = authority.journal.poll(poll.since, clock);
                self.apply(at, poll.shard, answer, now);
            }
        } else {
            let random = self.random.next() as u32;
            let copy = &mut self.isolates[at].copy;
            let polls = copy.start_polls(Millis(bound), clock, random);
            if !polls.is_empty() {
                self.tally.ask_relay();
            }
            for poll in polls {
                let answer = self.relayed(poll, longest_age_of_answer(Millis(bound)), clock);
                self.apply(at, poll.shard, answer, now);
            }
        }
        let version = self.isolates[at].copy.key_set_version();
        if self.isolates[at].ring.is_older_than(version) {
            self.ask_ring(at, version, now);
        }
    }

    fn relayed(&mut self, poll: Poll, longest_age: Millis, clock: UnixMillis) -> PollAnswer {
        let held = self.relay.shards.get(&poll.shard);
        if let Some(held) = held.filter(|held| held.serves(clock, longest_age)) {
            return held.answer.cut_to(poll.since);
        }
        self.tally.poll(poll.shard as usize);
        let authority = &self.authorities[poll.shard as usize];
        let answer = authority.journal.poll(0, clock);
        let told = answer.cut_to(poll.since);
        let asked = clock;
        self.relay.shards.insert(poll.shard, Held { asked, answer });
        told
    }

    fn apply(&mut self, at: usize, shard: u32, answer: PollAnswer, now: u64) {
        let authority = &self.authorities[shard as usize];
        let names = self.isolates[at].copy.missing(shard, &answer);
        let mut fetched: Vec<Segment> = Vec::new();
        for name in names {
            let is_relayed = self.size.relays > 0;
            if is_relayed {
                self.tally.ask_relay();
            }
            let Some(segment) = authority.fetch(name) else {
                continue;
            };
            if !is_relayed || self.relay.segments.get(name).is_none() {
                self.tally.fetch(shard as usize);
                self.relay.segments.put(name, segment.bytes().to_vec());
            }
            fetched.push(segment);
        }
        let copy = &mut self.isolates[at].copy;
        copy.apply(shard, answer, fetched, UnixMillis(now));
    }

    fn ask_ring(&mut self, at: usize, version: u64, now: u64) {
        let clock = UnixMillis(now);
        let holder = &mut self.isolates[at].ring;
        if self.size.relays == 0 {
            self.tally.ask_ring();
            holder.ask(&mut self.ring, true, clock, now);
            return;
        }
        self.tally.ask_relay();
        let longest_age = holder.longest_relayed_age(clock);
        let serves = |held: &Held<RingCopy>| {
            held.serves(clock, longest_age) && held.answer.key_set_version() >= version
        };
        if !self.relay.ring.as_ref().is_some_and(serves) {
            self.tally.ask_ring();
            let answer = self.ring.answer(now);
            self.relay.ring = Some(Held {
                asked: clock,
                answer,
            });
        }
        let held = self.relay.ring.as_ref().unwrap();
        holder.take(held.answer.clone(), clock, held.age(clock));
    }
}
