//! Isolates poll the authority, and fetch the segments that their copies lack.

use postern_core::{
    relay::longest_age_of_answer,
    revocation::{call::PollAnswer, copy::Poll, segment::Segment},
};
use postern_jwt::time::{Millis, UnixMillis};

use super::{Event, World, relays::Asking};

impl World {
    pub(super) fn poll(&mut self, isolate: usize, bound: u64) {
        let bound = Millis(bound);
        let asking = &mut self.isolates[isolate];
        let (relay, life) = (asking.relay, asking.life);
        let polls = match relay {
            Some(_) => asking.start_polls(bound, self.now, &mut self.random),
            None => std::iter::from_fn(|| asking.start_poll(bound, self.now, &mut self.random))
                .collect(),
        };
        for poll in polls {
            self.polls += 1;
            let out = self.latency();
            let arrives = match relay {
                Some(relay) => Event::PollReachesRelay {
                    relay,
                    asking: Asking {
                        isolate,
                        life,
                        poll,
                        longest_age: longest_age_of_answer(bound),
                        arrived: self.now + out,
                    },
                },
                None => Event::PollArrives {
                    isolate,
                    life,
                    poll,
                },
            };
            self.after(out, arrives);
        }
    }

    pub(super) fn poll_arrives(&mut self, isolate: usize, life: u64, poll: Poll) {
        if self.authority_is_out() || self.random.chance(3) {
            return;
        }
        let Poll { shard, since } = poll;
        self.authority.tidy(shard, UnixMillis(self.now));
        let answer = self.authority.poll(shard, since, UnixMillis(self.now));
        let back = self.latency();
        self.after(
            back,
            Event::PollAnswered {
                isolate,
                life,
                shard,
                answer,
            },
        );
    }

    pub(super) fn poll_answered(
        &mut self,
        isolate: usize,
        life: u64,
        shard: u32,
        answer: PollAnswer,
    ) {
        if self.isolates[isolate].life != life {
            return;
        }
        let names = self.isolates[isolate].missing(shard, &answer);
        if names.is_empty() {
            self.apply(isolate, shard, answer, Vec::new());
            return;
        }
        let back = self.latency();
        self.after(
            back,
            Event::SegmentsFetched {
                isolate,
                life,
                shard,
                answer,
                names,
            },
        );
    }

    pub(super) fn segments_fetched(
        &mut self,
        isolate: usize,
        life: u64,
        shard: u32,
        answer: PollAnswer,
        names: &[String],
    ) {
        let lost = self.authority_is_out() || self.random.chance(3);
        if lost || self.isolates[isolate].life != life {
            return;
        }
        let fetched = names.iter().map(|name| self.authority.segment(shard, name));
        // One that is not kept any longer: the next poll names others.
        if let Some(fetched) = fetched.collect::<Option<Vec<_>>>() {
            self.segments_fetched += fetched.len() as u64;
            self.apply(isolate, shard, answer, fetched);
            self.most_bytes = self.most_bytes.max(self.isolates[isolate].bytes());
        }
    }

    /// Takes over an answer, and asks the key ring when that says that it has changed.
    fn apply(&mut self, isolate: usize, shard: u32, answer: PollAnswer, fetched: Vec<Segment>) {
        self.isolates[isolate].apply(shard, answer, fetched, self.now);
        let version = self.isolates[isolate].key_set_version();
        if self.isolates[isolate].ring.is_older_than(version) {
            self.renew_ring(isolate, version);
        }
    }
}
