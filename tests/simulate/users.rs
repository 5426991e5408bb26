//! The users' objects: the product's rules over stores in memory, the outbox towards the authority, and the jars that
//! hold the sessions' tokens.

use postern::{
    revocation::{Entry, call::Report},
    session::{
        call::{AccessGrant, Create, Door, Refresh, UserCall, UserReply},
        record::{RevocationTask, UserStore},
        user::{due_reports, reported, sweep},
    },
    settings::Settings,
    time::{Millis, UnixMillis},
};

use super::{judge::Truth, plan::Plan};
use crate::{handles::handle_of, random::Random, user::User};

/// A session and the browser that holds it.
pub struct Session {
    pub user: usize,
    pub handle: String,
    pub truth: Truth,
    pub iat: UnixMillis,
    pub exp: UnixMillis,
    refresh: String,
    /// A token that was exchanged long ago, as a thief may hold it.
    stale: Option<String>,
}

pub struct Users {
    settings: Settings,
    objects: Vec<User>,
    /// Where each object's clock lies from the authority's.
    skews: Vec<i64>,
    pub sessions: Vec<Session>,
}

/// Moves a time of the authority's clock to that of another machine.
pub fn skewed(now: u64, skew: i64) -> u64 {
    now.saturating_add_signed(skew)
}

impl Users {
    pub fn new(plan: &Plan) -> Self {
        let mut settings = User::new().settings;
        settings.access_token_validity = Millis(plan.access_token);
        Self {
            settings,
            objects: Vec::new(),
            skews: Vec::new(),
            sessions: Vec::new(),
        }
    }

    pub fn count(&self) -> usize {
        self.objects.len()
    }

    fn call(&self, user: usize, now: u64, not_before: u64, call: UserCall) -> UserReply {
        let object = &self.objects[user];
        object.now.set(skewed(now, self.skews[user]));
        object.not_before.set(not_before);
        object.call(call)
    }

    /// A new session: of a new user, or of one who has some.
    pub fn create(&mut self, now: u64, not_before: u64, random: &mut Random) -> usize {
        let user = if !self.objects.is_empty() && random.chance(60) {
            random.below(self.objects.len() as u64) as usize
        } else {
            let user = User::with_settings(self.settings.clone());
            // Reports are the network's business here.
            user.reports_arrive.set(false);
            self.objects.push(user);
            self.skews.push(random.below(2_001) as i64 - 1_000);
            self.objects.len() - 1
        };
        let number = self.sessions.len();
        let handle = handle_of(&format!("user{user}"), number as u64);
        let reply = self.call(
            user,
            now,
            not_before,
            UserCall::Create(Create {
                handle: handle.clone(),
                user_id: format!("user{user}"),
                tenant_id: ["public", "acme"][number % 2].to_owned(),
                payload: "{}".to_owned(),
                session_data: None,
                anti_csrf: false,
                use_dynamic_key: true,
                by_service_api: false,
                access_token_validity: None,
                device: None,
            }),
        );
        let UserReply::Issued {
            access, refresh, ..
        } = reply
        else {
            panic!("not created: {reply:?}")
        };
        self.sessions.push(Session {
            user,
            handle,
            truth: Truth {
                // By the object's clock, as it is compared.
                created: skewed(now, self.skews[user]),
                ended: None,
                recorded: None,
            },
            iat: access.created,
            exp: access.expiry,
            refresh: refresh.token,
            stale: None,
        });
        number
    }

    /// The browser refreshes. `false` when it is told that there is no such session.
    pub fn refresh(&mut self, session: usize, now: u64, not_before: u64) -> bool {
        let Session { user, refresh, .. } = &self.sessions[session];
        let token = refresh.clone();
        match self.call(*user, now, not_before, refresh_call(&token)) {
            UserReply::Issued {
                access, refresh, ..
            } => {
                let jar = &mut self.sessions[session];
                let AccessGrant {
                    created, expiry, ..
                } = access;
                (jar.iat, jar.exp) = (created, expiry);
                if refresh.token != token {
                    jar.stale = Some(token);
                }
                jar.refresh = refresh.token;
                true
            }
            UserReply::Unauthorised(_) => false,
            other => panic!("a refresh was answered with {other:?}"),
        }
    }

    /// Ends sessions in one of the ways there are. Gives the user whose object has something to report.
    pub fn end_some(
        &mut self,
        session: usize,
        now: u64,
        not_before: u64,
        random: &mut Random,
    ) -> usize {
        let Session {
            user,
            handle,
            stale,
            ..
        } = &self.sessions[session];
        let (user, handle, stale) = (*user, handle.clone(), stale.clone());
        let call = match (random.below(10), stale) {
            // A thief comes with a token of the past.
            (0..=2, Some(token)) => refresh_call(&token),
            (0..=7, _) => UserCall::Revoke {
                handles: vec![handle],
                keep_for: None,
                repeatable: true,
            },
            _ => UserCall::RevokeAll {
                user_id: format!("user{user}"),
                tenant_id: random.chance(50).then(|| "acme".to_owned()),
                repeatable: true,
            },
        };
        self.call(user, now, not_before, call);
        user
    }

    /// Whether a session lives, as its object says.
    pub fn is_standing(&self, session: usize, now: u64, not_before: u64) -> bool {
        let Session { user, handle, .. } = &self.sessions[session];
        let handle = handle.clone();
        let reply = self.call(*user, now, not_before, UserCall::Check { handle });
        matches!(reply, UserReply::Standing { .. })
    }

    /// What an object has to report now.
    pub fn due_report(&self, user: usize, now: u64) -> Option<(Vec<RevocationTask>, Report)> {
        let object = &self.objects[user];
        let now = UnixMillis(skewed(now, self.skews[user]));
        let tasks = due_reports(&object.store, now).unwrap();
        let entry = |task: &RevocationTask| Entry {
            handle: task.handle.clone(),
            expires: task.expires,
        };
        let report = Report {
            live: object.store.live_revocations(now).unwrap(),
            entries: tasks.iter().map(entry).collect(),
        };
        (!tasks.is_empty()).then_some((tasks, report))
    }

    pub fn reported(&self, user: usize, tasks: &[RevocationTask], accepted: bool, now: u64) {
        let now = UnixMillis(skewed(now, self.skews[user]));
        reported(&self.objects[user].store, tasks, accepted, now).unwrap();
    }

    /// The alarm, save for its reports.
    pub fn sweep(&self, user: usize, now: u64) {
        let object = &self.objects[user];
        object.now.set(skewed(now, self.skews[user]));
        object
            .with_terms(|terms| sweep(&object.store, terms))
            .unwrap();
    }

    /// When an object's alarm is due, by the authority's clock.
    pub fn next_due(&self, user: usize) -> Option<u64> {
        let due = self.objects[user].store.next_due().unwrap()?;
        Some(skewed(due.0, -self.skews[user]))
    }
}

fn refresh_call(token: &str) -> UserCall {
    UserCall::Refresh(Refresh {
        token: token.to_owned(),
        anti_csrf_token: None,
        check_anti_csrf: false,
        anti_csrf: Some(false),
        door: Door::Own,
        use_dynamic_key: None,
        protected_claims: Vec::new(),
        access_token_validity: None,
    })
}
