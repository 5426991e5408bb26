//! One user's object next to the reference: every action is done to both, and they must agree.

use postern::{
    session::{
        call::{AccessGrant, Carried, Create, Door, Gone, UserCall, UserReply, Verify},
        record::UserStore,
        user::sweep,
    },
    settings::Settings,
    time::Millis,
};

use crate::{
    kv::Kv,
    reference::{Access, Reference, Rules, Standing, Verdict},
    schedule::Random,
    user::{User, handle},
};

const GONE: UserReply = UserReply::Unauthorised(Gone::NoSession);
const DOORS: [Door; 3] = [Door::Own, Door::Eager, Door::Lazy];

pub struct World {
    pub user: User,
    pub model: Reference,
    pub kv: Kv,
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
        };
        let mut user = User::with_settings(settings.clone());
        user.settings.refresh_grace_period = Millis(rules.grace);
        user.settings.access_token_validity = Millis(rules.access);
        user.settings.refresh_token_validity = Millis(rules.refresh);
        user.settings.session_absolute_lifetime = rules.absolute.map(Millis);
        user.settings.max_sessions_per_user = rules.most_sessions as u32;
        let mut world = Self {
            user,
            model: Reference::new(rules),
            kv: Kv::default(),
            accesses: Vec::new(),
            values: 0,
        };
        world.create(random);
        world
    }

    fn now(&self) -> u64 {
        self.user.now.get()
    }

    /// Any one thing that may happen next.
    pub fn step(&mut self, random: &mut Random) {
        match random.below(100) {
            0..=3 => self.create(random),
            4..=33 => self.refresh(random),
            34..=45 => self.verify(random),
            46..=49 => self.regenerate(random),
            50..=52 => self.replace_payload(random),
            53..=59 => self.write(random),
            60..=63 => self.read(random),
            64..=66 => self.forge(random),
            67..=70 => self.revoke(random),
            71 => self.revoke_all(),
            72..=75 => self.sweep(random),
            76..=83 => self.kv.move_one(&self.user.store, self.now(), random),
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
        let reply = self.user.call(UserCall::Create(Create {
            handle: handle(number),
            user_id: "u1".to_owned(),
            tenant_id: "public".to_owned(),
            payload: "{}".to_owned(),
            session_data: data.clone(),
            anti_csrf: false,
            use_dynamic_key: true,
            by_service_api: false,
            access_token_validity: None,
            device: None,
        }));
        let UserReply::Issued {
            access, refresh, ..
        } = reply
        else {
            panic!("not created: {reply:?}")
        };
        let now = self.now();
        self.model.create(handle(number), refresh.token, data, now);
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

    /// Somebody presents a token: mostly one of the newest, now and then any that ever was.
    fn refresh(&mut self, random: &mut Random) {
        let count = self.model.tokens.len() as u64;
        let among = if random.chance(80) {
            count.min(4)
        } else {
            count
        };
        let token = (count - 1 - random.below(among)) as usize;
        let door = random.pick(&DOORS);
        let text = self.model.tokens[token].text.clone();
        let session = self.model.tokens[token].session;
        let now = self.now();
        let reply = self.user.refresh(&text, door);
        match (self.model.refresh(token, door, now), reply) {
            (
                Verdict::NewChild,
                UserReply::Issued {
                    access,
                    refresh,
                    session: view,
                },
            ) => {
                assert!(
                    self.model
                        .tokens
                        .iter()
                        .all(|known| known.text != refresh.token),
                    "a token twice"
                );
                let parent = (door == Door::Lazy).then_some(token);
                let child = self.model.issued(session, refresh.token, Some(token));
                self.note(&access, child, parent, &view.payload);
            }
            (
                Verdict::Same,
                UserReply::Issued {
                    access,
                    refresh,
                    session: view,
                },
            ) => {
                assert_eq!(refresh.token, text);
                self.note(&access, token, None, &view.payload);
            }
            (Verdict::Gone, reply) => assert_eq!(reply, GONE),
            (
                Verdict::Theft(expected),
                UserReply::Theft {
                    handle,
                    user_id,
                    subtype,
                },
            ) => {
                let stolen_from = &self.model.sessions[session].handle;
                assert_eq!(
                    (&handle, user_id.as_str(), subtype),
                    (stolen_from, "u1", expected)
                );
            }
            (expected, reply) => panic!("expected {expected:?}, got {reply:?}"),
        }
    }

    fn verify(&mut self, random: &mut Random) {
        let access = self.accesses[random.below(self.accesses.len() as u64) as usize].clone();
        let (door, check_database) = (random.pick(&DOORS), random.chance(50));
        let now = self.now();
        let reply = self.user.call(UserCall::Verify(Verify {
            handle: self.model.sessions[access.session].handle.clone(),
            hash1: access.hash1.clone(),
            parent_hash1: access.parent_hash1.clone(),
            payload: access.payload.clone(),
            anti_csrf_token: None,
            check_database,
            door,
        }));
        let expected = self.model.verify(&access, door, check_database, now);
        match (expected, reply) {
            (Standing::Gone, reply) => assert_eq!(reply, GONE),
            (Standing::RotatedOut, reply) => {
                assert_eq!(reply, UserReply::Unauthorised(Gone::RotatedOut));
            }
            (
                Standing::Good { differs },
                UserReply::Live {
                    access: None,
                    payload_update_available,
                    session,
                    ..
                },
            ) => {
                assert_eq!(
                    (session.payload, payload_update_available),
                    (access.payload, differs)
                );
            }
            (
                Standing::Reminted,
                UserReply::Live {
                    access: Some(grant),
                    session,
                    ..
                },
            ) => {
                assert_eq!(session.payload, self.model.sessions[access.session].payload);
                assert_eq!((&grant.hash1, &grant.parent_hash1), (&access.hash1, &None));
                self.note(&grant, access.token, None, &session.payload);
            }
            (expected, reply) => panic!("expected {expected:?}, got {reply:?}"),
        }
    }

    fn regenerate(&mut self, random: &mut Random) {
        let access = self.accesses[random.below(self.accesses.len() as u64) as usize].clone();
        let payload = self.value();
        let reply = self.user.call(UserCall::Regenerate {
            handle: self.model.sessions[access.session].handle.clone(),
            payload: Some(payload.clone()),
            carried: Carried {
                expiry: postern::time::UnixMillis(access.expiry),
                hash1: access.hash1.clone(),
                parent_hash1: access.parent_hash1.clone(),
                anti_csrf_token: None,
            },
        });
        let now = self.now();
        let session = &mut self.model.sessions[access.session];
        if !session.is_live(now) {
            return assert_eq!(reply, GONE);
        }
        session.payload.clone_from(&payload);
        let UserReply::Live { access: grant, .. } = reply else {
            panic!("not regenerated: {reply:?}")
        };
        assert_eq!(grant.is_some(), access.expiry > now);
        if let Some(grant) = grant {
            self.note(&grant, access.token, access.parent, &payload);
        }
    }

    fn any_session(&self, random: &mut Random) -> usize {
        random.below(self.model.sessions.len() as u64) as usize
    }

    fn replace_payload(&mut self, random: &mut Random) {
        let (at, payload) = (self.any_session(random), self.value());
        let now = self.now();
        let session = &mut self.model.sessions[at];
        let call = UserCall::ReplacePayload {
            handle: session.handle.clone(),
            payload: payload.clone(),
        };
        let reply = self.user.call(call);
        if session.is_live(now) {
            session.payload = payload;
            assert_eq!(reply, UserReply::Done);
        } else {
            assert_eq!(reply, GONE);
        }
    }

    fn write(&mut self, random: &mut Random) {
        let (at, value) = (self.any_session(random), self.value());
        let now = self.now();
        let session = &mut self.model.sessions[at];
        let reply = self.user.call(UserCall::WriteData {
            handle: session.handle.clone(),
            session_data: value.clone(),
            keep_for: None,
        });
        if session.is_live(now) {
            session.data.push(value);
            assert_eq!(
                reply,
                UserReply::Written {
                    seq: session.data.len() as u64
                }
            );
            self.kv.start(&self.user.store, &session.handle, now);
        } else {
            assert_eq!(reply, GONE);
        }
    }

    /// An edge reads: from KV when the copy is as new as it must be, else from the object.
    fn read(&mut self, random: &mut Random) {
        let at = self.any_session(random);
        self.read_one(at);
    }

    fn read_one(&mut self, at: usize) {
        let session = &self.model.sessions[at];
        let seq = session.data.len() as u64;
        let copy_lapsed = self
            .kv
            .entry(&session.handle)
            .is_none_or(|(_, copied)| *copied < seq);
        let reply = self.user.call(UserCall::ReadData {
            handle: session.handle.clone(),
            copy_lapsed,
        });
        if session.is_live(self.now()) {
            let newest = session.data.last().map_or("{}", String::as_str);
            assert_eq!(
                reply,
                UserReply::Data {
                    session_data: newest.to_owned(),
                    seq
                }
            );
        } else {
            assert_eq!(reply, GONE);
        }
    }

    /// Bytes that were never issued: nothing at all may change.
    fn forge(&mut self, random: &mut Random) {
        let before = self.user.store.clone();
        let count = self.model.tokens.len() as u64;
        let text = self.model.tokens[random.below(count) as usize].text.clone();
        let other = self.model.tokens[random.below(count) as usize].text.clone();
        let parts: Vec<&str> = text.rsplitn(4, '.').collect();
        let [mac, index, generation, head] = parts[..] else {
            panic!()
        };
        let next = |number: &str| (number.parse::<u32>().unwrap() + 1).to_string();
        let forged = match random.below(7) {
            0 => format!("{head}.{}.{index}.{mac}", next(generation)),
            1 => format!("{head}.{generation}.{}.{mac}", next(index)),
            2 => format!(
                "{head}.{generation}.{index}.{}",
                mac.chars().rev().collect::<String>()
            ),
            3 => format!("{head}.{generation}.{index}.{}", &mac[1..]),
            4 => format!("1.{}.{generation}.{index}.{mac}", handle(99)),
            5 => format!("{text}.{mac}"),
            // The MAC of another token, if it is another's.
            _ => format!(
                "{head}.{generation}.{index}.{}",
                other.rsplit('.').next().unwrap()
            ),
        };
        if self.model.tokens.iter().any(|token| token.text == forged) {
            return;
        }
        let reply = self.user.refresh(&forged, random.pick(&DOORS));
        assert!(
            matches!(
                reply,
                UserReply::Unauthorised(Gone::NotOurs | Gone::NoSession)
            ),
            "{reply:?}"
        );
        assert!(self.user.store == before, "forged bytes changed something");
    }

    fn revoke(&mut self, random: &mut Random) {
        let wanted = [self.any_session(random), self.any_session(random)];
        let wanted = &wanted[..if random.chance(70) { 1 } else { 2 }];
        let handles = wanted
            .iter()
            .map(|&at| self.model.sessions[at].handle.clone())
            .collect();
        let reply = self.user.call(UserCall::Revoke {
            handles,
            keep_for: None,
            repeatable: false,
        });
        assert_eq!(reply, UserReply::Handles(self.end(wanted)));
    }

    fn revoke_all(&mut self) {
        let reply = self.user.call(UserCall::RevokeAll {
            user_id: "u1".to_owned(),
            tenant_id: None,
            repeatable: false,
        });
        let expected = self.model.live(self.now());
        assert_eq!(reply, UserReply::Handles(self.end(&expected)));
        let all: Vec<usize> = (0..self.model.sessions.len()).collect();
        self.end(&all);
    }

    fn end(&mut self, which: &[usize]) -> Vec<String> {
        let now = self.now();
        let mut ended = Vec::new();
        for &at in which {
            let session = &mut self.model.sessions[at];
            if session.is_live(now) {
                ended.push(session.handle.clone());
            }
            session.ended = true;
        }
        ended
    }

    /// The alarm, early or late.
    fn sweep(&mut self, random: &mut Random) {
        let due = self
            .user
            .with_terms(|terms| sweep(&self.user.store, terms))
            .unwrap();
        let now = self.now();
        self.model.sweep(now);
        for handle in due {
            if random.chance(80) {
                self.kv.start(&self.user.store, &handle, now);
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
            // The clock is set back.
            let by = random.below(60_000);
            self.user.now.set(self.now() - by);
            self.kv.clock_set_back(by);
        } else {
            self.user.advance(random.pick(&spans));
        }
        self.kv.settle(&self.user.store, self.now());
    }

    /// What holds after every action.
    fn agree(&self) {
        let now = self.now();
        let live: Vec<String> = self
            .model
            .live(now)
            .into_iter()
            .map(|at| self.model.sessions[at].handle.clone())
            .collect();
        let listed = self.user.call(UserCall::List {
            user_id: "u1".to_owned(),
            tenant_id: None,
        });
        assert_eq!(listed, UserReply::Handles(live));
        for session in &self.model.sessions {
            match self.user.call(UserCall::ReadInformation {
                handle: session.handle.clone(),
            }) {
                UserReply::Information {
                    session: view,
                    session_data,
                    expiry,
                    ..
                } => {
                    assert!(session.is_live(now), "an ended session came back");
                    assert_eq!(view.payload, session.payload);
                    assert_eq!(
                        session_data,
                        session.data.last().map_or("{}", String::as_str)
                    );
                    assert_eq!(expiry.0, session.expiry);
                }
                reply => {
                    assert_eq!(reply, GONE);
                    assert!(!session.is_live(now), "a live session is gone");
                }
            }
        }
    }

    /// From now on nothing fails. KV must come to agree with the object, and in the end nothing may be left of either.
    pub fn run_out(mut self, random: &mut Random) {
        self.kv.abandon_all();
        while random.chance(70) {
            self.kv.move_one(&self.user.store, self.now(), random);
        }
        let start = self.now();
        self.alarms_until(start + 100_000, random);
        self.kv.settle(&self.user.store, self.now());
        for at in 0..self.model.sessions.len() {
            self.read_one(at);
        }
        self.alarms_until(start + 4_000_000, random);
        let now = self.now();
        for session in &self.model.sessions {
            let newest = session
                .data
                .last()
                .map(|value| (value.clone(), session.data.len() as u64));
            let expected = newest.filter(|_| session.is_live(now));
            assert_eq!(
                self.kv.entry(&session.handle),
                expected.as_ref(),
                "KV and the object differ"
            );
        }
        self.alarms_until(u64::MAX, random);
        assert!(
            self.user.store.is_empty(),
            "something is left in the object"
        );
        for session in &self.model.sessions {
            assert_eq!(
                self.kv.entry(&session.handle),
                None,
                "something is left in KV"
            );
        }
    }

    fn alarms_until(&mut self, end: u64, random: &mut Random) {
        for alarms in 0.. {
            let Some(due) = self
                .user
                .store
                .next_due()
                .unwrap()
                .filter(|due| due.0 <= end)
            else {
                if end < u64::MAX {
                    self.user.now.set(end.max(self.now()));
                    self.model.sweep(end);
                }
                return;
            };
            assert!(alarms < 200, "the alarm never comes to rest");
            self.user.now.set(due.0.max(self.now()));
            if random.chance(30) {
                self.kv.move_one(&self.user.store, self.now(), random);
            }
            self.kv.settle(&self.user.store, self.now());
            let now = self.now();
            self.model.sweep(now);
            for handle in self
                .user
                .with_terms(|terms| sweep(&self.user.store, terms))
                .unwrap()
            {
                self.kv.write_through(&self.user.store, &handle, now);
            }
            self.user.report(true);
        }
    }
}
