//! Random schedules against the plainest model: a list of what was recorded, and when.

use postern_core::{
    revocation::{
        MAX_SEGMENTS, MAX_TAIL,
        call::PollAnswer,
        copy::{Decision, RevocationCopy},
        segment::Segment,
    },
    session::facts::LivenessCache,
};
use postern_jwt::time::{Millis, UnixMillis};

use crate::support::{
    START,
    authority::{Authority, question},
    handles::handle_of,
    random::Random,
};

struct Revoked {
    handle: String,
    recorded: u64,
    expires: u64,
}

struct World {
    authority: Authority,
    copy: RevocationCopy,
    revoked: Vec<Revoked>,
    /// Answers on their way, with what was fetched for them.
    answers: Vec<(PollAnswer, Vec<Segment>)>,
    now: u64,
    seq_seen: u64,
    handles: u64,
}

impl World {
    fn new() -> Self {
        Self {
            authority: Authority::new(),
            copy: RevocationCopy::new(1),
            revoked: Vec::new(),
            answers: Vec::new(),
            now: START,
            seq_seen: 0,
            handles: 0,
        }
    }

    fn step(&mut self, random: &mut Random) {
        match random.below(100) {
            0..=24 => self.revoke(random),
            25..=44 => self.ask(random),
            45..=69 => self.answer_arrives(random),
            70..=74 => self.authority.restart(),
            75..=79 => self.authority.tidy(self.now),
            _ => self.now += random.pick(&[1, 500, 5_000, 30_000, 200_000]),
        }
        self.agrees(random);
    }

    fn revoke(&mut self, random: &mut Random) {
        let count = random.pick(&[1, 1, 1, 3, 700, 4_999]);
        let life = random.pick(&[2_000, 60_000, 3_600_000]);
        let mut handles: Vec<String> = (0..count)
            .map(|n| handle_of("u", self.handles + n))
            .collect();
        self.handles += count;
        // Now and then the answer was lost and the report is repeated.
        if random.chance(20)
            && let Some(old) = self.revoked.last()
        {
            handles.push(old.handle.clone());
        }
        self.authority.report(&handles, self.now + life, self.now);
        for handle in handles {
            self.revoked.push(Revoked {
                handle,
                recorded: self.now,
                expires: self.now + life,
            });
        }
    }

    fn ask(&mut self, random: &mut Random) {
        let since = random.pick(&[0, self.seq_seen, self.seq_seen]);
        let answer = self.authority.poll(since, self.now);
        assert!(answer.tail.0.len() <= MAX_TAIL);
        assert!(answer.segments.len() <= MAX_SEGMENTS);
        let fetched = self.copy.missing(0, &answer);
        let fetched = fetched
            .iter()
            .filter(|_| random.chance(95))
            .map(|name| self.authority.fetch(name).unwrap())
            .collect();
        self.answers.push((answer, fetched));
    }

    fn answer_arrives(&mut self, random: &mut Random) {
        if self.answers.is_empty() {
            return;
        }
        let at = random.below(self.answers.len() as u64) as usize;
        let (answer, fetched) = self.answers.swap_remove(at);
        if random.chance(10) {
            return;
        }
        let (seq, as_of) = (answer.seq, answer.as_of);
        let before = self.copy.age(UnixMillis(self.now));
        if self.copy.apply(0, answer, fetched, UnixMillis(self.now)) {
            self.seq_seen = seq;
            let age = UnixMillis(self.now).since(as_of).0 + 2_000;
            assert_eq!(self.copy.age(UnixMillis(self.now)), Some(Millis(age)));
        } else {
            assert_eq!(self.copy.age(UnixMillis(self.now)), before);
        }
    }

    fn decide(&mut self, handle: &str) -> Decision {
        let question = question(handle, Millis(60_000), self.now);
        self.copy.decide(&mut LivenessCache::default(), &question)
    }

    fn agrees(&mut self, random: &mut Random) {
        let count = self.revoked.len() as u64;
        for _ in 0..count.min(50) {
            let at = random.below(count) as usize;
            let Revoked {
                handle,
                recorded,
                expires,
            } = &self.revoked[at];
            let felt = self.now > recorded + 60_000;
            if felt && self.now < *expires {
                let handle = handle.clone();
                assert_ne!(self.decide(&handle), Decision::Live, "{handle}");
            }
        }
        // Whatever the schedule, nobody else is refused.
        for _ in 0..20 {
            let stranger = handle_of("stranger", random.next());
            assert_ne!(self.decide(&stranger), Decision::Revoked);
        }
    }
}

#[test]
fn whatever_happens_what_was_recorded_is_felt_within_the_bound() {
    for seed in 0..10 {
        let mut random = Random(seed);
        let mut world = World::new();
        for _ in 0..150 {
            world.step(&mut random);
        }
    }
}
