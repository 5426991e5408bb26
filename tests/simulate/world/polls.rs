//! Isolates poll the authority, and fetch the segments that their copies lack.

use postern::{
    revocation::call::PollAnswer,
    time::{Millis, UnixMillis},
};

use super::{Event, World};

impl World {
    pub(super) fn poll(&mut self, isolate: usize, bound: u64) {
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

    pub(super) fn poll_arrives(&mut self, isolate: usize, life: u64, since: u64) {
        if self.authority_is_out() || self.random.chance(3) {
            return;
        }
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

    pub(super) fn poll_answered(&mut self, isolate: usize, life: u64, answer: PollAnswer) {
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

    pub(super) fn segments_fetched(
        &mut self,
        isolate: usize,
        life: u64,
        answer: PollAnswer,
        names: &[String],
    ) {
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
}
