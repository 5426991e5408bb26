//! Two users whose sessions lie in one object, several tenants, KV, the authority and an isolate; and a list of what is so.

use postern_core::{
    revocation::{
        copy::{Decision, RevocationCopy},
        journal::Recorded,
    },
    session::{
        call::UserReply,
        facts::LivenessCache,
        record::{RevocationTask, Stored, UserStore},
    },
    settings::Settings,
};
use postern_jwt::time::Millis;

use crate::support::{
    authority::{Authority, question},
    calls::{self, GONE, ROTATION_MODES},
    handles::handle_of,
    random::Random,
    user::{User, issued},
    user_with_kv::UserWithKv,
};

const USERS: [&str; 2] = ["u1", "u2"];
const TENANTS: [&str; 3] = ["public", "acme", "globex"];
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
    object: UserWithKv,
    sessions: Vec<Session>,
    authority: Authority,
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
        let mut race = Self {
            object: UserWithKv::new(user),
            sessions: Vec::new(),
            authority: Authority::new(),
            copy: RevocationCopy::new(1),
            seq: 0,
            in_flight: Vec::new(),
        };
        race.create(random);
        race
    }

    fn now(&self) -> u64 {
        self.object.now()
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
            77..=84 => self.object.move_one(random),
            85..=89 => self.alarm(random),
            _ => {
                let span = random.pick(&[1, 500, 31_000, 130_000, ACCESS + 1]);
                self.object.pass(span);
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
        let data = random.chance(50).then_some(r#"{"v":0}"#);
        let creation = calls::create(&handle, user, tenant, data);
        let (access, token) = issued(self.object.user.call(creation));
        if data.is_some() {
            self.object.start_copy(&handle);
        }
        self.sessions.push(Session {
            handle,
            user,
            tenant,
            tokens: vec![token],
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
        let reply = self
            .object
            .user
            .refresh(&token, random.pick(&ROTATION_MODES));
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
        let value = format!(r#"{{"v":{}}}"#, random.next());
        let reply = self.object.user.call(calls::write(&handle, &value));
        match reply {
            UserReply::Written { .. } => {
                assert!(!self.sessions[at].ended, "an ended session took data");
                self.object.start_copy(&handle);
            }
            reply => {
                assert_eq!(reply, GONE);
                assert!(self.sessions[at].ended, "a live session took no data");
            }
        }
    }

    fn replace_payload(&mut self, random: &mut Random) {
        let at = self.any(random);
        let call = calls::replace_payload(&self.sessions[at].handle, r#"{"a":1}"#);
        let reply = self.object.user.call(call);
        let expected = if self.sessions[at].ended {
            GONE
        } else {
            UserReply::Done {}
        };
        assert_eq!(reply, expected);
    }

    fn revoke(&mut self, random: &mut Random) {
        let at = self.any(random);
        let session = &mut self.sessions[at];
        let call = calls::revoke(vec![session.handle.clone()], true);
        let reply = self.object.user.call(call);
        let UserReply::Handles { handles: revoked } = reply else {
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
        let call = calls::revoke_all(user, tenant, false);
        let reply = self.object.user.call(call);
        let UserReply::Handles { handles: revoked } = reply else {
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
        let Some((tasks, report)) = self.object.user.due_report() else {
            return;
        };
        let arrives = random.chance(70);
        if arrives {
            let recorded = self.authority.take(&report, self.now());
            assert_eq!(recorded, Recorded::Yes);
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
            self.object.user.reported(&tasks, accepted);
        }
    }

    fn alarm(&mut self, random: &mut Random) {
        for handle in self.object.user.sweep() {
            self.object.start_copy(&handle);
        }
        self.report(random);
        self.authority.tidy(self.now());
        if random.chance(30) {
            self.authority.restart();
        }
    }

    /// What holds after every step.
    pub fn agrees(&mut self, random: &mut Random) {
        let now = self.now();
        if random.chance(50) {
            (self.copy, self.seq) = (RevocationCopy::new(1), 0);
        }
        self.seq = self
            .authority
            .bring_up_to_date(&mut self.copy, self.seq, now);
        for at in 0..self.sessions.len() {
            let Session {
                handle,
                ended,
                told,
                access_expires,
                ..
            } = &self.sessions[at];
            let reply = self.object.user.call(calls::check(handle));
            assert_eq!(
                matches!(reply, UserReply::NotEnded { .. }),
                !ended,
                "{reply:?}"
            );
            if *ended {
                let stored = self.object.user.store.session(handle).unwrap();
                assert!(!matches!(stored, Some(Stored::Live(_))));
            }
            let question = question(handle, Millis(60_000), now);
            let decision = self.copy.decide(&mut LivenessCache::default(), &question);
            if !ended {
                assert_ne!(decision, Decision::Revoked, "a live session is refused");
            } else if *access_expires > now {
                let owed = self.object.user.store.revocation_task(handle).unwrap();
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
        self.object.kv.abandon_all();
        self.in_flight.clear();
        for session in self.sessions.iter_mut().filter(|session| !session.ended) {
            self.object.user.call(calls::revoke_one(&session.handle));
            session.ended = true;
        }
        self.object.pass(100_000);
        let mut alarms = 0;
        while self.object.to_next_alarm(u64::MAX) {
            assert!(alarms < 300, "the alarm never comes to rest");
            alarms += 1;
            self.object.flawless_alarm();
        }
        let user = &self.object.user;
        assert!(user.store.is_empty(), "something is left behind");
        for session in &self.sessions {
            assert_eq!(
                self.object.kv.entry(&session.handle),
                None,
                "a copy came back"
            );
        }
    }
}
