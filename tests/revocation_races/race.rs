//! Two users whose sessions lie in one object, several tenants, KV, the authority and an isolate; and a list of what is so.

use postern::{
    revocation::{
        Entry,
        call::Report,
        copy::{Decision, Question, RevocationCopy},
        journal::{Journal, Recorded},
    },
    session::{
        call::{Create, Door, Gone, UserCall, UserReply},
        facts::Facts,
        record::{RevocationTask, Stored, UserStore},
        user::{due_reports, reported, sweep},
    },
    settings::Settings,
    time::{Millis, UnixMillis},
};

use crate::{
    handles::handle_of, kv::Kv, memory_journal::MemoryJournal, random::Random, user::User,
};

const GONE: UserReply = UserReply::Unauthorised(Gone::NoSession);
const USERS: [&str; 2] = ["u1", "u2"];
const TENANTS: [&str; 3] = ["public", "acme", "globex"];
const DOORS: [Door; 3] = [Door::Own, Door::Eager, Door::Lazy];
const ACCESS: u64 = 600_000;

struct Session {
    handle: String,
    user: &'static str,
    tenant: &'static str,
    /// Every refresh token that was ever handed out.
    tokens: Vec<String>,
    access_expires: u64,
    ended: bool,
    /// The authority has recorded the end.
    told: bool,
}

pub struct Race {
    user: User,
    sessions: Vec<Session>,
    kv: Kv,
    authority: MemoryJournal,
    journal: Journal,
    copy: RevocationCopy,
    seq: u64,
    /// Reports whose answers are on their way.
    in_flight: Vec<(Vec<RevocationTask>, bool)>,
}

impl Race {
    pub fn new(settings: &Settings, random: &mut Random) -> Self {
        let mut user = User::with_settings(settings.clone());
        user.settings.access_token_validity = Millis(ACCESS);
        user.settings.access_token_jitter_permille = 0;
        user.settings.refresh_grace_period = Millis(random.pick(&[0, 30_000]));
        user.reports_arrive.set(false);
        let authority = MemoryJournal::default();
        let journal = Journal::load(&authority, 1).unwrap();
        let mut race = Self {
            user,
            sessions: Vec::new(),
            kv: Kv::default(),
            authority,
            journal,
            copy: RevocationCopy::new(1),
            seq: 0,
            in_flight: Vec::new(),
        };
        race.create(random);
        race
    }

    fn now(&self) -> u64 {
        self.user.now.get()
    }

    pub fn step(&mut self, random: &mut Random) {
        match random.below(100) {
            0..=13 => self.create(random),
            14..=33 => self.refresh(random),
            34..=45 => self.write(random),
            46..=50 => self.replace_payload(random),
            51..=57 => self.revoke(random),
            58..=62 => self.revoke_all(random),
            63..=70 => self.report(random),
            71..=76 => self.report_answered(random),
            77..=84 => self.kv.move_one(&self.user.store, self.now(), random),
            85..=89 => self.alarm(random),
            _ => {
                let span = random.pick(&[1, 500, 31_000, 130_000, ACCESS + 1]);
                self.user.advance(span);
                self.kv.settle(&self.user.store, self.now());
            }
        }
    }

    fn any(&self, random: &mut Random) -> usize {
        random.below(self.sessions.len() as u64) as usize
    }

    fn create(&mut self, random: &mut Random) {
        let number = self.sessions.len() as u64;
        if number > 12 {
            return;
        }
        let (user, tenant) = (random.pick(&USERS), random.pick(&TENANTS));
        let handle = handle_of("route", number);
        let with_data = random.chance(50);
        let reply = self.user.call(UserCall::Create(Create {
            handle: handle.clone(),
            user_id: user.to_owned(),
            tenant_id: tenant.to_owned(),
            payload: "{}".to_owned(),
            session_data: with_data.then(|| r#"{"v":0}"#.to_owned()),
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
        if with_data {
            self.kv.start(&self.user.store, &handle, self.now());
        }
        self.sessions.push(Session {
            handle,
            user,
            tenant,
            tokens: vec![refresh.token],
            access_expires: access.expiry.0,
            ended: false,
            told: false,
        });
    }

    /// Anybody with any token that ever was: an honest one, one in flight, or a thief.
    fn refresh(&mut self, random: &mut Random) {
        let at = self.any(random);
        let newest = self.sessions[at].tokens.len() - 1;
        let token = if random.chance(85) {
            newest
        } else {
            random.below(newest as u64 + 1) as usize
        };
        let token = self.sessions[at].tokens[token].clone();
        let reply = self.user.refresh(&token, random.pick(&DOORS));
        let session = &mut self.sessions[at];
        match reply {
            UserReply::Issued {
                access, refresh, ..
            } => {
                assert!(!session.ended, "an ended session was refreshed");
                session.access_expires = session.access_expires.max(access.expiry.0);
                session.tokens.push(refresh.token);
            }
            UserReply::Theft { handle, .. } => {
                assert!(!session.ended, "the end of a session was found twice");
                assert_eq!(handle, session.handle);
                session.ended = true;
            }
            reply => {
                assert_eq!(reply, GONE);
                assert!(session.ended, "a live session was not refreshed");
            }
        }
    }

    fn write(&mut self, random: &mut Random) {
        let at = self.any(random);
        let handle = self.sessions[at].handle.clone();
        let reply = self.user.call(UserCall::WriteData {
            handle: handle.clone(),
            session_data: format!(r#"{{"v":{}}}"#, random.next()),
            keep_for: None,
        });
        match reply {
            UserReply::Written { .. } => {
                assert!(!self.sessions[at].ended, "an ended session took data");
                self.kv.start(&self.user.store, &handle, self.now());
            }
            reply => {
                assert_eq!(reply, GONE);
                assert!(self.sessions[at].ended, "a live session took no data");
            }
        }
    }

    fn replace_payload(&mut self, random: &mut Random) {
        let at = self.any(random);
        let reply = self.user.call(UserCall::ReplacePayload {
            handle: self.sessions[at].handle.clone(),
            payload: r#"{"a":1}"#.to_owned(),
        });
        let expected = if self.sessions[at].ended {
            GONE
        } else {
            UserReply::Done
        };
        assert_eq!(reply, expected);
    }

    fn revoke(&mut self, random: &mut Random) {
        let at = self.any(random);
        let session = &mut self.sessions[at];
        let reply = self.user.call(UserCall::Revoke {
            handles: vec![session.handle.clone()],
            keep_for: None,
            repeatable: true,
        });
        let UserReply::Handles(revoked) = reply else {
            panic!("not revoked: {reply:?}")
        };
        if !session.ended {
            assert_eq!(revoked, std::slice::from_ref(&session.handle));
        }
        session.ended = true;
    }

    /// Every session that exists when the call comes, in the tenants that are meant, and no other.
    fn revoke_all(&mut self, random: &mut Random) {
        let user = random.pick(&USERS);
        let tenant = random.chance(50).then(|| random.pick(&TENANTS));
        let reply = self.user.call(UserCall::RevokeAll {
            user_id: user.to_owned(),
            tenant_id: tenant.map(str::to_owned),
            repeatable: false,
        });
        let UserReply::Handles(revoked) = reply else {
            panic!("not revoked: {reply:?}")
        };
        let meant = |session: &Session| {
            session.user == user && tenant.is_none_or(|tenant| tenant == session.tenant)
        };
        for session in self.sessions.iter_mut().filter(|session| meant(session)) {
            if !session.ended {
                assert!(
                    revoked.contains(&session.handle),
                    "a session was missed in {}",
                    session.tenant
                );
            }
            session.ended = true;
        }
    }

    /// The object reports; the authority takes it, or it is lost; the answer comes later, or never.
    fn report(&mut self, random: &mut Random) {
        let now = UnixMillis(self.now());
        let tasks = due_reports(&self.user.store, now).unwrap();
        if tasks.is_empty() {
            return;
        }
        let arrives = random.chance(70);
        if arrives {
            let entry = |task: &RevocationTask| Entry {
                handle: task.handle.clone(),
                expires: task.expires,
            };
            let report = Report {
                live: self.user.store.live_revocations(now).unwrap(),
                entries: tasks.iter().map(entry).collect(),
            };
            let recorded = self.journal.report(&self.authority, &report, now);
            assert_eq!(recorded, Ok(Recorded::Yes));
            for task in &tasks {
                let mut sessions = self.sessions.iter_mut();
                let session = sessions.find(|session| session.handle == task.handle);
                let session = session.unwrap();
                assert!(session.ended, "a live session was reported");
                session.told = true;
            }
        }
        self.in_flight.push((tasks, arrives && random.chance(80)));
    }

    fn report_answered(&mut self, random: &mut Random) {
        if !self.in_flight.is_empty() {
            let at = random.below(self.in_flight.len() as u64) as usize;
            let (tasks, accepted) = self.in_flight.swap_remove(at);
            let now = UnixMillis(self.now());
            reported(&self.user.store, &tasks, accepted, now).unwrap();
        }
    }

    fn alarm(&mut self, random: &mut Random) {
        let due = self.user.with_terms(|terms| sweep(&self.user.store, terms));
        for handle in due.unwrap() {
            self.kv.start(&self.user.store, &handle, self.now());
        }
        self.report(random);
        let now = UnixMillis(self.now());
        self.journal.tidy(&self.authority, now).unwrap();
        if random.chance(30) {
            self.journal = Journal::load(&self.authority, 1).unwrap();
        }
    }

    /// What holds after every step.
    pub fn agrees(&mut self, random: &mut Random) {
        let now = UnixMillis(self.now());
        if random.chance(50) {
            let answer = self.journal.poll(self.seq, now);
            self.seq = answer.seq;
            assert!(self.copy.apply(0, answer, Vec::new(), now));
        } else {
            let mut fresh = RevocationCopy::new(1);
            fresh.apply(0, self.journal.poll(0, now), Vec::new(), now);
            (self.copy, self.seq) = (fresh, self.journal.poll(0, now).seq);
        }
        for at in 0..self.sessions.len() {
            let Session {
                handle,
                ended,
                told,
                access_expires,
                ..
            } = &self.sessions[at];
            let reply = self.user.call(UserCall::Check {
                handle: handle.clone(),
            });
            assert_eq!(
                matches!(reply, UserReply::Standing { .. }),
                !ended,
                "{reply:?}"
            );
            if *ended {
                let stored = self.user.store.session(handle).unwrap();
                assert!(!matches!(stored, Some(Stored::Live(_))));
            }
            let decision = self.copy.decide(
                &mut Facts::default(),
                &Question {
                    handle,
                    created: Some(now),
                    bound: Millis(60_000),
                    now,
                },
            );
            if !ended {
                assert_ne!(decision, Decision::Revoked, "a live session is refused");
            } else if *access_expires > now.0 {
                let owed = self.user.store.revocation_task(handle).unwrap();
                assert!(
                    *told || owed.is_some_and(|task| !task.recorded),
                    "forgotten"
                );
                if *told {
                    assert_ne!(decision, Decision::Live, "an ended session lives on");
                }
            }
        }
    }

    /// From now on nothing fails. What has ended leaves nothing behind.
    pub fn comes_to_rest(mut self) {
        self.kv.abandon_all();
        self.in_flight.clear();
        for session in 0..self.sessions.len() {
            if !self.sessions[session].ended {
                self.user.call(UserCall::Revoke {
                    handles: vec![self.sessions[session].handle.clone()],
                    keep_for: None,
                    repeatable: false,
                });
                self.sessions[session].ended = true;
            }
        }
        self.user.advance(100_000);
        self.kv.settle(&self.user.store, self.now());
        for alarms in 0.. {
            let Some(due) = self.user.store.next_due().unwrap() else {
                break;
            };
            assert!(alarms < 300, "the alarm never comes to rest");
            self.user.now.set(due.0.max(self.now()));
            let due = self.user.with_terms(|terms| sweep(&self.user.store, terms));
            for handle in due.unwrap() {
                self.kv.write_through(&self.user.store, &handle, self.now());
            }
            self.user.report(true);
        }
        assert!(self.user.store.is_empty(), "something is left behind");
        for session in &self.sessions {
            assert_eq!(self.kv.entry(&session.handle), None, "a copy came back");
        }
    }
}
