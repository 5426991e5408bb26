//! One user's object next to the reference: every action is done to both, and they must agree.
//!
//! Here is what may happen next, and time. `tokens` presents refresh and access tokens, `sessions` reads, changes and ends
//! sessions, and `agreement` compares.

mod agreement;
mod sessions;
mod tokens;

use postern_core::{
    session::minting::AccessGrant,
    settings::{Settings, SupersededBy},
};
use postern_jwt::time::Millis;

use crate::{
    reference::{Access, Reference, Rules},
    support::{
        calls,
        random::Random,
        user::{User, handle, issued},
        user_with_kv::UserWithKv,
    },
};

pub struct World {
    object: UserWithKv,
    model: Reference,
    accesses: Vec<Access>,
    values: u64,
}

impl World {
    pub fn new(settings: &Settings, random: &mut Random) -> Self {
        let rules = Rules {
            grace: random.pick(&[0, 1_000, 30_000, 300_000]),
            access: random.pick(&[2_000, 60_000, 3_600_000]),
            refresh: random.pick(&[100_000, 8_640_000_000]),
            absolute: random.pick(&[None, None, Some(150_000), Some(86_400_000)]),
            most_sessions: random.pick(&[2, 3, 10_000]),
            by_use: random.chance(60),
        };
        let mut user = User::with_settings(settings.clone());
        user.settings.refresh_grace_period = Millis(rules.grace);
        user.settings.access_token_validity = Millis(rules.access);
        user.settings.refresh_token_validity = Millis(rules.refresh);
        if !rules.by_use {
            user.settings.refresh_token_superseded_by = SupersededBy::Time;
        }
        user.settings.session_absolute_lifetime = rules.absolute.map(Millis);
        user.settings.max_sessions_per_user = rules.most_sessions as u32;
        let mut world = Self {
            object: UserWithKv::new(user),
            model: Reference::new(rules),
            accesses: Vec::new(),
            values: 0,
        };
        world.create(random);
        world
    }

    fn now(&self) -> u64 {
        self.object.now()
    }

    /// Any one thing that may happen next.
    pub fn step(&mut self, random: &mut Random) {
        match random.below(100) {
            0..=3 => self.create(random),
            4..=33 => self.refresh(random),
            34..=43 => self.verify(random),
            44..=45 => self.note_use(random),
            46..=49 => self.regenerate(random),
            50..=52 => self.replace_payload(random),
            53..=59 => self.write(random),
            60..=63 => self.read(random),
            64..=66 => self.forge(random),
            67..=70 => self.revoke(random),
            71 => self.revoke_all(),
            72..=75 => self.sweep(random),
            76..=83 => self.object.move_one(random),
            _ => self.pass_time(random),
        }
        self.agree();
    }

    fn create(&mut self, random: &mut Random) {
        let number = self.model.sessions.len() as u32;
        if number > 8 {
            return;
        }
        let data = random.chance(50).then(|| self.value());
        let creation = calls::create(&handle(number), "u1", "public", data.as_deref());
        let (access, refresh) = issued(self.object.user.call(creation));
        let now = self.now();
        self.model.create(handle(number), refresh, data, now);
        let token = self.model.tokens.len() - 1;
        self.note(&access, token, None, "{}");
    }

    /// A value that no other write has.
    fn value(&mut self) -> String {
        self.values += 1;
        format!("{{\"v\":{}}}", self.values)
    }

    fn note(&mut self, grant: &AccessGrant, token: usize, parent: Option<usize>, payload: &str) {
        assert!(grant.expiry.0 <= self.model.sessions[self.model.tokens[token].session].expiry);
        self.accesses.push(Access {
            session: self.model.tokens[token].session,
            hash1: grant.hash1.clone(),
            token,
            parent,
            parent_hash1: grant.parent_hash1.clone(),
            payload: payload.to_owned(),
            expiry: grant.expiry.0,
        });
    }

    fn any_session(&self, random: &mut Random) -> usize {
        random.below(self.model.sessions.len() as u64) as usize
    }

    /// The alarm, early or late.
    fn sweep(&mut self, random: &mut Random) {
        let due = self.object.user.sweep();
        self.model.sweep(self.now());
        for handle in due {
            if random.chance(80) {
                self.object.start_copy(&handle);
            }
        }
    }

    fn pass_time(&mut self, random: &mut Random) {
        let Rules {
            grace,
            access,
            refresh,
            ..
        } = self.model.rules;
        let quiet = self.model.rules.quiet();
        let spans = [
            1,
            10,
            700,
            5_000,
            130_000,
            quiet / 2,
            quiet,
            grace,
            grace + 1,
            access,
            refresh / 2,
            refresh,
        ];
        if random.chance(12) {
            self.object.set_back(random.below(60_000));
        } else {
            self.object.pass(random.pick(&spans));
        }
    }
}
