//! Weeks in the life of a session on the real rules: a browser with several tabs that sleeps for days, answers that are lost
//! at any step, notes of use that are lost too, and a thief who copies the jar at any time and comes when he likes.
//!
//! The jar holds the token of the last answer that arrived; one that a later generation has overtaken counts as lost. Requests
//! and answers are on their way for less than the quiet period.

use std::{cmp::Reverse, collections::BinaryHeap};

use postern_core::{
    refusal::ReuseSubtype,
    session::call::{RotationMode, UserCall, UserReply},
    settings::Settings,
};
use postern_jwt::time::Millis;

use crate::support::{
    random::Random,
    user::{User, handle},
};

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// Whose request or answer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Victim,
    Thief,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The holder wakes up and wants to go on.
    Wake(Who),
    /// A request with this token reaches the object.
    Asked(Who, String),
    /// Its answer arrives: a refresh token, and the hash of the access token's.
    Arrived(Who, String, String),
    /// An isolate tells of the first use of an access token.
    Noted(String),
    /// The thief copies the jar.
    Stolen,
}

/// What became of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub subtype: ReuseSubtype,
    /// How often the thief had got new tokens, and the victim since then.
    pub thief_got: u32,
    pub victim_got: u32,
}

/// How many uses lie before a refresh token: `1.handle.generation.index.mac`.
fn generation(token: &str) -> u32 {
    token.rsplit('.').nth(2).unwrap().parse().unwrap()
}

struct Life<'a> {
    user: User,
    random: &'a mut Random,
    queue: BinaryHeap<Reverse<(u64, u64, Event)>>,
    queued: u64,
    jars: [String; 2],
    /// Share of answers that are lost, in percent.
    lost: u64,
    /// How long a request and its answer take at most.
    slowest: u64,
    thief_got: u32,
    victim_got: u32,
    thief_came: bool,
}

impl Life<'_> {
    fn after(&mut self, span: u64, event: Event) {
        self.queued += 1;
        let at = self.user.now.get() + span;
        self.queue.push(Reverse((at, self.queued, event)));
    }

    /// How long something is on its way.
    fn latency(&mut self) -> u64 {
        1 + self.random.below(self.slowest)
    }

    fn wake(&mut self, who: Who) {
        let tabs = match who {
            Who::Victim => self.random.pick(&[1, 1, 1, 2, 4]),
            Who::Thief => 1,
        };
        for _ in 0..tabs {
            let token = self.jars[who as usize].clone();
            let out = self.latency();
            self.after(out, Event::Asked(who, token));
        }
        let pause = match who {
            Who::Victim => {
                self.random
                    .pick(&[2_000, 20_000, 45_000, HOUR, HOUR, 8 * HOUR, 3 * DAY])
            }
            Who::Thief => self.random.pick(&[1_000, 40_000, HOUR, 20 * HOUR]),
        };
        let pause = pause / 5 * 4 + self.random.below(pause / 5 * 2);
        self.after(pause, Event::Wake(who));
    }

    /// The object answers. The reuse that it found, if it did.
    fn asked(&mut self, who: Who, token: &str) -> Option<ReuseSubtype> {
        self.thief_came |= who == Who::Thief;
        match self.user.refresh(token, RotationMode::Own) {
            UserReply::Issued {
                access, refresh, ..
            } => {
                if !self.random.chance(self.lost) {
                    let back = self.latency();
                    self.after(back, Event::Arrived(who, refresh.token, access.hash1));
                }
                None
            }
            UserReply::Theft { subtype, .. } => Some(subtype),
            other => panic!("neither tokens nor theft: {other:?}"),
        }
    }

    fn arrived(&mut self, who: Who, refresh: String, hash1: String) {
        let held = generation(&self.jars[who as usize]);
        if generation(&refresh) < held {
            return;
        }
        if generation(&refresh) > held {
            match who {
                Who::Thief => self.thief_got += 1,
                Who::Victim if self.thief_got > 0 => self.victim_got += 1,
                Who::Victim => {}
            }
        }
        self.jars[who as usize] = refresh;
        // Most access tokens are used soon; some notes are lost, or nobody checks the token where a note could come from.
        if self.random.chance(90) {
            let soon = self.latency();
            self.after(soon, Event::Noted(hash1));
        }
    }

    /// Lives until a reuse is found, or for forty days.
    fn live(&mut self) -> Option<Found> {
        let end = self.user.now.get() + 40 * DAY;
        while let Some(Reverse((at, _, event))) = self.queue.pop() {
            if at > end {
                break;
            }
            self.user.now.set(at);
            match event {
                Event::Wake(who) => self.wake(who),
                Event::Asked(who, token) => {
                    if let Some(subtype) = self.asked(who, &token) {
                        return Some(Found {
                            subtype,
                            thief_got: self.thief_got,
                            victim_got: self.victim_got,
                        });
                    }
                }
                Event::Arrived(who, refresh, hash1) => self.arrived(who, refresh, hash1),
                Event::Noted(hash1) => {
                    let handle = handle(1);
                    self.user.call(UserCall::NoteUse { handle, hash1 });
                }
                Event::Stolen => {
                    let stolen = self.jars[Who::Victim as usize].clone();
                    self.jars[Who::Thief as usize] = stolen;
                    let comes = self
                        .random
                        .pick(&[10, 5_000, 40_000, 600_000, HOUR, 20 * HOUR]);
                    self.after(comes, Event::Wake(Who::Thief));
                }
            }
        }
        None
    }
}

fn life<'a>(settings: &Settings, random: &'a mut Random) -> Life<'a> {
    let mut user = User::with_settings(settings.clone());
    let grace = random.pick(&[1_000, 30_000, 30_000, 300_000]);
    let access = random.pick(&[60_000, HOUR]);
    user.settings.refresh_grace_period = Millis(grace);
    user.settings.access_token_validity = Millis(access);
    let first = user.create(1);
    let lost = random.pick(&[2, 30, 60]);
    let mut life = Life {
        jars: [first.clone(), first],
        user,
        queue: BinaryHeap::new(),
        queued: 0,
        lost,
        // All of it, there and back and until it is used, within the quiet period.
        slowest: grace.min(access / 2) / 4,
        thief_got: 0,
        victim_got: 0,
        thief_came: false,
        random,
    };
    life.after(1_000, Event::Wake(Who::Victim));
    life
}

/// The life of a session with one holder: a reuse that was found is a mistake.
pub fn life_of_one(settings: &Settings, random: &mut Random) -> Option<Found> {
    life(settings, random).live()
}

pub fn one_holder_is_never_taken_for_two(settings: &Settings, random: &mut Random) {
    assert_eq!(life_of_one(settings, random), None);
}

/// Once both have come back they cannot both go on: whoever of the two comes second once more is found.
pub fn a_thief_is_found_with_the_next_refresh_of_the_other(
    settings: &Settings,
    random: &mut Random,
) {
    let mut life = life(settings, random);
    let stolen = 10_000 + life.random.below(30 * HOUR);
    life.after(stolen, Event::Stolen);
    let found = life.live();
    if !life.thief_came {
        return;
    }
    let Some(Found {
        thief_got,
        victim_got,
        ..
    }) = found
    else {
        panic!("nobody found the thief in weeks");
    };
    // Each may be answered where they part; from there on only one of them goes on.
    assert!(
        thief_got <= 1 || victim_got <= 1,
        "the thief got {thief_got} tokens, the victim {victim_got} since"
    );
}
