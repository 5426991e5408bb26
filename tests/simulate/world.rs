//! The events of a run, in order.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
};

use postern::{
    revocation::{
        call::{PollAnswer, Report},
        copy::{Decision, Why},
    },
    session::record::RevocationTask,
    time::{Millis, UnixMillis},
};

use super::{
    authority::Authority,
    isolate::Isolate,
    judge::{By, Judge},
    plan::{Mistake, Plan, Window},
    users::Users,
};
use crate::random::Random;

const START: u64 = 1_800_000_000_000;
/// 0 = strict.
const BOUNDS: [u64; 6] = [0, 5_000, 10_000, 30_000, 60_000, 60_000];
/// Whoever asks an object also polls when the copy is older than a third of this.
const LEARN_BOUND: u64 = 30_000;
/// The revoker of everyone is told OK this much later.
const CUT_OFF_SPREADS: u64 = 18_000;
const POLL_TIMEOUT: u64 = 3_000;
const REPORT_TIMEOUT: u64 = 5_000;
/// The least time to an alarm: while a report is on its way it stays due.
const SHORTEST_PAUSE: u64 = 10_000;

enum Event {
    Verify {
        isolate: usize,
    },
    ObjectAsked(Ask),
    ObjectAnswered(Ask),
    PollArrives {
        isolate: usize,
        life: u64,
        since: u64,
    },
    PollAnswered {
        isolate: usize,
        life: u64,
        answer: PollAnswer,
    },
    SegmentsFetched {
        isolate: usize,
        life: u64,
        answer: PollAnswer,
        names: Vec<String>,
    },
    ReportArrives {
        user: usize,
        tasks: Vec<RevocationTask>,
        report: Report,
    },
    ReportAnswered {
        user: usize,
        tasks: Vec<RevocationTask>,
        accepted: bool,
    },
    Alarm {
        user: usize,
    },
    Create,
    Revoke,
    Restart {
        isolate: usize,
    },
    AuthorityRestart,
    KeysChange,
    CutOff,
    Freeze,
    Thaw,
}

#[derive(Clone, Copy)]
struct Ask {
    isolate: usize,
    life: u64,
    session: usize,
    bound: u64,
    /// When the verification began.
    start: u64,
    told: u64,
    standing: bool,
}

struct Queued(u64, u64, Event);

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}
impl Eq for Queued {}
impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

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
            } => {
                if !self.authority_is_out() && !self.random.chance(3) {
                    self.authority.tidy(UnixMillis(self.now));
                    let answer = self.authority.poll(since, UnixMillis(self.now));
                    let back = self.latency();
                    self.after(
                        back,
                        Event::PollAnswered {
                            isolate,
                            life,
                            answer,
                        },
                    );
                }
            }
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
            } => {
                let lost = self.authority_is_out() || self.random.chance(3);
                if lost || self.isolates[isolate].life != life {
                    return;
                }
                let fetched = names.iter().map(|name| self.authority.segment(name));
                // One that is not kept any longer: the next poll names others.
                if let Some(fetched) = fetched.collect::<Option<Vec<_>>>() {
                    self.segments_fetched += fetched.len() as u64;
                    self.isolates[isolate].apply(answer, fetched, self.now);
                    self.most_bytes = self.most_bytes.max(self.isolates[isolate].bytes());
                }
            }
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
            Event::Alarm { user } => {
                if self.alarms[user] == Some(self.now) {
                    self.alarms[user] = None;
                    self.users.sweep(user, self.now);
                    self.send_report(user);
                    self.arm(user);
                }
            }
            Event::Create => {
                let missing = self.plan.sessions.saturating_sub(self.live.len());
                if missing > 0 {
                    self.create();
                }
                let pause = if missing > 20 { 20 } else { 400 };
                let pause = self.random_around(pause);
                self.after(pause, Event::Create);
            }
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
                self.authority.cut_off(UnixMillis(self.now));
                self.judge.cut_off = Some((self.now + CUT_OFF_SPREADS, self.now));
                self.live.clear();
            }
            Event::Freeze => self.authority.freeze(UnixMillis(self.now)),
            Event::Thaw => self.authority.thaw(),
        }
    }

    fn create(&mut self) {
        // The isolate that creates is any one.
        let isolate = self.random.below(self.isolates.len() as u64) as usize;
        let not_before = self.isolates[isolate].not_before();
        let session = self.users.create(self.now, not_before, &mut self.random);
        let user = self.users.sessions[session].user;
        self.of_user.resize(self.users.count(), Vec::new());
        self.alarms.resize(self.users.count(), None);
        self.of_user[user].push(session);
        let handle = self.users.sessions[session].handle.clone();
        self.by_handle.insert(handle, session);
        self.live.push(session);
    }

    fn revoke(&mut self) {
        if self.live.is_empty() {
            return;
        }
        let session = self.random.pick(&self.live);
        let user = self.users.sessions[session].user;
        if self.object_is_out(user) {
            return;
        }
        self.users.end_some(session, self.now, 0, &mut self.random);
        let (tasks, report) = self.users.due_report(user, self.now).unzip();
        let reports = |handle: &str| {
            tasks.as_ref().is_some_and(|tasks: &Vec<RevocationTask>| {
                tasks.iter().any(|task| task.handle == handle)
            })
        };
        for &session in &self.of_user[user] {
            let ended = self.users.sessions[session].truth.ended.is_none()
                && !self.users.is_standing(session, self.now, 0);
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

    fn send_report(&mut self, user: usize) {
        if let Some((tasks, report)) = self.users.due_report(user, self.now) {
            self.on_its_way(user, tasks, report);
        }
    }

    fn on_its_way(&mut self, user: usize, tasks: Vec<RevocationTask>, report: Report) {
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

    fn report_arrives(&mut self, user: usize, tasks: Vec<RevocationTask>, report: &Report) {
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

    fn arm(&mut self, user: usize) {
        if let Some(due) = self.users.next_due(user) {
            let due = due.max(self.now + SHORTEST_PAUSE);
            if self.alarms[user].is_none_or(|alarm| due < alarm) {
                self.alarms[user] = Some(due);
                self.at(due, Event::Alarm { user });
            }
        }
    }

    fn next_verification(&mut self, isolate: usize) {
        let mean = 1.0 / self.isolates[isolate].rate;
        let after = self.random_around(mean as u64 + 1);
        self.after(after, Event::Verify { isolate });
    }

    /// A session that somebody uses: often one that has ended lately.
    fn somebody(&mut self) -> Option<usize> {
        let horizon = self.now.saturating_sub(200_000);
        while let Some(&oldest) = self.lately_ended.front()
            && self.users.sessions[oldest].truth.ended < Some(horizon)
        {
            self.lately_ended.pop_front();
        }
        if !self.lately_ended.is_empty() && self.random.chance(35) {
            let at = self.random.below(self.lately_ended.len() as u64) as usize;
            return self.lately_ended.get(at).copied();
        }
        if self.random.chance(3) {
            // Any session that ever was.
            return Some(self.random.below(self.users.sessions.len() as u64) as usize);
        }
        if self.live.is_empty() {
            return None;
        }
        // Some are used much more than others.
        let share = self.random.below(1 << 20) as f64 / f64::from(1 << 20);
        let at = (share.powi(3) * self.live.len() as f64) as usize;
        self.live.get(at).copied()
    }

    fn verify(&mut self, isolate: usize) {
        self.next_verification(isolate);
        let Some(session) = self.somebody() else {
            return;
        };
        let clock = self.isolates[isolate].clock(self.now);
        if self.users.sessions[session].exp <= clock && !self.renew(isolate, session) {
            return;
        }
        let bound = self.random.pick(&BOUNDS);
        let user = self.users.sessions[session].user;
        self.judge.verifications += 1;
        self.judge.level(bound).verifications += 1;
        let ask = Ask {
            isolate,
            life: self.isolates[isolate].life,
            session,
            bound,
            start: self.now,
            told: self.isolates[isolate].not_before(),
            standing: false,
        };
        let jar = &self.users.sessions[session];
        let truth = jar.truth;
        let decision = if bound == 0 {
            Decision::AskObject(Why::NoCopy)
        } else {
            self.isolates[isolate].decide(jar, Millis(bound), self.now)
        };
        match decision {
            Decision::Live => {
                let fresh = self.isolates[isolate].is_fresh(Millis(bound), self.now);
                let by = if fresh {
                    self.judge_keys(isolate, bound);
                    By::Copy
                } else {
                    By::Object { told: ask.told > 0 }
                };
                self.judge.honoured(truth, self.now, bound, by);
                self.poll(isolate, bound);
            }
            Decision::Revoked => {
                self.judge
                    .refused(truth, self.now, Some(bound), "by the copy");
                self.poll(isolate, bound);
            }
            Decision::AskObject(why) => {
                self.judge.level(bound).asked += 1;
                self.hits += u64::from(why == Why::Hit);
                if matches!(why, Why::NoCopy | Why::OldCopy) {
                    let bound = if bound == 0 { LEARN_BOUND } else { bound };
                    self.poll(isolate, bound.min(LEARN_BOUND));
                } else {
                    self.poll(isolate, bound);
                }
                if self.object_is_out(user) {
                    if self.plan.mistake == Some(Mistake::OpenOnOutage) {
                        self.judge.honoured(truth, self.now, bound, By::Copy);
                    } else {
                        self.judge.level(bound).unavailable += 1;
                    }
                } else {
                    let out = self.latency();
                    self.after(out, Event::ObjectAsked(ask));
                }
            }
        }
    }

    /// An access token has expired: its browser refreshes first. `false` when it gets none.
    fn renew(&mut self, isolate: usize, session: usize) -> bool {
        let user = self.users.sessions[session].user;
        if self.object_is_out(user) {
            return false;
        }
        let not_before = self.isolates[isolate].not_before();
        if self.users.refresh(session, self.now, not_before) {
            return true;
        }
        let truth = self.users.sessions[session].truth;
        self.judge.refused(truth, self.now, None, "by a refresh");
        false
    }

    fn judge_keys(&mut self, isolate: usize, bound: u64) {
        let known = self.isolates[isolate].key_set_version() as usize;
        if let Some(changed) = self.key_sets.get(known + 1) {
            self.judge.old_key(self.now, bound, *changed);
        }
    }

    fn poll(&mut self, isolate: usize, bound: u64) {
        while let Some(poll) =
            self.isolates[isolate].start_poll(Millis(bound), self.now, &mut self.random)
        {
            self.polls += 1;
            let life = self.isolates[isolate].life;
            let out = self.latency();
            self.after(
                out,
                Event::PollArrives {
                    isolate,
                    life,
                    since: poll.since,
                },
            );
        }
    }

    fn poll_answered(&mut self, isolate: usize, life: u64, answer: PollAnswer) {
        if self.isolates[isolate].life != life {
            return;
        }
        let names = self.isolates[isolate].missing(&answer);
        if names.is_empty() {
            self.isolates[isolate].apply(answer, Vec::new(), self.now);
            return;
        }
        let back = self.latency();
        self.after(
            back,
            Event::SegmentsFetched {
                isolate,
                life,
                answer,
                names,
            },
        );
    }

    fn object_asked(&mut self, mut ask: Ask) {
        let user = self.users.sessions[ask.session].user;
        if self.object_is_out(user) {
            self.judge.level(ask.bound).unavailable += 1;
            return;
        }
        ask.standing = self.users.is_standing(ask.session, self.now, ask.told);
        // Whoever asks waits for the poll beside, but not for ever.
        let back = self.latency().min(POLL_TIMEOUT).max(self.random.below(300));
        self.after(back, Event::ObjectAnswered(ask));
    }

    fn object_answered(&mut self, mut ask: Ask) {
        let isolate = &mut self.isolates[ask.isolate];
        let session = &self.users.sessions[ask.session];
        let is_same = isolate.life == ask.life;
        if ask.standing && is_same && isolate.not_before() > ask.told {
            ask.told = isolate.not_before();
            self.after(20, Event::ObjectAsked(ask));
            return;
        }
        if ask.standing {
            if is_same {
                let asked = isolate.clock(ask.start);
                isolate.note(session, asked);
            }
            let by = By::Object { told: ask.told > 0 };
            self.judge.honoured(session.truth, ask.start, ask.bound, by);
        } else {
            isolate.forget(session);
            self.judge
                .refused(session.truth, ask.start, Some(ask.bound), "by its object");
        }
    }

    pub fn authority_bytes(&self) -> usize {
        self.authority.bytes()
    }
}
