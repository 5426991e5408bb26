//! The users' objects: the product's rules over stores in memory, the outbox towards the authority, and the jars that
//! hold the sessions' tokens.

use postern_core::{
    revocation::call::Report,
    session::{
        call::{RotationMode, UserCall, UserReply},
        minting::AccessGrant,
        record::{RevocationTask, UserStore},
    },
    settings::Settings,
};
use postern_jwt::time::{Millis, UnixMillis};

use super::{judge::Truth, plan::Plan};
use crate::support::{
    calls,
    handles::handle_of,
    random::Random,
    user::{User, issued},
};

/// A session and the browser that holds it.
pub struct Session {
    pub user: usize,
    pub handle: String,
    pub truth: Truth,
    /// As its token tells it.
    pub created: Option<UnixMillis>,
    pub iat: UnixMillis,
    pub exp: UnixMillis,
    refresh: String,
    /// The browser waits for a refresh.
    pub is_busy: bool,
    /// Somebody else has used one of its tokens.
    pub is_stolen: bool,
    /// A token that was exchanged long ago, as a thief may hold it.
    stale: Option<String>,
}

/// What a refresh came to.
pub enum Renewed {
    Tokens(Tokens),
    Gone,
    Theft,
}

/// What an answer to a refresh holds.
pub struct Tokens {
    access: AccessGrant,
    refresh: String,
}

/// Whether the tokens of a user's sessions are of the versions that have no room for when the session was created.
pub fn is_legacy(user: usize) -> bool {
    user % 10 < 3
}

pub struct Users {
    pub settings: Settings,
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

    /// A user's object, whose clock is set.
    fn object(&self, user: usize, now: u64) -> &User {
        let object = &self.objects[user];
        object.now.set(skewed(now, self.skews[user]));
        object
    }

    fn call(&self, user: usize, now: u64, not_before: u64, call: UserCall) -> UserReply {
        let object = self.object(user, now);
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
        let user_id = format!("user{user}");
        let handle = handle_of(&user_id, number as u64);
        let creation = calls::create(&handle, &user_id, ["public", "acme"][number % 2], None);
        let (access, refresh) = issued(self.call(user, now, not_before, creation));
        self.sessions.push(Session {
            user,
            handle,
            truth: Truth {
                // By the object's clock, as it is compared.
                created: skewed(now, self.skews[user]),
                ended: None,
                recorded: None,
            },
            created: access.session_created.filter(|_| !is_legacy(user)),
            iat: access.created,
            exp: access.expiry,
            refresh,
            is_busy: false,
            is_stolen: false,
            stale: None,
        });
        number
    }

    /// The user's object is asked for new tokens.
    pub fn refresh(&self, session: usize, now: u64, not_before: u64) -> Renewed {
        let Session { user, refresh, .. } = &self.sessions[session];
        match self.call(
            *user,
            now,
            not_before,
            calls::refresh(refresh, RotationMode::Own),
        ) {
            UserReply::Issued {
                access, refresh, ..
            } => Renewed::Tokens(Tokens {
                access,
                refresh: refresh.token,
            }),
            UserReply::Unauthorised { .. } => Renewed::Gone,
            UserReply::Theft { .. } => Renewed::Theft,
            other => panic!("a refresh was answered with {other:?}"),
        }
    }

    /// The browser has got its new tokens.
    pub fn accept(&mut self, session: usize, tokens: Tokens) {
        let jar = &mut self.sessions[session];
        let Tokens { access, refresh } = tokens;
        jar.created = access.session_created.filter(|_| !is_legacy(jar.user));
        (jar.iat, jar.exp) = (access.created, access.expiry);
        if refresh != jar.refresh {
            jar.stale = Some(std::mem::replace(&mut jar.refresh, refresh));
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
            (0..=2, Some(token)) => {
                self.sessions[session].is_stolen = true;
                calls::refresh(&token, RotationMode::Own)
            }
            (0..=7, _) => calls::revoke(vec![handle], true),
            _ => {
                let tenant = random.chance(50).then_some("acme");
                calls::revoke_all(&format!("user{user}"), tenant, true)
            }
        };
        self.call(user, now, not_before, call);
        user
    }

    /// Whether a session lives, as its object says.
    pub fn is_standing(&self, session: usize, now: u64, not_before: u64) -> bool {
        let Session { user, handle, .. } = &self.sessions[session];
        let reply = self.call(*user, now, not_before, calls::check(handle));
        matches!(reply, UserReply::NotEnded { .. })
    }

    /// What an object has to report now.
    pub fn due_report(&self, user: usize, now: u64) -> Option<(Vec<RevocationTask>, Report)> {
        self.object(user, now).due_report()
    }

    pub fn reported(&self, user: usize, tasks: &[RevocationTask], accepted: bool, now: u64) {
        self.object(user, now).reported(tasks, accepted);
    }

    /// The alarm, save for its reports.
    pub fn sweep(&self, user: usize, now: u64) {
        self.object(user, now).sweep();
    }

    /// When an object's alarm is due, by the authority's clock.
    pub fn next_due(&self, user: usize) -> Option<u64> {
        let due = self.objects[user].store.next_due().unwrap()?;
        Some(skewed(due.0, -self.skews[user]))
    }
}
